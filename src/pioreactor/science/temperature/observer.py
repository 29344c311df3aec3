"""Estimate of the liquid's temperature from the heater board's thermometer and the heater's power.

An extended Kalman filter over board, wall, liquid, room, and this unit's own conductances. The board's response to
changes of the heater identifies the conductance to the liquid; warm-up and heat balance identify the losses.
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
"""Standard deviation of one reading [°C]: noise of 0.03 and quantization of 0.0625."""
SPREAD_OF_UNITS: Final = 0.15
"""Logarithmic standard deviation of each conductance between units."""
CAPACITY_SPREAD: Final = 0.05
VOLUME_SPREAD: Final = 0.015
"""The same for heat capacities, and for the error of the assumed volume."""
SPREADS: Final = (CAPACITY_SPREAD, CAPACITY_SPREAD, VOLUME_SPREAD, *(SPREAD_OF_UNITS,) * 5)
"""Prior standard deviations of the properties, in the order of `Plant.scaled`."""
MAX_DEVIATION_SD: Final = 4.0
"""Bound on the deviation of a property from its nominal value [standard deviations]."""
TYPICAL_ROOM: Final = 23.0
ROOM_SD: Final = 3.0
"""Laboratories: 18–28 °C."""
AT_REST_UP_TO: Final = 28.0
"""A board below this at the start [°C] is probably at room temperature."""
AT_REST_ROOM_SD: Final = 1.0
WALL_SD: Final = 0.5
LIQUID_SD: Final = 0.7
WALL_SHARE: Final = 0.25
LIQUID_SHARE: Final = 0.5
"""Standard deviations of a warm start, as fractions of the board's excess over the typical room temperature."""

INTERRUPTION_SD: Final = 0.1
"""Standard deviation added to board, wall and liquid for an interruption [°C]."""

# Process noise: weather, evaporation, changes of stirring, and model error of three nodes.
ROOM_PROCESS_NOISE_K_PER_SQRT_H: Final = 1.0
LIQUID_PROCESS_NOISE_K_PER_SQRT_H: Final = 0.1
BOARD_PROCESS_NOISE_K_PER_SQRT_H: Final = 0.3
PROPERTY_PROCESS_NOISE_PER_SQRT_H: Final = 0.003

# Properties are estimated only while the heater's power changes, and for the response time of the liquid. A heater that
# merely follows the noise of the estimate provides no excitation: a filter that learns from it drifts by 0.5 to 0.9 °C
# over a day at rest.
EXCITATION_SHARE: Final = 0.2
"""Deviation of power from its running mean [fraction of full power] that counts as excitation."""
MEAN_POWER_S: Final = 600.0
RESPONSE_S: Final = 300.0
HEAT_RECOVERY_S: Final = 60.0
"""Time within which the heater makes up for heat taken by cold media [s]."""

INNOVATION_SMOOTHING: Final = 0.05
INNOVATION_THRESHOLD: Final = 0.7
"""Running mean of normalized innovations, about four of its standard deviations, that indicates a change."""
ROOM_PROCESS_NOISE_IN_DRAFT: Final = 10.0
"""Process noise of the room while innovations exceed the threshold [K per square root of an hour]."""

RELINEARIZE_BEYOND: Final = 0.01
"""Change of the logarithm of a property after which the model is linearized again."""
DIFFERENCE_STEP: Final = 1e-4
GATE_SD: Final = 5.0
"""Innovations are clipped to this many standard deviations."""
MAX_OUTLIERS_IN_A_ROW: Final = 2
"""Beyond this many in a row the forecast is assumed to be wrong, and the observer is reset."""


@dataclass(frozen=True, slots=True)
class _Linear:
    """Transition at one set of properties, and its derivative by each of them."""

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
class PropertySnapshot:
    """Estimated properties of a unit: logarithms relative to the nominal ones, and their covariance."""

    logarithms: Vector
    covariance: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """State of an observer: temperatures [°C], properties (logarithms), and their covariance."""

    values: Vector
    covariance: tuple[Vector, ...]


class LiquidObserver:
    """Observer: call `advance` for elapsed time, `update` for each board reading, `add_liquid` for added media."""

    def __init__(self, nominal: Plant, board_celsius: float) -> None:
        self.nominal = nominal
        self._x = [board_celsius] * FIRST + [0.0] * PROPERTIES
        self._p = [[SPREADS[i - FIRST] ** 2 if i == j >= FIRST else 0.0 for j in range(SIZE)] for i in range(SIZE)]
        self._linear: _Linear | None = None
        self.reset(board_celsius)

    def reset(self, board_celsius: float) -> None:
        """Reset the temperatures to this reading; keep the estimated properties of the unit."""
        room = board_celsius
        sds = [READING_SD, WALL_SD, LIQUID_SD, AT_REST_ROOM_SD]
        if board_celsius > AT_REST_UP_TO:
            # Either the culture is as warm, or the heater was on recently and board and liquid differ widely.
            room = TYPICAL_ROOM
            above = board_celsius - TYPICAL_ROOM
            sds = [READING_SD, WALL_SHARE * above, LIQUID_SHARE * above, ROOM_SD]
        self._x[:FIRST] = [board_celsius] * 3 + [room]
        for i, sd in enumerate(sds):
            self._decorrelate(i)
            self._p[i][i] = sd**2
        self._mean_innovation = 0.0
        self._outliers = 0
        self._mean_power_w: float | None = None
        """Running mean of the heater's power [W]."""
        self._media_heat_j = 0.0
        """Heat recently taken by media [J]; their temperature is uncertain, so it does not count as excitation."""
        self._since_excitation_s = 0.0
        """Time since the last excitation by the heater [s]."""

    def _decorrelate(self, i: int) -> None:
        """Set the covariances of one state with all states to zero."""
        self._p[i] = [0.0] * SIZE
        for row in self._p:
            row[i] = 0.0

    # ---- estimates -----------------------------------------------------------------------------------------

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
        """Plant with this unit's estimated properties."""
        return self.nominal.scaled(tuple(self._x[FIRST:]))

    # ---- time, readings, liquid ----------------------------------------------------------------------------

    def advance(self, duration_s: float, duty_percent: float, volume_ml: float) -> None:
        """Predict the state after `duration_s` at a constant duty [%] and volume [mL]."""
        while duration_s > 1e-6:
            part_s = STEP_S if abs(duration_s - STEP_S) < 0.05 or duration_s > 1.5 * STEP_S else duration_s
            self._detect_excitation(part_s, self.nominal.power_w(duty_percent))
            self._advance(part_s, self.nominal.power_w(duty_percent), volume_ml)
            duration_s -= part_s

    def update(self, board_celsius: float) -> float:
        """Update the estimate with a reading; return the normalized innovation [standard deviations]."""
        p = self._p
        column = p[BOARD]
        variance = column[BOARD] + READING_SD**2
        innovation = board_celsius - self._x[BOARD]
        sds = innovation / math.sqrt(variance)
        if abs(sds) > GATE_SD:
            self._outliers += 1
            if self._outliers > MAX_OUTLIERS_IN_A_ROW:
                self.reset(board_celsius)
                return sds
            innovation *= GATE_SD / abs(sds)
        else:
            self._outliers = 0
        self._mean_innovation += INNOVATION_SMOOTHING * (max(-GATE_SD, min(GATE_SD, sds)) - self._mean_innovation)
        self._correct(innovation, [c / variance for c in column])
        return sds

    def _correct(self, innovation: float, gains: list[float]) -> None:
        """Correct the estimate. Properties without excitation keep their values and covariance.

        Temperatures are corrected all the same, including that uncertainty (Schmidt–Kalman filter).
        """
        p, learned = self._p, SIZE if self._since_excitation_s <= RESPONSE_S else FIRST
        column = p[BOARD]
        for i in range(learned):
            self._x[i] += gains[i] * innovation
        for k, spread in enumerate(SPREADS, FIRST):
            self._x[k] = max(-MAX_DEVIATION_SD * spread, min(MAX_DEVIATION_SD * spread, self._x[k]))
        self._p = [[q - g * c for q, c in zip(row, column, strict=True)] for row, g in zip(p, gains, strict=True)]
        for i in range(learned, SIZE):
            self._p[i][FIRST:] = p[i][FIRST:]

    def _detect_excitation(self, duration_s: float, power_w: float) -> None:
        """Update the running mean of the heater's power and detect excitation."""
        mean_power_w = power_w if self._mean_power_w is None else self._mean_power_w
        explained_w = EXCITATION_SHARE * self.nominal.heater_w + self._media_heat_j / HEAT_RECOVERY_S
        is_excited = abs(power_w - mean_power_w) > explained_w
        self._media_heat_j *= math.exp(-duration_s / RESPONSE_S)
        self._since_excitation_s = 0.0 if is_excited else self._since_excitation_s + duration_s
        self._mean_power_w = mean_power_w + (power_w - mean_power_w) * min(1.0, duration_s / MEAN_POWER_S)

    def add_liquid(self, added_ml: float, volume_before_ml: float) -> None:
        """Mix in liquid at room temperature, such as media from a bottle."""
        if added_ml <= 0.0:
            return
        kept = volume_before_ml / (volume_before_ml + added_ml)
        x, p = self._x, self._p
        before, room = x[LIQUID], x[ROOM]
        self._media_heat_j += WATER_J_PER_ML_K * added_ml * abs(before - room)
        x[LIQUID] = kept * before + (1.0 - kept) * room
        row = [kept * a + (1.0 - kept) * b for a, b in zip(p[LIQUID], p[ROOM], strict=True)]
        corner = kept * row[LIQUID] + (1.0 - kept) * row[ROOM]
        # Media may be warmer or colder than the room, and pumps have an error of a few percent.
        added_sd = (1.0 - kept) * (1.0 + 0.1 * abs(before - room))
        row[LIQUID] = corner + added_sd**2
        for other, value in enumerate(row):
            p[LIQUID][other] = value
            p[other][LIQUID] = value

    # ---- rollback of wrong readings --------------------------------------------------------------------------

    def snapshot(self) -> PropertySnapshot:
        """Return the estimated properties of this unit."""
        return PropertySnapshot(tuple(self._x[FIRST:]), tuple(tuple(row[FIRST:]) for row in self._p[FIRST:]))

    def rollback(self, snapshot: PropertySnapshot) -> None:
        """Restore the properties of a snapshot, discarding readings since then."""
        self._x[FIRST:] = snapshot.logarithms
        for i, row in enumerate(snapshot.covariance, FIRST):
            self._decorrelate(i)
            self._p[i][i] = 0.0
            for j, value in enumerate(row, FIRST):
                if j <= i:
                    self._p[i][j] = self._p[j][i] = value

    # ---- continuation between runs --------------------------------------------------------------------------

    def estimate(self) -> Estimate:
        """Return the state of the observer."""
        return Estimate(tuple(self._x), tuple(tuple(row) for row in self._p))

    def restore(self, estimate: Estimate) -> None:
        """Continue from an earlier estimate, with added uncertainty for the interruption."""
        self._x = list(estimate.values)
        self._p = [list(row) for row in estimate.covariance]
        for i in (BOARD, WALL, LIQUID):
            self._p[i][i] += INTERRUPTION_SD**2

    def add_heat_uncertainty(self, sd_j: float) -> None:
        """Add uncertainty of the heat supplied just now, by its standard deviation [J]."""
        self._p[BOARD][BOARD] += (sd_j / self.plant.board_j_k) ** 2

    # ---- implementation ------------------------------------------------------------------------------------

    def _linearize(self, duration_s: float, volume_ml: float) -> _Linear:
        known = self._linear
        logarithms = tuple(self._x[FIRST:])
        if (
            known is not None
            and known.duration_s == duration_s
            and abs(known.volume_ml - volume_ml) < 0.01
            and all(abs(a - b) < RELINEARIZE_BEYOND for a, b in zip(known.logarithms, logarithms, strict=True))
        ):
            return known
        step = step_of(self.nominal.scaled(logarithms), volume_ml, duration_s)
        slopes = []
        for which in range(PROPERTIES):
            moved = tuple(x + DIFFERENCE_STEP * (i == which) for i, x in enumerate(logarithms))
            changed = step_of(self.nominal.scaled(moved), volume_ml, duration_s)
            slopes.append(_difference(changed, step, DIFFERENCE_STEP))
        self._linear = _Linear(logarithms, volume_ml, duration_s, step, tuple(slopes))
        return self._linear

    def _advance(self, duration_s: float, power_w: float, volume_ml: float) -> None:
        linear = self._linearize(duration_s, volume_ml)
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
        p[BOARD][BOARD] += BOARD_PROCESS_NOISE_K_PER_SQRT_H**2 * hours
        p[WALL][WALL] += BOARD_PROCESS_NOISE_K_PER_SQRT_H**2 * hours
        p[LIQUID][LIQUID] += LIQUID_PROCESS_NOISE_K_PER_SQRT_H**2 * hours
        process_noise = (
            ROOM_PROCESS_NOISE_IN_DRAFT
            if abs(self._mean_innovation) > INNOVATION_THRESHOLD
            else ROOM_PROCESS_NOISE_K_PER_SQRT_H
        )
        p[ROOM][ROOM] += process_noise**2 * hours
        for k in range(FIRST, SIZE):
            p[k][k] += PROPERTY_PROCESS_NOISE_PER_SQRT_H**2 * hours
