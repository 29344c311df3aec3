"""Routes of the leader that are generated from the routes of a unit that declare to be relayed."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import Parameter, Signature, getdoc, signature
from typing import Final, get_type_hints
from urllib.parse import quote
from uuid import UUID

from litestar import Response, Router, route
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.routes import HTTPRoute

from pioreactor.http.fanout import Answered, Failed, UnitReport
from pioreactor.web.leader.services import LeaderPorts, LeaderServices, reported
from pioreactor.web.request_bodies import PATH_CHECKS, unit_name
from pioreactor.web.route_declarations import OneAppRouter, Relay, relay_of
from pioreactor.web.security.audit_recorder import AuditNotes, present_notes
from pioreactor.web.security.route_rights import needs_of
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.routes import PARTS

_PARAMETER = re.compile(r"\{(?P<name>\w+):(?P<kind>\w+)\}")
_TYPES: Final[Mapping[str, object]] = {"str": FromPath[str], "int": FromPath[int], "uuid": FromPath[UUID]}
_KEPT_HEADERS: Final = ("cache-control", "content-disposition")
"""Headers of a unit's answer that the leader's answer has too."""
_TO_WORKERS = "Asks one worker, or all (`$broadcast`); the result holds the answer of each."
_TO_UNITS = "Asks one unit, or all workers and the leader (`$broadcast`); the result holds the answer of each."
_WAITS = "Asks one unit and returns its answer."


def relayed_routes() -> Router:
    """Return a route for each declaration, with the rights of the unit's route."""
    return OneAppRouter("/", route_handlers=[_route(*declared) for declared in _declared()])


def _declared() -> Iterator[tuple[HTTPRouteHandler, str, dict[str, object]]]:
    """Yield each declared route with its tag and what it needs."""
    for part in PARTS:
        [tag] = part.ROUTES.tags
        for one in part.ROUTES.routes:
            if isinstance(one, HTTPRoute):
                for handler in one.route_handlers:
                    if relay_of(handler) is not None:
                        yield handler, tag.removesuffix(" of a unit"), needs_of({**part.ROUTES.opt, **handler.opt})


def _route(handler: HTTPRouteHandler, tag: str, needed: dict[str, object]) -> HTTPRouteHandler:
    relay = relay_of(handler)
    [unit_path] = handler.paths
    methods = {relay.method} if relay is not None and relay.method is not None else set(handler.http_methods)
    if relay is None or len(methods) != 1:
        raise ValueError(f"{handler}: one method is relayed; name it in the declaration")
    [method] = methods
    ask = _waiting(relay, method, unit_path) if relay.waits else _in_background(relay, method, unit_path, handler)
    declare = route(
        list(relay.paths),
        http_method=[HttpMethod(each) for each in (method, *relay.also)],
        status_code=handler.status_code if relay.waits else 202,
        media_type=handler.media_type if relay.waits else None,
        guards=handler.guards,
        tags=[tag],
        opt=needed,
        sync_to_thread=True,
    )
    return declare(_described(ask, relay, handler))


Question = Callable[..., object]


def _in_background(relay: Relay, method: str, unit_path: str, handler: HTTPRouteHandler) -> Question:
    name = handler.fn.__name__.replace("_", " ")

    def ask(leader: LeaderServices, unit: str, data: object = None, **values: object) -> Accepted:
        path = _fill(unit_path, values)
        units = _targets(leader, relay, unit, values)
        if method == "GET":
            return leader.start_asking(name, units, method, path, json=data, timeout_s=relay.timeout_s)
        notes, action, where = present_notes(), handler.fn.__name__, str(values.get("experiment", "")) or None

        def work() -> dict[str, UnitReport]:
            answers = leader.ask_all(units, method, path, json=data, timeout_s=relay.timeout_s)
            if notes is not None:
                for answer in answers:
                    _record(notes, action, answer, experiment=where)
            return reported(answers)

        return leader.unit.tasks.start(name, work, pool="requests")

    return ask


def _record(notes: AuditNotes, action: str, answer: Answered[object] | Failed, *, experiment: str | None) -> None:
    """Record what a unit did about a change that was relayed: values before and after, or why it was not made."""
    what = f"{action.replace('_', ' ')} on {answer.unit}"
    if isinstance(answer, Failed):
        notes.follow_up(
            action=action,
            text=f"{what}: {answer.message}",
            outcome="failed",
            unit=answer.unit,
            experiment=experiment,
            details={"reason": answer.message},
        )
        return
    value = answer.value if isinstance(answer.value, Mapping) else {}
    if "before" not in value or value["before"] == value.get("after"):
        return
    values = {"before": value["before"], "after": value.get("after")}
    notes.follow_up(action=action, text=what, outcome="done", unit=answer.unit, experiment=experiment, details=values)


def _waiting(relay: Relay, method: str, unit_path: str) -> Question:
    def ask(leader: LeaderServices, unit: str, data: object = None, **values: object) -> Response[bytes]:
        path = _fill(unit_path, values)
        [name] = _targets(leader, relay, unit_name(unit, broadcast=False), values)
        answer = leader.units.fetch(name, method, path, json=data, timeout_s=relay.timeout_s)
        media_type = answer.headers.get("content-type", "text/plain; charset=utf-8")
        if media_type.startswith("application/json"):
            answer.json()  # refuses what is cut short
        kept = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        return Response(answer.body, status_code=answer.status, media_type=media_type, headers=kept)

    return ask


def _targets(leader: LeaderServices, relay: Relay, unit: str, values: Mapping[str, object]) -> list[str]:
    match relay.target:
        case "workers" | "ever":
            return leader.workers_of(unit_name(unit))
        case "units":
            return leader.units_of(unit_name(unit))
        case "experiment":
            return leader.workers_in(unit_name(unit), PATH_CHECKS["experiment"](str(values["experiment"])))


def _fill(unit_path: str, values: Mapping[str, object]) -> str:
    """Return the unit's path with the values of the leader's; `InvalidRequestError` for one that cannot be."""

    def value_of(match: "re.Match[str]") -> str:
        name, text = match["name"], str(values[match["name"]])
        return quote(PATH_CHECKS[name](text) if match["kind"] == "str" else text, safe="$")

    return "/unit_api" + _PARAMETER.sub(value_of, unit_path)


def _described(ask: Question, relay: Relay, handler: HTTPRouteHandler) -> Question:
    """Give the function the signature and the description that its route needs."""
    hints: dict[str, object] = get_type_hints(handler.fn, include_extras=True)
    parameters: dict[str, object] = {"leader": LeaderPorts}
    parameters |= {name: _TYPES[kind] for name, kind in _path_parameters(relay.paths[:1]).items()}
    _check_parameters(handler, relay, given=set(parameters), taken=set(hints) - {"unit", "data", "return"})
    own: dict[str, object] = {}
    if "data" in hints:
        parameters["data"] = hints["data"]
        own["data"] = signature(handler.fn).parameters["data"].default
    ask.__signature__ = Signature(  # type: ignore[attr-defined]
        [Parameter(name, Parameter.KEYWORD_ONLY, default=own.get(name, Parameter.empty)) for name in parameters]
    )
    ask.__annotations__ = parameters | {"return": hints["return"] if relay.waits else Accepted}
    ask.__name__ = handler.fn.__name__
    answer = _WAITS if relay.waits else _TO_UNITS if relay.target == "units" else _TO_WORKERS
    own_doc = getdoc(handler.fn)
    ask.__doc__ = f"{own_doc}\n\n{answer}" if own_doc else answer
    return ask


def _path_parameters(paths: Iterable[str]) -> dict[str, str]:
    """Return the kind of each parameter of the paths by its name."""
    return {match["name"]: match["kind"] for path in paths for match in _PARAMETER.finditer(path)}


def _check_parameters(handler: HTTPRouteHandler, relay: Relay, *, given: set[str], taken: set[str]) -> None:
    """Raise `ValueError` unless the unit's route takes only a body, and checked parameters of the leader's path."""
    own = _path_parameters(handler.paths)
    unchecked = {name for name, kind in own.items() if kind == "str" and name not in PATH_CHECKS}
    unknown = (taken - set(own)) | (set(own) - given) | unchecked
    if unknown or (relay.target in ("experiment", "ever")) != ("experiment" in given):
        raise ValueError(f"{handler}: a relayed route takes a body and path parameters, not {sorted(unknown)}")
