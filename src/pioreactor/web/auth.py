"""Routes to sign in and out, and to manage the people who may and their tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from pioreactor.exc import NotAuthenticatedError, NotPermittedError
from pioreactor.identity import access_tokens, people
from pioreactor.identity.access_tokens import AccessTokenRow, NewAccessToken, TokenStorage
from pioreactor.identity.people import People
from pioreactor.identity.sessions import COOKIE, LIFETIME_S, Sessions
from pioreactor.web.request_bodies import AddPerson, ChangePassword, CreateToken, SignIn
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.identity import Kind, identity_of
from pioreactor.web.security.login_throttle import LoginThrottle


@dataclass
class AuthServices:
    """Services that these routes use."""

    people: People
    sessions: Sessions
    throttle: LoginThrottle
    tokens: TokenStorage
    now: Callable[[], datetime]


AuthPorts = NamedDependency[SkipValidation[AuthServices]]


class Person(msgspec.Struct):
    username: str


class Me(msgspec.Struct):
    """Who sends a request: a person with a session, a program with a person's token, or a unit."""

    username: str
    kind: Kind


@post("/sign-in", status_code=200, sync_to_thread=True)
def sign_in(request: Request[object, object, State], auth: AuthPorts, data: JSONBody[SignIn]) -> Response[Person]:
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
    return Response(Person(data.username), cookies=[cookie])


@post("/sign-out", status_code=200, sync_to_thread=True)
def sign_out(request: Request[object, object, State], auth: AuthPorts) -> Response[dict[str, str]]:
    """Close this browser's session; its cookie is no longer valid."""
    cookie = request.cookies.get(COOKIE)
    if cookie is not None:
        auth.sessions.close(cookie)
    response: Response[dict[str, str]] = Response({"status": "success"})
    response.delete_cookie(COOKIE, path="/")
    return response


@get("/me")
async def me(request: Request[object, object, State]) -> Me:
    """Return who sends the request."""
    identity = identity_of(request.scope)
    if identity is None:
        raise NotAuthenticatedError("not signed in")
    return Me(identity.name, identity.kind)


@patch("/password", guards=[only_signed_in], sync_to_thread=True)
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
    """Return all people who may sign in."""
    return [Person(person.username) for person in auth.people.all()]


@put("/people", status_code=201, guards=[only_signed_in], sync_to_thread=True)
def add_person(auth: AuthPorts, data: JSONBody[AddPerson]) -> Person:
    """Add a person who may sign in; 409 when the name is taken."""
    people.add(auth.people, data.username, data.password)
    return Person(data.username)


@delete("/people/{username:str}", status_code=200, guards=[only_signed_in], sync_to_thread=True)
def remove_person(auth: AuthPorts, username: FromPath[str]) -> dict[str, str]:
    """Remove a person, close their sessions and revoke their tokens; 409 for the last person."""
    people.remove(auth.people, auth.sessions, username)
    return {"status": "success"}


@get("/tokens", guards=[only_signed_in], sync_to_thread=True)
def tokens(auth: AuthPorts) -> list[AccessTokenRow]:
    """Return the tokens of everybody, without their secrets."""
    return access_tokens.list_all(auth.tokens)


@post("/tokens", status_code=201, guards=[only_signed_in], sync_to_thread=True)
def create_token(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[CreateToken]
) -> NewAccessToken:
    """Make a token with which a program acts for the person who is signed in; its secret is not shown again."""
    return access_tokens.create(
        auth.tokens, name=data.name, username=_person(request), now=auth.now(), expires_in_days=data.expires_in_days
    )


@delete("/tokens/{id_:str}", status_code=200, guards=[only_signed_in], sync_to_thread=True)
def revoke_token(auth: AuthPorts, id_: FromPath[str]) -> dict[str, str]:
    """Revoke a token of anybody: requests with it are refused from now on."""
    access_tokens.revoke(auth.tokens, id_)
    return {"status": "success"}


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
        *(sign_in, sign_out, me, change_password, list_people, add_person, remove_person),
        *(tokens, create_token, revoke_token),
    ],
    tags=["signing in"],
)
