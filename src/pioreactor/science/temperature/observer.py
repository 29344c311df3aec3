"""The liquid's temperature, inferred from what the heater board shows and what the heater did.

An extended Kalman filter over board, wall, liquid, room, and this unit's own conductances. The board's answer to
changes of the heater tells how well heat passes to the liquid; the warm-up and the balance of heat tell the losses.
Plain Python, about a tenth of a millisecond for a reading on a desktop computer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import mul
from typing import Final

from pioreactor.science.temperature.plant import PROPERTIES, WATER_J_PER_ML_K, Plant, Step, Vector, step_of

BOARD, WALL, LIQUID, ROOM, FIRST = 0, 1, 2, 3, 4
SIZE: Final = FIRST + PROPERTIES

STEP_S: Final = 5.0
READING_SD: Final = 0.04
"""One reading [°C]: 0.03 of noise, and steps of 0.0625."""
SPREAD_OF_UNITS: Final = 0.15
"""Logarithmic standard deviation of each conductance between units."""
CAPACITY_SPREAD: Final = 0.05
VOLUME_SPREAD: Final = 0.015
"""The same for heat capacities, and for how far the volume is from what is believed."""
SPREADS: Final = (CAPACITY_SPREAD, CAPACITY_SPREAD, VOLUME_SPREAD, *(SPREAD_OF_UNITS,) * 5)
"""Of the properties, in the order of `Plant.scaled`."""
BELIEVABLE: Final = 4.0
"""No property is taken to be more of its standard deviations away from the nominal one."""
USUAL_ROOM: Final = 23.0
ROOM_SD: Final = 3.0
"""Laboratories: 18–28 °C."""
AT_REST_UP_TO: Final = 28.0
"""A board that shows less when observation begins is probably as warm as the room."""
AT_REST_ROOM_SD: Final = 1.0
WALL_SD: Final = 0.5
LIQUID_SD: Final = 0.7
WALL_SHARE: Final = 0.25
LIQUID_SHARE: Final = 0.5
"""Standard deviations of a warm start, as parts of how far the board is above the usual room."""

INTERRUPTION_SD: Final = 0.1
"""What may have happened to wall and liquid while nobody looked [°C]."""

# How far each may wander by itself: weather, evaporation, a bar that stirs better, what three nodes cannot say.
ROOM_WALK_K_PER_SQRT_H: Final = 1.0
LIQUID_WALK_K_PER_SQRT_H: Final = 0.1
BOARD_WALK_K_PER_SQRT_H: Final = 0.3
GAIN_WALK_PER_SQRT_H: Final = 0.003

# Properties are learned while the heater's power changes, and for as long as the liquid takes to answer. A heater that
# merely follows the estimate's own noise teaches nothing that is true: over a day at rest a filter that believes it
# drifts by 0.5 to 0.9 °C.
LESSON_SHARE: Final = 0.2
"""Power that is so far from its usual one [part of full power] teaches."""
USUAL_POWER_S: Final = 600.0
ANSWER_S: Final = 300.0
MADE_UP_S: Final = 60.0
"""Heat that cold media took is supplied within about this time."""

SURPRISE_SHARE: Final = 0.05
SURPRISED_BEYOND: Final = 0.7
"""Running mean of surprises [standard deviations], about four of its own, beyond which something must have changed."""
ROOM_WALK_IN_DRAUGHT: Final = 10.0
"""While readings surprise so, the room is given this much more freedom [K per square root of an hour]."""

RELINEARISE_BEYOND: Final = 0.01
"""Conductances are taken anew when the logarithm of one has moved so far."""
SMALLEST_CHANGE: Final = 1e-4
GATE_SD: Final = 5.0
"""Readings further from the forecast move the estimate no more than one at this distance."""
OUTLIERS_IN_A_ROW: Final = 2
"""More than these are no outliers: it was the forecast that was wrong, and observation begins again."""


@dataclass(frozen=True, slots=True)
class _Linear:
    """The step at one set of conductances and how it changes with each."""

    logarithms: Vector
    volume_ml: float
    duration_s: float
    step: Step
    slopes: tuple[Step, ...]


def _difference(a: Step, b: Step, by: float) -> Step:
    return Step(
        tuple(tuple((x - y) / by for x, y in zip(p, q, strict=True)) for p, q in zip(a.matrix, b.matrix, strict=True)),
        tuple((x - y) / by for x, y in zip(a.per_watt, b.per_watt, strict=True)),
    )


@dataclass(frozen=True, slots=True)
class Lesson:
    """A unit's own properties: logarithms relative to the nominal ones, and how well they are known."""

    logarithms: Vector
    covariance: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """All that an observer knows: temperatures [°C] and properties (logarithms), and how well."""

    values: Vector
    covariance: tuple[Vector, ...]


class LiquidObserver:
    """Call `advance` for time that has passed, `see` for each reading of the board, `pour` for liquid that came in."""

    def __init__(self, nominal: Plant, board_celsius: float) -> None:
        self.nominal = nominal
        self._x = [board_celsius] * FIRST + [0.0] * PROPERTIES
        self._p = [[SPREADS[i - FIRST] ** 2 if i == j >= FIRST else 0.0 for j in range(SIZE)] for i in range(SIZE)]
        self._linear: _Linear | None = None
        self.begin_again(board_celsius)

    def begin_again(self, board_celsius: float) -> None:
        """Assume nothing but this reading of the temperatures; keep what has been learned about the unit."""
        room = board_celsius
        sds = [READING_SD, WALL_SD, LIQUID_SD, AT_REST_ROOM_SD]
        if board_celsius > AT_REST_UP_TO:
            # Either the culture is as warm, or the heater was on just now and board and liquid are far apart.
            room = USUAL_ROOM
            above = board_celsius - USUAL_ROOM
            sds = [READING_SD, WALL_SHARE * above, LIQUID_SHARE * above, ROOM_SD]
        self._x[:FIRST] = [board_celsius] * 3 + [room]
        for i, sd in enumerate(sds):
            self._separate(i)
            self._p[i][i] = sd**2
        self._surprise = 0.0
        self._outliers = 0
        self._usual_w: float | None = None
        """Running mean of the heater's power [W]."""
        self._poured_j = 0.0
        """Heat that media took of late; how cold they were is not known well, so what it costs teaches nothing."""
        self._taught_s = 0.0
        """How long ago the heater's power last changed enough to teach [s]."""

    def _separate(self, i: int) -> None:
        """Forget how one state goes with the others."""
        self._p[i] = [0.0] * SIZE
        for row in self._p:
            row[i] = 0.0

    # ---- what is known -------------------------------------------------------------------------------------

    @property
    def liquid_celsius(self) -> float:
        return self._x[LIQUID]

    @property
    def liquid_sd(self) -> float:
        """Standard deviation of the estimate [°C], the thermometer's own offset (±0.25) not counted."""
        return math.sqrt(self._p[LIQUID][LIQUID])

    @property
    def board_celsius(self) -> float:
        return self._x[BOARD]

    @property
    def wall_celsius(self) -> float:
        return self._x[WALL]

    @property
    def room_celsius(self) -> float:
        return self._x[ROOM]

    @property
    def plant(self) -> Plant:
        """This unit's plant, as far as it has shown itself."""
        return self.nominal.scaled(tuple(self._x[FIRST:]))

    # ---- time, readings, liquid ----------------------------------------------------------------------------

    def advance(self, duration_s: float, duty_percent: float, volume_ml: float) -> None:
        """Forecast; the heater had this mean duty all the while."""
        while duration_s > 1e-6:
            part_s = STEP_S if abs(duration_s - STEP_S) < 0.05 or duration_s > 1.5 * STEP_S else duration_s
            self._notice_change(part_s, self.nominal.power_w(duty_percent))
            self._advance(part_s, self.nominal.power_w(duty_percent), volume_ml)
            duration_s -= part_s

    def see(self, board_celsius: float) -> float:
        """Take in a reading; return how far it was from the forecast [standard deviations]."""
        p = self._p
        column = p[BOARD]
        variance = column[BOARD] + READING_SD**2
        surprise = board_celsius - self._x[BOARD]
        sds = surprise / math.sqrt(variance)
        if abs(sds) > GATE_SD:
            self._outliers += 1
            if self._outliers > OUTLIERS_IN_A_ROW:
                self.begin_again(board_celsius)
                return sds
            surprise *= GATE_SD / abs(sds)
        else:
            self._outliers = 0
        self._surprise += SURPRISE_SHARE * (max(-GATE_SD, min(GATE_SD, sds)) - self._surprise)
        self._correct(surprise, [c / variance for c in column])
        return sds

    def _correct(self, surprise: float, gains: list[float]) -> None:
        """Move the estimate. Properties that cannot be learned at present keep their values and their doubt.

        Temperatures are corrected in the same way nevertheless, that doubt included (Schmidt's filter).
        """
        p, learned = self._p, SIZE if self._taught_s <= ANSWER_S else FIRST
        column = p[BOARD]
        for i in range(learned):
            self._x[i] += gains[i] * surprise
        for k, spread in enumerate(SPREADS, FIRST):
            self._x[k] = max(-BELIEVABLE * spread, min(BELIEVABLE * spread, self._x[k]))
        self._p = [[q - g * c for q, c in zip(row, column, strict=True)] for row, g in zip(p, gains, strict=True)]
        for i in range(learned, SIZE):
            self._p[i][FIRST:] = p[i][FIRST:]

    def _notice_change(self, duration_s: float, power_w: float) -> None:
        """Follow the heater's usual power, to know when it differs enough to teach."""
        usual_w = power_w if self._usual_w is None else self._usual_w
        explained_w = LESSON_SHARE * self.nominal.heater_w + self._poured_j / MADE_UP_S
        far = abs(power_w - usual_w) > explained_w
        self._poured_j *= math.exp(-duration_s / ANSWER_S)
        self._taught_s = 0.0 if far else self._taught_s + duration_s
        self._usual_w = usual_w + (power_w - usual_w) * min(1.0, duration_s / USUAL_POWER_S)

    def pour(self, added_ml: float, volume_before_ml: float) -> None:
        """Mix in liquid that has the room's temperature, such as media from a bottle."""
        if added_ml <= 0.0:
            return
        kept = volume_before_ml / (volume_before_ml + added_ml)
        x, p = self._x, self._p
        before, room = x[LIQUID], x[ROOM]
        self._poured_j += WATER_J_PER_ML_K * added_ml * abs(before - room)
        x[LIQUID] = kept * before + (1.0 - kept) * room
        row = [kept * a + (1.0 - kept) * b for a, b in zip(p[LIQUID], p[ROOM], strict=True)]
        corner = kept * row[LIQUID] + (1.0 - kept) * row[ROOM]
        # Media may be warmer or colder than the room, and pumps are wrong by a few per cent.
        doubt = (1.0 - kept) * (1.0 + 0.1 * abs(before - room))
        row[LIQUID] = corner + doubt**2
        for other, value in enumerate(row):
            p[LIQUID][other] = value
            p[other][LIQUID] = value

    # ---- readings that turned out to be wrong ----------------------------------------------------------------

    def lesson(self) -> Lesson:
        """Return what has been learned about this unit so far."""
        return Lesson(tuple(self._x[FIRST:]), tuple(tuple(row[FIRST:]) for row in self._p[FIRST:]))

    def unlearn(self, lesson: Lesson) -> None:
        """Go back to what was known of the unit: readings since then were false."""
        self._x[FIRST:] = lesson.logarithms
        for i, row in enumerate(lesson.covariance, FIRST):
            self._separate(i)
            self._p[i][i] = 0.0
            for j, value in enumerate(row, FIRST):
                if j <= i:
                    self._p[i][j] = self._p[j][i] = value

    # ---- from one run to the next ---------------------------------------------------------------------------

    def estimate(self) -> Estimate:
        return Estimate(tuple(self._x), tuple(tuple(row) for row in self._p))

    def take_over(self, estimate: Estimate) -> None:
        """Go on from what was known; for the moment between, wall and liquid are doubted a little more."""
        self._x = list(estimate.values)
        self._p = [list(row) for row in estimate.covariance]
        for i in (BOARD, WALL, LIQUID):
            self._p[i][i] += INTERRUPTION_SD**2

    def doubt_heat(self, sd_j: float) -> None:
        """Admit that just now the heater may have given more or less than was said, by this standard deviation [J]."""
        self._p[BOARD][BOARD] += (sd_j / self.plant.board_j_k) ** 2

    # ---- how it works --------------------------------------------------------------------------------------

    def _linearised(self, duration_s: float, volume_ml: float) -> _Linear:
        known = self._linear
        here = tuple(self._x[FIRST:])
        if (
            known is not None
            and known.duration_s == duration_s
            and abs(known.volume_ml - volume_ml) < 0.01
            and all(abs(a - b) < RELINEARISE_BEYOND for a, b in zip(known.logarithms, here, strict=True))
        ):
            return known
        step = step_of(self.nominal.scaled(here), volume_ml, duration_s)
        slopes = []
        for which in range(PROPERTIES):
            moved = tuple(x + SMALLEST_CHANGE * (i == which) for i, x in enumerate(here))
            changed = step_of(self.nominal.scaled(moved), volume_ml, duration_s)
            slopes.append(_difference(changed, step, SMALLEST_CHANGE))
        self._linear = _Linear(here, volume_ml, duration_s, step, tuple(slopes))
        return self._linear

    def _advance(self, duration_s: float, power_w: float, volume_ml: float) -> None:
        linear = self._linearised(duration_s, volume_ml)
        x = self._x
        room = x[ROOM]
        above = (x[0] - room, x[1] - room, x[2] - room)
        shares = []
        following = []
        for i in range(3):
            row = linear.step.matrix[i]
            slopes = [
                slope.matrix[i][0] * above[0]
                + slope.matrix[i][1] * above[1]
                + slope.matrix[i][2] * above[2]
                + slope.per_watt[i] * power_w
                for slope in linear.slopes
            ]
            moved = room + sum(map(mul, row, above)) + linear.step.per_watt[i] * power_w
            for slope, now, then in zip(slopes, x[FIRST:], linear.logarithms, strict=True):
                moved += slope * (now - then)
            following.append(moved)
            shares.append([*row, 1.0 - sum(row), *slopes])
        self._x[:3] = following
        self._spread(shares, duration_s / 3600.0)

    def _spread(self, shares: list[list[float]], hours: float) -> None:
        p = self._p
        columns = p  # symmetric
        top = [[sum(map(mul, share, column)) for column in columns] for share in shares]
        for i in range(3):
            for j in range(i, 3):
                p_ij = sum(map(mul, top[i], shares[j]))
                p[i][j] = p[j][i] = p_ij
            for j in range(3, SIZE):
                p[i][j] = p[j][i] = top[i][j]
        p[BOARD][BOARD] += BOARD_WALK_K_PER_SQRT_H**2 * hours
        p[WALL][WALL] += BOARD_WALK_K_PER_SQRT_H**2 * hours
        p[LIQUID][LIQUID] += LIQUID_WALK_K_PER_SQRT_H**2 * hours
        walk = ROOM_WALK_IN_DRAUGHT if abs(self._surprise) > SURPRISED_BEYOND else ROOM_WALK_K_PER_SQRT_H
        p[ROOM][ROOM] += walk**2 * hours
        for k in range(FIRST, SIZE):
            p[k][k] += GAIN_WALK_PER_SQRT_H**2 * hours
