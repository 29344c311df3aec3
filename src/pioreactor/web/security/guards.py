"""Guards of routes that are not for everybody who is authenticated."""

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from pioreactor.exc import NotPermittedError
from pioreactor.web.security.identity import Identity, identity_of

Connection = ASGIConnection[BaseRouteHandler, object, object, State]


def only_units(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse people and their programs: a request must carry the token of a unit."""
    identity = identity_of(connection.scope)
    if identity is None or identity.kind != "unit":
        raise NotPermittedError("this route is only for units of the cluster")


def only_signed_in(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse tokens: a request must carry a person's session, so that a token that leaks cannot make others."""
    identity = identity_of(connection.scope)
    if identity is None or identity.kind != "person":
        raise NotPermittedError(
            "people, passwords and tokens are not managed with a token", remedy="Sign in with name and password."
        )


def only_agents(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse everybody but agents: what they may do, and how much, is bound to a token of theirs."""
    identity = identity_of(connection.scope)
    if identity is None or identity.rights is None or not identity.rights.is_agent:
        raise NotPermittedError(
            "tools are for agents",
            remedy="Make an agent's token (page Tokens, or `pio tokens create --agent`).",
        )


OPEN_TO_WORKERS = "open_to_workers"
"""Key in the options of a route that workers may use in whatever way: plugins declare theirs for them."""
_JOINING = ("/api/workers/{unit}", "/api/workers/{unit}/experiment")
_OWN = ("/api/workers/{unit}/", "/api/units/{unit}/")
_NOT_FOR_WORKERS = ("/unit_api/", "/mqtt", "/auth/", "/api/config/units/", "/api/config/zipped")
_WHOLE_UNITS = tuple(f"/api/units/{{unit}}/{name}zipped_dot_pioreactor" for name in ("", "import_"))
"""The data of a unit as a whole, and their replacement: only people."""
_ABOUT_THE_SENDER = ("/api/cluster/leave", "/api/cluster/certificate")
"""About the worker that sends it; it names no other."""
_ALWAYS = ("/auth/me", "/unit_api/task_results/{task_id}")
_READ = frozenset({"GET", "HEAD", "OPTIONS"})


def within_scope(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse what a worker may not do at its leader: command other units, and read their secrets.

    It may read the API, and what names it in its path (`/api/workers/NAME/…`) it may also change. A unit that is not in
    the inventory may only ask about itself. On other roles this has no effect.
    """
    identity = identity_of(connection.scope)
    if identity is None or identity.kind != "unit" or identity.scope == "all":
        return
    if identity.scope == "own" and handler.opt.get(OPEN_TO_WORKERS):
        return
    if not _is_allowed(identity, connection):
        name = identity.name if identity.name else "a unit with the shared token"
        raise NotPermittedError(
            f"{name} is not in the inventory"
            if identity.scope == "joining"
            else f"{name} may not do this: a worker reads, reports, and commands itself",
            remedy="Do this on the leader, or with the token of a person.",
        )


def _is_allowed(identity: Identity, connection: Connection) -> bool:
    template = str(connection.scope.get("path_template", connection.scope["path"]))
    is_own = connection.path_params.get("unit") == identity.name != ""
    is_read = connection.scope.get("method") in _READ
    if identity.scope == "joining":
        return is_read and is_own and template in _JOINING
    if template in _ABOUT_THE_SENDER:
        return True
    if template in _ALWAYS:
        return is_read
    if template.startswith("/api/config/units/"):
        return is_own and is_read
    if template.startswith(_NOT_FOR_WORKERS) or template in _WHOLE_UNITS:
        return False
    return is_read or (is_own and template.startswith(_OWN))
