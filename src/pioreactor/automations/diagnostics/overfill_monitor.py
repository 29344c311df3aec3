"""Diagnostic of vials that hold more than the volume ledger says."""

from __future__ import annotations

from pioreactor.automations.diagnostics.ports import DoseStarting, Finding, LiquidAdded, Observation, StirringMeasured
from pioreactor.automations.diagnostics.stirrer_load import ExcessLoad, StirrerLoad


class OverfillMonitor:
    """Compares the load of the stirrer with the recorded volume."""

    name = "overfill"

    def __init__(self) -> None:
        self._load = StirrerLoad()
        self._has_warned = False

    def observe(self, observation: Observation) -> list[Finding]:
        match observation:
            case StirringMeasured():
                self._load.add_reading(
                    observation.at_s,
                    duty_percent=observation.duty_percent,
                    rpm=observation.rpm,
                    target_rpm=observation.target_rpm,
                    volume_ml=observation.volume_ml,
                    celsius=observation.celsius,
                )
            case LiquidAdded(_, volume_ml, _):
                self._load.add_liquid(volume_ml)
            case DoseStarting(at_s):
                return self._check(at_s, self._load.excess)
            case _:
                pass
        return []

    def reset(self) -> None:
        self._load.reset()
        self._has_warned = False

    def _check(self, at_s: float, excess: ExcessLoad | None) -> list[Finding]:
        if excess is None or not excess.is_likely:
            return []
        if excess.is_certain:
            return [
                Finding(
                    f"The vial seems to hold about {excess.volume_ml:.1f} mL more than the recorded volume: the "
                    f"stirrer needs {100 * excess.load:.1f} % more power than before the last doses. Dosing is "
                    "paused: check whether the waste tube is blocked or loose, or its pump does not turn; correct "
                    "the volume of the vial, then resume.",
                    pauses_dosing=True,
                    certainty="certain",
                    since_s=at_s - 3600.0 * excess.hours,
                )
            ]
        if self._has_warned:
            return []
        self._has_warned = True
        return [
            Finding(
                f"The stirrer needs {100 * excess.load:.1f} % more power than before: the vial may hold about "
                f"{excess.volume_ml:.1f} mL more than the recorded volume. Check that waste flows.",
                certainty="likely",
                since_s=at_s - 3600.0 * excess.hours,
            )
        ]
