"""Diagnosis of the light that the reference photodiode sees: LED or reference changed, or other light."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from statistics import fmean, median
from typing import Final

LIGHT_SOURCE: Final = "light_source"
STRAY_LIGHT: Final = "stray_light"
MINUTE_S: Final = 60.0
MAX_GAP_S: Final = 90.0
"""Longest time between readings that are compared: a vial may be handled in a pause."""
RECENT, GAP, BEFORE = 3, 1, 8
"""Minutes that are compared, with a gap between them, to see a step."""
MIN_STEP: Final = 0.12
"""Relative step that is reported; warming the vial by 15 K dims the reference by 8 % over ten minutes."""
HALF_HOUR: Final = 30
MIN_DRIFT: Final = 0.012
"""Relative change in each of two successive half hours that is reported. A warm-up is over within one of them."""
RETURNED: Final = 0.04

OTHER_LIGHT: Final = (
    "The reference photodiode sees {:.0f} % more light than some minutes ago, and the IR LED does not get brighter by "
    "itself: other light reaches the vial. Check that lid and cover are closed and that no lamp or sun shines on the "
    "unit; optical density is not right until then."
)
CHANGED_LIGHT: Final = (
    "The reference photodiode sees {}: the IR LED ages or its plug is loose, or the reference drifts or has moved. "
    "Optical density is divided by this light. Check that both are seated in their pockets; if it continues to change, "
    "replace the LED and calibrate OD again."
)

Report = Callable[[str, str | None], None]


class ReferenceMonitor:
    """Follows the light that the reference photodiode sees, as medians of minutes."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._minutes: deque[float] = deque(maxlen=2 * HALF_HOUR)
        self._readings: list[float] = []
        self._minute_s: float | None = None
        self._expected: float | None = None
        """ln of the level before the change that is reported."""
        self._last_s = -math.inf

    def update(self, at_s: float, volts: float) -> None:
        if at_s - self._last_s > MAX_GAP_S:
            self._minutes.clear()
            self._readings.clear()
        self._last_s = at_s
        if not volts > 0.0:
            return
        if self._minute_s is None or at_s - self._minute_s >= MINUTE_S:
            self._minute_s = at_s
            if self._readings:
                self._minutes.append(median(self._readings))
                self._readings = []
                self._judge()
        self._readings.append(math.log(volts))

    def _judge(self) -> None:
        minutes = list(self._minutes)
        if self._expected is not None:
            if len(minutes) >= RECENT and abs(fmean(minutes[-RECENT:]) - self._expected) < RETURNED:
                self._expected = None
                self._minutes.clear()
                self._report(LIGHT_SOURCE, None)
                self._report(STRAY_LIGHT, None)
        elif len(minutes) >= RECENT + GAP + BEFORE:
            self._judge_step(minutes)

    def _judge_step(self, minutes: list[float]) -> None:
        before = median(minutes[-RECENT - GAP - BEFORE : -RECENT - GAP])
        recent = minutes[-RECENT:]
        percent = 100.0 * abs(math.expm1(median(recent) - before))
        if max(recent) < before - MIN_STEP:
            self._expected = before
            self._report(LIGHT_SOURCE, CHANGED_LIGHT.format(f"{percent:.0f} % less light than some minutes ago"))
        elif min(recent) > before + MIN_STEP:
            self._expected = before
            self._report(STRAY_LIGHT, OTHER_LIGHT.format(percent))
        elif len(minutes) == 2 * HALF_HOUR:
            self._judge_drift(minutes)

    def _judge_drift(self, minutes: list[float]) -> None:
        first, middle, last = (fmean(minutes[start : start + 10]) for start in (0, HALF_HOUR - 5, 2 * HALF_HOUR - 10))
        changes = (middle - first, last - middle)
        if min(changes) >= MIN_DRIFT or max(changes) <= -MIN_DRIFT:
            self._expected = first
            percent = 100.0 * math.expm1(last - first)
            self._report(
                LIGHT_SOURCE, CHANGED_LIGHT.format(f"light that changed steadily by {percent:+.1f} % in an hour")
            )
