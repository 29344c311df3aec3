"""Announced dilutions on their way to the photodiode: mixed and seen within seconds, not at once."""

from __future__ import annotations

import math

from pioreactor.science.growth_rate.model import State

EVENT_MEMORY_S = 60.0
"""Slices of one dose share the error of their pump; after this long the next dose has its own."""
NEGLIGIBLE = 1e-7


def log_dilution(added_ml: float, vial_volume_ml: float) -> float:
    """Fall of ln OD when `added_ml` joins `vial_volume_ml`; a negative volume takes an earlier dose back."""
    if added_ml < 0:
        return -math.log1p(-added_ml / vial_volume_ml)
    return math.log1p(added_ml / vial_volume_ml)


class Dilution:
    """What has been announced, what of it the readings show already, and how sure that is.

    The vial mixes and the reader follows with a time constant of seconds. `unsettled` fades more slowly: messages
    come early or late against the liquid, so readings count less for a little longer than mixing takes.
    """

    __slots__ = ("_event", "_mixing_s", "_settling_s", "_slices", "_t_s", "pending", "square", "unsettled")

    def __init__(self, *, mixing_s: float, settling_s: float) -> None:
        self._mixing_s = mixing_s
        self._settling_s = settling_s
        self._t_s = -math.inf
        self._slices: list[tuple[float, float]] = []
        self._event = 0.0
        self.pending = self.unsettled = self.square = 0.0
        """`square`: growth since the last reading of the sum over doses of (ln dilution of the whole dose)²."""

    def announce(self, t_s: float, dilution: float) -> None:
        """Take in one slice of a dose. A slice may be older than the last reading; one in the future starts now."""
        self._slices.append((t_s, dilution))

    def release(self, t_s: float) -> float:
        """Move time forward to a reading; return the fall of ln OD that it sees, had the pumps been exact."""
        dt, self._t_s = t_s - self._t_s, t_s
        self.square = 0.0
        if self._event == 0.0 and not self._slices:
            return 0.0
        fade = math.exp(-dt / self._mixing_s)
        seen = self.pending * (1 - fade)
        self.pending *= fade
        self.unsettled *= math.exp(-dt / self._settling_s)
        self._event *= math.exp(-dt / EVENT_MEMORY_S)
        for at, dilution in self._slices:
            age = max(t_s - at, 0.0)
            left = dilution * math.exp(-age / self._mixing_s)
            seen += dilution - left
            self.pending += left
            self.unsettled += abs(dilution) * math.exp(-age / self._settling_s)
            self.square += dilution * (dilution + 2 * self._event)
            self._event += dilution
        self._slices.clear()
        self.square = max(self.square, 0.0)
        if abs(self._event) < NEGLIGIBLE:
            seen += self.pending
            self._event = self.pending = self.unsettled = 0.0
        return seen

    def set_clock(self, t_s: float) -> None:
        """Continue on a clock that was set back."""
        self._t_s = t_s
        self._slices = [(min(at, t_s), dilution) for at, dilution in self._slices]

    def state(self) -> State:
        return {
            "t_s": None if self._t_s == -math.inf else self._t_s,
            "slices": [list(each) for each in self._slices],
            "event": self._event,
            "pending": self.pending,
            "unsettled": self.unsettled,
        }

    def restore(self, state: State) -> None:
        self._t_s = -math.inf if state["t_s"] is None else state["t_s"]
        self._slices = [(at, dilution) for at, dilution in state["slices"]]
        self._event = state["event"]
        self.pending = state["pending"]
        self.unsettled = state["unsettled"]
