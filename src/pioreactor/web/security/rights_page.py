"""The reference page of rights: each route with its area and the roles that may use it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Final

from litestar import Router
from litestar.handlers import HTTPRouteHandler

from pioreactor import topics
from pioreactor.messaging.accounts import Account, Permissions, permission_file, read_permissions
from pioreactor.structs.rights import AREAS
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.security.route_rights import Need, need_of

_KIND = re.compile(r":\w+\}")
_NAME = re.compile(r"\{(\w+)\}")
_TITLE: Final = """# Rights of people and of their programs

Generated from the routes. A **viewer** sees everything, an **operator** also works with units and experiments, a
**manager** also runs the cluster. Changes of a person can be limited to some units and experiments: then a request
must name one of them in its path. A token has the rights of its person, or fewer: a lower role, some units, some
areas. Live messages over MQTT are read-only for everybody ([topics](#topics-of-mqtt)); commands go over these routes.
Units have rights of their own ([how they are admitted](../explanations/decisions/0022-each-unit-has-its-own-token.md)).

"""

_TOPICS_TITLE: Final = """## Topics of MQTT

Generated from the permissions of the broker's accounts; `UNIT` is that of a worker, its bench the broker of a bench.
People have no account: their browsers get messages through the web server, whatever their role, and it refuses each
packet that publishes. Tokens of programs have no account either; programs that publish use the routes above. Home
Assistant has an account while it is switched on; where it has a token, the leader compares each of its commands with
the rights of that token.

| topic | browsers, of any role | token | `UNIT` | its bench | Home Assistant | the same, with a token | leader |
|---|---|---|---|---|---|---|---|"""
_KINDS: Final = ("JOB/$state", "JOB/SETTING", "JOB/SETTING/set", "JOB/SETTING/set/command", "JOB/SETTING/set/answer")
_ACCOUNTS: Final = (
    *(Account("viewer", "x", "viewer"), Account("UNIT", "x", "unit"), Account("BENCH", "x", "bench", units=("UNIT",))),
    *(Account("reads", "x", "home_assistant"), Account("commands", "x", "home_assistant_commands")),
    Account("LEADER", "x", "leader"),
)


@dataclass(frozen=True)
class RouteWithNeed:
    """One method of one path of a leader, and what it needs."""

    method: str
    path: str
    need: Need
    opt: Mapping[str, object]

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters in the path."""
        return _NAME.findall(self.path)


@cache
def routes_with_needs() -> tuple[RouteWithNeed, ...]:
    """Return all documented routes of a leader, by path and method."""
    from pioreactor.web.api import account_routers, build
    from pioreactor.web.leader.routes import leader_routes
    from pioreactor.web.unit.routes import unit_routes

    routers: list[Router] = [unit_routes(), leader_routes(), *account_routers()]
    found: list[RouteWithNeed] = []
    for route in build(list(routers)).routes:
        for handler in getattr(route, "route_handlers", []):
            if isinstance(handler, HTTPRouteHandler) and handler.include_in_schema is not False:
                found.extend(_with_need(_KIND.sub("}", route.path), handler))
    return tuple(sorted(found, key=lambda one: (one.path, one.method)))


def _with_need(path: str, handler: HTTPRouteHandler) -> Iterator[RouteWithNeed]:
    need = need_of(handler)
    if need is not None:
        for method in handler.http_methods:
            yield RouteWithNeed(str(method), path, need, handler.opt)


def rights_page() -> str:
    """Return the page as Markdown."""
    lines: list[str] = []
    order = [*AREAS, None]
    routes = sorted(routes_with_needs(), key=lambda one: (order.index(one.need.area), one.path, one.method))
    for area, members in groupby(routes, key=lambda one: one.need.area):
        title = f"## Area `{area}`" if area is not None else "## Every area"
        lines += [title, "", "| route | viewer | operator | manager |", "|---|---|---|---|"]
        lines += [_row(one) for one in members]
        lines.append("")
    return _TITLE + "\n".join([*lines, _TOPICS_TITLE, *_topic_rows()]) + "\n"


def topics_of_kinds() -> list[str]:
    """Return a topic of each kind, of the unit itself, of others, of all units, and of no unit."""
    kinds = (*_KINDS, "logs/SOURCE/LEVEL", "EVENTS")
    units = [f"{topics.ROOT}/{unit}/EXPERIMENT" for unit in ("UNIT", "OTHER", UNIVERSAL_IDENTIFIER)]
    others = ("homeassistant/status", "homeassistant/COMPONENT/NODE/OBJECT/config", "$SYS/broker/uptime")
    command = topics.home_assistant_command("LEADER", "UNIT", "JOB", "SETTING")
    return [*(f"{unit}/{kind}" for unit in units for kind in kinds), command, *others, "anything/else"]


def _topic_rows() -> Iterator[str]:
    permissions = read_permissions(permission_file(_ACCOUNTS))
    for topic in topics_of_kinds():
        viewer, *others = (_may(permissions[account.name], topic) for account in _ACCOUNTS)
        yield f"| `{topic}` | {viewer} | none | " + " | ".join(others) + " |"


def _may(permissions: Permissions, topic: str) -> str:
    found = [("subscribe", permissions.may_read(topic)), ("publish", permissions.may_write(topic))]
    return ", ".join(name for name, is_allowed in found if is_allowed) or "no"


def _row(one: RouteWithNeed) -> str:
    access = one.need.read if one.method in ("GET", "HEAD") else one.need.change
    roles = {"read": (1, 1, 1), "operate": (0, 1, 1), "manage": (0, 0, 1)}[access]
    return f"| `{one.method} {one.path}` | " + " | ".join("yes" if may else "no" for may in roles) + " |"
