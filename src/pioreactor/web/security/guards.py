"""Guards of routes that are not for everybody who is authenticated."""

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from pioreactor.exc import NotPermittedError
from pioreactor.web.security.identity import identity_of

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
