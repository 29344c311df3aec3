"""Findings of the diagnostics of dosing, one by one and composed."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

import pytest

from pioreactor.automations.diagnostics.dilution_monitor import DilutionMonitor
from pioreactor.automations.diagnostics.dosing_diagnostics import DosingDiagnostics
from pioreactor.automations.diagnostics.overfill_monitor import OverfillMonitor
from pioreactor.automations.diagnostics.ports import (
    Diagnostic,
    DoseFinished,
    DoseStarting,
    Finding,
    LiquidAdded,
    Observation,
    OpticalDensityRead,
    StirringMeasured,
)
from pioreactor.observability.log import CustomLogger


@dataclass
class RecordingDiagnostic:
    """Records observations and returns prepared findings when a dose starts."""

    findings: list[Finding] = field(default_factory=list)
    observed: list[Observation] = field(default_factory=list)
    resets: int = 0
    name: str = "recording"

    def observe(self, observation: Observation) -> list[Finding]:
        self.observed.append(observation)
        return self.findings if isinstance(observation, DoseStarting) else []

    def reset(self) -> None:
        self.resets += 1


def compose(*diagnostics: Diagnostic) -> tuple[DosingDiagnostics, list[str]]:
    pauses: list[str] = []
    logger = CustomLogger(logging.getLogger("test_dosing_diagnostics"), {})
    composed = DosingDiagnostics(
        diagnostics,
        logger=logger,
        pause=lambda: pauses.append("pause"),
        report=lambda name, text: None,
        now_s=lambda: 7.0,
    )
    return composed, pauses


def test_findings_are_reported_as_diagnoses_until_the_reset() -> None:
    reported: list[tuple[str, str | None]] = []
    logger = CustomLogger(logging.getLogger("test_dosing_diagnostics"), {})
    diagnostics = DosingDiagnostics(
        [RecordingDiagnostic([Finding("check the tube")])],
        logger=logger,
        pause=lambda: None,
        report=lambda name, text: reported.append((name, text)),
        now_s=lambda: 7.0,
    )
    with diagnostics.dose():
        pass
    diagnostics.reset()
    assert reported == [("recording", "check the tube"), ("recording", None)]


def test_a_finding_says_how_sure_it_is_and_since_when() -> None:
    assert Finding("check the tube").sentence(1e3) == "check the tube"
    assert Finding("check the tube", certainty="likely").sentence(1e3) == "check the tube (likely)"
    since = Finding("check the tube", certainty="certain", since_s=700.0)
    assert since.sentence(1000.0) == "check the tube (certain, since about 5 min)"


def test_a_dose_is_observed_from_start_to_end() -> None:
    diagnostic = RecordingDiagnostic([Finding("check the tube")])
    diagnostics, pauses = compose(diagnostic)
    with diagnostics.dose() as is_allowed:
        assert is_allowed
        diagnostics.observe(LiquidAdded(8.0, 0.5, 14.0))
    assert diagnostic.observed == [DoseStarting(7.0), LiquidAdded(8.0, 0.5, 14.0), DoseFinished(7.0)]
    assert pauses == []


def test_a_finding_that_pauses_dosing_ends_the_evaluation(caplog: pytest.LogCaptureFixture) -> None:
    first, second = RecordingDiagnostic([Finding("no media", pauses_dosing=True)]), RecordingDiagnostic()
    diagnostics, pauses = compose(first, second)
    with diagnostics.dose() as is_allowed:
        assert not is_allowed
    assert pauses == ["pause"]
    assert second.observed == []
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("ERROR", "no media")]
    diagnostics.reset()
    assert (first.resets, second.resets) == (1, 1)


def test_an_interrupted_dose_is_finished() -> None:
    diagnostic = RecordingDiagnostic()
    diagnostics, _ = compose(diagnostic)
    with pytest.raises(KeyboardInterrupt), diagnostics.dose():
        raise KeyboardInterrupt
    assert diagnostic.observed[-1] == DoseFinished(7.0)


def run_doses(monitor: DilutionMonitor, count: int, *, effect: float, level: float = 0.0) -> list[Finding]:
    """Give doses of 0.7 mL to 14 mL every 80 s with a reading every 5 s; return all findings."""
    findings = []
    log_od = level
    for number in range(count):
        t_s = 80.0 * number
        findings += monitor.observe(DoseStarting(t_s))
        monitor.observe(LiquidAdded(t_s + 3.0, 0.7, 14.0))
        log_od -= effect * math.log1p(0.05)
        monitor.observe(DoseFinished(t_s))
        for reading in range(1, 16):
            monitor.observe(OpticalDensityRead(t_s + 5.0 * reading, math.exp(log_od)))
        log_od += effect * math.log1p(0.05)
    return findings


def test_doses_never_seen_to_dilute_are_reported_once_until_reset() -> None:
    monitor = DilutionMonitor("media")
    (finding,) = run_doses(monitor, 20, effect=0.0)
    assert "No effect of doses" in finding.message
    assert not finding.pauses_dosing


def stirring(at_s: float, duty_percent: float) -> StirringMeasured:
    return StirringMeasured(at_s, duty_percent, rpm=500.0, target_rpm=500.0, volume_ml=14.0, celsius=None)


def test_an_overfilling_vial_pauses_dosing_before_it_is_full() -> None:
    monitor = OverfillMonitor()
    findings: list[Finding] = []
    for minute in range(120):
        excess_ml = max(0.0, 0.2 * (minute - 60))
        duty = 8.0 + 20.0 * (1.0 + 0.02 * excess_ml)
        for reading in range(3):
            monitor.observe(stirring(60.0 * minute + 20.0 * reading, duty + 0.02 * (-1) ** reading))
        monitor.observe(LiquidAdded(60.0 * minute, 0.2, 14.0))
        findings += monitor.observe(DoseStarting(60.0 * minute))
        if any(finding.pauses_dosing for finding in findings):
            assert excess_ml < 4.0
            break
    assert findings[-1].pauses_dosing
    assert sum(not finding.pauses_dosing for finding in findings) <= 1, "a warning comes once"
