"""The state of a unit that a proposal is bound to."""

from collections.abc import Iterator, Mapping
from typing import Final, get_args

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.jobs.settings import AnySetting
from pioreactor.storage.leader.repositories.proposals import Proposal
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.services import LeaderServices
from pioreactor.web.ports import Catalog, Kind

VOLUME_TOLERANCE_ML: Final = 0.5
"""A volume that changes by less is the same state: evaporation and small doses of an automation."""
_JOBS: Final = "jobs"
_AUTOMATION: Final = "automation_name"
VOLUME: Final = "volume_ml"


def state_of(leader: LeaderServices, unit: str | None, experiment: str | None) -> dict[str, object]:
    """Return what an act depends on: jobs with their settings, volume, calibrations in use, the experiment.

    Raise `UnitUnreachableError` when the unit does not answer.
    """
    if unit is None:
        members = leader.members_of(experiment) if experiment is not None else []
        workers = {row.pioreactor_unit: row.is_active for row in leader.database.workers.all()}
        return {"experiment": experiment, "members": sorted(members), "workers": workers}
    if unit == UNIVERSAL_IDENTIFIER:
        raise InvalidRequestError("a proposal is about one unit", remedy="Make one for each unit.")
    [name] = leader.units_of(unit)
    assigned = leader.database.assignments.experiment_of(name)
    running = _rows(leader.units.ask(name, "GET", "/unit_api/jobs/running"))
    vial = _fields(leader.units.ask(name, "GET", f"/unit_api/bioreactor/experiments/{assigned}")) if assigned else {}
    active = _fields(leader.units.ask(name, "GET", "/unit_api/active_calibrations"))
    return {
        "experiment": assigned,
        _JOBS: {job: _settings(leader, name, job) for job in sorted(str(row.get("job_name")) for row in running)},
        VOLUME: _fields(vial.get("values", vial)).get("current_volume_ml"),
        "calibrations": {device: _fields(one).get("calibration_name") for device, one in sorted(active.items())},
    }


def _settings(leader: LeaderServices, unit: str, job: str) -> dict[str, object]:
    """Return the settings of a running job, or of its automation, that people choose.

    Those that it measures are omitted, and those that no page shows, which it changes by itself.
    """
    try:
        answer = _fields(leader.units.ask(unit, "GET", f"/unit_api/jobs/settings/job_name/{job}"))
    except NotFoundError:
        return {}
    found = _fields(answer.get("settings"))
    declared = _declared(leader.unit.catalog, job, found.get(_AUTOMATION))
    chosen = {_AUTOMATION, *(name for name, setting in declared if setting.display)}
    return {name: value for name, value in sorted(found.items()) if name in chosen}


def _declared(catalog: Catalog, job: str, automation: object) -> Iterator[tuple[str, AnySetting]]:
    """Yield the settings that a job and its automation declare."""
    for each in catalog.jobs():
        if each.job_name == job:
            yield from each.settings.items()
    for kind in get_args(Kind) if automation is not None else ():
        for one in catalog.automations(kind):
            if one.automation_name == automation and job == f"{kind}_automation":
                yield from one.settings.items()


def changes_between(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return the names of what is no longer as it was."""
    changed = [name for name in sorted({*before, *after}) if not _is_same(name, before.get(name), after.get(name))]
    jobs_before, jobs_after = _fields(before.get(_JOBS)), _fields(after.get(_JOBS))
    jobs = [
        f"{job} {name}".strip()
        for job in sorted({*jobs_before, *jobs_after})
        for name in _changed_settings(jobs_before.get(job), jobs_after.get(job))
    ]
    return [*(name for name in changed if name != _JOBS), *jobs]


def _changed_settings(before: object, after: object) -> list[str]:
    """Return the names of the settings of a job that differ; the empty name for a job that began or ended."""
    if before is None or after is None:
        return [""]
    ours, theirs = _fields(before), _fields(after)
    return [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]


def _is_same(name: str, before: object, after: object) -> bool:
    if name == VOLUME and isinstance(before, int | float) and isinstance(after, int | float):
        return abs(before - after) < VOLUME_TOLERANCE_ML
    return bool(before == after)


def check_state(leader: LeaderServices, proposal: Proposal) -> None:
    act = proposal.act
    changed = changes_between(act.state, state_of(leader, act.unit, act.experiment))
    if changed:
        raise ConflictError(
            f"since the proposal was made, this has changed: {', '.join(changed)}", remedy="Make a new proposal."
        )


def _fields(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}


def _rows(value: object) -> list[dict[str, object]]:
    return [_fields(row) for row in value] if isinstance(value, list) else []
