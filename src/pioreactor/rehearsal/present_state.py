"""What the units of an experiment are at present, read from the leader and from them, as a plan of a rehearsal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import quote

import msgspec

from pioreactor.exc import ConfigurationError, NotFoundError, NoWorkerFoundError, PioreactorError
from pioreactor.experiment_profiles.option_checks import classes_for
from pioreactor.experiment_profiles.rehearsal_data import RehearsalPlan, RehearsedUnit, RunningJob
from pioreactor.http.units import decoded
from pioreactor.jobs.declaration import JobDeclaration
from pioreactor.models import DEFAULT_MODEL

_NOT_SIMULATED: Final = ("monitor", "experiment_profile", "mqtt_to_db_streaming", "alarms", "camera")
"""Jobs that run at present and change nothing in a vial."""


class AskUnit(Protocol):
    """Sends a request to a unit, or the leader: `CliContext.ask`."""

    def __call__(self, unit: str, method: str, path: str, /) -> object: ...


class _Worker(msgspec.Struct):
    pioreactor_unit: str
    is_active: bool | int
    model_name: str | None = None
    model_version: str | None = None


class _Vial(msgspec.Struct):
    values: dict[str, float]


class _Job(msgspec.Struct):
    job_name: str
    experiment: str


class _Settings(msgspec.Struct):
    settings: dict[str, object]


def units_of(ask: AskUnit, leader: str, experiment: str) -> list[RehearsedUnit]:
    """Return the active workers of an experiment with their models, and nothing else.

    Raise `NoWorkerFoundError` if there is none.
    """
    path = f"/api/experiments/{quote(experiment, safe='')}/workers"
    workers = [one for one in decoded(ask(leader, "GET", path), list[_Worker]) if one.is_active]
    if not workers:
        raise NoWorkerFoundError(
            f"no active worker is assigned to {experiment}", remedy="Assign units to the experiment first."
        )
    return [RehearsedUnit(name=one.pioreactor_unit, model=_model(one)) for one in workers]


def _model(worker: _Worker) -> tuple[str, str]:
    if worker.model_name is None or worker.model_version is None:
        return DEFAULT_MODEL
    return worker.model_name, worker.model_version


def with_config(ask: AskUnit, unit: RehearsedUnit) -> RehearsedUnit:
    """Return the unit with the configuration in force and the active calibrations."""
    config = decoded(ask(unit.name, "GET", "/unit_api/config/merged"), dict[str, dict[str, object]])
    calibrations = decoded(ask(unit.name, "GET", "/unit_api/active_calibrations"), dict[str, dict[str, object]])
    texts = {name: {key: str(value) for key, value in values.items()} for name, values in config.items()}
    return msgspec.structs.replace(unit, config=texts, calibrations=calibrations)


def with_present_state(ask: AskUnit, unit: RehearsedUnit, experiment: str) -> RehearsedUnit:
    """Return the unit with what is in its vial and with the jobs that run in this experiment."""
    path = f"/unit_api/bioreactor/experiments/{quote(experiment, safe='')}"
    vial = decoded(ask(unit.name, "GET", path), _Vial).values
    jobs = decoded(ask(unit.name, "GET", "/unit_api/jobs/running"), list[_Job])
    present = {
        job.job_name: _settings(ask, unit.name, job.job_name)
        for job in jobs
        if job.experiment == experiment and job.job_name not in _NOT_SIMULATED
    }
    return msgspec.structs.replace(
        unit,
        volume_ml=vial["current_volume_ml"],
        alt_media_fraction=min(1.0, max(0.0, vial.get("alt_media_fraction", 0.0))),
        od=_od(unit, present.get("od_reading", {})),
        celsius=_number(present.get("temperature_automation", {}).get("temperature"), "temperature"),
        running=tuple(RunningJob(job, _options(job, settings)) for job, settings in present.items()),
    )


def _settings(ask: AskUnit, unit: str, job: str) -> Mapping[str, object]:
    try:
        return decoded(ask(unit, "GET", f"/unit_api/jobs/settings/job_name/{job}"), _Settings).settings
    except NotFoundError:  # it has ended since
        return {}


def _od(unit: RehearsedUnit, settings: Mapping[str, object]) -> float | None:
    """Return the mean of the calibrated readings; the voltage of a sensor without a calibration says no density."""
    if not any(device.startswith("od") for device in unit.calibrations or {}):
        return None
    readings = [
        _number(value, "od") for name, value in settings.items() if name.startswith("od") and name[2:].isdigit()
    ]
    known = [value for value in readings if value is not None and value >= 0.0]
    return sum(known) / len(known) if known else None


def _number(reading: object, field: str) -> float | None:
    """Return a number, or the field of a reading that has one; None for anything else."""
    value = reading.get(field) if isinstance(reading, dict) else reading
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _options(job: str, settings: Mapping[str, object]) -> dict[str, str | float | bool | None]:
    """Return the options that start a job with the settings that it has."""
    automation = settings.get("automation_name")
    named = None if automation is None else str(automation)
    try:
        classes = classes_for(job, named, {})
    except NotFoundError:  # an automation of a plugin
        classes = []
    known = {name for each in classes if issubclass(each, JobDeclaration) for name in each.settings()}
    given: dict[str, str | float | bool | None] = {
        name: value
        for name, value in settings.items()
        if name in known and name != "state" and isinstance(value, str | int | float) and value != ""
    }
    return given if named is None else {"automation_name": named, **given}


def changes_since(before: Sequence[RehearsedUnit], now: Sequence[RehearsedUnit]) -> list[str]:
    """Return in words what has changed of the units while they were rehearsed, apart from what grows or warms."""
    earlier, later = {unit.name: unit for unit in before}, {unit.name: unit for unit in now}
    found = [f"{name} does not belong to the experiment any more" for name in earlier.keys() - later.keys()]
    found += [f"{name} has joined" for name in later.keys() - earlier.keys()]
    both = [name for name in earlier if name in later]
    return sorted(found) + [f"{what} of {name}" for name in both for what in _differing(earlier[name], later[name])]


def _differing(one: RehearsedUnit, other: RehearsedUnit) -> list[str]:
    seen_of_one, seen_of_other = _seen(one), _seen(other)
    return [what for what, value in seen_of_one.items() if value != seen_of_other[what]]


def _seen(unit: RehearsedUnit) -> dict[str, object]:
    """Return what is compared, in words; volumes to 0.1 mL."""
    return {
        "the volume in the vial": None if unit.volume_ml is None else round(unit.volume_ml, 1),
        "the running jobs": {job.job for job in unit.running},
        "the configuration": unit.config,
        "the active calibrations": _names(unit),
    }


def _names(unit: RehearsedUnit) -> dict[str, object]:
    calibrations = unit.calibrations if unit.calibrations is not None else {}
    return {device: fields.get("calibration_name") for device, fields in calibrations.items()}


def read_units(
    ask: AskUnit, leader: str, experiment: str, *, from_now: bool, only: Sequence[str] = (), tell: Callable[[str], None]
) -> list[RehearsedUnit]:
    """Return the units of an experiment as they are; `tell` is called with what could not be read of one.

    `only` names some of them. A unit that does not answer has the usual calibrations and the shared defaults; with
    `from_now` it must answer.
    """
    found = []
    for unit in units_of(ask, leader, experiment):
        if only and unit.name not in only:
            continue
        try:
            known = with_config(ask, unit)
            found.append(with_present_state(ask, known, experiment) if from_now else known)
        except PioreactorError as error:
            if from_now:
                raise
            tell(f"{unit.name} does not answer and is rehearsed with the defaults: {error}")
            found.append(unit)
    if missing := sorted(set(only) - {unit.name for unit in found}):
        raise NotFoundError(f"{', '.join(missing)}: not an active worker of {experiment}")
    return found


def with_bottles(units: Sequence[RehearsedUnit], sizes_ml: Mapping[str, float]) -> list[RehearsedUnit]:
    """Return the units with the bottles that are given, or those of `[bottles]` in their configuration."""
    return [msgspec.structs.replace(unit, bottles_ml={**_configured(unit), **sizes_ml}) for unit in units]


def _configured(unit: RehearsedUnit) -> dict[str, float]:
    """Return the sizes in the configuration; the unit has checked their bounds, and ignores a faulty one as well."""
    sizes = ((key.removesuffix("_ml"), _number(text, key)) for key, text in unit.config.get("bottles", {}).items())
    return {bottle: size_ml for bottle, size_ml in sizes if size_ml is not None and size_ml > 0.0}


def checked_plan(text: bytes) -> RehearsalPlan:
    """Return the plan in a JSON text; raise `ConfigurationError` saying what is wrong."""
    try:
        return msgspec.json.decode(text, type=RehearsalPlan)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"the plan of the rehearsal cannot be used: {error}") from error
