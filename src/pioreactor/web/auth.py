"""Signing in and out."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from pioreactor.exc import ConflictError, NotAuthenticatedError, NotPermittedError
from pioreactor.web.request_bodies import AddPerson, ChangePassword, SignIn
from pioreactor.web.security.login_throttle import SignInAttempts
from pioreactor.web.security.passwords import hash_password
from pioreactor.web.security.people import People, check
from pioreactor.web.security.sessions import COOKIE, KEPT_S, Sessions


@dataclass
class SigningIn:
    """What signing in needs."""

    people: People
    sessions: Sessions
    attempts: SignInAttempts


SigningInPorts = NamedDependency[SkipValidation[SigningIn]]


class Person(msgspec.Struct):
    username: str


@post("/sign-in", status_code=200, sync_to_thread=True)
def sign_in(request: Request[Any, Any, Any], door: SigningInPorts, data: JSONBody[SignIn]) -> Response[Person]:
    """Open a session: its cookie is sent back with every request of this browser and read by no script."""
    address = _address(request)
    door.attempts.begin(address)
    if not check(door.people, data.username, data.password):
        raise NotAuthenticatedError("this name and password do not belong together", remedy="Try again.")
    door.attempts.succeeded(address)
    cookie = Cookie(
        COOKIE,
        value=door.sessions.open(data.username),
        path="/",
        max_age=int(KEPT_S),
        httponly=True,
        samesite="strict",
        secure=request.scope["scheme"] == "https",
    )
    return Response(Person(data.username), cookies=[cookie])


@post("/sign-out", status_code=200, sync_to_thread=True)
def sign_out(request: Request[Any, Any, Any], door: SigningInPorts) -> Response[dict[str, str]]:
    """Close this browser's session; its cookie opens nothing from then on."""
    cookie = request.cookies.get(COOKIE)
    if cookie is not None:
        door.sessions.close(cookie)
    response: Response[dict[str, str]] = Response({"status": "success"})
    response.delete_cookie(COOKIE, path="/")
    return response


@get("/me")
async def me(request: Request[Any, Any, Any]) -> Person:
    """Say who is signed in."""
    return Person(str(request.scope["user"]))


@patch("/password", sync_to_thread=True)
def change_password(
    request: Request[Any, Any, Any], door: SigningInPorts, data: JSONBody[ChangePassword]
) -> dict[str, str]:
    """Change one's own password (at least 10 characters); other browsers of this person are signed out."""
    username = _person(request)
    address = _address(request)
    door.attempts.begin(address)
    if not check(door.people, username, data.present):
        raise NotPermittedError("the present password is not this one", remedy="Try again.")
    door.attempts.succeeded(address)
    door.people.set_password(username, hash_password(data.new))
    door.sessions.close_all_of(username, but=request.cookies.get(COOKIE))
    return {"status": "success"}


@get("/people", sync_to_thread=True)
def everybody(door: SigningInPorts) -> list[Person]:
    """Everybody who may sign in."""
    return [Person(person.username) for person in door.people.all()]


@put("/people", status_code=201, sync_to_thread=True)
def add_person(door: SigningInPorts, data: JSONBody[AddPerson]) -> Person:
    """Let somebody else sign in; 409 when the name is taken."""
    door.people.add(data.username, hash_password(data.password))
    return Person(data.username)


@delete("/people/{username:str}", status_code=200, sync_to_thread=True)
def remove_person(door: SigningInPorts, username: FromPath[str]) -> dict[str, str]:
    """Let somebody sign in no more; the last person stays, or nobody could."""
    if [person.username for person in door.people.all()] == [username]:
        raise ConflictError(f"{username} is the last person who can sign in", remedy="Add somebody else first.")
    door.people.remove(username)
    door.sessions.close_all_of(username)
    return {"status": "success"}


def _address(request: Request[Any, Any, Any]) -> str:
    return request.client.host if request.client is not None else "unknown"


def _person(request: Request[Any, Any, Any]) -> str:
    if request.headers.get("authorization"):
        raise NotPermittedError("the cluster's token belongs to no person", remedy="Sign in with name and password.")
    return str(request.scope["user"])


ROUTES = Router(
    "/auth",
    route_handlers=[sign_in, sign_out, me, change_password, everybody, add_person, remove_person],
    tags=["signing in"],
)
