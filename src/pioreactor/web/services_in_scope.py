"""The services that routes use: they come with each request, so that the API itself has no state."""

from typing import Any, Final

from litestar.di import Provide
from litestar.types import Scope as LitestarScope

from pioreactor.web.asgi import App, Receive, Scope, Send

_KEY: Final = "pioreactor.services"


def with_services(app: App, **services: object) -> App:
    """Return the app with these services in the scope of every request, each by the name of its argument."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        scope[_KEY] = services
        await app(scope, receive, send)

    return served


def service_of(scope: Scope, name: str) -> Any:
    """Return a service of a request: whatever `with_services` was given, so the caller knows its type."""
    return scope[_KEY][name]


def provide(name: str) -> Provide:
    """Return what gives the service of this name to the argument of that name."""

    def from_scope(scope: LitestarScope) -> object:
        return scope[_KEY][name]  # type: ignore[typeddict-item]

    return Provide(from_scope, sync_to_thread=False)
