"""Routes of the leader about machines that join the cluster or leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import JSONBody

from pioreactor.cluster.certificate_renewal import CertificateRequest, SignedCertificate, sign_for
from pioreactor.cluster.ssh_account import DEFAULT_USER, USER_PATTERN
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.models import find_model, load_models
from pioreactor.web.leader.notifications import publish_assignment
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import Body, unit_name
from pioreactor.web.security.guards import only_units
from pioreactor.web.security.identity import identity_of
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted

if TYPE_CHECKING:
    from pioreactor.cluster.admission import Admission, Joined


class SshLogin(Body):
    """An account of a machine that can be logged in to; without a password the key of the cluster must do."""

    user: Annotated[str, msgspec.Meta(pattern=USER_PATTERN)] = DEFAULT_USER
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None
    is_simulated: bool = False
    """Whether the machine has no hardware: its reactor is a simulated one."""

    def __post_init__(self) -> None:
        if self.password is not None and not self.password.isprintable():
            raise ValueError("the password has characters that cannot be typed")


class SetUpWorker(Body):
    """`code` is what the machine shows; without one the leader logs in to it by SSH and starts the joining there.

    Without an address the machine is searched for, by SSH at NAME.local; `replace` an existing worker.
    """

    code: Annotated[str, msgspec.Meta(min_length=8, max_length=20)] | None = None
    ssh: SshLogin | None = None
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
    _check_way(data)
    return leader.unit.tasks.start("adding a worker", lambda: _join(leader, data), lock="adding a worker")


def _check_way(data: SetUpWorker) -> None:
    if data.code is not None and data.ssh is not None:
        raise InvalidRequestError("a machine joins with its code or by SSH, not both", remedy="Leave one of them out.")
    if data.code is None and data.name is None:
        raise InvalidRequestError("the name of the machine is missing", remedy="By SSH, give the name that it has.")


def _join(leader: LeaderServices, data: SetUpWorker) -> JoinedWorker:
    from pioreactor.cluster.admission import Admission, JoinRequest

    clock, database = leader.unit.clock, leader.database
    admission = Admission(
        leader.unit.paths,
        workers=lambda: [row.pioreactor_unit for row in database.workers.all()],
        unix_time_s=lambda: clock.now().timestamp(),
        report=leader.unit.tasks.report,
    )
    chosen = _chosen_model(leader, data)
    if data.code is None:
        leader.unit.tasks.report("Logging in by SSH.")
        joined = _by_ssh(leader, data, admission, chosen)
    else:
        if data.ipv4_address is None:
            leader.unit.tasks.report("Searching the network for the machine.")
        address = data.ipv4_address if data.ipv4_address is not None else _find(leader, data.name)
        joined = admission.admit(JoinRequest(address, data.code, data.name, data.replace, chosen))
    name, version = chosen if chosen is not None else (joined.model_name, joined.model_version)
    database.workers.add(joined.unit, model_name=name, model_version=version)
    publish_assignment(leader, joined.unit)
    return JoinedWorker(joined.unit, joined.address, joined.version, name, version, joined.warning)


def _chosen_model(leader: LeaderServices, data: SetUpWorker) -> tuple[str, str] | None:
    """Return the model that was asked for; None if it is the machine's own."""
    if data.model is None or data.version is None:
        return None
    find_model(load_models(leader.unit.paths.models), data.model, data.version)
    return data.model, data.version


def _by_ssh(leader: LeaderServices, data: SetUpWorker, admission: Admission, model: tuple[str, str] | None) -> Joined:
    from pioreactor.cluster.admission import JoinRequest
    from pioreactor.cluster.pairing_client import split_address
    from pioreactor.cluster.ssh_account import PORT, SshAccount, SshKeys
    from pioreactor.cluster.ssh_join import join_by_ssh
    from pioreactor.cluster.ssh_machine import SshMachine

    asked = data.ssh if data.ssh is not None else SshLogin()
    place = data.ipv4_address if data.ipv4_address is not None else f"{data.name}.local"
    host, port = split_address(place, default_port=PORT)
    keys, account = SshKeys(leader.unit.paths.secrets), SshAccount(host, port, asked.user, asked.password)
    if data.replace:
        keys.forget(account)
    request = JoinRequest(host, "", data.name, data.replace, model)
    return join_by_ssh(SshMachine(keys, account), admission, request, is_simulated=asked.is_simulated)


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


@post("/cluster/certificate", guards=[only_units], status_code=200, sync_to_thread=True)
def sign_certificate(
    request: Request[object, object, State], leader: LeaderPorts, data: JSONBody[CertificateRequest]
) -> SignedCertificate:
    """Sign a certificate for the worker that sends this, under its own name and address."""
    identity = identity_of(request.scope)
    [name] = leader.workers_of(unit_name(identity.name if identity is not None else "", broadcast=False))
    return sign_for(leader.unit.paths, name, data.request, now=leader.unit.clock.now())


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


def revoke(leader: LeaderServices, unit: str) -> None:
    """Make the token and the account of a former worker invalid, and forget its address."""
    from pioreactor.cluster.admission import revoke_worker

    revoke_worker(leader.unit.paths, unit)


ROUTES = Router(
    "/",
    route_handlers=[discover, set_up_worker, sign_certificate, leave],
    tags=["inventory"],
    opt=needs("cluster", change="manage"),
)
