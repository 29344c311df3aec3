"""Detection of an overfilled vial from the load of the stirrer.

A fuller vial takes more power to stir: 10 to 25 % more from 10 to 18 mL. The stirrer controls its speed, so its duty
cycle, compared with that some millilitres of media ago, indicates the volume in the vial.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

FRICTION_PERCENT = 8.0
"""Duty cycle at which a fan starts to turn: 6–12 %. The load is measured above it."""
LOAD_PER_ML = 0.02
"""Typical relative load of one millilitre: 0.0125–0.03."""
LOAD_PER_CELSIUS = -0.003
"""Warmer liquid is less viscous."""
BLOCK_ML = 0.5
"""Readings are pooled over this volume of added liquid."""
RECENT_BLOCKS = 2
GAP_BLOCKS = 2
"""Blocks skipped between the recent ones and the baseline, during which an overfilling vial gains volume."""
BASE_BLOCKS = 8
MIN_READINGS = 4
"""In the recent blocks, and in the baseline."""
READING_SD = 0.006
"""Lower bound of the standard deviation of a reading."""
MIN_INTERVAL_S = 10.0
"""Minimum time between readings; the stirrer is still adjusting its speed before that."""
MAX_SPEED_DEVIATION = 0.03
"""Maximum relative deviation from the target speed."""

WARNING_LOAD, WARNING_SDS = 0.02, 4.0
PAUSE_LOAD, PAUSE_SDS = 0.03, 5.0
"""Relative load and number of standard deviations from which a warning, or a pause, is due."""
DRIFT_PER_H = 0.005
MAX_DRIFT = 0.02
"""Drift of fans, supply voltage and ambient temperature: the threshold grows with the time compared."""
MIN_FIT_IMPROVEMENT = 6.0
"""A ramp must fit better than a step by this many squared standard deviations: bars and supplies cause steps."""


@dataclass
class Block:
    """Readings during one portion of added liquid: sums of the log load, corrected for volume and temperature."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    times: float = 0.0

    def add(self, value: float, t_s: float) -> None:
        self.count += 1
        self.total += value
        self.squares += value * value
        self.times += t_s

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def mean_s(self) -> float:
        return self.times / self.count


@dataclass(frozen=True, slots=True)
class ExcessLoad:
    """Load of the stirrer in excess of what the volume ledger explains."""

    load: float
    """Relative: 0.03 is 3 %."""
    sd: float
    is_ramp: bool
    """Whether it grew with the added liquid rather than in one step."""
    hours: float
    """Time between the baseline and the recent readings [h]."""

    @property
    def volume_ml(self) -> float:
        """ExcessLoad volume [mL], for the typical load of one millilitre."""
        return self.load / LOAD_PER_ML

    @property
    def is_certain(self) -> bool:
        return self._exceeds(PAUSE_LOAD, PAUSE_SDS)

    @property
    def is_likely(self) -> bool:
        return self._exceeds(WARNING_LOAD, WARNING_SDS)

    def _exceeds(self, load: float, sds: float) -> bool:
        threshold = load + min(DRIFT_PER_H * self.hours, MAX_DRIFT)
        return self.is_ramp and self.load >= max(threshold, sds * self.sd)


@dataclass
class StirrerLoad:
    """Load of the stirrer over the last portions of media. Times are seconds of one clock."""

    _blocks: deque[Block] = field(default_factory=lambda: deque([Block()], maxlen=64))
    _added_ml: float = 0.0
    _target_rpm: float | None = None
    _at_s: float = -math.inf

    def add_reading(
        self,
        t_s: float,
        *,
        duty_percent: float,
        rpm: float,
        target_rpm: float,
        volume_ml: float,
        celsius: float | None = None,
    ) -> None:
        """Add a speed [rpm] at a duty cycle [%], with the volume in the ledger and the temperature, if known."""
        if target_rpm != self._target_rpm:
            # The relation of load and duty cycle depends on the speed, differently for each fan.
            self.reset()
            self._target_rpm = target_rpm
        is_early = t_s - self._at_s < MIN_INTERVAL_S
        self._at_s = t_s
        if (
            is_early
            or duty_percent <= FRICTION_PERCENT
            or not abs(rpm - target_rpm) <= MAX_SPEED_DEVIATION * target_rpm
        ):
            return
        load = math.log((duty_percent - FRICTION_PERCENT) / rpm)
        explained = LOAD_PER_ML * volume_ml + (0.0 if celsius is None else LOAD_PER_CELSIUS * celsius)
        self._blocks[-1].add(load - explained, t_s)

    def add_liquid(self, volume_ml: float) -> None:
        """Add a volume of added liquid [mL]."""
        self._added_ml += volume_ml
        while self._added_ml >= BLOCK_ML:
            self._added_ml -= BLOCK_ML
            self._blocks.append(Block())

    def reset(self) -> None:
        """Discard all readings, after a change of the vial, the stir bar or the speed."""
        self._blocks.clear()
        self._blocks.append(Block())
        self._added_ml = 0.0

    @property
    def excess(self) -> ExcessLoad | None:
        """Compare the recent readings with the baseline; None while there are too few of either."""
        blocks = list(self._blocks)
        recent, base = blocks[-RECENT_BLOCKS:], blocks[: -RECENT_BLOCKS - GAP_BLOCKS][-BASE_BLOCKS:]
        current, baseline = _pooled(recent), _pooled(base)
        if min(current.count, baseline.count) < MIN_READINGS:
            return None
        spread = max(READING_SD, _spread([*recent, *base]))
        load = current.mean - baseline.mean
        return ExcessLoad(
            load,
            spread * math.sqrt(1 / current.count + 1 / baseline.count),
            is_ramp=_is_ramp(blocks[-RECENT_BLOCKS - GAP_BLOCKS - BASE_BLOCKS :], spread),
            hours=(current.mean_s - baseline.mean_s) / 3600.0,
        )


def _pooled(blocks: list[Block]) -> Block:
    return Block(
        sum(block.count for block in blocks),
        sum(block.total for block in blocks),
        sum(block.squares for block in blocks),
        sum(block.times for block in blocks),
    )


def _spread(blocks: list[Block]) -> float:
    """Return the standard deviation of the readings around the mean of their block."""
    freedom = sum(block.count - 1 for block in blocks if block.count > 1)
    if freedom < 1:
        return 0.0
    squares = sum(block.squares - block.total**2 / block.count for block in blocks if block.count > 1)
    return math.sqrt(max(squares, 0.0) / freedom)


def _is_ramp(blocks: list[Block], spread: float) -> bool:
    """Return whether a ramp of the load with the added liquid fits clearly better than a step."""
    points = [(float(place), block.mean, block.count) for place, block in enumerate(blocks) if block.count]
    places = [place for place, _, _ in points]
    ramp = min(_misfit(points, [max(0.0, place - start + 0.5) for place in places]) for start in places)
    jump = min(_misfit(points, [float(place >= start) for place in places]) for start in places)
    return jump - ramp >= MIN_FIT_IMPROVEMENT * spread**2


def _misfit(points: list[tuple[float, float, int]], shape: list[float]) -> float:
    """Return the residual sum of squares of a fit of a constant and the shape, weighted by readings."""
    weight = sum(count for _, _, count in points)
    mean_y = sum(count * y for _, y, count in points) / weight
    mean_x = sum(count * x for (_, _, count), x in zip(points, shape, strict=True)) / weight
    xx = sum(count * (x - mean_x) ** 2 for (_, _, count), x in zip(points, shape, strict=True))
    xy = sum(count * (x - mean_x) * (y - mean_y) for (_, y, count), x in zip(points, shape, strict=True))
    yy = sum(count * (y - mean_y) ** 2 for _, y, count in points)
    return yy - xy * xy / xx if xx > 0 else yy
