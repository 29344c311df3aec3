"""Routes to sign in and out, to accept an invitation, and to change one's password."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec
from litestar import Request, Response, Router, get, patch, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from pioreactor.audit.change_policy import SIGNATURE_LIFETIME_S, Signatures
from pioreactor.exc import NotAuthenticatedError, NotPermittedError
from pioreactor.identity import invitation_links, people
from pioreactor.identity.access_tokens import Bearer, TokenStorage
from pioreactor.identity.invitation_links import InvitationStorage
from pioreactor.identity.people import People
from pioreactor.identity.second_factor import SecondFactorError, SecondFactors
from pioreactor.identity.sessions import COOKIE, LIFETIME_S, Sessions
from pioreactor.structs.invitation import Invitation
from pioreactor.structs.rights import Rights
from pioreactor.web.request_bodies import AcceptInvitation, ChangePassword, OpenInvitation, SignChange, SignIn
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.identity import Cached, Kind, identity_of
from pioreactor.web.security.login_throttle import LoginThrottle
from pioreactor.web.security.route_rights import needs

if TYPE_CHECKING:
    from pioreactor.identity.oidc.issuer_sign_in import OidcSignIn


@dataclass
class AuthServices:
    """Services that these routes use."""

    people: People
    sessions: Sessions
    throttle: LoginThrottle
    code_throttle: LoginThrottle
    second_factors: SecondFactors
    invitations: InvitationStorage
    tokens: TokenStorage
    now: Callable[[], datetime]
    cluster_name: str
    rights: Cached[Rights]
    bearers: Cached[Bearer]
    signatures: Signatures
    oidc: "OidcSignIn | None" = None


OF_EVERYBODY = needs(None, change="read")
"""What people do with their own sign-in, whatever their role."""
AuthPorts = NamedDependency[SkipValidation[AuthServices]]


class SignedIn(msgspec.Struct):
    username: str


class Me(msgspec.Struct):
    """Who sends a request: a person with a session, a program with a person's token, or a unit.

    `rights` of a unit: null.
    """

    username: str
    kind: Kind
    rights: Rights | None = None


class Invited(msgspec.Struct):
    """What the invited person will be able to do, and until when the link is valid."""

    rights: Rights
    expires_at: str


@post("/sign-in", status_code=200, opt=OF_EVERYBODY, sync_to_thread=True)
def sign_in(request: Request[object, object, State], auth: AuthPorts, data: JSONBody[SignIn]) -> Response[SignedIn]:
    """Open a session; its cookie is not readable by scripts (HttpOnly).

    For a person with a second factor the answer is 401 with the code `second_factor` until `code` is right.
    """
    address = address_of(request)
    auth.throttle.begin(address, data.username)
    if not people.check(auth.people, data.username, data.password):
        raise NotAuthenticatedError("Wrong name or password.")
    check_code(auth, address, data.username, data.code)
    auth.throttle.succeeded(address, data.username)
    return Response(SignedIn(data.username), cookies=[session_cookie(request, auth, data.username)])


def check_code(auth: AuthServices, address: str, username: str, code: str | None) -> None:
    """Raise `SecondFactorError` unless this is a valid code of the person, or the person has no second factor."""
    if not auth.second_factors.state(username).is_on:
        return
    if code is None:
        raise SecondFactorError("Signing in takes a code as well.")
    auth.code_throttle.begin(address, username)
    if not auth.second_factors.verify(username, code):
        raise SecondFactorError("Wrong code, or one that was used already.")
    auth.code_throttle.succeeded(address, username)


def session_cookie(request: Request[object, object, State], auth: AuthServices, username: str) -> Cookie:
    """Open a session of this browser, in place of the one that it had, and return its cookie."""
    return Cookie(
        COOKIE,
        value=auth.sessions.open(
            username,
            address=address_of(request),
            user_agent=request.headers.get("user-agent", ""),
            instead_of=request.cookies.get(COOKIE),
        ),
        path="/",
        max_age=int(LIFETIME_S),
        httponly=True,
        samesite="strict",
        secure=request.scope["scheme"] == "https",
    )


@post("/invitation", status_code=200, opt=OF_EVERYBODY, sync_to_thread=True)
def open_invitation(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[OpenInvitation]
) -> Invited:
    """Return what an invitation is for; 409 when it was used or revoked, or has expired.

    The secret of the link comes in the body: paths and queries are written to logs and histories.
    """
    found = _opened(request, auth, data.secret)
    return Invited(found.rights, found.expires_at)


@post("/invitation/accept", status_code=201, opt=OF_EVERYBODY, sync_to_thread=True)
def accept_invitation(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[AcceptInvitation]
) -> Response[SignedIn]:
    """Add the invited person, and sign them in; 409 when the name is taken, or the invitation is not valid any more."""
    found = _opened(request, auth, data.secret)
    invitation_links.accept(auth.invitations, found, username=data.username, password=data.password)
    auth.rights.forget()
    return Response(SignedIn(data.username), cookies=[session_cookie(request, auth, data.username)])


def _opened(request: Request[object, object, State], auth: AuthPorts, secret: str) -> Invitation:
    """Return the invitation of a secret; guesses are limited like those of passwords."""
    address, name = address_of(request), invitation_links.throttled_name(secret)
    auth.throttle.begin(address, name)
    found = invitation_links.opened(auth.invitations, secret, now=auth.now(), rights_of=auth.people.rights)
    auth.throttle.succeeded(address, name)
    return found


@post("/sign-out", status_code=200, opt=OF_EVERYBODY, sync_to_thread=True)
def sign_out(request: Request[object, object, State], auth: AuthPorts) -> Response[dict[str, str]]:
    """Close this browser's session; its cookie is no longer valid."""
    cookie = request.cookies.get(COOKIE)
    if cookie is not None:
        auth.sessions.close(cookie)
    response: Response[dict[str, str]] = Response({"status": "success"})
    response.delete_cookie(COOKIE, path="/")
    return response


@get("/me", opt=OF_EVERYBODY)
async def me(request: Request[object, object, State]) -> Me:
    """Return who sends the request."""
    identity = identity_of(request.scope)
    if identity is None:
        raise NotAuthenticatedError("not signed in")
    return Me(identity.name, identity.kind, identity.rights)


@patch("/password", guards=[only_signed_in], opt=OF_EVERYBODY, sync_to_thread=True)
def change_password(
    request: Request[object, object, State], auth: AuthPorts, data: JSONBody[ChangePassword]
) -> dict[str, str]:
    """Change the password of the person who is signed in (at least 10 characters); other browsers are signed out."""
    username = person_of(request)
    address = address_of(request)
    auth.throttle.begin(address, username)
    if not people.check(auth.people, username, data.present):
        raise NotPermittedError("Wrong current password.")
    auth.throttle.succeeded(address, username)
    people.set_password(auth.people, auth.sessions, username, data.new, kept_session=request.cookies.get(COOKIE))
    return {"status": "success"}


class NewSignature(msgspec.Struct):
    """A signature for one request; its id is sent with it as `X-Pioreactor-Signature`, once, within the time."""

    id: str
    valid_for_s: float


@post("/signatures", status_code=201, guards=[only_signed_in], opt=OF_EVERYBODY, sync_to_thread=True)
def sign_change(request: Request[object, object, State], auth: AuthPorts, data: JSONBody[SignChange]) -> NewSignature:
    """Sign one request that follows, with the password, and the code of a person who has a second factor."""
    username = person_of(request)
    check_signer(auth, address_of(request), username, data.password, data.code)
    signed = f"{data.method} {unquote(data.path.partition('?')[0])}"
    return NewSignature(auth.signatures.add(username, signed, data.meaning), SIGNATURE_LIFETIME_S)


def check_signer(auth: AuthServices, address: str, username: str, password: str, code: str | None) -> None:
    """Raise `NotPermittedError` or `SecondFactorError` unless a person gives password and code as for a sign-in."""
    auth.throttle.begin(address, username)
    if not people.check(auth.people, username, password):
        raise NotPermittedError("Wrong password; nothing was signed.")
    check_code(auth, address, username, code)
    auth.throttle.succeeded(address, username)


def person_of(request: Request[object, object, State]) -> str:
    """Return the name of the person whose session the request has, which `only_signed_in` has made sure."""
    identity = identity_of(request.scope)
    if identity is None:
        raise NotAuthenticatedError("not signed in")
    return identity.name


def address_of(request: Request[object, object, State]) -> str:
    """Return the IP address that a request comes from."""
    return request.client.host if request.client is not None else "unknown"


ROUTES = Router(
    "/auth",
    route_handlers=[sign_in, sign_change, open_invitation, accept_invitation, sign_out, me, change_password],
    tags=["signing in"],
    opt=needs("people", change="manage"),
)
