"""Routes of the leader about machines that join the cluster or leave it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import JSONBody

from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.identity.access_point import is_access_point
from pioreactor.models import find_model, load_models
from pioreactor.web.leader.notifications import publish_assignment
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import Body, unit_name
from pioreactor.web.security.guards import only_units
from pioreactor.web.security.identity import identity_of
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted


class SetUpWorker(Body):
    """`code` is what the machine shows. Without an address it is searched for; `replace` an existing worker."""

    code: Annotated[str, msgspec.Meta(min_length=8, max_length=20)]
    name: Annotated[str, msgspec.Meta(max_length=63)] | None = None
    ipv4_address: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    model: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    version: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    replace: bool = False


class WaitingWorker(msgspec.Struct):
    """A machine that waits to join."""

    pioreactor_unit: str
    address: str
    version: str


class JoinedWorker(msgspec.Struct):
    """Result of the task: the new worker, and what a person should know about it."""

    pioreactor_unit: str
    address: str
    version: str
    model_name: str | None
    model_version: str | None
    warning: str | None = None


@get("/workers/discover", sync_to_thread=True)
def discover(leader: LeaderPorts) -> list[WaitingWorker]:
    """Return the machines in this network that wait to join; takes 3 s."""
    known = {row.pioreactor_unit for row in leader.database.workers.all()}
    found = leader.find_waiting(None)
    return [
        WaitingWorker(waiting.unit, f"{waiting.address}:{waiting.port}", waiting.version)
        for waiting in found
        if waiting.unit not in known
    ]


@post("/workers/setup", status_code=202, sync_to_thread=True)
def set_up_worker(leader: LeaderPorts, data: JSONBody[SetUpWorker]) -> Accepted:
    """Take a machine that waits into the cluster; the task's result is the new worker."""
    if data.name is not None:
        unit_name(data.name, broadcast=False)
    return leader.unit.tasks.start("adding a worker", lambda: _join(leader, data), lock="adding a worker")


def _join(leader: LeaderServices, data: SetUpWorker) -> JoinedWorker:
    from pioreactor.cluster.admission import Admission, JoinRequest

    clock, database = leader.unit.clock, leader.database
    admission = Admission(
        leader.unit.paths,
        workers=lambda: [row.pioreactor_unit for row in database.workers.all()],
        unix_time_s=lambda: clock.now().timestamp(),
    )
    address = data.ipv4_address if data.ipv4_address is not None else _find(leader, data.name)
    chosen = (data.model, data.version) if data.model is not None and data.version is not None else None
    if chosen is not None:
        find_model(load_models(leader.unit.paths.models), *chosen)
    joined = admission.admit(JoinRequest(address, data.code, data.name, data.replace, chosen))
    name, version = chosen if chosen is not None else (joined.model_name, joined.model_version)
    database.workers.add(joined.unit, model_name=name, model_version=version)
    publish_assignment(leader, joined.unit)
    return JoinedWorker(joined.unit, joined.address, joined.version, name, version, joined.warning)


def _find(leader: LeaderServices, name: str | None) -> str:
    """Return the address of the machine that waits; raise unless there is exactly one of that name."""
    found = [waiting for waiting in leader.find_waiting(name) if name is None or waiting.unit == name]
    if not found:
        wanted = name if name is not None else "a machine that waits to join"
        raise NotFoundError(
            f"{wanted} was not found in this network",
            remedy="Run `pio cluster join` on it, or give the address that it shows: "
            "some networks do not pass multicast on.",
        )
    if len(found) > 1:
        names = ", ".join(f"{waiting.unit} at {waiting.address}" for waiting in found)
        raise ConflictError(f"several machines wait: {names}", remedy="Give the name or the address of one.")
    return f"{found[0].address}:{found[0].port}"


@post("/cluster/leave", guards=[only_units], status_code=200, sync_to_thread=True)
def leave(request: Request[object, object, State], leader: LeaderPorts) -> Status:
    """Remove the worker that sends this, with its token and its account at the broker."""
    identity = identity_of(request.scope)
    name = unit_name(identity.name if identity is not None else "", broadcast=False)
    if name == leader.unit.name:
        raise ConflictError("the leader cannot leave its own cluster")
    leader.database.workers.remove(name)
    revoke(leader, name)
    publish_assignment(leader, name)
    return Status()


class AccessPoint(msgspec.Struct):
    active: bool


@get("/local_access_point", sync_to_thread=True)
def local_access_point() -> AccessPoint:
    """Return whether the leader opens a Wi-Fi network of its own, by NetworkManager."""
    return AccessPoint(is_access_point())


def revoke(leader: LeaderServices, unit: str) -> None:
    """Make the token and the account of a former worker invalid, and forget its address."""
    from pioreactor.cluster.admission import revoke_worker

    revoke_worker(leader.unit.paths, unit)


ROUTES = Router(
    "/",
    route_handlers=[discover, set_up_worker, leave, local_access_point],
    tags=["inventory"],
    opt=needs("cluster", change="manage"),
)
