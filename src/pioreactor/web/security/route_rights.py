"""What the routes need: the part of the API that each belongs to, and the role that may use it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from pioreactor.exc import NotPermittedError
from pioreactor.identity.authorization import Access, Request, check
from pioreactor.structs.rights import VIEWER, Area
from pioreactor.types import ToolClass
from pioreactor.web.asgi import Scope
from pioreactor.web.security.identity import AGENT_KEY, identity_of
from pioreactor.web.services_in_scope import service_of

Connection = ASGIConnection[BaseRouteHandler, object, object, State]
_OPTION: Final = "rights"
_READ: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_JOBS_OF_ALL_UNITS: Final = frozenset({"experiment_profile"})
"""Jobs that run on one unit and command others."""


class Need(NamedTuple):
    """Area and access of one route or of several; `area` None: it is open to tokens of every area."""

    area: Area | None
    change: Access = "operate"
    read: Access = "read"
    checks_limits_itself: bool = False
    """Whether the route itself compares the units of a change with the limits, by `check_limits`."""
    tool: ToolClass | None = None
    """What the route is as a tool of agents; None: "read" where it only reads, else "hazardous", the strictest."""
    carries_requests: bool = False
    """Whether the route only carries other requests, each of which is checked and recorded on its own."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a leader's server knows of its cluster: the unit whose own API it serves, and where units are assigned."""

    own_unit: str
    experiment_of: Callable[[str], str | None]


def needs(
    area: Area | None,
    *,
    change: Access = "operate",
    read: Access = "read",
    checks_limits_itself: bool = False,
    tool: ToolClass | None = None,
    carries_requests: bool = False,
) -> dict[str, object]:
    """Return the options that declare it, for a router or for one route of it."""
    return {_OPTION: Need(area, change, read, checks_limits_itself, tool, carries_requests)}


def needs_of(options: Mapping[str, object]) -> dict[str, object]:
    """Return what the options of another route declare, for a route that does the same."""
    return {_OPTION: options[_OPTION]}


def need_of(handler: BaseRouteHandler) -> Need | None:
    """Return what a route declares, by itself or by its router."""
    found = handler.opt.get(_OPTION)
    return found if isinstance(found, Need) else None


def within_rights(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse what the role and the limits of a person, or of a person's token, do not allow."""
    identity = identity_of(connection.scope)
    if identity is None or identity.kind == "unit":
        return
    rights = identity.rights if identity.rights is not None else VIEWER
    need = need_of(handler)
    if need is None:
        need = Need(None, change="manage")
    scope: Scope = connection.scope  # type: ignore[assignment]
    if rights.is_agent and not need.carries_requests and AGENT_KEY not in scope:
        raise NotPermittedError("this token is an agent's, which uses tools", remedy="Call the tools of /mcp.")
    is_read = scope.get("method", "GET") in _READ
    parameters = connection.path_params
    cluster = service_of(scope, "cluster", Cluster)
    own = cluster.own_unit if str(scope["path"]).startswith("/unit_api/") else None
    request = Request(
        need.read if is_read else need.change,
        need.area,
        unit=parameters.get("unit", own),
        experiment=parameters.get("experiment"),
        reaches_all_units=parameters.get("job") in _JOBS_OF_ALL_UNITS,
    )
    if need.checks_limits_itself:
        rights = rights.without_limits()
    check(rights, request, experiment_of=cluster.experiment_of)


def readers_of(*areas: Area) -> Callable[[Connection, BaseRouteHandler], None]:
    """Return a guard that refuses who may not read all of these parts of the API."""

    def guard(connection: Connection, _handler: BaseRouteHandler) -> None:
        identity = identity_of(connection.scope)
        if identity is not None and identity.kind != "unit":
            rights = identity.rights if identity.rights is not None else VIEWER
            for area in areas:
                check(rights, Request("read", area), experiment_of=lambda _: None)

    return guard


def check_limits(scope: object, *, area: Area, unit: str, experiment: str) -> None:
    """Raise `NotPermittedError` unless the limits of the sender allow a change about this unit and experiment.

    For routes that learn from their body, or from what is stored, which unit a request is about.
    """
    identity = identity_of(scope)
    if identity is not None and identity.kind != "unit":
        rights = identity.rights if identity.rights is not None else VIEWER
        check(rights, Request("operate", area, unit, experiment), experiment_of=lambda _: None)
