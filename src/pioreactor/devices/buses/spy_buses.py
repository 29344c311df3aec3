"""Recording doubles of the wires, for tests of drivers: chips are tables of registers that a test fills."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pioreactor.devices.buses.ports import Buses
from pioreactor.exc import HardwareNotFoundError

Register = bytes | Callable[[], bytes]


@dataclass
class SpyI2C:
    """Chips by address, registers by number; a register may be a function that is asked at each read.

    Written bytes replace the register they are written to, and are recorded in `calls`. `before` is called with each
    transfer, so that a test can interfere.
    """

    chips: dict[int, dict[int, Register]] = field(default_factory=dict)
    calls: list[tuple[int, bytes]] = field(default_factory=list)
    before: Callable[[int, bytes, int], None] | None = None
    is_closed: bool = False

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        if self.before is not None:
            self.before(address, write, read_length)
        registers = self.chips.get(address)
        if registers is None:
            raise HardwareNotFoundError(f"nothing answers at 0x{address:02X}")
        if len(write) > 1:
            registers[write[0]] = write[1:]
            self.calls.append((address, write))
        if not read_length:
            return b""
        content = registers.get(write[0] if write else 0, b"")
        answer = content if isinstance(content, bytes) else content()
        return answer[:read_length].ljust(read_length, b"\x00")

    def close(self) -> None:
        self.is_closed = True


@dataclass
class SpyPwmLines:
    """Lines that remember what they were told, also after `close`, as hardware does."""

    duties: dict[int, float] = field(default_factory=dict)
    calls: list[tuple[int, float, float]] = field(default_factory=list)
    """(pin, duty [%], frequency [Hz])."""
    fails: Exception | None = None
    is_closed: bool = False

    def set_duty(self, pin: int, duty_percent: float, *, hz: float) -> None:
        if self.fails is not None:
            raise self.fails
        self.calls.append((pin, duty_percent, hz))
        self.duties[pin] = duty_percent

    def get_duty(self, pin: int) -> float:
        return self.duties.get(pin, 0.0)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class SpyGpioLines:
    """Pins whose levels and edges a test sets."""

    levels: dict[int, bool] = field(default_factory=dict)
    edges: dict[int, list[float]] = field(default_factory=dict)
    """Falling edges not yet handed out, by pin."""
    armed: set[int] = field(default_factory=set)
    is_closed: bool = False

    def write(self, pin: int, *, high: bool) -> None:
        self.levels[pin] = high

    def read(self, pin: int) -> bool:
        return self.levels.get(pin, False)

    def falling_edges(self, pin: int) -> list[float]:
        if pin not in self.armed:
            self.armed.add(pin)
            return []
        return self.edges.pop(pin, [])

    def close(self) -> None:
        self.is_closed = True


@dataclass
class SpyBuses:
    """The three doubles, and the `Buses` value made of them."""

    i2c: SpyI2C = field(default_factory=SpyI2C)
    pwm: SpyPwmLines = field(default_factory=SpyPwmLines)
    gpio: SpyGpioLines = field(default_factory=SpyGpioLines)

    def as_buses(self) -> Buses:
        return Buses(i2c=self.i2c, pwm=self.pwm, gpio=self.gpio)
