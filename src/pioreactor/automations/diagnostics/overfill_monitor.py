"""Tells from the stirrer whether a vial holds more than its books say: plain numbers in, a verdict out.

A fuller vial is heavier to stir: 10 to 25 % more power from 10 to 18 mL (twin.md §1.5). The stirrer holds its speed, so
the duty that it needs says how full the vial is, compared with what it needed some millilitres of media ago.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

FRICTION_PERCENT = 8.0
"""Duty at which a fan begins to turn: 6–12 %. Only changes of what is above it count."""
LOAD_PER_ML = 0.02
"""Relative load of one millilitre, usually: 0.0125–0.03."""
LOAD_PER_CELSIUS = -0.003
"""Warmer liquid is thinner."""
BLOCK_ML = 0.5
"""Readings of the stirrer are pooled over so much added liquid."""
RECENT_BLOCKS = 2
GAP_BLOCKS = 2
"""Between what is recent and what it is compared with: a vial that fills has to have filled somewhat."""
BASE_BLOCKS = 8
FEWEST_READINGS = 4
"""On each side."""
READING_SD = 0.006
"""Spread of one reading that is believed at least."""
CLOSEST_S = 10.0
"""Readings closer together are those of a stirrer that is still finding its speed."""
STEADY_WITHIN = 0.03
"""Of the speed aimed at; further off, the stirrer is on its way."""

DOUBTFUL, DOUBTFUL_SD = 0.02, 4.0
FULL, FULL_SD = 0.03, 5.0
"""So much more load, so many standard deviations sure."""
DRIFT_PER_H = 0.005
MAX_DRIFT = 0.02
"""What fans, rails and rooms do by themselves: the slower the dosing, the more must be seen."""
CLEARER = 6.0
"""By so much [squared standard deviations] a rise must fit better than a jump: bars and rails jump, vials fill."""


@dataclass
class Block:
    """Readings while one portion was added: logarithms of the load, without what the books explain, and their times."""

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
class Excess:
    """How much heavier the vial has become than its books explain."""

    load: float
    """Relative: 0.03 is 3 %."""
    sd: float
    rises: bool
    """Whether it came bit by bit with what was added, and not at once."""
    hours: float
    """Between what is compared."""

    @property
    def volume_ml(self) -> float:
        """What this means in mL, with the usual load of a millilitre."""
        return self.load / LOAD_PER_ML

    @property
    def is_sure(self) -> bool:
        return self._exceeds(FULL, FULL_SD)

    @property
    def is_doubtful(self) -> bool:
        return self._exceeds(DOUBTFUL, DOUBTFUL_SD)

    def _exceeds(self, load: float, sds: float) -> bool:
        least = load + min(DRIFT_PER_H * self.hours, MAX_DRIFT)
        return self.rises and self.load >= max(least, sds * self.sd)


@dataclass
class OverfillMonitor:
    """Remembers what the stirrer needed over the last portions of media. Times are seconds of one clock."""

    _blocks: deque[Block] = field(default_factory=lambda: deque([Block()], maxlen=64))
    _added_ml: float = 0.0
    _target_rpm: float | None = None
    _at_s: float = -math.inf

    def reading(
        self,
        t_s: float,
        *,
        duty_percent: float,
        rpm: float,
        target_rpm: float,
        volume_ml: float,
        celsius: float | None = None,
    ) -> None:
        """Take in a speed [rpm] at a duty [%], what the books say is in the vial, and how warm it is, if known."""
        if target_rpm != self._target_rpm:
            # At another speed the same load asks for another duty, in a way that differs between fans.
            self.forget()
            self._target_rpm = target_rpm
        soon = t_s - self._at_s < CLOSEST_S
        self._at_s = t_s
        if soon or duty_percent <= FRICTION_PERCENT or not abs(rpm - target_rpm) <= STEADY_WITHIN * target_rpm:
            return
        load = math.log((duty_percent - FRICTION_PERCENT) / rpm)
        explained = LOAD_PER_ML * volume_ml + (0.0 if celsius is None else LOAD_PER_CELSIUS * celsius)
        self._blocks[-1].add(load - explained, t_s)

    def added(self, volume_ml: float) -> None:
        """Take in that liquid was added."""
        self._added_ml += volume_ml
        while self._added_ml >= BLOCK_ML:
            self._added_ml -= BLOCK_ML
            self._blocks.append(Block())

    def forget(self) -> None:
        """Begin anew: the vial, the bar or the speed are not what they were."""
        self._blocks.clear()
        self._blocks.append(Block())
        self._added_ml = 0.0

    @property
    def excess(self) -> Excess | None:
        """Compare the last portions with those some time before; None while there is too little of either."""
        blocks = list(self._blocks)
        recent, base = blocks[-RECENT_BLOCKS:], blocks[: -RECENT_BLOCKS - GAP_BLOCKS][-BASE_BLOCKS:]
        now, before = _pooled(recent), _pooled(base)
        if min(now.count, before.count) < FEWEST_READINGS:
            return None
        spread = max(READING_SD, _spread([*recent, *base]))
        load = now.mean - before.mean
        return Excess(
            load,
            spread * math.sqrt(1 / now.count + 1 / before.count),
            rises=_rises(blocks[-RECENT_BLOCKS - GAP_BLOCKS - BASE_BLOCKS :], spread),
            hours=(now.mean_s - before.mean_s) / 3600.0,
        )


def _pooled(blocks: list[Block]) -> Block:
    return Block(
        sum(block.count for block in blocks),
        sum(block.total for block in blocks),
        sum(block.squares for block in blocks),
        sum(block.times for block in blocks),
    )


def _spread(blocks: list[Block]) -> float:
    """Return the standard deviation of readings around the mean of their block."""
    freedom = sum(block.count - 1 for block in blocks if block.count > 1)
    if freedom < 1:
        return 0.0
    squares = sum(block.squares - block.total**2 / block.count for block in blocks if block.count > 1)
    return math.sqrt(max(squares, 0.0) / freedom)


def _rises(blocks: list[Block], spread: float) -> bool:
    """Say whether the load rose with what was added, rather than at once: which of the two fits clearly better."""
    points = [(float(place), block.mean, block.count) for place, block in enumerate(blocks) if block.count]
    places = [place for place, _, _ in points]
    ramp = min(_misfit(points, [max(0.0, place - start + 0.5) for place in places]) for start in places)
    jump = min(_misfit(points, [float(place >= start) for place in places]) for start in places)
    return jump - ramp >= CLEARER * spread**2


def _misfit(points: list[tuple[float, float, int]], shape: list[float]) -> float:
    """Return the sum of squares that a level and a multiple of the shape leave, weighted by readings."""
    weight = sum(count for _, _, count in points)
    mean_y = sum(count * y for _, y, count in points) / weight
    mean_x = sum(count * x for (_, _, count), x in zip(points, shape, strict=True)) / weight
    xx = sum(count * (x - mean_x) ** 2 for (_, _, count), x in zip(points, shape, strict=True))
    xy = sum(count * (x - mean_x) * (y - mean_y) for (_, y, count), x in zip(points, shape, strict=True))
    yy = sum(count * (y - mean_y) ** 2 for _, y, count in points)
    return yy - xy * xy / xx if xx > 0 else yy
