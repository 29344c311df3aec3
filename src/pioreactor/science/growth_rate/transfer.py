"""Liquid on its way whose time and length are not known, during which readings say nothing about growth.

A dose told as one event may take minutes and may be told at its start or its end. Growth is kept as it was while such
a dose arrives, and while OD falls faster than a culture dies: until the readings stand again. The level follows them.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from pioreactor.science.growth_rate.imm_filter_bank import Snapshot
from pioreactor.science.growth_rate.level_window import SECONDS_PER_HOUR, LevelWindow

WHOLE = 0.1
"""Fall of ln OD of one event from which on its time and length are taken as unknown: no pump does it in a second."""
STEEP_PER_H = 1.0
"""Fall of ln OD [1/h] that is taken for liquid and not for dying cells, for `LONGEST_S` at most."""
FOLLOW_SD = 0.03
"""Process noise of the level while liquid is on its way: standard deviation of ln OD from one reading to the next."""
LONGEST_S = 900.0
DYING_S = 1800.0
"""After a fall that outlasts every dose, falls are taken for dying cells for this long."""
CREDIT_S = 300.0
"""A dose told this long after a fall without an explanation is taken for its cause."""
ARRIVED = 0.5
"""Share of what is owed that must have been seen before the readings can be said to stand again."""
FALL_READINGS = 3
FALL_Z = 2.5
"""Standard deviations that each of the last readings must lie below a forecast, for a steep fall to have begun."""
COME_Z = 2.0
"""A dose that is announced when the latest reading is this far below the forecast was announced late."""
SNAPSHOT_EVERY_S = 20.0
SNAPSHOTS = 5


class Moment(NamedTuple):
    """What was known at a time: ln OD, its variance, growth rate [1/h], and the banks' filters."""

    t_s: float
    level: float
    level_var: float
    rate: float
    told: float
    """Fall of ln OD that announced doses had made by then, at the pump gain of the time."""
    banks: tuple[Snapshot, ...]

    def forecast(self, t_s: float, told: float) -> float:
        return self.level + self.rate * (t_s - self.t_s) / SECONDS_PER_HOUR - (told - self.told)


class Arrival(NamedTuple):
    """A transfer that ended: the fall of ln OD that was told and the one that was seen, with its variance."""

    told: float
    seen: float
    seen_var: float

    @property
    def tells_gain(self) -> bool:
        return self.told > 0 and 0.2 < self.seen / self.told < 5.0


class TransferWatch:
    """Tell from readings and announcements whether liquid is on its way."""

    __slots__ = (
        "_arrived",
        "_dying_until_s",
        "_ended_s",
        "_moments",
        "_noise_var",
        "_origin",
        "_owed",
        "_since_s",
        "_told",
        "_unexplained",
        "_waits",
        "_window",
    )

    def __init__(self) -> None:
        self._window = LevelWindow()
        self._moments: deque[Moment] = deque(maxlen=SNAPSHOTS)
        self._origin: Moment | None = None
        self._since_s = self._ended_s = self._dying_until_s = -math.inf
        self._owed = self._unexplained = self._arrived = self._told = self._noise_var = 0.0
        self._waits = False

    @property
    def is_on(self) -> bool:
        return self._origin is not None

    @property
    def next_moment_s(self) -> float:
        """Time [s] from which on the next moment is to be kept."""
        return self._moments[-1].t_s + SNAPSHOT_EVERY_S if self._moments else -math.inf

    def keep(self, moment: Moment) -> None:
        """Keep a moment to go back to."""
        self._moments.append(moment)

    def restart(self) -> None:
        """Forget readings and moments: the clock was set back, or the vial was changed."""
        self._window.clear()
        self._moments.clear()

    def announce(self, t_s: float, dilution: float, gain: float) -> bool:
        """Take in a dose; return whether it is accounted for here and not by its nominal time."""
        is_ours = self._expects(t_s, dilution, gain)
        self._arrived += dilution * is_ours
        return is_ours

    def _expects(self, t_s: float, dilution: float, gain: float) -> bool:
        if self.is_on or self._waits:
            self._owed += dilution
            return True
        is_whole = dilution >= WHOLE
        if is_whole and t_s - self._ended_s <= CREDIT_S and self._unexplained >= ARRIVED * gain * dilution:
            self._unexplained = 0.0
            return True
        self._waits = is_whole or (dilution > 0 and self._is_below(1, COME_Z))
        self._owed = dilution * self._waits
        return self._waits

    def take_arrived(self) -> float:
        """Return what was announced since the last reading, for growth that follows doses."""
        arrived, self._arrived = self._arrived, 0.0
        return arrived

    def begins(self, t_s: float, level: float, told: float, noise_var: float) -> Moment | None:
        """Take in a reading; return the moment to go back to if liquid is on its way since then."""
        self._window.add(t_s, level)
        self._since_s = self._since_s if self.is_on else t_s
        self._told, self._noise_var = told, noise_var
        if self.is_on or not (self._waits or self._falls(t_s)) or not self._moments:
            return None
        self._owed *= self._waits
        self._waits = False
        self._origin = self._moments[0]
        self._moments.clear()
        return self._origin

    def _falls(self, t_s: float) -> bool:
        return t_s >= self._dying_until_s and self._is_below(FALL_READINGS, FALL_Z, STEEP_PER_H)

    def _is_below(self, readings: int, z: float, steep_per_h: float = -math.inf) -> bool:
        """Return whether each of the last readings is below a forecast, having fallen at least so steeply."""
        halfway = len(self._moments) // 2
        compared = list(self._moments)[: halfway + 1 : max(halfway, 1)]
        return any(self._falls_from(each, readings, z, steep_per_h) for each in compared)

    def _falls_from(self, moment: Moment, readings: int, z: float, steep_per_h: float) -> bool:
        highest = self._window.highest_of(readings)
        passed_s = self._since_s - moment.t_s
        fall = moment.level - (self._told - moment.told) - highest
        below = moment.forecast(self._since_s, self._told) - highest
        least = z * math.sqrt(self._noise_var + moment.level_var)
        return below > least and fall > steep_per_h * passed_s / SECONDS_PER_HOUR

    def ends(self, t_s: float, gain: float) -> Arrival | None:
        """Return what arrived if the readings stand again, or if it took too long."""
        if self._origin is None:
            return None
        trend = self._window.trend(self._since_s, self._noise_var)
        seen = self._origin.forecast(trend.t_s, self._told) - trend.level
        is_steep = trend.slope_per_h < -STEEP_PER_H
        is_late = t_s - self._since_s > LONGEST_S
        if not is_late and (is_steep or seen < ARRIVED * gain * self._owed):
            return None
        self._dying_until_s = t_s + DYING_S * is_steep
        arrival = Arrival(self._owed, seen, trend.level_var)
        self._unexplained = seen if self._owed == 0.0 else 0.0
        self._ended_s = t_s
        self._owed = 0.0
        self._origin = None
        return arrival
