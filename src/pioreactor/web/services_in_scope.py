"""The services that routes use: they come with each request, so that the API itself has no state."""

from typing import Final, TypeVar

from litestar.di import Provide
from litestar.types import Scope as LitestarScope

from pioreactor.web.asgi import App, Receive, Scope, Send

T = TypeVar("T")
_KEY: Final = "pioreactor.services"


def with_services(app: App, **services: object) -> App:
    """Return the app with these services in the scope of every request, each by the name of its argument."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        scope[_KEY] = services
        await app(scope, receive, send)

    return served


def service_of(scope: Scope, name: str, kind: type[T]) -> T:
    """Return a service of a request; raise `TypeError` when it is of another kind than `with_services` was given."""
    service = scope[_KEY][name]
    if not isinstance(service, kind):
        raise TypeError(f"{name} is {service!r}, not of {kind}")
    return service


def provide(name: str) -> Provide:
    """Return what gives the service of this name to the argument of that name."""

    def from_scope(scope: LitestarScope) -> object:
        return scope[_KEY][name]  # type: ignore[typeddict-item]

    return Provide(from_scope, sync_to_thread=False)
