"""Routes of the leader about experiments and the labels of units in them."""

from pathlib import Path
from urllib.parse import quote

from litestar import MediaType, Router, delete, get, patch, post, route
from litestar.params import FromPath, JSONBody

from pioreactor.data_import.experiment_record import ExperimentRecord, delete_record, file_of_record, read_record
from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.http.fanout import Failed
from pioreactor.storage.leader.repositories.experiments import AssignmentCount, Experiment, check_experiment_name
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.answer_cache import FOLLOWS_DATABASE
from pioreactor.web.leader.notifications import publish_assignment_and_log
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import (
    CreateExperiment,
    LabelUnit,
    RenameExperiment,
    UpdateExperiment,
    experiment_name,
    unit_name,
)
from pioreactor.web.route_declarations import PUT_OR_PATCH
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.experiment_rename import rename_on_unit


@get("/experiments", sync_to_thread=True)
def experiments(leader: LeaderPorts) -> list[Experiment]:
    return leader.database.experiments.all()


@post("/experiments", opt=needs("experiments", tool="reversible"), sync_to_thread=True)
def create_experiment(leader: LeaderPorts, data: JSONBody[CreateExperiment]) -> Experiment:
    """Create an experiment; 409 when the name is taken, 400 when it is not valid."""
    return leader.database.experiments.create(data.experiment, description=data.description, tags=data.tags)


@get("/experiments/latest", sync_to_thread=True)
def latest_experiment(leader: LeaderPorts) -> Experiment:
    found = leader.database.experiments.latest()
    if found is None:
        raise NotFoundError("there are no experiments", remedy="Create one.")
    return found


@get("/experiments/active", sync_to_thread=True)
def active_experiments(leader: LeaderPorts) -> list[Experiment]:
    """Return the experiments with at least one active worker."""
    return leader.database.experiments.active()


@get("/experiments/assignment_count", sync_to_thread=True)
def assignment_count(leader: LeaderPorts) -> list[AssignmentCount]:
    return leader.database.experiments.assignment_count()


@get("/experiments/{experiment:str}", sync_to_thread=True)
def one_experiment(leader: LeaderPorts, experiment: FromPath[str]) -> Experiment:
    return leader.database.experiments.get(experiment_name(experiment))


@patch("/experiments/{experiment:str}", opt=needs("experiments", tool="reversible"), sync_to_thread=True)
def update_experiment(leader: LeaderPorts, experiment: FromPath[str], data: JSONBody[UpdateExperiment]) -> Experiment:
    name = experiment_name(experiment)
    before = leader.database.experiments.get(name)
    after = leader.database.experiments.update(name, description=data.description, tags=data.tags)
    note_values(before=before, after=after)
    return after


@delete(
    "/experiments/{experiment:str}", status_code=202, opt=needs("experiments", change="manage"), sync_to_thread=True
)
def delete_experiment(leader: LeaderPorts, experiment: FromPath[str]) -> Accepted:
    """Stop the experiment's jobs, unassign its workers, then delete it with all of its data."""
    name = experiment_name(experiment)
    before = leader.database.experiments.get(name)
    note_values(before=before)
    units, ever = leader.members_of(name), leader.workers_ever_in(name)

    def work() -> dict[str, object]:
        answers = leader.ask_all(units, "POST", "/unit_api/jobs/stop", json={"experiment": name}, timeout_s=30.0)
        stills = f"/unit_api/camera/experiments/{quote(name, safe='')}/stills"
        leader.ask_all(ever, "DELETE", stills, timeout_s=30.0)
        rows = leader.database.experiments.delete(name)
        if all(other.created_at != before.created_at for other in leader.database.experiments.all()):
            delete_record(leader.unit.runtime, leader.unit.paths.experiment_record(before.created_at))
        for unit in units:
            publish_assignment_and_log(leader, unit, f"removed {unit} from {name}")
        freed_bytes = leader.database.give_space_back()
        return {
            "deleted": name,
            "rows": rows,
            "bytes_given_back": freed_bytes,
            "units": {a.unit: a.report() for a in answers},
        }

    return leader.unit.tasks.start(f"deleting {name}", work, pool="requests", lock="delete-experiment")


@post("/experiments/{experiment:str}/rename", status_code=202, sync_to_thread=True)
def rename_experiment(leader: LeaderPorts, experiment: FromPath[str], data: JSONBody[RenameExperiment]) -> Accepted:
    """Give an ended experiment another name, with all of its data, also what units keep for it.

    409 while workers are assigned to it. The task fails, and nothing is renamed, while a unit that took part does not
    answer, or has records of it that have not reached the leader.
    """
    old, new = experiment_name(experiment), check_experiment_name(data.experiment)
    if leader.database.experiments.get(old).worker_count > 0:
        raise ConflictError(f"{old!r} has workers", remedy="End the experiment, then rename it.")

    def work() -> dict[str, object]:
        leader.database.experiments.check_rename(old, new)
        _rename_on_units(leader, old, new)
        return {"experiment": new, "rows": leader.database.experiments.rename(old, new)}

    return leader.unit.tasks.start(f"renaming {old}", work, pool="requests", lock="delete-experiment")


def _rename_on_units(leader: LeaderServices, old: str, new: str) -> None:
    """Have all units rename what they keep, after each has said that it can; raise `ConflictError` if one cannot."""
    took_part = {past.pioreactor_unit for past in leader.database.assignments.history(old)}
    others = [unit for unit in leader.workers_of(UNIVERSAL_IDENTIFIER) if unit != leader.unit.name]
    path = f"/unit_api/experiments/{quote(old, safe='')}/rename"
    for check_only in (True, False):
        rename_on_unit(leader.unit, old, new, check_only=check_only)
        answers = leader.ask_all(others, "POST", path, json={"experiment": new, "check_only": check_only})
        for failed in (answer for answer in answers if isinstance(answer, Failed)):
            if failed.unit in took_part or failed.status_code == ConflictError.status:
                raise ConflictError(
                    f"{old!r} is not renamed, because of {failed.unit}: {failed.message}",
                    remedy=failed.remediation if failed.remediation else "Rename it when this unit answers.",
                )


@get("/experiments/{experiment:str}/record", sync_to_thread=True)
def record_of_experiment(leader: LeaderPorts, experiment: FromPath[str]) -> ExperimentRecord:
    """Return what came over with an experiment from another cluster; empty for one of this cluster."""
    return read_record(_record_folder(leader, experiment))


@get("/experiments/{experiment:str}/record/{file:path}", media_type=MediaType.TEXT, sync_to_thread=True)
def record_file(leader: LeaderPorts, experiment: FromPath[str], file: FromPath[str]) -> str:
    """Return the text of a file of the record."""
    return file_of_record(_record_folder(leader, experiment), file.lstrip("/"))


def _record_folder(leader: LeaderServices, experiment: str) -> Path:
    found = leader.database.experiments.get(experiment_name(experiment))
    return leader.unit.paths.experiment_record(found.created_at)


@get("/experiments/{experiment:str}/unit_labels", sync_to_thread=True)
def unit_labels(leader: LeaderPorts, experiment: FromPath[str]) -> dict[str, str]:
    """Return labels by unit; the experiment `current` is the one that each unit is assigned to."""
    if experiment == "current":
        return leader.database.labels.current()
    return leader.database.labels.of_experiment(experiment_name(experiment))


@route(
    "/experiments/{experiment:str}/unit_labels",
    http_method=PUT_OR_PATCH,
    status_code=201,
    opt=needs("experiments", tool="reversible"),
    sync_to_thread=True,
)
def label_unit(leader: LeaderPorts, experiment: FromPath[str], data: JSONBody[LabelUnit]) -> dict[str, str]:
    """Label a unit in an experiment; an empty label removes it."""
    name, unit = experiment_name(experiment), unit_name(data.unit, broadcast=False)
    before = leader.database.labels.of_experiment(name)
    leader.database.labels.set(name, unit, data.label)
    after = leader.database.labels.of_experiment(name)
    note_values(before=before.get(unit), after=after.get(unit))
    return after


ROUTES = Router(
    "/",
    route_handlers=[
        *(experiments, create_experiment, latest_experiment, active_experiments, assignment_count, one_experiment),
        *(update_experiment, rename_experiment, delete_experiment, unit_labels, label_unit),
        *(record_of_experiment, record_file),
    ],
    tags=["experiments"],
    opt=needs("experiments") | FOLLOWS_DATABASE,
)
