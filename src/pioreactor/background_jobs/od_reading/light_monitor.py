"""Diagnosis of the light path from each reading of all photodiodes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from pioreactor.background_jobs.od_reading.moved_vial import VIAL, VialMonitor
from pioreactor.background_jobs.od_reading.reference_light import LIGHT_SOURCE, STRAY_LIGHT, ReferenceMonitor, Report
from pioreactor.background_jobs.od_reading.scattered_readings import SCATTER, ScatterMonitor
from pioreactor.types import PdChannel

MAX_INTERVAL_S: Final = 20.0
"""Longest time between readings of the culture that are compared, in which it hardly grows."""


class LightMonitor:
    """Diagnosis of the light path from each reading of all photodiodes."""

    def __init__(self, report: Report) -> None:
        """`report` takes the name of a diagnosis and a sentence, None when it is withdrawn."""
        self._report = report
        self._reference, self._scatter = ReferenceMonitor(report), ScatterMonitor(report)
        self._vial = VialMonitor(report)
        self._last_s = -math.inf

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
        if at_s - self._last_s > MAX_INTERVAL_S:
            self._scatter.begin()
            self._vial.begin()
        self._last_s = at_s
        self._scatter.update(at_s, signals)
        self._vial.update(at_s, signals, None if reference is None else volts[reference])
