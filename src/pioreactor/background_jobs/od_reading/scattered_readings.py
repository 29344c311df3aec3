"""Diagnosis of readings that scatter more than before: bubbles, foam, a vial that is not seated."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from statistics import median
from typing import Final

from pioreactor.types import PdChannel

SCATTER: Final = "scattered_readings"
MINUTE_S: Final = 60.0
MIN_SCATTER, MIN_INCREASE = 0.03, 2.5
"""Median difference of successive readings of ln OD that is reported, and how many times the usual one it must be."""
CALM: Final = 1.5
USUAL_MINUTES: Final = 120
DIFFERENCES: Final = 48
"""Number of successive differences in the median: four minutes at a reading each 5 s."""


class ScatterMonitor:
    """Follows how much successive readings differ, in the calmest channel."""

    def __init__(self, report: Callable[[str, str | None], None]) -> None:
        self._report = report
        self._last: Mapping[PdChannel, float] = {}
        self._differences: deque[float] = deque(maxlen=DIFFERENCES)
        self._usual: deque[float] = deque(maxlen=USUAL_MINUTES)
        self._at_s = -math.inf
        self._is_reported = False

    def begin(self) -> None:
        """Compare no reading with those before a pause."""
        self._last = {}

    def update(self, at_s: float, levels: Mapping[PdChannel, float]) -> None:
        """Use one reading of each channel."""
        logs = {channel: math.log(level) for channel, level in levels.items() if level > 0.0}
        differences = [abs(value - self._last[channel]) for channel, value in logs.items() if channel in self._last]
        self._last = logs
        if differences:
            self._differences.append(min(differences))
        if at_s - self._at_s >= MINUTE_S and len(self._differences) == DIFFERENCES:
            self._at_s = at_s
            self._judge(median(self._differences))

    def _judge(self, scatter: float) -> None:
        usual = median(self._usual) if len(self._usual) >= DIFFERENCES // 4 else math.inf
        if scatter > MIN_SCATTER and scatter > MIN_INCREASE * usual:
            if not self._is_reported:
                self._is_reported = True
                self._report(
                    SCATTER,
                    f"Readings of optical density scatter {scatter / usual:.0f} times as much as before: bubbles or "
                    "foam in the light path, a vial that is not seated, or a stir bar that jumps. Look at the vial; "
                    "stir more slowly, add an antifoam, or press the vial down.",
                )
            return
        if self._is_reported and scatter < CALM * usual:
            self._is_reported = False
            self._report(SCATTER, None)
        if not self._is_reported:
            self._usual.append(scatter)
