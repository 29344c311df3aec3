"""A peristaltic pump: actual flow, which differs from its calibration."""

import math
import random

FULL_DUTY_ML_PER_S = 0.0911
"""Flow of a new pump of the usual kind at 100 % duty."""
START_UP_S = 0.035
ROLLER_ML = 0.035
_PULSE = 0.9 / (2.0 * math.pi)


class Pump:
    """One pump and its tubes. Times are seconds of the world; flow depends on duty, wear, rollers and chance."""

    def __init__(self, rng: random.Random, *, gain: float = 1.0, cv: float = 0.03, wear_per_h: float = 0.003) -> None:
        self.duty_percent = 0.0
        self.hz = 250.0
        self.fault_gain = 1.0
        self.air_ml = 0.0
        self.pumped_ml = 0.0
        self.running_h = 0.0
        self._gain = gain
        self._cv = cv
        self._wear_per_h = wear_per_h
        self._rng = rng
        self._run_gain = 1.0
        self._until_s = 0.0
        self._strokes = rng.random()

    @property
    def wear(self) -> float:
        """Share of flow lost to a tired tube, saturating at 0.2."""
        return -0.2 * math.expm1(-self._wear_per_h * self.running_h / 0.2)

    @property
    def flow_ml_per_s(self) -> float:
        """Mean flow at the present duty; below 10 % the rollers do not turn."""
        if self.duty_percent <= 10.0:
            return 0.0
        drive = (self.duty_percent - 10.0) / 90.0 * (1.0 + 0.05 * (250.0 - min(self.hz, 500.0)) / 250.0)
        return FULL_DUTY_ML_PER_S * drive * self._gain * self.fault_gain * self._run_gain * (1.0 - self.wear)

    def set_duty(self, duty_percent: float, hz: float, at_s: float) -> None:
        """Change the drive. Call `flow_until(at_s)` first: what has flowed is at the old duty."""
        if self.duty_percent <= 0.0 < duty_percent:
            self._run_gain = max(0.5, 1.0 + self._cv * self._rng.gauss(0.0, 1.0))
            self._until_s = at_s + START_UP_S
        self.duty_percent = duty_percent
        self.hz = hz

    def flow_until(self, at_s: float) -> float:
        """Return the liquid [mL] that came out since the last call."""
        elapsed = at_s - self._until_s
        if self.duty_percent <= 0.0 or elapsed <= 0.0:
            return 0.0
        self._until_s = at_s
        self.running_h += elapsed / 3600.0
        before = self._strokes
        after = self._strokes = before + elapsed * self.flow_ml_per_s / ROLLER_ML
        pulse = _PULSE * (math.sin(2.0 * math.pi * after) - math.sin(2.0 * math.pi * before))
        volume = max(0.0, ROLLER_ML * (after - before - pulse))
        air = min(self.air_ml, volume)
        self.air_ml -= air
        self.pumped_ml += volume - air
        return volume - air
