"""Routes with which units report the commands that are typed there, and have people sign them."""

from typing import Annotated

import msgspec
from litestar import Request, Router, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.audit.command_spool import AT_ONCE
from pioreactor.structs.audit import MAX_COMMAND, TypedCommand
from pioreactor.web.auth import AuthPorts, check_signer
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.request_bodies import Body, Code, unit_name
from pioreactor.web.security.audit_recorder import note_person, note_values
from pioreactor.web.security.guards import only_units
from pioreactor.web.security.route_rights import needs


class TypedCommands(Body):
    """What `pio` was asked for on a unit, oldest first."""

    commands: Annotated[list[TypedCommand], msgspec.Meta(max_length=AT_ONCE)]


@post(
    "/units/{unit:str}/typed_commands",
    status_code=204,
    guards=[only_units],
    opt=needs(None, change="manage", carries_requests=True),
    sync_to_thread=True,
)
def record_typed_commands(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[TypedCommands]) -> None:
    """Add commands that were typed on a unit's machine to the audit trail, each id once; for that unit only."""
    leader.audit_trail.append_commands(data.commands, unit=unit_name(unit, broadcast=False))


class SignTyped(Body):
    """A person signs a command that is typed on a unit. `meaning`: what the signature stands for."""

    username: Annotated[str, msgspec.Meta(max_length=64)]
    password: Annotated[str, msgspec.Meta(max_length=1000)]
    meaning: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    command: Annotated[str, msgspec.Meta(max_length=MAX_COMMAND)]
    code: Code | None = None


@post(
    "/units/{unit:str}/typed_signatures",
    status_code=201,
    guards=[only_units],
    opt=needs(None, change="manage"),
    sync_to_thread=True,
)
def sign_typed_command(
    request: Request[object, object, State], auth: AuthPorts, unit: FromPath[str], data: JSONBody[SignTyped]
) -> Status:
    """Sign a command that is typed on a unit, which then carries it out; the trail has it as the person's."""
    note_person(request.scope, data.username[:64])
    check_signer(auth, f"unit {unit_name(unit, broadcast=False)}", data.username, data.password, data.code)
    note_values(signature={"by": data.username, "meaning": data.meaning})
    return Status()


ROUTES = Router(
    "/",
    route_handlers=[record_typed_commands, sign_typed_command],
    tags=["audit"],
    opt=needs(None, change="manage"),
)
