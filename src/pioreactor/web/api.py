"""The routes of a unit and of a leader as one API, without authentication and without state."""

import json
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, cast

from litestar import Litestar, Router, asgi
from litestar.config.compression import CompressionConfig
from litestar.enums import ScopeType
from litestar.exceptions import NotFoundException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive as LitestarReceive
from litestar.types import Scope as LitestarScope
from litestar.types import Send as LitestarSend

from pioreactor.web.asgi import App, Receive, Scope, Send
from pioreactor.web.plugin_registry import PluginRoute
from pioreactor.web.problems import EXCEPTION_HANDLERS
from pioreactor.web.security.change_guard import as_the_lab_asks
from pioreactor.web.security.guards import within_scope
from pioreactor.web.security.route_rights import needs, within_rights
from pioreactor.web.services_in_scope import provide, service_of
from pioreactor.web.unit.routes import unit_routes

if TYPE_CHECKING:
    from litestar.openapi import OpenAPIConfig

MAX_BODY_BYTES = 1_000_000


@cache
def api_of_unit(added: tuple[PluginRoute, ...]) -> App:
    """Return the API of a worker with the routes that plugins added; the servers of one process share it."""
    return cast(App, build([unit_routes(added)]))


@cache
def api_of_leader(added: tuple[PluginRoute, ...]) -> App:
    """Return the API of a leader with the routes that plugins added; the servers of one process share it."""
    from pioreactor.web.leader.exports import COMPRESSED
    from pioreactor.web.leader.routes import leader_routes
    from pioreactor.web.openapi import openapi_config

    compression = CompressionConfig(
        backend="gzip", minimum_size=2000, gzip_compress_level=4, exclude_opt_key=COMPRESSED
    )
    routes: list[Router | ASGIRouteHandler] = [
        unit_routes(added),
        leader_routes(added),
        *account_routers(),
        _live_messages,
    ]
    return cast(App, build(routes, openapi=openapi_config(), compression=compression))


def account_routers() -> list[Router]:
    """Return the routes below `/auth`: signing in, sessions, people, tokens, invitations."""
    from pioreactor.web import account_routes, auth, oidc_routes, session_routes

    return [auth.ROUTES, oidc_routes.ROUTES, session_routes.ROUTES, account_routes.ROUTES]


@asgi("/mqtt", copy_scope=True, opt=needs("units"))
async def _live_messages(scope: LitestarScope, receive: LitestarReceive, send: LitestarSend) -> None:
    """Forward messages of the broker to a browser, over a WebSocket."""
    if scope["type"] != ScopeType.WEBSOCKET:
        raise NotFoundException
    from pioreactor.web.live.bridge import MqttBridge

    bridge = service_of(cast(Scope, scope), "bridge", MqttBridge)
    await bridge(cast(Scope, scope), cast(Receive, receive), cast(Send, send))


def build(
    routes: Iterable[Router | ASGIRouteHandler],
    *,
    openapi: "OpenAPIConfig | None" = None,
    compression: CompressionConfig | None = None,
) -> Litestar:
    """Return the API without authentication; routes of the leader find their services by `services_in_scope`."""
    return Litestar(
        route_handlers=list(routes),
        guards=[within_scope, within_rights, as_the_lab_asks],
        dependencies={"leader": provide("leader"), "auth": provide("auth")},
        compression_config=compression,
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=openapi,
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        debug=False,
    )


def openapi_document() -> str:
    """Return the document as it is committed: sorted, and without the version, which changes with every release."""
    from pioreactor.web.leader.routes import leader_routes
    from pioreactor.web.openapi import openapi_config

    document = build(
        [unit_routes(), leader_routes(), *account_routers()], openapi=openapi_config()
    ).openapi_schema.to_schema()
    document["info"]["version"] = "see /unit_api/versions/app"
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
