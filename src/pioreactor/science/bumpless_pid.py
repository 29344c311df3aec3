"""A PID controller that begins and changes its gains without a step of its output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class PidGains:
    """Gains of the ideal form: output = gain · (e + ∫e / integral_time + derivative_time · d).

    A time of 0 switches its part off. `gain` is in units of the output for one unit of the input, and negative where
    more output lowers the input.
    """

    gain: float
    integral_time: float = 0.0
    derivative_time: float = 0.0


DERIVATIVE_FILTER: Final = 8.0
"""The derivative is smoothed with this fraction of its time, as is usual: noise is not amplified without bound."""


@dataclass
class BumplessPid:
    """A PID controller for a loop that a person starts, pauses and changes while it runs.

    With integral action it continues from the output that there is, whatever the error. It does not integrate beyond
    the limits of its output (conditional integration), and the derivative acts on the input alone.
    """

    gains: PidGains
    setpoint: float
    low: float
    high: float
    _integral: float = field(default=0.0, init=False)
    _slope: float = field(default=0.0, init=False)
    _latest: tuple[float, float] | None = field(default=None, init=False)
    """Input and output of the last update."""

    def start(self, measured: float, output: float) -> float:
        """Begin with the output that is there now, and return it within the limits."""
        output = self._limited(output)
        self._slope = 0.0
        self._integral = output - self.gains.gain * (self.setpoint - measured) if self.gains.integral_time > 0 else 0.0
        self._latest = (measured, output)
        return output

    def change_gains(self, gains: PidGains) -> None:
        """Control with other gains from now on, without a step of the output."""
        if gains != self.gains:
            self.gains = gains
            if self._latest is not None:
                self.start(*self._latest)

    def update(self, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` after the last one, in the unit of the times of the gains."""
        if not dt > 0:
            raise ValueError(f"the time between two measurements must be above 0, not {dt}")
        error = self.setpoint - measured
        output = self.gains.gain * (error - self.gains.derivative_time * self._smoothed_slope(measured, dt))
        output += self._integral
        if self.gains.integral_time > 0:
            step = self._permitted(self.gains.gain * error * dt / self.gains.integral_time, output)
            self._integral += step
            output += step
        output = self._limited(output)
        self._latest = (measured, output)
        return output

    def _smoothed_slope(self, measured: float, dt: float) -> float:
        if self._latest is not None:
            lag = self.gains.derivative_time / DERIVATIVE_FILTER
            self._slope += ((measured - self._latest[0]) / dt - self._slope) * dt / (lag + dt)
        return self._slope

    def _permitted(self, step: float, output: float) -> float:
        """Return the part of a step of the integral that does not lead beyond a limit."""
        if step > 0:
            return min(step, max(0.0, self.high - output))
        return max(step, min(0.0, self.low - output))

    def _limited(self, output: float) -> float:
        return min(max(output, self.low), self.high)
