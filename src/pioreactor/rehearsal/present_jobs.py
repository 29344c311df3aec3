"""What the settings of a unit's running jobs say: optical density, temperature, and the options they have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from statistics import fmean
from typing import Final, TypeGuard

from pioreactor.exc import NotFoundError
from pioreactor.experiment_profiles.option_checks import classes_for
from pioreactor.experiment_profiles.rehearsal_plan import RunningJob
from pioreactor.jobs.declaration import JobDeclaration

_OD: Final = re.compile(r"od\d+$(?!\n)")


def od_of(calibrations: Mapping[str, object], settings: Mapping[str, object]) -> float | None:
    """Return the mean of the calibrated readings; the voltage of a sensor without a calibration says no density."""
    has_od = any(device.startswith("od") for device in calibrations)
    known = _od_readings(settings) if has_od else []
    return fmean(known) if known else None


def _od_readings(settings: Mapping[str, object]) -> list[float]:
    readings = [number_in(settings[name], "od") for name in filter(_OD.match, settings)]
    return [value for value in readings if value is not None and value >= 0.0]


def number_in(reading: object, field: str) -> float | None:
    """Return a number, or the field of a reading that has one; None for anything else."""
    value = reading.get(field) if isinstance(reading, dict) else reading
    with suppress(ValueError):
        number = float(str(value))
        return number if math.isfinite(number) else None
    return None


def running_job(job: str, settings: Mapping[str, object]) -> RunningJob:
    """Return a job with the options that start it with the settings that it has."""
    known = _options_of(job, settings.get("automation_name"))
    return RunningJob(job, {name: value for name, value in settings.items() if name in known and _is_given(value)})


def _is_given(value: object) -> TypeGuard[str | float]:
    return isinstance(value, str | int | float) and value != ""


def _options_of(job: str, automation: object) -> set[str]:
    """Return the options of a job, or of its automation; of one that only a plugin knows, its name."""
    named = None if automation is None else str(automation)
    with suppress(NotFoundError):
        declared = [each for each in classes_for(job, named, {}) if issubclass(each, JobDeclaration)]
        return {"automation_name"}.union(*(each.settings() for each in declared)) - {"state"}
    return {"automation_name"}
