"""Speed of the stir bar: from edges of the hall sensor to rpm, and from an error in rpm to a change of duty."""

from collections.abc import Sequence
from dataclasses import dataclass


def rpm_from_edges(edges_s: Sequence[float]) -> float:
    """Return revolutions per minute from times of successive edges [s], one edge a revolution; 0 without two edges.

    A missed edge doubles one interval: intervals longer than 1.5 medians count as the whole number of turns they hold.
    """
    intervals = [b - a for a, b in zip(edges_s, edges_s[1:], strict=False) if b > a]
    if not intervals:
        return 0.0
    median = sorted(intervals)[len(intervals) // 2]
    turns = sum(max(1, round(interval / median)) for interval in intervals)
    return round(60.0 * turns / sum(intervals), 1)


@dataclass
class SpeedControl:
    """Finds the duty that gives a speed, learning how steeply speed follows duty.

    Deadbeat with a learned slope: the correction is the error divided by the slope. Large errors are corrected almost
    at once, small ones gently, so that noise of the speed measurement (about 0.5 %) hardly moves the fan.
    """

    duty_percent: float
    slope_rpm_per_percent: float = 22.0
    """Typical of the fan (twin.md §1.5: 18–26); learned from what changes of duty do."""
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
