"""Buses of a simulated reactor in another process, behind the same ports as real buses."""

import os
import socket
import threading
from pathlib import Path

import msgspec

from pioreactor.devices.buses.ports import Buses
from pioreactor.devices.cameras.ports import LensRange
from pioreactor.devices.lab_bench import LabBenchState
from pioreactor.exc import (
    ConfigurationError,
    HardwareError,
    HardwareNotFoundError,
    InvalidRequestError,
    PioreactorError,
)
from pioreactor.twin import protocol
from pioreactor.twin.faults import Fault
from pioreactor.twin.snapshot import Snapshot

TIMEOUT_S = 10.0
_ERRORS: dict[str, type[PioreactorError]] = {
    error.code: error for error in (HardwareNotFoundError, HardwareError, InvalidRequestError, ConfigurationError)
}


class Connection:
    """One connection, shared by the three buses of a process; safe to use from several threads.

    It opens at the first request and again after a failure, so a restarted reactor is found.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._buffer = bytearray()

    def ask(self, *request: object) -> object:
        """Send one request and return its result. Raise `HardwareNotFoundError` when the reactor does not answer."""
        frame = protocol.pack(list(request))
        with self._lock:
            try:
                answer = self._exchange(frame)
            except (OSError, ValueError) as error:
                self._disconnect()
                raise HardwareNotFoundError(
                    f"the simulated reactor at {self._path} does not answer: {error}",
                    remedy="Start the simulated reactor, or check why it stopped.",
                ) from error
        if answer[0] is True:
            return answer[1]
        code, message = str(answer[1]), str(answer[2])
        raise _ERRORS.get(code, HardwareError)(message)

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    def _exchange(self, frame: bytes) -> list[object]:
        if self._socket is None:
            self._socket = self._connect()
        self._socket.sendall(frame)
        while (answer := protocol.unpack(self._buffer)) is None:
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionResetError("connection closed")
            self._buffer += received
        return answer

    def _connect(self) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.settimeout(TIMEOUT_S)
        try:
            opened.connect(os.fspath(self._path))
        except OSError:
            opened.close()
            raise
        return opened

    def _disconnect(self) -> None:
        self._buffer.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class RemoteI2CBus:
    """The I²C controller of a reactor in another process."""

    def __init__(self, connection: Connection) -> None:
        self._ask = connection.ask
        self._connection = connection

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        answer = self._ask("i2c", address, write, read_length)
        return answer if isinstance(answer, bytes) else b""

    def close(self) -> None:
        self._connection.close()


class RemotePwmLines:
    """The PWM outputs of a reactor in another process."""

    def __init__(self, connection: Connection) -> None:
        self._ask = connection.ask
        self._connection = connection

    def set_duty(self, pin: int, duty_percent: float, *, hz: float) -> None:
        self._ask("set_duty", pin, duty_percent, hz)

    def get_duty(self, pin: int) -> float:
        return msgspec.convert(self._ask("get_duty", pin), float)

    def close(self) -> None:
        self._connection.close()


class RemoteGpioLines:
    """The digital pins of a reactor in another process."""

    def __init__(self, connection: Connection) -> None:
        self._ask = connection.ask
        self._connection = connection

    def write(self, pin: int, *, high: bool) -> None:
        self._ask("write", pin, high)

    def read(self, pin: int) -> bool:
        return msgspec.convert(self._ask("read", pin), bool)

    def falling_edges(self, pin: int) -> list[float]:
        return msgspec.convert(self._ask("edges", pin), list[float])

    def close(self) -> None:
        self._connection.close()


def connect_buses(path: Path) -> Buses:
    """Return the wires of the reactor behind a socket. No connection is made until a part is used."""
    connection = Connection(path)
    return Buses(i2c=RemoteI2CBus(connection), pwm=RemotePwmLines(connection), gpio=RemoteGpioLines(connection))


class RemoteCamera:
    """The camera of a reactor in another process, which draws the pictures."""

    program = "simulation"

    def __init__(self, path: Path, *lens_position: float) -> None:
        """`lens_position` is at most one, in dioptres."""
        self._path = path
        self._lens_position = lens_position

    def is_detected(self) -> bool | None:
        return self._path.exists()

    def capture(self) -> bytes:
        picture = self._ask("photograph", *self._lens_position)
        if not isinstance(picture, bytes):
            raise HardwareError(f"the simulated reactor at {self._path} gave no picture")
        return picture

    def lens(self) -> LensRange | None:
        return msgspec.convert(self._ask("lens"), LensRange)

    def with_lens(self, position: float) -> "RemoteCamera":
        return RemoteCamera(self._path, position)

    def with_options(self, file: Path) -> "RemoteCamera":
        raise InvalidRequestError(f"{file.name} cannot be used: a simulated camera has no options")

    def _ask(self, verb: str, *given: object) -> object:
        connection = Connection(self._path)
        try:
            return connection.ask(verb, *given)
        finally:
            connection.close()


class RemoteWorld:
    """Parts of a reactor that are on no bus: its true state, its faults and its button."""

    def __init__(self, path: Path) -> None:
        self._connection = Connection(path)

    def snapshot(self) -> Snapshot:
        return msgspec.convert(self._connection.ask("snapshot"), Snapshot)

    def inject(self, fault: Fault) -> None:
        """Add a fault; raise `InvalidRequestError` for a fault that names no part."""
        self._connection.ask("inject", msgspec.to_builtins(fault))

    def press_button(self, *, pressed: bool) -> None:
        self._connection.ask("press", pressed)

    def close(self) -> None:
        self._connection.close()


class RemoteLabBench:
    """The bench of a reactor in another process."""

    def __init__(self, path: Path) -> None:
        self._connection = Connection(path)

    def state(self) -> LabBenchState:
        return self._do("state")

    def place_standard(self, od: float, volume_ml: float | None = None) -> LabBenchState:
        return self._do("place_standard", od, volume_ml)

    def return_culture(self) -> LabBenchState:
        return self._do("return_culture")

    def tare(self) -> LabBenchState:
        return self._do("tare")

    def return_tubes(self) -> LabBenchState:
        return self._do("return_tubes")

    def turn_lens(self, turns: float) -> LabBenchState:
        return self._do("turn_lens", turns)

    def close(self) -> None:
        self._connection.close()

    def _do(self, act: str, *given: object) -> LabBenchState:
        return msgspec.convert(self._connection.ask(f"lab_bench_{act}", *given), LabBenchState)
