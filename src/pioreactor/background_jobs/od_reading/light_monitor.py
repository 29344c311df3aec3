"""Diagnosis of the light path: LED or reference changed, other light, readings that scatter, and a vial that moved."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from statistics import fmean, median
from typing import Final

from pioreactor.types import PdChannel

LIGHT_SOURCE: Final = "light_source"
STRAY_LIGHT: Final = "stray_light"
SCATTER: Final = "scattered_readings"
VIAL: Final = "vial_moved"
MINUTE_S: Final = 60.0
RECENT, GAP, BEFORE = 3, 1, 8
"""Minutes that are compared, with a gap between them, to see a step."""
MIN_STEP: Final = 0.12
"""Relative step of the reference that is reported; warming the vial by 15 K dims it by 8 % over ten minutes."""
HALF_HOUR: Final = 30
MIN_DRIFT: Final = 0.012
"""Relative change in each of two successive half hours that is reported. A warm-up is over within one of them."""
RETURNED: Final = 0.04
MIN_SCATTER, MIN_INCREASE = 0.03, 2.5
"""Median difference of successive readings of ln OD that is reported, and how many times the usual one it must be."""
CALM: Final = 1.5
USUAL_MINUTES: Final = 120
DIFFERENCES: Final = 48
"""Number of successive differences in the median: four minutes at a reading each 5 s."""

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

    def update(self, at_s: float, volts: float) -> None:
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
            if abs(fmean(minutes[-RECENT:]) - self._expected) < RETURNED:
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
            self._report(LIGHT_SOURCE, _of_source(f"{percent:.0f} % less light than some minutes ago"))
        elif min(recent) > before + MIN_STEP:
            self._expected = before
            self._report(
                STRAY_LIGHT,
                f"The reference photodiode sees {percent:.0f} % more light than some minutes ago, and the IR LED does "
                "not get brighter by itself: other light reaches the vial. Check that lid and cover are closed and "
                "that no lamp or sun shines on the unit; optical density is not right until then.",
            )
        elif len(minutes) == 2 * HALF_HOUR:
            self._judge_drift(minutes)

    def _judge_drift(self, minutes: list[float]) -> None:
        first, middle, last = (fmean(minutes[start : start + 10]) for start in (0, HALF_HOUR - 5, 2 * HALF_HOUR - 10))
        changes = (middle - first, last - middle)
        if min(changes) >= MIN_DRIFT or max(changes) <= -MIN_DRIFT:
            self._expected = first
            percent = 100.0 * math.expm1(last - first)
            self._report(LIGHT_SOURCE, _of_source(f"light that changed steadily by {percent:+.1f} % in an hour"))


def _of_source(what: str) -> str:
    return (
        f"The reference photodiode sees {what}: the IR LED ages or its plug is loose, or the reference drifts or has "
        "moved. Optical density is divided by this light. Check that both are seated in their pockets; if it continues "
        "to change, replace the LED and calibrate OD again."
    )


class ScatterMonitor:
    """Follows how much successive readings differ, in the calmest channel."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last: Mapping[PdChannel, float] = {}
        self._differences: deque[float] = deque(maxlen=DIFFERENCES)
        self._usual: deque[float] = deque(maxlen=USUAL_MINUTES)
        self._at_s = -math.inf
        self._is_reported = False

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


class VialMonitor:
    """Looks for steps of the signals that neither doses nor the light source explain."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._dosed = 0.0
        self._readings: deque[tuple[float, float, float]] = deque(maxlen=2 * STEP_READINGS + STEP_GAP)
        """ln of the signals, of the reference, and the fall of ln OD by all doses so far."""
        self._reported_s: float | None = None

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


class LightMonitor:
    """Diagnosis of the light path from each reading of all photodiodes."""

    def __init__(self, report: Report) -> None:
        """`report` takes the name of a diagnosis and a sentence, None when it is withdrawn."""
        self._report = report
        self._reference, self._scatter = ReferenceMonitor(report), ScatterMonitor(report)
        self._vial = VialMonitor(report)

    def restart(self) -> None:
        """Begin anew, after the intensity of the IR LED was changed."""
        for name in (LIGHT_SOURCE, STRAY_LIGHT, SCATTER, VIAL):
            self._report(name, None)
        self._reference, self._scatter = ReferenceMonitor(self._report), ScatterMonitor(self._report)
        self._vial = VialMonitor(self._report)

    def add_dose(self, volume_ml: float, vial_volume_ml: float) -> None:
        """Add a dose to a vial that holds so much after it."""
        self._vial.add_dose(-math.log1p(-min(volume_ml / max(vial_volume_ml, 1.0), 0.9)))

    def update(self, at_s: float, volts: Mapping[PdChannel, float], reference: PdChannel | None) -> None:
        """Use one reading [V] of each photodiode; `reference` names that of the reference, if there is one."""
        signals = {channel: level for channel, level in volts.items() if channel != reference}
        if reference is not None:
            self._reference.update(at_s, volts[reference])
        self._scatter.update(at_s, signals)
        self._vial.update(at_s, signals, None if reference is None else volts[reference])
