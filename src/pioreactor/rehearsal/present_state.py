"""What the units of an experiment are at present, read from the leader and from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Protocol
from urllib.parse import quote

import msgspec

from pioreactor.exc import NotFoundError, NoWorkerFoundError, PioreactorError
from pioreactor.experiment_profiles.rehearsal_plan import RehearsedUnit
from pioreactor.http.units import decoded
from pioreactor.models import DEFAULT_MODEL
from pioreactor.rehearsal.present_jobs import number_in, od_of, running_job

_NOT_SIMULATED: Final = ("monitor", "experiment_profile", "mqtt_to_db_streaming", "alarms", "camera")
"""Jobs that run at present and change nothing in a vial."""
Tell = Callable[[str], None]


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


def read_units(
    ask: AskUnit, leader: str, experiment: str, *, from_now: bool, only: Sequence[str] = (), tell: Tell
) -> list[RehearsedUnit]:
    """Return the units of an experiment as they are; `tell` is called with what could not be read of one.

    `only` names some of them. A unit that does not answer has the usual calibrations and the shared defaults; with
    `from_now` it must answer. Raise `NoWorkerFoundError` if there is none, and `NotFoundError` for another name.
    """
    read = partial(_at_present, ask, experiment) if from_now else partial(_if_it_answers, ask, tell)
    return list(map(read, _picked(_workers(ask, leader, experiment), experiment, only)))


def _picked(workers: list[RehearsedUnit], experiment: str, only: Sequence[str]) -> list[RehearsedUnit]:
    names = {unit.name for unit in workers}
    if missing := ", ".join(sorted(set(only) - names)):
        raise NotFoundError(f"{missing}: not an active worker of {experiment}")
    return [unit for unit in workers if unit.name in (only or names)]


def _workers(ask: AskUnit, leader: str, experiment: str) -> list[RehearsedUnit]:
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


def _if_it_answers(ask: AskUnit, tell: Tell, unit: RehearsedUnit) -> RehearsedUnit:
    try:
        return _with_config(ask, unit)
    except PioreactorError as error:
        tell(f"{unit.name} does not answer and is rehearsed with the defaults: {error}")
        return unit


def _with_config(ask: AskUnit, unit: RehearsedUnit) -> RehearsedUnit:
    """Return the unit with the configuration in force and the active calibrations."""
    config = decoded(ask(unit.name, "GET", "/unit_api/config/merged"), dict[str, dict[str, object]])
    calibrations = decoded(ask(unit.name, "GET", "/unit_api/active_calibrations"), dict[str, dict[str, object]])
    texts = {name: {key: str(value) for key, value in values.items()} for name, values in config.items()}
    return msgspec.structs.replace(unit, config=texts, calibrations=calibrations)


def _at_present(ask: AskUnit, experiment: str, named: RehearsedUnit) -> RehearsedUnit:
    """Return the unit with its configuration, what is in its vial, and the jobs that run in this experiment."""
    unit = _with_config(ask, named)
    path = f"/unit_api/bioreactor/experiments/{quote(experiment, safe='')}"
    vial = decoded(ask(unit.name, "GET", path), _Vial).values
    jobs = decoded(ask(unit.name, "GET", "/unit_api/jobs/running"), list[_Job])
    names = [job.job_name for job in jobs if job.experiment == experiment and job.job_name not in _NOT_SIMULATED]
    present = {name: _settings(ask, unit.name, name) for name in names}
    return msgspec.structs.replace(
        unit,
        volume_ml=vial["current_volume_ml"],
        alt_media_fraction=min(1.0, max(0.0, vial.get("alt_media_fraction", 0.0))),
        od=od_of({} if unit.calibrations is None else unit.calibrations, present.get("od_reading", {})),
        celsius=number_in(present.get("temperature_automation", {}).get("temperature"), "temperature"),
        running=tuple(map(running_job, present, present.values())),
    )


def _settings(ask: AskUnit, unit: str, job: str) -> Mapping[str, object]:
    with suppress(NotFoundError):  # it has ended since
        return decoded(ask(unit, "GET", f"/unit_api/jobs/settings/job_name/{job}"), _Settings).settings
    return {}
