"""The promise of the wires. The kernel keeps it on a Raspberry Pi, simulated chips keep it in the twin."""

from dataclasses import dataclass
from typing import Protocol


class I2CBus(Protocol):
    """An I²C controller."""

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        """Write, then (repeated start) read. Raise `HardwareNotFoundError` when no chip responds at the address."""
        ...

    def close(self) -> None: ...


class PwmLines(Protocol):
    """Pulse-width modulated outputs, by BCM pin. A line keeps its last duty when its process dies: hardware does."""

    def set_duty(self, pin: int, duty_percent: float, *, hz: float) -> None:
        """Drive the pin; 0 is off. Saying it twice is harmless."""
        ...

    def get_duty(self, pin: int) -> float:
        """Return what the line does at this moment, in percent."""
        ...

    def close(self) -> None: ...


class GpioLines(Protocol):
    """Digital pins, by BCM number."""

    def write(self, pin: int, *, high: bool) -> None: ...

    def read(self, pin: int) -> bool: ...

    def falling_edges(self, pin: int) -> list[float]:
        """Return monotonic times [s] of falling edges since the last call; the first call arms the pin and is empty.

        At most the newest 4096 edges are kept.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Buses:
    """The wires of one unit."""

    i2c: I2CBus
    pwm: PwmLines
    gpio: GpioLines

    def close(self) -> None:
        self.i2c.close()
        self.pwm.close()
        self.gpio.close()
