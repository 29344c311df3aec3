"""Faults of the twin with the cause that should be found, and the sentences that name a cause."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.diagnosis.plants import Plant
from pioreactor.twin.faults import FaultKind

NOTHING, OTHER = "nothing", "another message"
_SENTENCES = {
    "no media": r"of their expected effect on optical density",
    "pump lost gain": r"Doses dilute .* less|pump delivers about",
    "vial too full": r"hold about .* more than the recorded volume",
    "stir bar stalled": r"stir bar does not turn",
    "heater or its sensor": r"does not follow it|does not respond.*heat|thermometer of the heater board",
    "photodiode blinded": r"Too much light",
    "light source or reference": r"the IR LED ages",
    "stray light": r"other light reaches the vial",
    "vial moved or missing": r"vial was turned or moved|vial is not in the unit",
    "bubbles or foam": r"scatter .* times as much",
}
"""Cause → what its sentences contain. The first that fits counts."""
CAUSES = tuple(_SENTENCES)


def cause_of(sentence: str) -> str:
    """Return the cause that a sentence of a diagnosis or of the log names."""
    return next((cause for cause, pattern in _SENTENCES.items() if re.search(pattern, sentence)), OTHER)


@dataclass(frozen=True)
class Case:
    """A fault, what should be found, and for how long it is waited for [h]."""

    kind: FaultKind
    expected: str = NOTHING
    """`NOTHING` for disturbances, of which nothing should be said."""
    target: str = ""
    value: float | None = None
    hours: float = 1.5
    needs_doses: bool = False

    def is_possible(self, plant: Plant) -> bool:
        return plant.automation is not None or not self.needs_doses


CASES = {
    "empty bottle": Case("empty_media_bottle", "no media", needs_doses=True),
    "pump −20 %": Case("pump_gain", "pump lost gain", "media", 0.8, hours=3.0, needs_doses=True),
    "pump −10 %": Case("pump_gain", "pump lost gain", "media", 0.9, hours=3.0, needs_doses=True),
    "blocked waste": Case("blocked_waste", "vial too full", needs_doses=True),
    "stalled stir bar": Case("stalled_fan", "stir bar stalled"),
    "dead heater": Case("dead_heater", "heater or its sensor"),
    "stuck heater sensor": Case("stuck_heater_sensor", "heater or its sensor"),
    "saturated photodiode": Case("saturated_photodiode", "photodiode blinded", hours=0.5),
    "IR LED 30 % darker": Case("dim_ir_led", "light source or reference", value=0.7, hours=1.0),
    "reference drifts 5 %/h": Case("ref_drift", "light source or reference", value=0.05, hours=2.0),
    "lid open": Case("ambient_light", "stray light", value=0.1, hours=1.0),
    "vial turned": Case("moved_vial", "vial moved or missing", value=0.65, hours=0.5),
    "no vial": Case("moved_vial", "vial moved or missing", value=0.0, hours=0.5),
    "bubbles in a third": Case("bubbles", "bubbles or foam", value=0.33, hours=1.0),
    "air in the line": Case("air_in_line", target="media", value=0.5, needs_doses=True),
    "room 5 K colder": Case("ambient_step", value=-5.0),
    "mains hum 3.5 %": Case("mains_hum", value=0.035),
}
