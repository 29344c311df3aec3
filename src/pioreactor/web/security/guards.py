"""Guards of routes that are not for everybody who is authenticated."""

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from pioreactor.exc import NotPermittedError
from pioreactor.web.security.auth_middleware import CLUSTER

Connection = ASGIConnection[BaseRouteHandler, object, object, State]


def only_units(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse people: a request must carry the cluster's token."""
    if connection.scope["user"] != CLUSTER:
        raise NotPermittedError("this route is only for units of the cluster")


def only_people(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse the cluster's token: a request must carry a person's session."""
    if connection.scope["user"] == CLUSTER:
        raise NotPermittedError(
            "the cluster's token does not belong to a person", remedy="Sign in with name and password."
        )
