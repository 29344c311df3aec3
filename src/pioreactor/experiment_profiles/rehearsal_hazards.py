"""What can go wrong in a rehearsal, and what helps."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

import msgspec

HazardKind: TypeAlias = Literal[
    "vial_too_full",
    "over_temperature",
    "dose_refused",
    "job_not_started",
    "action_failed",
    "condition_never_met",
    "loop_never_ends",
    "calibration_missing",
    "calibration_out_of_range",
    "setting_out_of_bounds",
    "bottle_empty",
    "bottle_full",
    "rehearsal_failed",
    "job_error",
]
_KINDS: Final[tuple[tuple[str, HazardKind], ...]] = (
    (r"no active calibration|not been calibrated|no calibration", "calibration_missing"),
    (r"outside .*calibrat|calibrat.* range|beyond .*calibrat", "calibration_out_of_range"),
    (r"vial would hold|would be .*too full|maximum volume|not pumped|dose .*refused", "dose_refused"),
    (r"too hot|overheat|heating .*(off|disabled|reduced)", "over_temperature"),
    (r"must be (at|between|one)|out of bounds|not .*between", "setting_out_of_bounds"),
)
"""Words of a message that say which hazard it is, the first that is found."""
CURES: Final[dict[HazardKind, str]] = {
    "vial_too_full": "Remove more than is added: check the waste pump, its tube and the volumes of the doses.",
    "over_temperature": "Lower the target temperature.",
    "dose_refused": "Remove waste before liquid is added, or give smaller doses.",
    "job_not_started": "Correct the options of this action.",
    "action_failed": "Correct this action.",
    "condition_never_met": "Check the condition, or rehearse with more --hours.",
    "loop_never_ends": "Give the loop `max_time`, or a `while` that becomes false, if it should end.",
    "calibration_missing": "Calibrate the device, or set a calibration active.",
    "calibration_out_of_range": "Stay within the calibrated range, or calibrate over a wider one.",
    "setting_out_of_bounds": "Choose a value within the bounds.",
    "bottle_empty": "Take a larger bottle, or change it before this time.",
    "bottle_full": "Empty the waste before this time, or take a larger bottle.",
    "rehearsal_failed": "See the message; what is wrong may only exist in the simulation.",
    "job_error": "See what the message says.",
}
"""What helps where the error itself does not say it."""


class Hazard(msgspec.Struct, frozen=True):
    """Something that goes wrong in at least one run: earliest time [h], place in the profile, and the remedy."""

    kind: HazardKind
    unit: str
    at_h: float
    message: str
    remedy: str
    path: str = ""
    line: int | None = None
    runs: int = 1
    """Number of runs in which it happened."""


def kind_of(message: str, otherwise: HazardKind) -> HazardKind:
    """Return which hazard a message is about."""
    return next((kind for pattern, kind in _KINDS if re.search(pattern, message, re.IGNORECASE)), otherwise)
