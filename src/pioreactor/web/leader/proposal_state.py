"""The state of a unit that a proposal is bound to."""

from collections.abc import Mapping
from typing import Final

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.storage.leader.repositories.proposals import Proposal
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.services import LeaderServices

VOLUME_TOLERANCE_ML: Final = 0.5
"""A volume that changes by less is the same state: evaporation and small doses of an automation."""
_JOBS: Final = "jobs"
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
    """Return the settings of a running job that people choose, not those that it measures."""
    declared = [each for each in leader.unit.catalog.jobs() if each.job_name == job]
    chosen = {name for each in declared for name in each.settings}
    try:
        answer = _fields(leader.units.ask(unit, "GET", f"/unit_api/jobs/settings/job_name/{job}"))
    except NotFoundError:
        return {}
    return {name: value for name, value in sorted(_fields(answer.get("settings")).items()) if name in chosen}


def changes_between(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return the names of what is no longer as it was."""
    return [name for name in sorted({*before, *after}) if not _is_same(name, before.get(name), after.get(name))]


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
