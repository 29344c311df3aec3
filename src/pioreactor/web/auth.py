"""Routes to sign in and out and to manage the people who may."""

from dataclasses import dataclass

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from pioreactor.exc import ConflictError, NotAuthenticatedError, NotPermittedError
from pioreactor.web.request_bodies import AddPerson, ChangePassword, SignIn
from pioreactor.web.security.guards import only_people
from pioreactor.web.security.login_throttle import LoginThrottle
from pioreactor.web.security.passwords import hash_password
from pioreactor.web.security.people import People, check
from pioreactor.web.security.sessions import COOKIE, LIFETIME_S, Sessions


@dataclass
class AuthServices:
    """Services that these routes use."""

    people: People
    sessions: Sessions
    throttle: LoginThrottle


AuthPorts = NamedDependency[SkipValidation[AuthServices]]


class Person(msgspec.Struct):
    username: str


@post("/sign-in", status_code=200, sync_to_thread=True)
def sign_in(request: Request[object, object, State], auth: AuthPorts, data: JSONBody[SignIn]) -> Response[Person]:
    """Open a session; its cookie is not readable by scripts (HttpOnly)."""
    address = _address(request)
    auth.throttle.begin(address)
    if not check(auth.people, data.username, data.password):
        raise NotAuthenticatedError("Wrong name or password.")
    auth.throttle.succeeded(address)
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
async def me(request: Request[object, object, State]) -> Person:
    """Return who is signed in."""
    return Person(str(request.scope["user"]))


@patch("/password", guards=[only_people], sync_to_thread=True)
def change_password(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[ChangePassword]
) -> dict[str, str]:
    """Change the password of the person who is signed in (at least 10 characters); other browsers are signed out."""
    username = str(request.scope["user"])
    address = _address(request)
    auth.throttle.begin(address)
    if not check(auth.people, username, data.present):
        raise NotPermittedError("Wrong current password.")
    auth.throttle.succeeded(address)
    auth.people.set_password(username, hash_password(data.new))
    auth.sessions.close_all_of(username, but=request.cookies.get(COOKIE))
    return {"status": "success"}


@get("/people", sync_to_thread=True)
def people(auth: AuthPorts) -> list[Person]:
    """Return all people who may sign in."""
    return [Person(person.username) for person in auth.people.all()]


@put("/people", status_code=201, sync_to_thread=True)
def add_person(auth: AuthPorts, data: JSONBody[AddPerson]) -> Person:
    """Add a person who may sign in; 409 when the name is taken."""
    auth.people.add(data.username, hash_password(data.password))
    return Person(data.username)


@delete("/people/{username:str}", status_code=200, sync_to_thread=True)
def remove_person(auth: AuthPorts, username: FromPath[str]) -> dict[str, str]:
    """Remove a person and close their sessions; 409 for the last person."""
    if [person.username for person in auth.people.all()] == [username]:
        raise ConflictError(f"{username} is the last person who can sign in", remedy="Add another person first.")
    auth.people.remove(username)
    auth.sessions.close_all_of(username)
    return {"status": "success"}


def _address(request: Request[object, object, State]) -> str:
    return request.client.host if request.client is not None else "unknown"


ROUTES = Router(
    "/auth",
    route_handlers=[sign_in, sign_out, me, change_password, people, add_person, remove_person],
    tags=["signing in"],
)
