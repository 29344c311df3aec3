"""Signing in and out."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from pioreactor.exc import NotAuthenticatedError
from pioreactor.web.requests import SignIn
from pioreactor.web.security.attempts import SignInAttempts
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
    address = request.client.host if request.client is not None else "unknown"
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


ROUTES = Router("/auth", route_handlers=[sign_in, sign_out, me], tags=["signing in"])
