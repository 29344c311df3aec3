"""The ASGI app of a unit: authentication and API; on the leader also the UI, the documentation and live messages."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING

from pioreactor.exc import InvalidRequestError
from pioreactor.identity.sessions import STORE, Sessions
from pioreactor.web import plugin_registry
from pioreactor.web.api import api_of_leader, api_of_unit
from pioreactor.web.asgi import App, Receive, Scope, Send
from pioreactor.web.security.audit_recorder import AuditRecorder
from pioreactor.web.security.auth_middleware import Authenticator, AuthMiddleware, headers_of, refuse
from pioreactor.web.security.identity import Cached, Identity
from pioreactor.web.security.origins import CrossOrigin, Origins
from pioreactor.web.security.response_headers import SecurityHeaders
from pioreactor.web.security.route_rights import Cluster
from pioreactor.web.services_in_scope import with_services
from pioreactor.web.unit.services import UnitServices

if TYPE_CHECKING:
    from pioreactor.identity.oidc.issuer_sign_in import OidcSignIn
    from pioreactor.identity.people import PeopleAndTokens
    from pioreactor.web.leader.services import LeaderServices
    from pioreactor.web.live.subscriber_policy import Credentials

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class LeaderSide:
    """What makes a unit's server the leader's."""

    services: "LeaderServices"
    people: "PeopleAndTokens"
    broker: tuple[str, int]
    """Host and TCP port of the broker, as seen from this machine."""
    viewer: "Credentials | None" = None
    """The broker's account for browsers: it may subscribe and nothing else."""
    pages: Path | None = None
    """Folder of the built UI; None for the one in the package."""
    docs: Path | None = None
    """Folder of the built documentation; None for the one in the package."""
    oidc: "OidcSignIn | None" = None


def create_app(
    unit: UnitServices, *, unit_of: Callable[[str], Identity | None], leader: LeaderSide | None = None
) -> App:
    """Return the ASGI app of one unit; `unit_of` returns the unit whose token it is given.

    The app closes `unit` when the server shuts down.
    """
    if leader is None:
        own = Authenticator(unit.name, unit_of)
        api = with_services(api_of_unit(plugin_registry.registered()), unit=unit)
        return _closing(SecurityHeaders(with_absolute_paths(AuthMiddleware(api, own, Origins()))), unit)
    from pioreactor.identity.access_tokens import bearer_of
    from pioreactor.identity.second_factor import SecondFactors
    from pioreactor.web import auth
    from pioreactor.web.answer_cache import AnswerCache
    from pioreactor.web.leader.in_process_requests import InProcessApi
    from pioreactor.web.live.bridge import MqttBridge
    from pioreactor.web.security.change_guard import ChangePolicy
    from pioreactor.web.security.login_throttle import LoginThrottle

    sessions = Sessions(unit.stores.persistent(STORE), seconds=time)
    people, now = leader.people, unit.clock.now
    rights = Cached(people.rights, seconds=monotonic)
    bearers = Cached(lambda token: bearer_of(people, token, now=now()), seconds=monotonic)
    authenticator = Authenticator(unit.name, unit_of, sessions=sessions, bearer_of=bearers.of, rights_of=rights.of)
    bridge = MqttBridge(
        *leader.broker,
        credentials=leader.viewer,
        still_signed_in=lambda scope: authenticator.identify(headers_of(scope)) is not None,
    )
    in_process, policy = InProcessApi(), ChangePolicy(leader.services.settings)
    api = with_services(
        api_of_leader(plugin_registry.registered()),
        unit=unit,
        in_process=in_process,
        leader=leader.services,
        auth=auth.AuthServices(
            people,
            sessions,
            LoginThrottle(seconds=monotonic),
            LoginThrottle.of_codes(seconds=monotonic),
            # By the time of day as telephones have it: the clock of a demo may be faster.
            SecondFactors(unit.runtime.paths.secrets, seconds=time),
            *(leader.services.database.invitations, people, now, unit.name, rights, bearers),
            oidc=leader.oidc,
            signatures=policy.signatures,
        ),
        change_policy=policy,
        bridge=bridge,
        cluster=Cluster(unit.name, leader.services.database.assignments.experiment_of),
    )
    origins = Origins(lambda: _hosts(leader.services))
    in_process.app = recorded = AuditRecorder(api, leader.services.audit_trail.append)
    cached = AnswerCache(recorded, leader.services.database.version.now, seconds=monotonic)
    app = _with_pages(CrossOrigin(AuthMiddleware(cached, authenticator, origins), origins), leader)
    return _closing(SecurityHeaders(with_absolute_paths(app)), unit)


def _with_pages(app: App, leader: LeaderSide) -> App:
    from pioreactor.web.static_files import documentation, user_interface

    app = user_interface(app, leader.pages if leader.pages is not None else _PACKAGE / "static")
    return documentation(app, leader.docs if leader.docs is not None else _PACKAGE / "docs_site")


def _hosts(leader: "LeaderServices") -> list[str]:
    """Return the names and the configured addresses of the cluster's units, and the leader's further name."""
    names = [leader.unit.name, *(row.pioreactor_unit for row in leader.database.workers.all())]
    alias = leader.unit.runtime.settings.ui.domain_alias
    return [*names, *([alias] if alias else []), *(address for name in names if (address := leader.address_of(name)))]


def with_absolute_paths(app: App) -> App:
    """Refuse a request whose target is no path, such as `*`: all that follows relies on the slash at its beginning."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or str(scope["path"]).startswith("/"):
            await app(scope, receive, send)
        else:
            await refuse(scope, receive, send, InvalidRequestError("the target of a request begins with a slash"))

    return checked


def _closing(app: App, unit: UnitServices) -> App:
    """Close the unit's services when the server shuts down.

    The API itself has nothing to start or to end: servers that share it come and go at different times.
    """

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(unit.close)
        await send({"type": "lifespan.shutdown.complete"})

    return served
