"""The twin's wires keep the promise of the bus ports, in this process and through a socket."""

import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.buses.ports import Buses
from pioreactor.devices.drivers.ads111x import Ads1114, Ads1115
from pioreactor.devices.drivers.dac43608 import Dac43608Leds
from pioreactor.devices.drivers.pico import PicoAdc, PicoLeds, read_firmware
from pioreactor.devices.drivers.tmp1075 import Tmp1075
from pioreactor.exc import ConflictError, HardwareNotFoundError, InvalidRequestError
from pioreactor.twin import protocol
from pioreactor.twin.buses import build_chips, open_buses
from pioreactor.twin.chips.ads111x import Ads111x
from pioreactor.twin.chips.dac43608 import Dac43608
from pioreactor.twin.chips.tmp1075 import Tmp1075 as Tmp1075Chip
from pioreactor.twin.faults import Fault
from pioreactor.twin.remote_buses import RemoteWorld, connect_buses
from pioreactor.twin.scenarios import SCENARIOS
from pioreactor.twin.server import TwinServer, main
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World


@dataclass
class Twin:
    """One reactor, a way to open its wires again, and its clock."""

    world: World
    open: Callable[[], Buses]
    clock: "Hand"


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.t_s = 500.0

    def __call__(self) -> float:
        return self.t_s


def serving(world: World, path: Path) -> tuple[TwinServer, threading.Thread]:
    server = TwinServer(world, path)
    server.listen()
    thread = threading.Thread(target=server.serve, name="twin-server")
    thread.start()
    return server, thread


@pytest.fixture(params=["in process", "over a socket"])
def twin(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Twin]:
    clock = Hand()
    world = World(SCENARIOS["ideal"], wiring(), seed=1, now_s=clock)
    opened: list[Buses] = []

    def remember(buses: Buses) -> Buses:
        opened.append(buses)
        return buses

    if request.param == "in process":
        chips = build_chips(world)
        yield Twin(world, lambda: remember(open_buses(world, chips)), clock)
        return
    path = tmp_path / "twin"
    server, thread = serving(world, path)
    yield Twin(world, lambda: remember(connect_buses(path)), clock)
    for buses in opened:
        buses.close()
    server.stop()
    thread.join(10)


class TestBuses:
    """The contract. Every adapter of the bus ports passes it."""

    def test_nobody_at_an_address(self, twin: Twin) -> None:
        with pytest.raises(HardwareNotFoundError, match="0x10"):
            twin.open().i2c.transfer(0x10, b"\x00", 2)

    def test_reads_have_the_length_asked_for(self, twin: Twin) -> None:
        i2c = twin.open().i2c
        assert [len(i2c.transfer(0x4F, b"\x00", n)) for n in (0, 1, 2)] == [0, 1, 2]
        assert i2c.transfer(0x49, b"\x01", 2) == b"\x05\x83"

    def test_the_pointer_stays_where_it_was(self, twin: Twin) -> None:
        i2c = twin.open().i2c
        i2c.transfer(0x4A, b"\x01\x04\x83")
        assert i2c.transfer(0x4A, b"", 2) == b"\x04\x83"

    def test_a_duty_is_kept_after_its_owner_is_gone(self, twin: Twin) -> None:
        first = twin.open()
        first.pwm.set_duty(13, 40.0, hz=250)
        first.pwm.set_duty(13, 40.0, hz=250)
        first.close()
        second = twin.open()
        assert second.pwm.get_duty(13) == 40.0
        assert second.pwm.get_duty(16) == 0.0

    def test_a_pin_without_a_role_keeps_its_duty_too(self, twin: Twin) -> None:
        pwm = twin.open().pwm
        pwm.set_duty(26, 12.5, hz=1000)
        assert pwm.get_duty(26) == 12.5

    def test_levels_are_remembered_and_the_button_is_up(self, twin: Twin) -> None:
        gpio = twin.open().gpio
        gpio.write(23, high=True)
        assert gpio.read(23)
        gpio.write(23, high=False)
        assert not gpio.read(23)
        assert not gpio.read(4)

    def test_every_listener_has_its_own_edges(self, twin: Twin) -> None:
        one, two = twin.open(), twin.open()
        one.pwm.set_duty(17, 50.0, hz=200)
        assert one.gpio.falling_edges(21) == []
        twin.clock.t_s += 10.0
        assert two.gpio.falling_edges(21) == []
        twin.clock.t_s += 5.0
        many, few = one.gpio.falling_edges(21), two.gpio.falling_edges(21)
        assert many[-len(few) :] == few
        assert len(many) > len(few) > 20
        assert all(500.0 < edge <= 515.0 for edge in many)
        assert one.gpio.falling_edges(21) == []

    def test_closing_twice_is_harmless(self, twin: Twin) -> None:
        buses = twin.open()
        buses.i2c.transfer(0x4F, b"\x00", 2)
        buses.close()
        buses.close()


# ---- the drivers read what the chips say


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def test_drivers_of_hat_1_0(clock: VirtualClock) -> None:
    world = World(SCENARIOS["ideal"], wiring("1.0", "pioreactor_20ml", "1.1"), seed=1, now_s=clock.monotonic)
    i2c = open_buses(world).i2c
    leds = Dac43608Leds(i2c, 0x49, registers={"A": 8, "B": 9, "C": 10, "D": 11})
    ref = Ads1115(i2c, 0x48, channel=1, clock=clock)
    dark = ref.read_volts()
    leds.set_intensity("A", 80.0)
    clock.sleep(1.0)
    assert dark == pytest.approx(0.0, abs=0.001)
    assert ref.read_volts() == pytest.approx(0.1, rel=0.05)
    assert Ads1115(i2c, 0x48, channel=3, clock=clock).read_volts() / 0.134 == pytest.approx(12.0, abs=0.1)
    assert world.snapshot().leds["A"] == pytest.approx(80.0)
    leds.set_intensity("A", 0.0)
    assert world.snapshot().leds["A"] == 0.0
    assert Tmp1075(i2c, 0x4F).read_celsius() == pytest.approx(22.0, abs=0.2)


def test_drivers_of_hat_1_2(clock: VirtualClock) -> None:
    world = World(SCENARIOS["ideal"], wiring("1.2", "pioreactor_20ml", "1.1"), seed=1, now_s=clock.monotonic)
    i2c = open_buses(world).i2c
    assert read_firmware(i2c, 0x2C) == (0, 4)
    PicoLeds(i2c, 0x2C, registers={"A": 0, "B": 1, "C": 2, "D": 3}).set_intensity("A", 80.0)
    clock.sleep(1.0)
    ref = PicoAdc(i2c, 0x2C, channel=2, firmware=(0, 4))
    assert ref.read_volts() == pytest.approx(0.1, rel=0.05)
    aux = PicoAdc(i2c, 0x2C, channel=1, firmware=(0, 4))
    assert aux.read_volts() / 0.134 == pytest.approx(12.0, abs=0.1)


def test_gains_agree_on_the_voltage(clock: VirtualClock) -> None:
    world = World(SCENARIOS["ideal"], wiring(), seed=1, now_s=clock.monotonic)
    i2c = open_buses(world).i2c
    i2c.transfer(0x2C, bytes((0, 204)))
    clock.sleep(2.0)
    photodiode = Ads1114(i2c, 0x49, clock=clock)
    coarse = photodiode.read_volts()
    photodiode.fit_range(coarse)
    assert photodiode.gain == "16"
    assert photodiode.read_volts() == pytest.approx(coarse, rel=0.01)


# ---- chips by themselves


def test_single_shot_is_busy_for_one_period_and_then_holds() -> None:
    level = [1.0]
    chip = Ads111x({0: lambda _t, _n: level[0]}, has_mux=True)
    chip.transfer(bytes((1, 0xC3, 0x83)), 0, 10.0)
    level[0] = 2.0
    assert chip.transfer(b"\x01", 2, 10.001)[0] & 0x80 == 0
    assert chip.transfer(b"\x01", 2, 10.0 + 1 / 128) == b"\xc3\x83"
    assert int.from_bytes(chip.transfer(b"\x00", 2, 11.0), "big") == pytest.approx(1.0 / 4.096 * 32767, abs=1)


def test_busy_waiting_at_a_standing_clock_ends() -> None:
    chip = Ads111x({0: lambda _t, _n: 1.0}, has_mux=True)
    chip.transfer(bytes((1, 0xC3, 0x83)), 0, 10.0)
    assert any(chip.transfer(b"\x01", 2, 10.0)[0] & 0x80 for _ in range(100))


@pytest.mark.parametrize(("volts", "counts"), [(5.0, 32767), (-5.0, -32768), (0.0, 0), (1.024, 16384), (-0.0001, -2)])
def test_counts_are_signed_and_stop_at_full_scale(volts: float, counts: int) -> None:
    chip = Ads111x({0: lambda _t, _n: volts}, has_mux=False)
    chip.transfer(bytes((1, 0x04, 0x83)), 0, 0.0)
    assert int.from_bytes(chip.transfer(b"\x00", 2, 1.0), "big", signed=True) == counts


def test_a_conversion_read_twice_is_the_same() -> None:
    seen: list[int] = []
    chip = Ads111x({0: lambda _t, n: seen.append(n) or 0.1}, has_mux=False)  # type: ignore[func-returns-value]
    chip.transfer(bytes((1, 0x04, 0x83)), 0, 0.0)
    for at_s in (1.0, 1.001, 1.0 + 1.5 / 128):
        chip.transfer(b"\x00", 2, at_s)
    assert seen[-3] == seen[-2] == seen[-1] - 1


@pytest.mark.parametrize(("celsius", "expected"), [(25.0, 0x1900), (-0.0625, 0xFFF0), (-10.0, 0xF600), (200.0, 0x7FF0)])
def test_temperatures_are_twelve_bits_of_twos_complement(celsius: float, expected: int) -> None:
    assert Tmp1075Chip(lambda: celsius).transfer(b"\x00", 2, 0.0) == expected.to_bytes(2, "big")


def test_the_dac_is_dark_until_powered_and_forgets_at_reset() -> None:
    lit: dict[str, float] = {}
    dac = Dac43608(lambda channel, level: lit.__setitem__(channel, level))
    dac.transfer(b"\x08\x0f\xf0", 0, 0.0)
    assert lit == {"A": 0.0}
    dac.transfer(b"\x01\x00\xfe", 0, 0.0)
    assert lit["A"] == 1.0
    assert dac.transfer(b"\x01", 2, 0.0) == b"\x00\xfe"
    dac.transfer(b"\x02\x00\x0a", 0, 0.0)
    assert lit["A"] == 0.0
    assert dac.transfer(b"\x08", 2, 0.0) == b"\x00\x00"


# ---- the server


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[World, Path, TwinServer]]:
    world = World(SCENARIOS["ideal"], wiring(), seed=1, now_s=Hand())
    server, thread = serving(world, tmp_path / "twin")
    yield world, tmp_path / "twin", server
    server.stop()
    thread.join(10)


def test_the_socket_is_private_and_removed_at_the_end(served: tuple[World, Path, TwinServer]) -> None:
    _, path, server = served
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConflictError, match="already serves"):
        TwinServer(served[0], path).listen()
    server.stop()
    for thread in threading.enumerate():
        if thread.name == "twin-server":
            thread.join(10)
    assert not path.exists()


def test_truth_troubles_and_the_button_come_through(served: tuple[World, Path, TwinServer]) -> None:
    world, path, _ = served
    remote, buses = RemoteWorld(path), connect_buses(path)
    assert remote.snapshot() == world.snapshot()
    remote.inject(Fault("i2c_dropout", target="0x4F"))
    with pytest.raises(HardwareNotFoundError, match="0x4F"):
        buses.i2c.transfer(0x4F, b"\x00", 2)
    with pytest.raises(InvalidRequestError, match="address"):
        remote.inject(Fault("i2c_dropout", target="nowhere"))
    remote.press_button(pressed=True)
    assert buses.gpio.read(4)
    remote.close()
    buses.close()


@pytest.mark.parametrize("noise", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02\xc1\xc1", b"\x00\x00"])
def test_a_client_that_talks_nonsense_hurts_nobody(served: tuple[World, Path, TwinServer], noise: bytes) -> None:
    _, path, _ = served
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as rude:
        rude.connect(os.fspath(path))
        rude.sendall(noise)
        remote = RemoteWorld(path)
        assert remote.snapshot().volume_ml == 15.0
        remote.close()


@pytest.mark.parametrize("request_", [[], [1], ["fly"], ["i2c"], ["set_duty", "x", "y", None], ["inject", 7]])
def test_a_wrong_request_is_answered_with_an_error(
    served: tuple[World, Path, TwinServer], request_: list[object]
) -> None:
    _, path, _ = served
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(os.fspath(path))
        client.sendall(protocol.pack(request_))
        (length,) = struct.unpack(">I", client.recv(4, socket.MSG_WAITALL))
        answer = protocol.unpack(bytearray(struct.pack(">I", length) + client.recv(length, socket.MSG_WAITALL)))
    assert answer is not None
    assert answer[:2] == [False, "invalid_request"]


def test_a_reactor_that_is_not_there(tmp_path: Path) -> None:
    buses = connect_buses(tmp_path / "none")
    with pytest.raises(HardwareNotFoundError, match="does not answer"):
        buses.i2c.transfer(0x4F, b"\x00", 2)


def test_a_restarted_reactor_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "twin"
    buses = connect_buses(path)
    for _ in range(2):
        world = World(SCENARIOS["ideal"], wiring(), seed=1, now_s=Hand())
        server, thread = serving(world, path)
        buses.pwm.set_duty(13, 30.0, hz=250)
        assert world.outputs["media"] == 30.0
        server.stop()
        thread.join(10)
        with pytest.raises(HardwareNotFoundError):
            buses.pwm.get_duty(13)
    buses.close()


def test_a_stale_socket_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "twin"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(os.fspath(path))
    world = World(SCENARIOS["ideal"], wiring(), seed=1, now_s=Hand())
    server = TwinServer(world, path)
    server.listen()
    server.close()
    path.write_text("precious")
    other = TwinServer(world, path)
    with pytest.raises(ConflictError, match="no socket"):
        other.listen()
    other.close()
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scenario", "nonesuch"],
        ["--hat", "9.9"],
        ["--pwm", "x=stirring"],
        ["--clock-speed", "-1"],
        ["--angles", "1=REF,2=77"],
        ["--socket", "/" + "x" * 200],
    ],
)
def test_a_wrong_command_line_ends_with_2(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--socket", str(tmp_path / "s"), *arguments]) == 2
    assert capsys.readouterr().err


@pytest.mark.system
def test_a_process_of_its_own_outlives_clients_and_ends_cleanly(tmp_path: Path) -> None:
    path = tmp_path / "twin"
    process = subprocess.Popen(
        [sys.executable, "-m", "pioreactor.twin.server", "--socket", str(path), "--seed", "3", "--clock-speed", "50"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on")
        client = (
            "import os, sys, pathlib; from pioreactor.twin.remote_buses import connect_buses; "
            "connect_buses(pathlib.Path(sys.argv[1])).pwm.set_duty(17, 55.0, hz=200); os._exit(9)"
        )
        assert subprocess.run([sys.executable, "-c", client, str(path)], check=False).returncode == 9
        remote = RemoteWorld(path)
        assert remote.snapshot().outputs == {"stirring": 55.0}
        remote.close()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        if process.stdout is not None:
            process.stdout.close()
    assert not path.exists()
