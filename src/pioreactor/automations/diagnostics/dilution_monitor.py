"""Diagnostic of doses that do not dilute the culture."""

from __future__ import annotations

import math

from pioreactor.automations.diagnostics.dilution_statistics import DilutionStatistics, Verdict
from pioreactor.automations.diagnostics.missing_doses import MissingDoses
from pioreactor.automations.diagnostics.ports import (
    DoseFinished,
    DoseStarting,
    Finding,
    GrowthRateEstimated,
    LiquidAdded,
    Observation,
    OpticalDensityRead,
    StirringMeasured,
)

MIN_VIAL_VOLUME_ML = 1.0
MIN_MIXING = 0.5
"""Below this fraction of its target speed the stir bar does not mix doses with what the photodiode sees."""


class DilutionMonitor:
    """Compares the fall of OD after each dose with the dosed volume. `sources` names the bottles in messages."""

    name = "dilution"

    def __init__(self, sources: str) -> None:
        self._sources = sources
        self._statistics = DilutionStatistics(MissingDoses())
        self._expected_fall = self._added_s = 0.0
        self._warned_of_no_effect = False

    def observe(self, observation: Observation) -> list[Finding]:
        match observation:
            case OpticalDensityRead(at_s, od):
                self._statistics.add_reading(at_s, od)
            case GrowthRateEstimated(at_s, growth_per_h):
                self._statistics.add_growth_rate(at_s, growth_per_h)
            case StirringMeasured(at_s, _, rpm, target_rpm) if rpm < MIN_MIXING * target_rpm:
                self._statistics.exclude(at_s)
            case DoseStarting(at_s):
                return self._start_dose(at_s)
            case LiquidAdded(at_s, volume_ml, vial_volume_ml):
                self._expected_fall += math.log1p(volume_ml / max(vial_volume_ml, MIN_VIAL_VOLUME_ML))
                self._added_s = at_s
            case DoseFinished(started_s):
                self._statistics.end_dose(started_s, self._added_s, self._expected_fall)
        return []

    def reset(self) -> None:
        self._statistics.reset()
        self._warned_of_no_effect = False

    def _start_dose(self, at_s: float) -> list[Finding]:
        self._statistics.start_dose(at_s)
        self._expected_fall = 0.0
        verdict = self._statistics.verdict
        if verdict is Verdict.NO_EFFECT:
            return [self._no_effect()]
        findings = []
        if verdict is Verdict.NEVER_SEEN and not self._warned_of_no_effect:
            self._warned_of_no_effect = True
            findings.append(
                Finding(
                    "No effect of doses on optical density has been observed so far. Check that media flows; for a "
                    "blank, or a photodiode that hardly responds at this density, no effect is expected.",
                    certainty="possible",
                )
            )
        fading = self._statistics.pop_fading()
        if fading is not None:
            findings.append(
                Finding(
                    f"Doses dilute {100 * (1 - fading):.0f} % less than they did: the pump or its tube is worn, or "
                    "the vial holds more than the recorded volume. Check the level of the vial and the waste tube, "
                    "then calibrate the pump again.",
                    certainty="likely",
                )
            )
        return findings

    def _no_effect(self) -> Finding:
        effect, _ = self._statistics.recent_effect()
        return Finding(
            f"The last doses had {100 * max(effect, 0.0):.0f} % of their expected effect on optical density. Dosing "
            f"is paused: check whether the {self._sources} bottle is empty, its tube is clogged or loose, or the pump "
            "does not turn; then resume.",
            pauses_dosing=True,
            certainty="certain",
            since_s=self._statistics.recent_since_s,
        )
