"""Diagnosis of a vial that was turned, moved or taken out: a step that neither doses nor the light explain."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from statistics import fmean, median
from typing import Final

from pioreactor.types import PdChannel

VIAL: Final = "vial_moved"
STEP_READINGS, STEP_GAP = 8, 4
"""Readings on each side of a step, and between them."""
MIN_VIAL_STEP, MIN_VIAL_STEP_OF_ALL = 0.3, 0.15
"""Steps of ln OD that are reported: of the medians, and of each recent reading."""
MAX_REFERENCE_STEP: Final = 0.06
DARK_VOLTS: Final = 1e-3
"""Least signal that is compared."""
NO_VIAL: Final = -2.0
VIAL_REPORTED_S: Final = 3600.0
"""A moved vial stays where it is: the diagnosis ends after an hour."""
SIGNS: Final = (1.0, -1.0)


class VialMonitor:
    """Looks for steps of the signals that neither doses nor the light source explain."""

    def __init__(self, report: Callable[[str, str | None], None]) -> None:
        self._report = report
        self._dosed = 0.0
        self._readings: deque[tuple[float, float, float]] = deque(maxlen=2 * STEP_READINGS + STEP_GAP)
        """ln of the signals, of the reference, and the fall of ln OD by all doses so far."""
        self._reported_s: float | None = None

    def begin(self) -> None:
        """Compare no reading with those before a pause."""
        self._readings.clear()

    def add_dose(self, fall: float) -> None:
        """Add a dose that lowers ln OD by `fall`."""
        self._dosed += fall

    def update(self, at_s: float, signals: Mapping[PdChannel, float], reference: float | None) -> None:
        if not signals:
            return
        level = fmean(math.log(max(volts, DARK_VOLTS)) for volts in signals.values())
        light = math.log(reference) if reference is not None and reference > 0.0 else 0.0
        self._readings.append((level, light, self._dosed))
        if self._reported_s is not None and at_s - self._reported_s >= VIAL_REPORTED_S:
            self._reported_s = None
            self._report(VIAL, None)
        if len(self._readings) == self._readings.maxlen:
            self._judge(at_s)

    def _judge(self, at_s: float) -> None:
        readings = list(self._readings)
        before, recent = readings[:STEP_READINGS], readings[-STEP_READINGS:]
        level, light, dosed = (median(column) for column in zip(*before, strict=True))
        steps = [now - level for now, _, _ in recent]
        unexplained = [step + after - dosed for step, (_, _, after) in zip(steps, recent, strict=True)]
        is_source = abs(median(now for _, now, _ in recent) - light) > MAX_REFERENCE_STEP
        if not is_source and any(
            _is_step([sign * s for s in steps], [sign * u for u in unexplained]) for sign in SIGNS
        ):
            self._readings.clear()
            self._reported_s = at_s
            self._report(VIAL, _of_vial(median(steps)))


def _is_step(steps: list[float], unexplained: list[float]) -> bool:
    least = [min(pair) for pair in zip(steps, unexplained, strict=True)]
    return median(least) > MIN_VIAL_STEP and min(least) > MIN_VIAL_STEP_OF_ALL


def _of_vial(step: float) -> str:
    if step < NO_VIAL:
        return (
            "The photodiodes have seen hardly any light from the culture for a minute: the vial is not in the unit, or "
            "holds hardly any liquid. Put it back, or stop the jobs of this unit."
        )
    return (
        f"Optical density changed by {100.0 * math.expm1(step):+.0f} % within a minute, which neither doses nor growth "
        "explain: the vial was turned or moved, its wall is wet or dirty where the light passes, or something was "
        "added. Seat the vial as it was and wipe it; after an addition on purpose, nothing needs to be done."
    )
