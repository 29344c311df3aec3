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
from pioreactor.web.security.guards import only_people
from pioreactor.web.security.login_throttle import LoginThrottle
from pioreactor.web.security.passwords import hash_password
from pioreactor.web.security.people import People, check
from pioreactor.web.security.sessions import COOKIE, KEPT_S, Sessions


@dataclass
class AuthServices:
    """What signing in needs."""

    people: People
    sessions: Sessions
    throttle: LoginThrottle


AuthPorts = NamedDependency[SkipValidation[AuthServices]]


class Person(msgspec.Struct):
    username: str


@post("/sign-in", status_code=200, sync_to_thread=True)
def sign_in(request: Request[Any, Any, Any], auth: AuthPorts, data: JSONBody[SignIn]) -> Response[Person]:
    """Open a session: its cookie is sent back with every request of this browser and read by no script."""
    address = _address(request)
    auth.throttle.begin(address)
    if not check(auth.people, data.username, data.password):
        raise NotAuthenticatedError("this name and password do not belong together", remedy="Try again.")
    auth.throttle.succeeded(address)
    cookie = Cookie(
        COOKIE,
        value=auth.sessions.open(data.username),
        path="/",
        max_age=int(KEPT_S),
        httponly=True,
        samesite="strict",
        secure=request.scope["scheme"] == "https",
    )
    return Response(Person(data.username), cookies=[cookie])


@post("/sign-out", status_code=200, sync_to_thread=True)
def sign_out(request: Request[Any, Any, Any], auth: AuthPorts) -> Response[dict[str, str]]:
    """Close this browser's session; its cookie opens nothing from then on."""
    cookie = request.cookies.get(COOKIE)
    if cookie is not None:
        auth.sessions.close(cookie)
    response: Response[dict[str, str]] = Response({"status": "success"})
    response.delete_cookie(COOKIE, path="/")
    return response


@get("/me")
async def me(request: Request[Any, Any, Any]) -> Person:
    """Say who is signed in."""
    return Person(str(request.scope["user"]))


@patch("/password", guards=[only_people], sync_to_thread=True)
def change_password(request: Request[Any, Any, Any], auth: AuthPorts, data: JSONBody[ChangePassword]) -> dict[str, str]:
    """Change one's own password (at least 10 characters); other browsers of this person are signed out."""
    username = str(request.scope["user"])
    address = _address(request)
    auth.throttle.begin(address)
    if not check(auth.people, username, data.present):
        raise NotPermittedError("the present password is not this one", remedy="Try again.")
    auth.throttle.succeeded(address)
    auth.people.set_password(username, hash_password(data.new))
    auth.sessions.close_all_of(username, but=request.cookies.get(COOKIE))
    return {"status": "success"}


@get("/people", sync_to_thread=True)
def everybody(auth: AuthPorts) -> list[Person]:
    """Everybody who may sign in."""
    return [Person(person.username) for person in auth.people.all()]


@put("/people", status_code=201, sync_to_thread=True)
def add_person(auth: AuthPorts, data: JSONBody[AddPerson]) -> Person:
    """Let somebody else sign in; 409 when the name is taken."""
    auth.people.add(data.username, hash_password(data.password))
    return Person(data.username)


@delete("/people/{username:str}", status_code=200, sync_to_thread=True)
def remove_person(auth: AuthPorts, username: FromPath[str]) -> dict[str, str]:
    """Let somebody sign in no more; the last person stays, or nobody could."""
    if [person.username for person in auth.people.all()] == [username]:
        raise ConflictError(f"{username} is the last person who can sign in", remedy="Add somebody else first.")
    auth.people.remove(username)
    auth.sessions.close_all_of(username)
    return {"status": "success"}


def _address(request: Request[Any, Any, Any]) -> str:
    return request.client.host if request.client is not None else "unknown"


ROUTES = Router(
    "/auth",
    route_handlers=[sign_in, sign_out, me, change_password, everybody, add_person, remove_person],
    tags=["signing in"],
)
