"""Routes of the leader about assignments of workers to experiments."""

from litestar import Router, delete, get, put
from litestar.params import FromPath, JSONBody

from pioreactor.storage.leader.repositories.assignments import Assignment, PastAssignment
from pioreactor.web.leader.notifications import publish_assignment_and_log, stop_in_background
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.leader.workers import on_unassigned
from pioreactor.web.request_bodies import AssignWorker, experiment_name, unit_name
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted


@get("/experiments/{experiment:str}/workers", sync_to_thread=True)
def workers_of_experiment(leader: LeaderPorts, experiment: FromPath[str]) -> list[Assignment]:
    return leader.database.assignments.of_experiment(experiment_name(experiment))


@put("/experiments/{experiment:str}/workers", sync_to_thread=True)
def assign_worker(leader: LeaderPorts, experiment: FromPath[str], data: JSONBody[AssignWorker]) -> Status:
    """Assign a worker; it is removed from its former experiment, and that experiment's jobs on it are stopped."""
    name, unit = experiment_name(experiment), unit_name(data.pioreactor_unit, broadcast=False)
    change = leader.database.assignments.assign(unit, name)
    note_values(before=change.previous, after=name)
    if change.previous != name:
        publish_assignment_and_log(leader, unit, f"assigned {unit} to {name}")
        if change.previous is not None:
            stop_in_background(leader, [unit], change.previous)
    return Status()


@delete("/experiments/{experiment:str}/workers", status_code=202, sync_to_thread=True)
def unassign_all(leader: LeaderPorts, experiment: FromPath[str]) -> Accepted:
    return on_unassigned(leader, leader.database.assignments.end_experiment(experiment_name(experiment)))


@delete("/experiments/{experiment:str}/workers/{unit:str}", status_code=202, sync_to_thread=True)
def unassign_one(leader: LeaderPorts, experiment: FromPath[str], unit: FromPath[str]) -> Accepted:
    name, worker = experiment_name(experiment), unit_name(unit, broadcast=False)
    return on_unassigned(leader, [leader.database.assignments.unassign(worker, experiment=name)])


@get("/experiments/{experiment:str}/historical_worker_assignments", sync_to_thread=True)
def past_assignments(leader: LeaderPorts, experiment: FromPath[str]) -> list[PastAssignment]:
    return leader.database.assignments.history(experiment_name(experiment))


ROUTES = Router(
    "/",
    route_handlers=[workers_of_experiment, assign_worker, unassign_all, unassign_one, past_assignments],
    tags=["assignments"],
    opt=needs("experiments"),
)
