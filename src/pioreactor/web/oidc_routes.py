"""Routes to sign in by an OpenID Connect issuer, and to check it."""

import logging
from html import escape

import msgspec
from litestar import MediaType, Request, Response, Router, get, post, put
from litestar.datastructures import Cookie, State
from litestar.params import JSONBody

from pioreactor.exc import ConfigurationError, ConflictError, NotFoundError
from pioreactor.identity.oidc.issuer import IssuerUnreachableError, SignInRefusedError
from pioreactor.identity.oidc.issuer_sign_in import BEGUN_FOR_S, COOKIE, RETURN_PATH, OidcSignIn
from pioreactor.structs.sign_in import OidcCheck, OidcOffer
from pioreactor.web.auth import AuthPorts, AuthServices, session_cookie
from pioreactor.web.request_bodies import StoreOidcSecret
from pioreactor.web.security.audit_recorder import note_person
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.route_rights import needs

_log = logging.getLogger("pioreactor.web")
_MANAGED = needs("people", change="manage", read="manage")
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title>{head}</head>
<body><main>{body}</main></body></html>"""


class OidcStart(msgspec.Struct):
    """Where the browser goes to sign in."""

    url: str


@get("/", opt=needs(None), sync_to_thread=True)
def oidc_offer(auth: AuthPorts) -> OidcOffer:
    """Return whether people can sign in by an issuer, and its name."""
    return auth.oidc.offer() if auth.oidc is not None else OidcOffer(False, "")


@post("/start", status_code=200, opt=needs("people", change="read"), sync_to_thread=True)
def start_oidc_sign_in(request: Request[object, object, State], auth: AuthPorts) -> Response[OidcStart]:
    """Begin a sign-in by the issuer; 503 with the code `issuer_unreachable` when it does not answer."""
    begun = _of(auth).begin()
    # Lax, as the browser comes back from another site.
    cookie = Cookie(
        COOKIE,
        value=begun.cookie,
        path=RETURN_PATH,
        max_age=int(BEGUN_FOR_S),
        httponly=True,
        samesite="lax",
        secure=request.scope["scheme"] == "https",
    )
    return Response(OidcStart(begun.url), cookies=[cookie])


@get("/return", opt=needs(None), sync_to_thread=True)
def sign_in_by_issuer(request: Request[object, object, State], auth: AuthPorts) -> Response[str]:
    """Sign in with the answer of the issuer, to which the browser was sent; a page for people says what went wrong."""
    try:
        username = _of(auth).finish(request.cookies.get(COOKIE), dict(request.query_params.items()))
    except (SignInRefusedError, IssuerUnreachableError, ConfigurationError, ConflictError) as error:
        _log.warning("A sign-in by the issuer failed: %s", error)
        body = f"<h1>Signing in failed</h1><p>{escape(str(error))}.</p><p>{escape(error.remedy or '')}</p>"
        page = _PAGE.format(head="", body=f'{body}<p><a href="/">Back to the sign-in page</a></p>')
        refused = Response(page, status_code=error.status, media_type=MediaType.HTML)
        refused.delete_cookie(COOKIE, path=RETURN_PATH)
        return refused
    auth.rights.forget()
    note_person(request.scope, username)
    # A page in between: only from a page of this site does the browser send the cookie of the session.
    page = _PAGE.format(head='<meta http-equiv="refresh" content="0;url=/">', body='<p><a href="/">Continue</a></p>')
    answer = Response(page, media_type=MediaType.HTML, cookies=[session_cookie(request, auth, username)])
    answer.delete_cookie(COOKIE, path=RETURN_PATH)
    return answer


@get("/check", opt=_MANAGED, sync_to_thread=True)
def check_oidc(auth: AuthPorts) -> OidcCheck:
    """Ask the issuer for what it says about itself; 400 for a fault in the configuration, 503 without an answer."""
    return _of(auth).check()


@put("/secret", opt=_MANAGED, guards=[only_signed_in], sync_to_thread=True)
def store_oidc_secret(auth: AuthPorts, data: JSONBody[StoreOidcSecret]) -> dict[str, str]:
    """Keep the secret that the issuer gave to this leader; blank: forget it. It is never shown."""
    _of(auth).store_secret(data.secret)
    return {"status": "success"}


def _of(auth: AuthServices) -> OidcSignIn:
    if auth.oidc is None:
        raise NotFoundError("there is no sign-in by an issuer here")
    return auth.oidc


ROUTES = Router(
    "/auth/oidc",
    route_handlers=[oidc_offer, start_oidc_sign_in, sign_in_by_issuer, check_oidc, store_oidc_secret],
    tags=["signing in"],
)
