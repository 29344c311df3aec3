"""Speed of the stir bar: from an error in rpm to a change of duty."""

from dataclasses import dataclass


@dataclass
class SpeedControl:
    """Finds the duty that gives a speed, learning how steeply speed follows duty.

    Deadbeat with a learned slope: the correction is the error divided by the slope. Large errors are corrected almost
    at once, small ones gently, so that noise of the speed measurement (about 0.5 %) hardly moves the fan.
    """

    duty_percent: float
    slope_rpm_per_percent: float = 22.0
    """Typical of the fan (18–26); learned from what changes of duty do."""
    _last: tuple[float, float] | None = None

    def correct(self, target_rpm: float, measured_rpm: float) -> float:
        """Return the new duty [%], 0–100, for a target and a measured speed [rpm]."""
        self._learn(measured_rpm)
        error = target_rpm - measured_rpm
        relative = abs(error) / max(target_rpm, 1.0)
        gain = 0.8 if relative > 0.03 else 0.15 + 0.65 * relative / 0.03
        step = max(-15.0, min(15.0, gain * error / self.slope_rpm_per_percent))
        self._last = (self.duty_percent, measured_rpm)
        self.duty_percent = max(0.0, min(100.0, self.duty_percent + step))
        return self.duty_percent

    def forget_last(self) -> None:
        """Do not learn across a stop, a kick or a new target."""
        self._last = None

    def _learn(self, measured_rpm: float) -> None:
        if self._last is None or measured_rpm <= 0:
            return
        last_duty, last_rpm = self._last
        change = self.duty_percent - last_duty
        if abs(change) < 1.0 or last_rpm <= 0:
            return
        slope = (measured_rpm - last_rpm) / change
        if 5.0 <= slope <= 80.0:
            self.slope_rpm_per_percent += 0.5 * (slope - self.slope_rpm_per_percent)
