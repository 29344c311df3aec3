"""Power outputs: a pulse-width modulated line together with the proof that it is ours."""

from pioreactor.devices.buses.ports import PwmLines
from pioreactor.devices.guard import checked_percent
from pioreactor.devices.ports import Ownership
from pioreactor.exc import ActuatorInUseError, InvalidRequestError


def resource_of(pin: int) -> str:
    """Return the name under which `Ownership` knows a pin's output."""
    return f"pwm-{pin}"


class OwnedPwm:
    """A fan, heater or pump. It is owned from opening until `release`, and at rest when it is opened.

    Raises `ActuatorInUseError` at opening when another job has it, and from `set_duty` after `release`.
    """

    def __init__(self, lines: PwmLines, pin: int, *, hz: float, ownership: Ownership, owner: str) -> None:
        if not 0 < hz <= 100_000:
            raise InvalidRequestError(f"a PWM frequency of {hz} Hz cannot be used")
        self.pin = pin
        self.hz = hz
        self._lines = lines
        self._owner = owner
        self.is_ours = True
        self._lease = ownership.acquire(resource_of(pin), owner)
        try:
            # A former owner that was killed may have left the line running.
            self.off()
        except BaseException:
            self._lease.release()
            raise

    def set_duty(self, percent: float) -> None:
        if not self.is_ours:
            raise ActuatorInUseError(f"{self._owner} has given up the output on pin {self.pin}")
        self._lines.set_duty(self.pin, checked_percent(percent), hz=self.hz)

    def get_duty(self) -> float:
        return self._lines.get_duty(self.pin)

    def off(self) -> None:
        """Switch off. After `release` it does nothing, as another job may own the output by then."""
        if self.is_ours:
            self._lines.set_duty(self.pin, 0.0, hz=self.hz)

    def release(self) -> None:
        if not self.is_ours:
            return
        try:
            self.off()
        finally:
            # Given up even when switching off failed: the output guard looks for outputs that run without an owner.
            self.is_ours = False
            self._lease.release()
