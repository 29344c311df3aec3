"""The kernel's buses, with the libraries and the kernel's files replaced: what would be said to them, and errors."""

import sys
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.buses.linux import LinuxI2C, gpio_chip_of, open_linux_buses, pwm_chip_of
from pioreactor.devices.buses.linux_gpio import LinuxGpioLines
from pioreactor.devices.buses.linux_pwm import LgpioPwm, LinuxPwmLines, SysfsPwm
from pioreactor.exc import HardwareError, HardwareNotFoundError

PI_5 = "Raspberry Pi 5 Model B Rev 1.0"
PI_4 = "Raspberry Pi 4 Model B Rev 1.5"


@pytest.mark.parametrize(
    ("machine", "kernel", "pwm_chip", "gpio_chip"),
    [(PI_4, "6.6.31+rpt", 0, 0), (PI_5, "6.6.31+rpt", 2, 4), (PI_5, "6.12.1", 0, 4), ("", "", 0, 0)],
)
def test_chip_numbers(machine: str, kernel: str, pwm_chip: int, gpio_chip: int) -> None:
    assert pwm_chip_of(machine, kernel) == pwm_chip
    assert gpio_chip_of(machine) == gpio_chip


@pytest.mark.parametrize("library", ["smbus2", "gpiod", "lgpio"])
def test_an_absent_library_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: VirtualClock, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    buses = open_linux_buses(clock, state_directory=tmp_path, pulls={}, machine=PI_4, kernel="6.1")
    uses: dict[str, Callable[[], object]] = {
        "smbus2": lambda: buses.i2c.transfer(0x48, b"\x00", 2),
        "gpiod": lambda: buses.gpio.read(4),
        "lgpio": lambda: buses.pwm.set_duty(17, 10, hz=100),
    }
    with pytest.raises(HardwareNotFoundError, match=library) as caught:
        uses[library]()
    assert "rpi" in str(caught.value.remedy)
    buses.close()


class FakeMessage:
    def __init__(self, address: int, write: bytes, read_length: int) -> None:
        self.address = address
        self.content = write
        self.read_length = read_length

    @staticmethod
    def write(address: int, content: bytes) -> "FakeMessage":
        return FakeMessage(address, content, 0)

    @staticmethod
    def read(address: int, length: int) -> "FakeMessage":
        return FakeMessage(address, b"", length)

    def __iter__(self) -> Any:
        return iter(self.content)


class FakeSMBus:
    def __init__(self, number: int) -> None:
        if number == 7:
            raise FileNotFoundError(2, "No such file or directory", "/dev/i2c-7")
        self.transfers: list[tuple[FakeMessage, ...]] = []

    def i2c_rdwr(self, *messages: FakeMessage) -> None:
        if messages[0].address == 0x50:
            raise OSError(121, "Remote I/O error")
        self.transfers.append(messages)
        for message in messages:
            if message.read_length:
                message.content = bytes(range(1, message.read_length + 1))

    def close(self) -> None:
        self.transfers.clear()


class TestI2C:
    @pytest.fixture
    def bus(self, monkeypatch: pytest.MonkeyPatch) -> LinuxI2C:
        module = ModuleType("smbus2")
        module.SMBus = FakeSMBus  # type: ignore[attr-defined]
        module.i2c_msg = FakeMessage  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "smbus2", module)
        return LinuxI2C(1)

    def test_write_and_read_are_one_transfer(self, bus: LinuxI2C) -> None:
        assert bus.transfer(0x48, b"\x00", 2) == b"\x01\x02"
        (messages,) = bus._bus.transfers
        assert [(m.address, m.read_length) for m in messages] == [(0x48, 0), (0x48, 2)]

    def test_write_only_and_read_only(self, bus: LinuxI2C) -> None:
        assert bus.transfer(0x48, b"\x01\x02\x03") == b""
        assert bus.transfer(0x48, b"", 1) == b"\x01"
        assert [len(messages) for messages in bus._bus.transfers] == [1, 1]

    def test_nobody_answers(self, bus: LinuxI2C) -> None:
        with pytest.raises(HardwareNotFoundError, match="0x50"):
            bus.transfer(0x50, b"\x00", 2)

    def test_no_bus(self, bus: LinuxI2C) -> None:
        with pytest.raises(HardwareNotFoundError, match="bus 7") as caught:
            LinuxI2C(7).transfer(0x48, b"\x00", 2)
        assert "Enable I²C" in str(caught.value.remedy)

    def test_closing_twice_is_harmless(self, bus: LinuxI2C) -> None:
        bus.close()
        bus.transfer(0x48, b"\x00")
        bus.close()
        bus.close()


class TestSysfsPwm:
    @pytest.fixture
    def chip(self, tmp_path: Path) -> Path:
        line = tmp_path / "pwmchip2" / "pwm0"
        line.mkdir(parents=True)
        for name in ("period", "duty_cycle", "enable"):
            (line / name).write_text("0\n")
        (tmp_path / "pwmchip2" / "export").write_text("")
        return tmp_path

    @pytest.fixture
    def pwm(self, chip: Path, clock: VirtualClock) -> SysfsPwm:
        return SysfsPwm(clock, chip=2, root=chip)

    def test_duty_is_kept_in_nanoseconds(self, pwm: SysfsPwm, chip: Path) -> None:
        pwm.set_duty(0, 25, hz=200)
        line = chip / "pwmchip2" / "pwm0"
        assert {f.name: f.read_text() for f in line.iterdir()} == {
            "period": "5000000",
            "duty_cycle": "1250000",
            "enable": "1",
        }
        assert pwm.get_duty(0) == 25

    def test_off_disables_and_reads_as_zero(self, pwm: SysfsPwm, chip: Path) -> None:
        pwm.set_duty(0, 100, hz=200)
        pwm.set_duty(0, 0, hz=200)
        assert (chip / "pwmchip2" / "pwm0" / "duty_cycle").read_text() == "0"
        assert (chip / "pwmchip2" / "pwm0" / "enable").read_text() == "0"
        assert pwm.get_duty(0) == 0

    def test_the_period_is_never_shorter_than_the_duty(
        self, pwm: SysfsPwm, chip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pwm.set_duty(0, 100, hz=100)
        line = chip / "pwmchip2" / "pwm0"
        write_text = Path.write_text

        def kernel_write(path: Path, content: str) -> int:
            written = write_text(path, content)
            period, duty = (int((line / name).read_text()) for name in ("period", "duty_cycle"))
            assert duty <= period, "the kernel would refuse this"
            return written

        monkeypatch.setattr(Path, "write_text", kernel_write)
        pwm.set_duty(0, 100, hz=1000)
        pwm.set_duty(0, 50, hz=100)
        assert pwm.get_duty(0) == 50

    def test_another_process_sees_the_duty(self, pwm: SysfsPwm, chip: Path, clock: VirtualClock) -> None:
        pwm.set_duty(0, 40, hz=250)
        assert SysfsPwm(clock, chip=2, root=chip).get_duty(0) == pytest.approx(40)

    def test_off_before_anything_was_exported_does_nothing(self, pwm: SysfsPwm, chip: Path) -> None:
        pwm.set_duty(1, 0, hz=200)
        assert pwm.get_duty(1) == 0
        assert (chip / "pwmchip2" / "export").read_text() == ""

    def test_waits_for_permission_after_export(
        self, pwm: SysfsPwm, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refusals = [PermissionError(13, "Permission denied")] * 3
        write_text = Path.write_text

        def not_yet(path: Path, content: str) -> int:
            if refusals:
                raise refusals.pop()
            return write_text(path, content)

        monkeypatch.setattr(Path, "write_text", not_yet)
        before_s = clock.monotonic()
        pwm.set_duty(0, 10, hz=100)
        assert pwm.get_duty(0) == 10
        assert clock.monotonic() > before_s

    def test_gives_up_without_permission(self, pwm: SysfsPwm, monkeypatch: pytest.MonkeyPatch) -> None:
        def never(path: Path, content: str) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "write_text", never)
        with pytest.raises(HardwareError) as caught:
            pwm.set_duty(0, 10, hz=100)
        assert "group gpio" in str(caught.value.remedy)

    def test_no_chip(self, tmp_path: Path, clock: VirtualClock) -> None:
        with pytest.raises(HardwareNotFoundError, match="pwmchip0"):
            SysfsPwm(clock, chip=0, root=tmp_path).set_duty(0, 10, hz=100)


class FakeLgpio(ModuleType):
    """Refuses what the library refuses: driving a pin that is not claimed, or claiming one twice."""

    class error(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("lgpio")
        self.claimed: set[int] = set()
        self.calls: list[tuple[object, ...]] = []

    def gpiochip_open(self, chip: int) -> int:
        if chip == 9:
            raise self.error("can not open gpiochip")
        return 33

    def gpiochip_close(self, handle: int) -> None:
        self.claimed.clear()

    def gpio_claim_output(self, handle: int, pin: int, level: int) -> None:
        if pin in self.claimed:
            raise self.error("GPIO busy")
        self.claimed.add(pin)

    def gpio_free(self, handle: int, pin: int) -> None:
        self.claimed.remove(pin)

    def tx_pwm(self, handle: int, pin: int, hz: float, duty: float) -> None:
        self._driven(pin)
        self.calls.append(("pwm", pin, hz, duty))

    def gpio_write(self, handle: int, pin: int, level: int) -> None:
        self._driven(pin)
        self.calls.append(("write", pin, level))

    def _driven(self, pin: int) -> None:
        if pin not in self.claimed:
            raise self.error("GPIO not allocated")


class TestLgpioPwm:
    @pytest.fixture
    def lgpio(self, monkeypatch: pytest.MonkeyPatch) -> FakeLgpio:
        module = FakeLgpio()
        monkeypatch.setitem(sys.modules, "lgpio", module)
        return module

    def test_drives_and_frees_the_line_at_rest(self, lgpio: FakeLgpio, tmp_path: Path) -> None:
        pwm = LgpioPwm(0, state_directory=tmp_path / "pwm")
        pwm.set_duty(17, 30, hz=200)
        pwm.set_duty(17, 40, hz=200)
        pwm.set_duty(17, 0, hz=200)
        assert lgpio.calls == [("pwm", 17, 200, 30), ("pwm", 17, 200, 40), ("pwm", 17, 0, 0), ("write", 17, 0)]
        assert lgpio.claimed == set()
        assert pwm.get_duty(17) == 0

    def test_another_process_sees_and_ends_what_a_dead_one_left(self, lgpio: FakeLgpio, tmp_path: Path) -> None:
        LgpioPwm(0, state_directory=tmp_path).set_duty(18, 50, hz=16)
        lgpio.claimed.clear()
        lgpio.calls.clear()
        supervisor = LgpioPwm(0, state_directory=tmp_path)
        assert supervisor.get_duty(18) == 50
        supervisor.set_duty(18, 0, hz=16)
        assert lgpio.calls[-1] == ("write", 18, 0)
        assert LgpioPwm(0, state_directory=tmp_path).get_duty(18) == 0

    def test_a_line_at_rest_is_not_touched_to_be_off(self, lgpio: FakeLgpio, tmp_path: Path) -> None:
        LgpioPwm(0, state_directory=tmp_path).set_duty(18, 0, hz=16)
        assert lgpio.calls == []

    def test_a_busy_line_is_an_error_and_still_counts_as_running(self, lgpio: FakeLgpio, tmp_path: Path) -> None:
        lgpio.claimed.add(18)
        pwm = LgpioPwm(0, state_directory=tmp_path)
        with pytest.raises(HardwareError, match=r"pin 18.*busy"):
            pwm.set_duty(18, 10, hz=16)
        assert pwm.get_duty(18) == 10, "what may be running is to be looked after"

    def test_no_chip(self, lgpio: FakeLgpio, tmp_path: Path) -> None:
        with pytest.raises(HardwareNotFoundError, match="chip 9"):
            LgpioPwm(9, state_directory=tmp_path).set_duty(18, 10, hz=16)

    def test_pins_with_a_timer_go_to_the_kernel(self, lgpio: FakeLgpio, tmp_path: Path, clock: VirtualClock) -> None:
        line = tmp_path / "pwmchip0" / "pwm1"
        line.mkdir(parents=True)
        for name in ("period", "duty_cycle", "enable"):
            (line / name).write_text("0")
        lines = LinuxPwmLines(
            hardware=SysfsPwm(clock, chip=0, root=tmp_path), software=LgpioPwm(0, state_directory=tmp_path)
        )
        lines.set_duty(13, 50, hz=100)
        lines.set_duty(17, 25, hz=100)
        assert [call[1] for call in lgpio.calls] == [17]
        assert (lines.get_duty(13), lines.get_duty(17)) == (50, 25)
        lines.close()
        assert lines.get_duty(13) == 50, "the hardware keeps going"


class Direction(Enum):
    INPUT = auto()
    OUTPUT = auto()


class Value(Enum):
    INACTIVE = 0
    ACTIVE = 1


class Edge(Enum):
    FALLING = auto()


class Bias(Enum):
    AS_IS = auto()
    PULL_UP = auto()
    PULL_DOWN = auto()


class FakeRequest:
    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.value: Value = settings.get("output_value", Value.ACTIVE)
        self.waiting_ns: list[int] = []
        self.is_released = False

    def set_value(self, pin: int, value: Value) -> None:
        self.value = value

    def get_value(self, pin: int) -> Value:
        return self.value

    def wait_edge_events(self, timeout: float) -> bool:
        assert timeout == 0
        return bool(self.waiting_ns)

    def read_edge_events(self) -> list[SimpleNamespace]:
        some, self.waiting_ns = self.waiting_ns[:16], self.waiting_ns[16:]
        return [SimpleNamespace(timestamp_ns=ns) for ns in some]

    def release(self) -> None:
        self.is_released = True


class TestGpio:
    @pytest.fixture
    def requests(self, monkeypatch: pytest.MonkeyPatch) -> dict[int, FakeRequest]:
        made: dict[int, FakeRequest] = {}

        def request_lines(
            path: str, *, consumer: str, config: dict[int, dict[str, Any]], event_buffer_size: int
        ) -> FakeRequest:
            ((pin, settings),) = config.items()
            if pin == 99:
                raise OSError(16, "Device or resource busy")
            assert path == "/dev/gpiochip4"
            assert pin not in made or made[pin].is_released, "a line can be requested once"
            made[pin] = FakeRequest(settings)
            return made[pin]

        line = ModuleType("gpiod.line")
        for enum in (Direction, Value, Edge, Bias):
            setattr(line, enum.__name__, enum)
        gpiod = ModuleType("gpiod")
        gpiod.request_lines = request_lines  # type: ignore[attr-defined]
        gpiod.LineSettings = dict  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "gpiod", gpiod)
        monkeypatch.setitem(sys.modules, "gpiod.line", line)
        return made

    @pytest.fixture
    def gpio(self, requests: dict[int, FakeRequest]) -> LinuxGpioLines:
        return LinuxGpioLines(4, pulls={21: "up", 4: "down"})

    def test_write(self, gpio: LinuxGpioLines, requests: dict[int, FakeRequest]) -> None:
        for high in (True, False, True):
            gpio.write(23, high=high)
            assert requests[23].value is (Value.ACTIVE if high else Value.INACTIVE)

    def test_read_pulls_as_told(self, gpio: LinuxGpioLines, requests: dict[int, FakeRequest]) -> None:
        assert gpio.read(4) is True
        assert requests[4].settings["bias"] is Bias.PULL_DOWN
        requests[4].value = Value.INACTIVE
        assert gpio.read(4) is False

    def test_edges_are_all_drained_in_seconds(self, gpio: LinuxGpioLines, requests: dict[int, FakeRequest]) -> None:
        assert gpio.falling_edges(21) == []
        assert requests[21].settings["edge_detection"] is Edge.FALLING
        assert requests[21].settings["bias"] is Bias.PULL_UP
        requests[21].waiting_ns = [n * 120_000_000 for n in range(40)]
        assert gpio.falling_edges(21) == pytest.approx([n * 0.12 for n in range(40)])
        assert gpio.falling_edges(21) == []

    def test_a_pin_that_is_counted_can_be_read_too(
        self, gpio: LinuxGpioLines, requests: dict[int, FakeRequest]
    ) -> None:
        assert gpio.read(21)
        gpio.falling_edges(21)
        assert gpio.read(21)

    def test_close_gives_all_lines_back(self, gpio: LinuxGpioLines, requests: dict[int, FakeRequest]) -> None:
        gpio.write(23, high=True)
        gpio.read(4)
        gpio.falling_edges(21)
        gpio.close()
        assert all(request.is_released for request in requests.values())

    def test_a_busy_pin(self, gpio: LinuxGpioLines) -> None:
        with pytest.raises(HardwareNotFoundError, match="pin 99"):
            gpio.read(99)
