"""Routes of the leader about its inventory of workers, and about their clocks."""

import ipaddress

from litestar import Response, Router, delete, get, post, put
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import convert

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, PioreactorError
from pioreactor.http.fanout import UnitReport, report
from pioreactor.http.units import decoded
from pioreactor.identity.system_clock import parse_moment
from pioreactor.models import find_model, load_models
from pioreactor.storage.leader.repositories.assignments import Assignment, Reassignment
from pioreactor.storage.leader.repositories.workers import Worker
from pioreactor.web.answer_cache import FOLLOWS_DATABASE
from pioreactor.web.leader.joining import revoke
from pioreactor.web.leader.notifications import publish_assignment, publish_assignment_and_log
from pioreactor.web.leader.responses import (
    Models,
    ReactorModel,
    Status,
    UnitName,
    WorkerRow,
)
from pioreactor.web.leader.services import LeaderPorts, LeaderServices, reported
from pioreactor.web.request_bodies import AddWorker, WorkerModel, WorkerStatus, unit_name
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.reactor_model import ModelAnswer
from pioreactor.web.unit.utc_clock import SetClock, change_clock

_STOP_TIMEOUT_S = 30.0
_SET_MODEL_TIMEOUT_S = 5.0
_GET_MODEL_TIMEOUT_S = 2.0
_CLOCK_TIMEOUT_S = 30.0


def _row(leader: LeaderServices, found: Worker) -> WorkerRow:
    row = convert(found, WorkerRow, from_attributes=True)
    address = leader.address_of(row.pioreactor_unit)
    try:
        row.ipv4_address = str(ipaddress.IPv4Address(address))
    except ValueError:
        row.ipv4_address = None
    return row


@get("/models", sync_to_thread=True)
def models(leader: LeaderPorts) -> Models:
    """Return the models of reactors, built-in and custom."""
    known = load_models(leader.unit.paths.models)
    return Models([convert(model, ReactorModel, from_attributes=True) for model in known])


@get("/units", opt=FOLLOWS_DATABASE, sync_to_thread=True)
def units(leader: LeaderPorts) -> list[UnitName]:
    """Return the names of the workers and of the leader."""
    return [UnitName(name) for name in leader.units_of("$broadcast")]


@get("/workers", opt=FOLLOWS_DATABASE, sync_to_thread=True)
def workers(leader: LeaderPorts) -> list[WorkerRow]:
    return worker_rows(leader)


def worker_rows(leader: LeaderServices) -> list[WorkerRow]:
    """Return the inventory."""
    return [_row(leader, found) for found in leader.database.workers.all()]


@put("/workers", status_code=201, sync_to_thread=True)
def add_worker(leader: LeaderPorts, data: JSONBody[AddWorker]) -> Response[WorkerRow]:
    """Add a worker to the inventory (201); one that is there already is left as it is (200)."""
    name = unit_name(data.pioreactor_unit, broadcast=False)
    if (data.model_name is None) != (data.model_version is None):
        raise InvalidRequestError("model_name and model_version must be given together")
    if data.model_name is not None and data.model_version is not None:
        find_model(load_models(leader.unit.paths.models), data.model_name, data.model_version)
    is_new = leader.database.workers.add(name, model_name=data.model_name, model_version=data.model_version)
    if is_new:
        publish_assignment(leader, name)
    row = _row(leader, leader.database.workers.get(name))
    return Response(row, status_code=HTTP_201_CREATED if is_new else HTTP_200_OK)


@get("/workers/assignments", opt=FOLLOWS_DATABASE, sync_to_thread=True)
def all_assignments(leader: LeaderPorts) -> list[Assignment]:
    """Return the assignment of every worker, with those that have none."""
    return leader.database.assignments.all()


@delete("/workers/assignments", status_code=202, sync_to_thread=True)
def unassign_everything(leader: LeaderPorts) -> Accepted:
    """Unassign all workers and stop their jobs."""
    return on_unassigned(leader, leader.database.assignments.end_all())


def on_unassigned(leader: LeaderServices, changes: list[Reassignment]) -> Accepted:
    """Publish that workers were unassigned, and stop their jobs in the background."""
    experiments_of = {change.pioreactor_unit: change.previous for change in changes}
    note_values(before=experiments_of, after=dict.fromkeys(experiments_of))
    for unit, experiment in experiments_of.items():
        publish_assignment_and_log(leader, unit, f"removed {unit} from {experiment}")
    return leader.start_asking(
        "stopping jobs of unassigned workers",
        experiments_of,
        "POST",
        "/unit_api/jobs/stop",
        json=lambda unit: {"experiment": experiments_of[unit]},
        timeout_s=_STOP_TIMEOUT_S,
    )


@get("/workers/{unit:str}", opt=FOLLOWS_DATABASE, sync_to_thread=True)
def one_worker(leader: LeaderPorts, unit: FromPath[str]) -> WorkerRow:
    return _row(leader, leader.database.workers.get(unit_name(unit, broadcast=False)))


@delete("/workers/{unit:str}", status_code=202, sync_to_thread=True)
def remove_worker(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    """Remove a worker from the inventory, stop its jobs, and revoke its token and account; its data is kept."""
    name = unit_name(unit, broadcast=False)
    note_values(before=leader.database.workers.get(name))
    leader.database.workers.remove(name)
    publish_assignment(leader, name)
    return leader.unit.tasks.start(f"removing {name}", lambda: _dismiss(leader, name), pool="requests")


def _dismiss(leader: LeaderServices, name: str) -> dict[str, UnitReport]:
    """Stop the jobs of a former worker, then make its token and account invalid: it may not be told otherwise."""
    answers = leader.ask_all([name], "POST", "/unit_api/jobs/stop/all", timeout_s=_STOP_TIMEOUT_S)
    if name != leader.unit.name:
        revoke(leader, name)
    return report(answers)


@put("/workers/{unit:str}/is_active", sync_to_thread=True)
def set_active(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[WorkerStatus]) -> Status:
    """Activate or deactivate a worker; deactivation stops its jobs."""
    name = unit_name(unit, broadcast=False)
    note_values(before=leader.database.workers.get(name).is_active, after=data.is_active)
    leader.database.workers.set_active(name, is_active=data.is_active == 1)
    if data.is_active == 0:
        leader.start_asking(
            f"stopping jobs on {name}", [name], "POST", "/unit_api/jobs/stop/all", timeout_s=_STOP_TIMEOUT_S
        )
    return Status()


@put("/workers/{unit:str}/model", sync_to_thread=True)
def set_model(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[WorkerModel]) -> Status:
    """Set the model on the unit, which keeps it and may refuse it, then in the inventory."""
    before = leader.database.workers.get(unit_name(unit, broadcast=False))
    name = before.pioreactor_unit
    note_values(before=before, after=data)
    leader.units.fetch(name, "PUT", "/unit_api/model", json=data, timeout_s=_SET_MODEL_TIMEOUT_S)
    leader.database.workers.set_model(name, model_name=data.model_name, model_version=data.model_version)
    return Status()


@put("/workers/{unit:str}/reported_model", sync_to_thread=True)
def report_model(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[WorkerModel]) -> Status:
    """Enter the model that a unit keeps into the inventory; the unit is not asked."""
    name = unit_name(unit, broadcast=False)
    note_values(before=leader.database.workers.get(name), after=data)
    leader.database.workers.set_model(name, model_name=data.model_name, model_version=data.model_version)
    return Status()


@get("/workers/{unit:str}/model", sync_to_thread=True)
def model_of_worker(leader: LeaderPorts, unit: FromPath[str]) -> ModelAnswer:
    """Return the model of a worker as the unit describes it, else as the inventory lists it; 409 for an unknown one."""
    listed = leader.database.workers.get(unit_name(unit, broadcast=False))
    try:
        answer = leader.units.ask(listed.pioreactor_unit, "GET", "/unit_api/model", timeout_s=_GET_MODEL_TIMEOUT_S)
        return decoded(answer, ModelAnswer)
    except PioreactorError:
        if listed.model_name is None or listed.model_version is None:
            return ModelAnswer(None, None)
    try:
        return ModelAnswer.of(
            find_model(load_models(leader.unit.paths.models), listed.model_name, listed.model_version)
        )
    except NotFoundError as error:
        raise ConflictError(f"{listed.pioreactor_unit} does not answer, and {error}", remedy=error.remedy) from error


@get("/workers/{unit:str}/experiment", opt=FOLLOWS_DATABASE, sync_to_thread=True)
def experiment_of_worker(leader: LeaderPorts, unit: FromPath[str]) -> Assignment:
    """Return the experiment a worker is assigned to; 404 when it is in none."""
    name = unit_name(unit, broadcast=False)
    found = leader.database.assignments.of_unit(name)
    if found.experiment is None:
        raise NotFoundError(f"{name} is not assigned to an experiment", remedy="Assign the unit to an experiment.")
    return found


@post("/system/utc_clock", status_code=202, sync_to_thread=True)
def set_clocks(leader: LeaderPorts, data: JSONBody[SetClock]) -> Accepted:
    """Set the leader's clock, then have every worker follow it at once; the result holds the answer of each worker.

    Without `utc_clock_time` the leader's clock stays as it is.
    """
    if data.utc_clock_time is not None:
        parse_moment(data.utc_clock_time)
    return leader.unit.tasks.start("setting the clocks", lambda: _set(leader, data), pool="requests", lock="clocks")


def _set(leader: LeaderServices, wanted: SetClock) -> dict[str, UnitReport]:
    if wanted.utc_clock_time is not None:
        change_clock(leader.unit, wanted)
    workers = [unit for unit in leader.workers_of("$broadcast") if unit != leader.unit.name]
    return reported(leader.ask_all(workers, "POST", "/unit_api/system/utc_clock", json={}, timeout_s=_CLOCK_TIMEOUT_S))


ROUTES = Router(
    "/",
    route_handlers=[
        *(models, units, workers, add_worker, all_assignments, unassign_everything, one_worker, remove_worker),
        *(set_active, set_model, report_model, model_of_worker, experiment_of_worker, set_clocks),
    ],
    tags=["inventory"],
    opt=needs("cluster", change="manage"),
)
