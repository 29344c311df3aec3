"""Routes to see where one is signed in, to end sessions, and for one's own second factor and tokens."""

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.exc import NotFoundError, NotPermittedError
from pioreactor.identity import access_tokens, people
from pioreactor.identity.access_tokens import AccessTokenRow, NewAccessToken
from pioreactor.identity.sessions import COOKIE
from pioreactor.structs.sign_in import NewSecondFactor, SecondFactorState, SessionRow
from pioreactor.web.auth import OF_EVERYBODY, AuthPorts, address_of, check_code, person_of
from pioreactor.web.request_bodies import BeginSecondFactor, CreateToken, GiveCode
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.identity import identity_of
from pioreactor.web.security.route_rights import needs


def _is_manager(request: Request[object, object, State]) -> bool:
    """Return whether a manager of the whole cluster sends the request."""
    identity = identity_of(request.scope)
    return identity is not None and identity.rights is not None and identity.rights.is_manager


@get("/sessions", sync_to_thread=True)
def list_sessions(request: Request[object, object, State], auth: AuthPorts) -> list[SessionRow]:
    """Return where one is signed in, and to a manager where everybody is."""
    return _visible(request, auth)


@delete("/sessions/{id_:str}", status_code=200, sync_to_thread=True)
def end_session(request: Request[object, object, State], auth: AuthPorts, id_: FromPath[str]) -> dict[str, str]:
    """Sign a browser out: one of one's own, or as a manager that of anybody."""
    found = [row for row in _visible(request, auth) if row.id == id_]
    if not found:
        raise NotFoundError(f"you have no session {id_[:64]!r}")
    note_values(before=found[0])
    auth.sessions.close_by_id(id_)
    return {"status": "success"}


def _visible(request: Request[object, object, State], auth: AuthPorts) -> list[SessionRow]:
    rows = auth.sessions.all(own=request.cookies.get(COOKIE))
    return rows if _is_manager(request) else [row for row in rows if row.username == person_of(request)]


class RecoveryCodes(msgspec.Struct):
    """Codes that stand in for the app, each once; they are not shown again."""

    recovery_codes: list[str]


@get("/second-factor", sync_to_thread=True)
def second_factor(request: Request[object, object, State], auth: AuthPorts) -> SecondFactorState:
    """Return whether one's own sign-in takes a code."""
    return auth.second_factors.state(person_of(request))


@post("/second-factor", status_code=201, sync_to_thread=True)
def begin_second_factor(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[BeginSecondFactor]
) -> NewSecondFactor:
    """Make a secret for an authenticator app; it counts once a code has confirmed it. It takes the password."""
    username, address = person_of(request), address_of(request)
    auth.throttle.begin(address, username)
    if not people.check(auth.people, username, data.password):
        raise NotPermittedError("Wrong password.")
    auth.throttle.succeeded(address, username)
    return auth.second_factors.begin(username, issuer=f"Pioreactor {auth.cluster_name}")


@post("/second-factor/confirm", status_code=200, sync_to_thread=True)
def confirm_second_factor(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[GiveCode]
) -> RecoveryCodes:
    """Switch the second factor on with a first code of the app."""
    username, address = person_of(request), address_of(request)
    auth.code_throttle.begin(address, username)
    codes = auth.second_factors.confirm(username, data.code)
    auth.code_throttle.succeeded(address, username)
    return RecoveryCodes(codes)


@post("/second-factor/remove", status_code=200, sync_to_thread=True)
def remove_second_factor(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[GiveCode]
) -> dict[str, str]:
    """Switch one's own second factor off, with a code of it."""
    username = person_of(request)
    check_code(auth, address_of(request), username, data.code)
    auth.second_factors.remove(username)
    return {"status": "success"}


@get("/tokens", opt=needs("people", change="manage"), sync_to_thread=True)
def tokens(request: Request[object, object, State], auth: AuthPorts) -> list[AccessTokenRow]:
    """Return one's own tokens, and those of everybody to a manager, without their secrets."""
    return [row for row in access_tokens.list_all(auth.tokens) if _may_revoke(request, row)]


@post("/tokens", status_code=201, sync_to_thread=True)
def create_token(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[CreateToken]
) -> NewAccessToken:
    """Make a token with which a program acts for the person who is signed in; its secret is not shown again.

    Without `role`, `units` and `areas` it may do what the person may, and never more.
    """
    return access_tokens.create(
        auth.tokens,
        name=data.name,
        username=person_of(request),
        now=auth.now(),
        expires_in_days=data.expires_in_days,
        rights=access_tokens.limits_of(
            role=data.role, units=data.units, areas=data.areas, is_agent=data.is_agent, budget=data.budget
        ),
    )


@delete("/tokens/{id_:str}", status_code=200, sync_to_thread=True)
def revoke_token(request: Request[object, object, State], auth: AuthPorts, id_: FromPath[str]) -> dict[str, str]:
    """Revoke one's own token, or as a manager that of anybody: requests with it are refused from now on."""
    found = [row for row in access_tokens.list_all(auth.tokens) if row.id == id_ and _may_revoke(request, row)]
    if not found:
        raise NotFoundError(f"you have no token {id_!r}")
    note_values(before=found[0])
    access_tokens.revoke(auth.tokens, id_)
    auth.bearers.forget()
    return {"status": "success"}


def _may_revoke(request: Request[object, object, State], row: AccessTokenRow) -> bool:
    return _is_manager(request) or row.username == person_of(request)


ROUTES = Router(
    "/auth",
    route_handlers=[
        *(list_sessions, end_session),
        *(second_factor, begin_second_factor, confirm_second_factor, remove_second_factor),
        *(tokens, create_token, revoke_token),
    ],
    guards=[only_signed_in],
    tags=["signing in"],
    opt=OF_EVERYBODY,
)
