"""Routes to see where one is signed in, and to end sessions."""

from litestar import Request, Router, delete, get
from litestar.datastructures import State
from litestar.params import FromPath

from pioreactor.exc import NotFoundError
from pioreactor.identity.sessions import COOKIE, SessionRow
from pioreactor.web.auth import OF_EVERYBODY, AuthPorts, person_of
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.identity import identity_of


def is_manager(request: Request[object, object, State]) -> bool:
    """Return whether a manager of the whole cluster sends the request."""
    identity = identity_of(request.scope)
    return identity is not None and identity.rights is not None and identity.rights.is_manager


@get("/", sync_to_thread=True)
def list_sessions(request: Request[object, object, State], auth: AuthPorts) -> list[SessionRow]:
    """Return where one is signed in, and to a manager where everybody is."""
    return _visible(request, auth)


@delete("/{id_:str}", status_code=200, sync_to_thread=True)
def end_session(request: Request[object, object, State], auth: AuthPorts, id_: FromPath[str]) -> dict[str, str]:
    """Sign a browser out: one of one's own, or as a manager that of anybody."""
    if not any(row.id == id_ for row in _visible(request, auth)):
        raise NotFoundError(f"you have no session {id_[:64]!r}")
    auth.sessions.close_by_id(id_)
    return {"status": "success"}


def _visible(request: Request[object, object, State], auth: AuthPorts) -> list[SessionRow]:
    rows = auth.sessions.all(own=request.cookies.get(COOKIE))
    return rows if is_manager(request) else [row for row in rows if row.username == person_of(request)]


ROUTES = Router(
    "/auth/sessions",
    route_handlers=[list_sessions, end_session],
    guards=[only_signed_in],
    tags=["signing in"],
    opt=OF_EVERYBODY,
)
