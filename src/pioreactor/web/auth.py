"""Routes to sign in and out, and to manage the people who may and their tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from pioreactor.exc import NotAuthenticatedError, NotFoundError, NotPermittedError
from pioreactor.identity import access_tokens, people
from pioreactor.identity.access_tokens import AccessTokenRow, NewAccessToken, TokenStorage
from pioreactor.identity.authorization import checked_limit
from pioreactor.identity.people import People
from pioreactor.identity.sessions import COOKIE, LIFETIME_S, Sessions
from pioreactor.structs.rights import Rights, Role
from pioreactor.web.request_bodies import AddPerson, ChangePassword, ChangeRights, CreateToken, SignIn
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.identity import CachedRights, Kind, identity_of
from pioreactor.web.security.login_throttle import LoginThrottle
from pioreactor.web.security.route_rights import needs


@dataclass
class AuthServices:
    """Services that these routes use."""

    people: People
    sessions: Sessions
    throttle: LoginThrottle
    tokens: TokenStorage
    now: Callable[[], datetime]
    rights: CachedRights


_OF_EVERYBODY = needs(None, change="read")
"""What people do with their own sign-in, whatever their role."""
AuthPorts = NamedDependency[SkipValidation[AuthServices]]


class Person(msgspec.Struct):
    """A person who may sign in; `units` and `experiments` null: changes are not limited to some."""

    username: str
    role: Role
    units: tuple[str, ...] | None = None
    experiments: tuple[str, ...] | None = None


class SignedIn(msgspec.Struct):
    username: str


class Me(msgspec.Struct):
    """Who sends a request: a person with a session, a program with a person's token, or a unit.

    `rights` of a unit: null.
    """

    username: str
    kind: Kind
    rights: Rights | None = None


@post("/sign-in", status_code=200, opt=_OF_EVERYBODY, sync_to_thread=True)
def sign_in(request: Request[object, object, State], auth: AuthPorts, data: JSONBody[SignIn]) -> Response[SignedIn]:
    """Open a session; its cookie is not readable by scripts (HttpOnly)."""
    address = _address(request)
    auth.throttle.begin(address, data.username)
    if not people.check(auth.people, data.username, data.password):
        raise NotAuthenticatedError("Wrong name or password.")
    auth.throttle.succeeded(address, data.username)
    cookie = Cookie(
        COOKIE,
        value=auth.sessions.open(data.username),
        path="/",
        max_age=int(LIFETIME_S),
        httponly=True,
        samesite="strict",
        secure=request.scope["scheme"] == "https",
    )
    return Response(SignedIn(data.username), cookies=[cookie])


@post("/sign-out", status_code=200, opt=_OF_EVERYBODY, sync_to_thread=True)
def sign_out(request: Request[object, object, State], auth: AuthPorts) -> Response[dict[str, str]]:
    """Close this browser's session; its cookie is no longer valid."""
    cookie = request.cookies.get(COOKIE)
    if cookie is not None:
        auth.sessions.close(cookie)
    response: Response[dict[str, str]] = Response({"status": "success"})
    response.delete_cookie(COOKIE, path="/")
    return response


@get("/me", opt=_OF_EVERYBODY)
async def me(request: Request[object, object, State]) -> Me:
    """Return who sends the request."""
    identity = identity_of(request.scope)
    if identity is None:
        raise NotAuthenticatedError("not signed in")
    return Me(identity.name, identity.kind, identity.rights)


@patch("/password", guards=[only_signed_in], opt=_OF_EVERYBODY, sync_to_thread=True)
def change_password(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[ChangePassword]
) -> dict[str, str]:
    """Change the password of the person who is signed in (at least 10 characters); other browsers are signed out."""
    username = _person(request)
    address = _address(request)
    auth.throttle.begin(address, username)
    if not people.check(auth.people, username, data.present):
        raise NotPermittedError("Wrong current password.")
    auth.throttle.succeeded(address, username)
    people.set_password(auth.people, auth.sessions, username, data.new, kept_session=request.cookies.get(COOKIE))
    return {"status": "success"}


@get("/people", guards=[only_signed_in], sync_to_thread=True)
def list_people(auth: AuthPorts) -> list[Person]:
    """Return all people who may sign in, with their roles."""
    return [_person_of(row.username, row.rights) for row in auth.people.all()]


@put("/people", status_code=201, guards=[only_signed_in], sync_to_thread=True)
def add_person(auth: AuthPorts, data: JSONBody[AddPerson]) -> Person:
    """Add a person who may sign in, as a viewer unless said otherwise; 409 when the name is taken."""
    rights = _rights(data.role, data.units, data.experiments)
    people.add(auth.people, data.username, data.password, rights)
    return _person_of(data.username, rights)


@patch("/people/{username:str}", guards=[only_signed_in], sync_to_thread=True)
def change_rights(auth: AuthPorts, username: FromPath[str], data: JSONBody[ChangeRights]) -> Person:
    """Give a person another role and other limits, at once; 409 when no manager would be left."""
    rights = _rights(data.role, data.units, data.experiments)
    people.set_rights(auth.people, username, rights)
    auth.rights.forget(username)
    return _person_of(username, rights)


@delete("/people/{username:str}", status_code=200, guards=[only_signed_in], sync_to_thread=True)
def remove_person(auth: AuthPorts, username: FromPath[str]) -> dict[str, str]:
    """Remove a person, close their sessions and revoke their tokens; 409 for the last manager."""
    people.remove(auth.people, auth.sessions, username)
    auth.rights.forget(username)
    return {"status": "success"}


@get("/tokens", guards=[only_signed_in], sync_to_thread=True)
def tokens(request: Request[object, object, State], auth: AuthPorts) -> list[AccessTokenRow]:
    """Return one's own tokens, and those of everybody to a manager, without their secrets."""
    return [row for row in access_tokens.list_all(auth.tokens) if _may_revoke(request, row)]


@post("/tokens", status_code=201, guards=[only_signed_in], opt=_OF_EVERYBODY, sync_to_thread=True)
def create_token(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[CreateToken]
) -> NewAccessToken:
    """Make a token with which a program acts for the person who is signed in; its secret is not shown again.

    Without `role`, `units` and `areas` it may do what the person may, and never more.
    """
    return access_tokens.create(
        auth.tokens,
        name=data.name,
        username=_person(request),
        now=auth.now(),
        expires_in_days=data.expires_in_days,
        rights=access_tokens.limits_of(role=data.role, units=data.units, areas=data.areas),
    )


@delete("/tokens/{id_:str}", status_code=200, guards=[only_signed_in], opt=_OF_EVERYBODY, sync_to_thread=True)
def revoke_token(request: Request[object, object, State], auth: AuthPorts, id_: FromPath[str]) -> dict[str, str]:
    """Revoke one's own token, or as a manager that of anybody: requests with it are refused from now on."""
    if not any(row.id == id_ and _may_revoke(request, row) for row in access_tokens.list_all(auth.tokens)):
        raise NotFoundError(f"you have no token {id_!r}")
    access_tokens.revoke(auth.tokens, id_)
    return {"status": "success"}


def _may_revoke(request: Request[object, object, State], row: AccessTokenRow) -> bool:
    identity = identity_of(request.scope)
    is_manager = identity is not None and identity.rights is not None and identity.rights.is_manager
    return is_manager or row.username == _person(request)


def _rights(role: Role, units: list[str] | None, experiments: list[str] | None) -> Rights:
    return Rights(role, checked_limit(units, "units"), checked_limit(experiments, "experiments"))


def _person_of(username: str, rights: Rights) -> Person:
    return Person(username, rights.role, rights.units, rights.experiments)


def _person(request: Request[object, object, State]) -> str:
    """Return the name of the person whose session the request has, which `only_signed_in` has made sure."""
    identity = identity_of(request.scope)
    if identity is None:
        raise NotAuthenticatedError("not signed in")
    return identity.name


def _address(request: Request[object, object, State]) -> str:
    return request.client.host if request.client is not None else "unknown"


ROUTES = Router(
    "/auth",
    route_handlers=[
        *(sign_in, sign_out, me, change_password, list_people, add_person, change_rights, remove_person),
        *(tokens, create_token, revoke_token),
    ],
    tags=["signing in"],
    opt=needs("people", change="manage"),
)
