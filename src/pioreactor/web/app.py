"""Puts the server of a unit together: the gate, the API, and on the leader the pages and the live messages."""

import asyncio
from collections.abc import Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, cast

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.di import Provide

from pioreactor.web.asgi import App, Receive, Scope, Send
from pioreactor.web.problems import EXCEPTION_HANDLERS
from pioreactor.web.security.auth_middleware import Gate, SafeHeaders, cookie_of
from pioreactor.web.security.sessions import Sessions
from pioreactor.web.unit.routes import unit_routes
from pioreactor.web.unit.services import UnitServices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litestar.openapi import OpenAPIConfig

    from pioreactor.web.leader.services import LeaderServices
    from pioreactor.web.live.subscriber_policy import Credentials
    from pioreactor.web.security.people import People

MAX_BODY_BYTES = 1_000_000


@dataclass(frozen=True)
class LeaderSide:
    """What makes a unit's server the leader's."""

    services: "LeaderServices"
    people: "People"
    broker: tuple[str, int]
    """Host and TCP port of the broker, as seen from this machine."""
    viewer: "Credentials | None" = None
    """The broker's account for browsers: it may subscribe and nothing else."""
    pages: Path | None = None
    """Folder of the built UI; None for the one in the package."""


def create_app(unit: UnitServices, *, token: str, leader: LeaderSide | None = None) -> App:
    """Return the ASGI app of one unit; `token` is the cluster's.

    The app closes `unit` when the server shuts down.
    """
    sessions = Sessions(unit.stores.persistent("web_sessions"), seconds=time) if leader is not None else None
    api = cast(App, _litestar(unit, leader, sessions))
    if leader is None or sessions is None:
        return SafeHeaders(Gate(_Only(api), token=token))
    from pioreactor.web.live.bridge import MqttBridge
    from pioreactor.web.static_files import Pages

    open_sessions = sessions

    def still_signed_in(scope: Scope) -> bool:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if b"authorization" in headers:
            return True
        cookie = cookie_of(headers.get(b"cookie", b"").decode("latin-1"))
        return cookie is not None and open_sessions.find(cookie) is not None

    host, port = leader.broker
    bridge = MqttBridge(host, port, credentials=leader.viewer, still_signed_in=still_signed_in)
    folder = leader.pages if leader.pages is not None else Path(__file__).parent / "static"
    return SafeHeaders(Pages(Gate(_Only(api, bridge), token=token, sessions=sessions), folder))


class _Only:
    """Sends the one WebSocket there is to the bridge, and refuses any other."""

    def __init__(self, api: App, bridge: App | None = None) -> None:
        self._api = api
        self._bridge = bridge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._api(scope, receive, send)
        elif self._bridge is not None and scope["path"] == "/mqtt":
            await self._bridge(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "there is no such connection"})


def _litestar(unit: UnitServices, leader: LeaderSide | None, sessions: Sessions | None) -> Litestar:
    routers: list[Router] = [unit_routes(_provide(unit))]
    dependencies: dict[str, Provide] = {}
    openapi = None
    if leader is not None and sessions is not None:
        from pioreactor.web import auth
        from pioreactor.web.leader.routes import leader_routes
        from pioreactor.web.openapi import openapi_config
        from pioreactor.web.security.login_throttle import LoginThrottle

        routers += [leader_routes(), auth.ROUTES]
        services = auth.AuthServices(leader.people, sessions, LoginThrottle(seconds=monotonic))
        dependencies = {"leader": _provide(leader.services), "auth": _provide(services)}
        openapi = openapi_config()
    compression = CompressionConfig(backend="gzip", minimum_size=2000, gzip_compress_level=4) if leader else None
    return build(routers, dependencies, openapi, closing=[unit], compression=compression)


def build(
    routers: Iterable[Router],
    dependencies: dict[str, Provide],
    openapi: "OpenAPIConfig | None",
    *,
    closing: Iterable[UnitServices] = (),
    compression: CompressionConfig | None = None,
) -> Litestar:
    """Return the API without authentication."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> "AsyncIterator[None]":
        yield
        for services in closing:
            await asyncio.to_thread(services.close)

    return Litestar(
        route_handlers=list(routers),
        dependencies=dependencies,
        compression_config=compression,
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=openapi,
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        lifespan=[lifespan],
        debug=False,
    )


def _provide(services: object) -> Provide:
    return Provide(lambda: services, sync_to_thread=False, use_cache=True)
