"""A simulated reactor in a process of its own, behind a Unix socket: it outlives the jobs, as hardware does.

Run it with `python -m pioreactor.twin.server --socket PATH --scenario NAME --seed N`. The socket is private to the
user; every client has its own place in the Hall sensor's stream, and leaves all outputs as they are when it dies.
"""

import argparse
import os
import selectors
import signal
import socket
import stat
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import msgspec

from pioreactor.clock.system import SystemClock
from pioreactor.devices.buses.ports import Buses
from pioreactor.devices.lab_bench import LabBenchState
from pioreactor.exc import ConfigurationError, ConflictError, InvalidRequestError, PioreactorError
from pioreactor.private_files import restrict_new_files
from pioreactor.twin import protocol
from pioreactor.twin.buses import build_chips, open_buses
from pioreactor.twin.faults import Fault
from pioreactor.twin.kept_vial import VialFile
from pioreactor.twin.lab_bench import TwinLabBench
from pioreactor.twin.scenarios import Scenario, check, find_scenario
from pioreactor.twin.vial_camera import LENS, SimulatedCamera
from pioreactor.twin.wiring import TwinWiring, wiring
from pioreactor.twin.world import World

IDLE_S = 0.5
"""Physics is brought up to date this often without requests, so that an answer never waits for hours of it."""
SLOW_CLIENT_S = 2.0
KEEP_EVERY_S = 10
"""The vial is written to its file this often [s of the world]: so much of it is lost with a power cut."""
_MAX_PATH = 100


class _Client:
    """One connection and its view of the wires."""

    def __init__(self, connection: socket.socket, world: World, buses: Buses, bench: TwinLabBench) -> None:
        self.connection = connection
        self.buffer = bytearray()
        self._world = world
        self._buses = buses
        self._verbs: dict[str, Callable[..., object]] = {
            "i2c": buses.i2c.transfer,
            "set_duty": self._set_duty,
            "get_duty": buses.pwm.get_duty,
            "write": self._write,
            "read": buses.gpio.read,
            "edges": buses.gpio.falling_edges,
            "snapshot": lambda: msgspec.to_builtins(world.snapshot()),
            "photograph": lambda *position: SimulatedCamera(world, *position).capture(),
            "lens": lambda: msgspec.to_builtins(LENS),
            "inject": self._inject,
            "press": self._press,
            **{f"lab_bench_{name}": _at_lab_bench(act) for name, act in _acts_of(bench).items()},
        }

    def answer(self, request: list[object]) -> bytes:
        """Do what one request asks and return the frame to send back."""
        if not request or not isinstance(request[0], str):
            return protocol.pack([False, "invalid_request", "a request is a list that begins with a verb"])
        act = self._verbs.get(request[0])
        if act is None:
            return protocol.pack([False, "invalid_request", f"unknown verb {request[0]!r}"])
        try:
            return protocol.pack([True, act(*request[1:])])
        except PioreactorError as error:
            return protocol.pack([False, error.code, str(error)])
        except (TypeError, ValueError, IndexError, msgspec.ValidationError) as error:
            return protocol.pack([False, InvalidRequestError.code, f"{request[0]}: {error}"])

    def _set_duty(self, pin: int, duty_percent: float, hz: float) -> None:
        self._buses.pwm.set_duty(pin, duty_percent, hz=hz)

    def _write(self, pin: int, high: object) -> None:
        self._buses.gpio.write(pin, high=bool(high))

    def _inject(self, fields: object) -> None:
        self._world.inject(_checked_fault(fields, self._world.scenario))

    def _press(self, pressed: object) -> None:
        self._world.button_pressed = bool(pressed)


def _acts_of(bench: TwinLabBench) -> dict[str, Callable[..., LabBenchState]]:
    return {
        "state": bench.state,
        "place_standard": bench.place_standard,
        "return_culture": bench.return_culture,
        "tare": bench.tare,
        "return_tubes": bench.return_tubes,
        "turn_lens": bench.turn_lens,
    }


def _at_lab_bench(act: Callable[..., LabBenchState]) -> Callable[..., object]:
    return lambda *given: msgspec.to_builtins(act(*given))


def _checked_fault(fields: object, scenario: Scenario) -> Fault:
    fault = msgspec.convert(fields, Fault, strict=False)
    check(msgspec.structs.replace(scenario, faults=(fault,)), "injected")
    return fault


class TwinServer:
    """Serves one world to any number of clients, one request at a time, in the thread that calls `serve`."""

    def __init__(self, world: World, path: Path, *, vial: Path | None = None) -> None:
        """`vial`: the file that the vial is kept in; without one it ends with the server."""
        self._world = world
        self._path = path
        self._chips = build_chips(world)
        self._bench = TwinLabBench(world)
        self._vial = VialFile(vial, world, self._bench) if vial is not None else None
        if self._vial is not None:
            self._vial.restore()
        self._selector: selectors.BaseSelector | None = None
        self._waker: socket.socket | None = None

    def listen(self) -> None:
        """Open the socket, readable and writable by this user only. Raise `ConflictError` when another serves it."""
        listener = _bind(self._path)
        self._waker, alarm = socket.socketpair()
        self._waker.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(alarm, selectors.EVENT_READ)

    def stop(self) -> None:
        """Let `serve` return. May be called from a signal handler or another thread, and again."""
        if self._waker is None:
            return
        try:
            self._waker.send(b"\0")
        except OSError:
            # The alarm is already ringing, or the server is closed: either way it stops.
            return

    def serve(self) -> None:
        """Answer until `stop`, then close everything and remove the socket."""
        try:
            while self._serve_once():
                self._world.advance()
                if self._vial is not None:
                    self._vial.keep(every_s=KEEP_EVERY_S)
        finally:
            if self._vial is not None:
                self._vial.keep()
            self.close()

    def close(self) -> None:
        """Hang up on everybody and remove the socket. Safe to repeat."""
        selector, self._selector = self._selector, None
        if selector is None:
            return
        for key in list(selector.get_map().values()):
            opened = key.fileobj
            assert isinstance(opened, socket.socket)
            selector.unregister(opened)
            opened.close()
        selector.close()
        if self._waker is not None:
            self._waker.close()
        self._path.unlink(missing_ok=True)

    def _serve_once(self) -> bool:
        """Serve whatever is waiting; return False when it is time to go."""
        assert self._selector is not None
        for key, _ in self._selector.select(IDLE_S):
            if isinstance(key.data, _Client):
                if not self._serve_client(key.data):
                    self._selector.unregister(key.data.connection)
                    key.data.connection.close()
            elif key.data is not None:
                self._accept(key.fileobj)
            else:
                return False
        return True

    def _accept(self, listener: object) -> None:
        assert isinstance(listener, socket.socket)
        assert self._selector is not None
        try:
            connection, _ = listener.accept()
        except OSError:
            # The client has gone again before it was let in.
            return
        if not _is_same_user(connection):
            connection.close()
            return
        connection.settimeout(SLOW_CLIENT_S)
        client = _Client(connection, self._world, open_buses(self._world, self._chips), self._bench)
        self._selector.register(connection, selectors.EVENT_READ, client)

    @staticmethod
    def _serve_client(client: _Client) -> bool:
        """Answer all complete requests of a client; return False when it has gone or talks nonsense."""
        try:
            received = client.connection.recv(65536)
            if not received:
                return False
            client.buffer += received
            while (request := protocol.unpack(client.buffer)) is not None:
                client.connection.sendall(client.answer(request))
        except (OSError, ValueError):
            return False
        return True


def _bind(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > _MAX_PATH:
        raise ConfigurationError(f"the socket path {path} is too long: the system allows {_MAX_PATH} bytes")
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"the socket {path} cannot be opened: {error.strerror}") from error
    finally:
        os.umask(before)
    listener.listen(64)
    listener.setblocking(False)
    return listener


def _remove_stale(path: Path) -> None:
    """Remove the socket of a server that is gone; what is no socket, or answers, stays."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise ConflictError(f"{path} exists and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise ConflictError(f"another simulated reactor already serves {path}")


def _is_same_user(connection: socket.socket) -> bool:
    """Whether the kernel says that the other end is this user or root. Where it cannot say, file modes decide."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return uid in (0, os.geteuid())


def _pairs(text: str) -> dict[str, str]:
    """Read `1=REF,2=90`."""
    pairs = [item.split("=", 1) for item in text.split(",") if item]
    if any(len(pair) != 2 for pair in pairs):
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE,KEY=VALUE, not {text!r}")
    return {key.strip(): value.strip() for key, value in pairs}


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pioreactor.twin.server", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--scenario", default="standard", help="a named scenario, or a .yaml or .ini file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vial", type=Path, help="file that keeps the vial from one start to the next")
    parser.add_argument("--clock-speed", type=float, default=1.0)
    parser.add_argument("--clock-origin", type=float, help="monotonic seconds from which the speed counts")
    parser.add_argument("--hat", default="1.2")
    parser.add_argument("--model", default="pioreactor_20ml")
    parser.add_argument("--model-version", default="1.5")
    parser.add_argument("--angles", type=_pairs, help="photodiode channels, such as 1=REF,2=90")
    parser.add_argument("--leds", type=_pairs, help="LED channels, such as A=IR,B=white,C=UV")
    parser.add_argument("--sensors", type=_pairs, help="additional sensors by I2C address, such as 0x40=hdc1080")
    parser.add_argument("--pwm", type=_pairs, help="BCM pins, such as 17=stirring,13=media")
    return parser.parse_args(arguments)


def _wires(options: argparse.Namespace) -> TwinWiring:
    try:
        pins = {int(pin): role for pin, role in options.pwm.items()} if options.pwm is not None else None
        sensors = {int(address, 0): driver for address, driver in (options.sensors or {}).items()}
    except ValueError as error:
        raise ConfigurationError(f"--pwm or --sensors has an invalid number: {error}") from error
    return wiring(
        options.hat,
        options.model,
        options.model_version,
        angles=options.angles,
        led_roles=options.leds,
        pwm_roles=pins,
        sensors=sensors,
    )


def _clock(options: argparse.Namespace) -> SystemClock:
    if options.clock_origin is None:
        return SystemClock(speed=options.clock_speed)
    return SystemClock(speed=options.clock_speed, origin=(0.0, options.clock_origin))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status (2 for a usage error)."""
    restrict_new_files()
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        clock = _clock(options)
        scenario = find_scenario(options.scenario)
        world = World(scenario, _wires(options), seed=options.seed, now_s=clock.monotonic)
    except (PioreactorError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    server = TwinServer(world, options.socket, vial=options.vial)
    try:
        server.listen()
    except PioreactorError as error:
        sys.stderr.write(f"{error}\n")
        return 2

    def stop(signal_number: int, frame: FrameType | None) -> None:
        del signal_number, frame
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sys.stdout.write(f"listening on {options.socket}\n")
    sys.stdout.flush()
    server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
