"""What has changed of the units while they were rehearsed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from pioreactor.experiment_profiles.rehearsal_plan import RehearsedUnit


def changes_since(before: Sequence[RehearsedUnit], now: Sequence[RehearsedUnit]) -> list[str]:
    """Return in words what has changed of the units, apart from what grows or warms."""
    earlier, later = {unit.name: unit for unit in before}, {unit.name: unit for unit in now}
    gone = map("{} does not belong to the experiment any more".format, sorted(earlier.keys() - later.keys()))
    joined = map("{} has joined".format, sorted(later.keys() - earlier.keys()))
    both = sorted(earlier.keys() & later.keys())
    return [*gone, *joined, *chain.from_iterable(_differing(earlier[name], later[name]) for name in both)]


def _differing(one: RehearsedUnit, other: RehearsedUnit) -> list[str]:
    seen_of_one, seen_of_other = _seen(one), _seen(other)
    return [f"{what} of {one.name}" for what, value in seen_of_one.items() if value != seen_of_other[what]]


def _seen(unit: RehearsedUnit) -> dict[str, object]:
    """Return what is compared, in words; volumes to 0.1 mL."""
    return {
        "the volume in the vial": None if unit.volume_ml is None else round(unit.volume_ml, 1),
        "the running jobs": {job.job for job in unit.running},
        "the configuration": unit.config,
        "the active calibrations": _names(unit.calibrations),
    }


def _names(calibrations: dict[str, dict[str, object]] | None) -> dict[str, object]:
    known = {} if calibrations is None else calibrations
    return {device: fields.get("calibration_name") for device, fields in known.items()}
