"""A PID controller: an input now and then, an output each time."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class PidController:
    """The output is kp·e + ki·∫e + kd·d, held within `low` and `high`; e = setpoint − input, d acts on the input alone.

    The integral is bounded so that ki·∫e alone cannot exceed the output's limits (it never winds up), and begins
    anew with another set point. `smoothing` (0–1) is the weight of the old derivative.
    """

    kp: float
    ki: float
    kd: float
    setpoint: float
    low: float | None = None
    high: float | None = None
    smoothing: float = 0.0
    integral: float = field(default=0.0, init=False)
    derivative: float = field(default=0.0, init=False)
    proportional: float = field(default=0.0, init=False)
    latest_input: float | None = field(default=None, init=False)
    latest_output: float | None = field(default=None, init=False)

    def update(self, measured: float, dt: float) -> float:
        """Return the output for a measurement `dt` after the last one (any unit of time above 0, always the same)."""
        if not dt > 0:
            raise ValueError(f"the time between two measurements must be above 0, not {dt}")
        error = self.setpoint - measured
        self.integral = self._bounded_integral(self.integral + error * dt)
        if self.latest_input is not None:
            fresh = -(measured - self.latest_input) / dt
            self.derivative = self.smoothing * self.derivative + (1 - self.smoothing) * fresh
        self.proportional = self.kp * error
        self.latest_input = measured
        output = self._bounded(self.proportional + self.ki * self.integral + self.kd * self.derivative)
        self.latest_output = output
        return output

    def set_setpoint(self, setpoint: float) -> None:
        """Aim elsewhere; what was summed up towards the old aim is forgotten."""
        if setpoint != self.setpoint:
            self.setpoint = setpoint
            self.integral = 0.0

    def reset(self) -> None:
        """Forget everything but the gains, the limits and the aim."""
        self.integral = self.derivative = self.proportional = 0.0
        self.latest_input = self.latest_output = None

    def _bounded_integral(self, integral: float) -> float:
        if self.ki == 0:
            return 0.0
        return self._bounded(self.ki * integral) / self.ki

    def _bounded(self, value: float) -> float:
        if self.low is not None:
            value = max(value, self.low)
        if self.high is not None:
            value = min(value, self.high)
        return value
