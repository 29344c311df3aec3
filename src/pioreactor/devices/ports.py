"""Ports of the parts of a reactor. Switching off is always allowed."""

from collections.abc import Mapping
from typing import Protocol

from pioreactor.types import LedChannel, PdChannel


class Photodiode(Protocol):
    """One photodiode behind an analog-to-digital converter."""

    @property
    def converter(self) -> str:
        """Return the kind of chip ("ADS1114"), by which a reader chooses how to treat mains hum."""
        ...

    def read_volts(self) -> float:
        """Take one conversion at the present gain [V]; dark offset not removed, may be slightly negative."""
        ...

    def fit_range(self, volts: float) -> None:
        """Choose the most sensitive gain whose range holds this level with a margin."""
        ...


class Leds(Protocol):
    """The LED driver."""

    def set_intensity(self, channel: LedChannel, percent: float) -> None: ...


class PwmOutput(Protocol):
    """One power output: fan, heater or pump. It is owned: see `Ownership`."""

    def set_duty(self, percent: float) -> None:
        """Drive the output, 0–100 %."""
        ...

    def get_duty(self) -> float: ...

    def off(self) -> None:
        """Switch off. Always allowed, always safe, never raises for being off already."""
        ...

    def release(self) -> None:
        """Switch off and give up ownership."""
        ...


class Thermometer(Protocol):
    """The heater board's temperature sensor."""

    def read_celsius(self) -> float: ...


class Sensor(Protocol):
    """An additional sensor, such as one for pH or humidity."""

    @property
    def unit(self) -> str:
        """Return the unit of the reading ("pH", "%")."""
        ...

    def read(self) -> float:
        """Return one reading; raise `HardwareError` for an invalid answer."""
        ...


class Tachometer(Protocol):
    """Counter of revolutions of the stir bar."""

    def edges(self) -> list[float]:
        """Return monotonic times [s] of revolutions since the last call (the first call arms it)."""
        ...


class Indicator(Protocol):
    """The LED on the HAT."""

    def on(self) -> None: ...

    def off(self) -> None: ...


class Button(Protocol):
    """The button on the HAT."""

    def is_pressed(self) -> bool: ...


class Lease(Protocol):
    """Ownership of an output or a name by this process."""

    def release(self) -> None: ...


class Ownership(Protocol):
    """Exclusive use of outputs and names. The kernel (or virtual time) drops a lease when its process ends."""

    def acquire(self, resource: str, owner: str) -> Lease:
        """Take `resource` ("pwm-17", "led-A", "job-stirring"); raise `ActuatorInUseError` naming the holder."""
        ...

    def holder(self, resource: str) -> str | None:
        """Return the owner, or None when no running process holds it."""
        ...

    def abandoned(self) -> list[str]:
        """Return resources whose process ended without releasing them, and that have no new owner."""
        ...


class Rig(Protocol):
    """All parts of one reactor."""

    def photodiode(self, channel: PdChannel) -> Photodiode: ...

    def leds(self) -> Leds: ...

    def pwm(self, role: str, *, owner: str, hz: float) -> PwmOutput:
        """Own the output wired to a role ("stirring", "heating", "media", "alt_media", "waste", or a plugin's)."""
        ...

    def pwm_by_pin(self, pin: int, *, owner: str, hz: float) -> PwmOutput: ...

    def pin_of(self, role: str) -> int:
        """Return the pin wired to a role; raise `ConfigurationError` when no channel has it."""
        ...

    def force_off(self, pin: int) -> None:
        """Switch a power output off, whichever process owns it. For the output guard: safety comes before ownership."""
        ...

    def pwm_duties(self) -> Mapping[int, float]:
        """Return the duty cycle of each PWM pin of the board [%]."""
        ...

    def pwm_duties_by_channel(self) -> Mapping[str, float]:
        """Return the duty cycle of each PWM channel of the board [%]; the heater's is a channel too."""
        ...

    def thermometer(self) -> Thermometer: ...

    def sensors(self) -> tuple[str, ...]:
        """Return the names of the additional sensors of this reactor."""
        ...

    def sensor(self, name: str) -> Sensor:
        """Open an additional sensor; raise `HardwareNotFoundError` when this reactor has none of that name."""
        ...

    def tachometer(self) -> Tachometer: ...

    def indicator(self) -> Indicator: ...

    def button(self) -> Button: ...

    def aux_volts(self) -> float:
        """Return the voltage of the PWM rail."""
        ...

    def is_hat_present(self) -> bool: ...

    def is_heating_pcb_present(self) -> bool: ...

    def missing(self) -> list[str]:
        """Return each expected chip that does not answer ("ADS1114 at 0x49 (photodiode 1)")."""
        ...

    def close(self) -> None: ...
