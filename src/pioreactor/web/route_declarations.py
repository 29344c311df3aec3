"""Declarations of routes: several methods for one function, routers, and relaying a unit's route."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from litestar import HttpMethod, Router
from litestar.handlers import HTTPRouteHandler

PATCH_OR_POST: Final = (HttpMethod.PATCH, HttpMethod.POST)
"""A command takes either method."""
PUT_OR_PATCH: Final = (HttpMethod.PUT, HttpMethod.PATCH)

WORKERS = "/workers/{unit:str}"
UNITS = "/units/{unit:str}"
"""Prefixes of the leader's path, in front of the unit's own."""

Target = Literal["workers", "units", "experiment", "ever"]
Handler = TypeVar("Handler", bound=HTTPRouteHandler)

_OPTION = "relay"


class OneAppRouter(Router):
    """A router that is made anew for each application, and therefore need not be copied into it.

    Litestar copies every router that it registers, with all handlers below it, at each level once more: on a Raspberry
    Pi that is seconds of the start of the server.
    """

    def __deepcopy__(self, memo: dict[int, object]) -> "OneAppRouter":
        return self


@dataclass(frozen=True, slots=True)
class Relay:
    """How the leader relays a route to units.

    `target` is who `{unit}` may name: a worker, a worker or the leader, a worker of `{experiment}`, or
    (`ever`) a worker that may have been in `{experiment}` before. With `waits` the
    leader answers what one unit answered; otherwise it asks one unit or all (`$broadcast`) in the background and
    answers 202 with the place of the result. `timeout_s` bounds each request.
    """

    paths: tuple[str, ...]
    target: Target
    waits: bool
    timeout_s: float
    method: str | None
    """The one method that is relayed, of a route with several."""
    also: tuple[str, ...] = ()
    """Further methods of the leader's route, which are relayed as that one."""


def relayed(
    *prefixes: str,
    path: str | None = None,
    target: Target = "workers",
    waits: bool = False,
    timeout_s: float = 5.0,
    method: str | None = None,
    also: tuple[str, ...] = (),
) -> Callable[[Handler], Handler]:
    """Declare that the leader relays this route; a decorator above the route's own.

    The leader's path is each of `prefixes` (`WORKERS` by default) and the route's own path, or `path` where it differs.
    """

    def declare(handler: Handler) -> Handler:
        under = prefixes if prefixes else (WORKERS,)
        own = sorted(handler.paths)
        paths = (path,) if path is not None else tuple(prefix + rest for prefix in under for rest in own)
        handler.opt[_OPTION] = Relay(paths, target, waits, timeout_s, method, also)
        return handler

    return declare


def relay_of(handler: HTTPRouteHandler) -> Relay | None:
    """Return how a route is relayed; None for a route that is the unit's only."""
    found = handler.opt.get(_OPTION)
    return found if isinstance(found, Relay) else None
