"""Routes that plugins add to the API of the leader (`/api`) and of every unit (`/unit_api`)."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Literal, Protocol, TypeVar, overload

from litestar import Request, Response, Router, route
from litestar.datastructures import State
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from pioreactor.web.route_declarations import OneAppRouter
from pioreactor.web.security.guards import OPEN_TO_WORKERS
from pioreactor.web.security.route_rights import needs

Side = Literal["/api", "/unit_api"]
View = Callable[..., object]
ViewT = TypeVar("ViewT", bound=View)
_PARAMETER = re.compile(r"<(?:(?P<kind>string|int|float|path):)?(?P<name>\w+)>")
_KINDS = {"string": "str", "int": "int", "float": "float", "path": "path"}
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


@dataclass(frozen=True)
class PluginRoute:
    """One route: `rule` as `/ph/<unit>`, and the function that handles it."""

    side: Side
    rule: str
    methods: tuple[str, ...]
    view: View


_routes: list[PluginRoute] = []
mcp_tools: dict[str, View] = {}


def _register(side: Side, rule: str, view: View | None, methods: Sequence[str]) -> object:
    unknown = sorted({method.upper() for method in methods} - set(METHODS))
    if unknown or not rule.startswith("/"):
        raise ValueError(f"a route needs a rule that begins with / and methods of {METHODS}, not {rule!r}, {unknown}")
    wanted = tuple(method.upper() for method in methods)

    def register(function: View) -> View:
        _routes.append(PluginRoute(side, rule, wanted, function))
        return function

    return register if view is None else register(view)


@overload
def register_api_route(
    rule: str, view: None = None, *, methods: Sequence[str] = ("GET",), **_: object
) -> Callable[[ViewT], ViewT]: ...
@overload
def register_api_route(rule: str, view: ViewT, *, methods: Sequence[str] = ("GET",), **_: object) -> ViewT: ...
def register_api_route(
    rule: str, view: View | None = None, *, methods: Sequence[str] = ("GET",), **_: object
) -> object:
    """Register a handler of `/api<rule>` on the leader. A decorator, or called with the function.

    The function is called on a thread with the rule's `<parameters>`, and with `json=` if it has that parameter. It
    returns a value to encode as JSON, or a tuple of value and status.
    """
    return _register("/api", rule, view, methods)


@overload
def register_unit_api_route(
    rule: str, view: None = None, *, methods: Sequence[str] = ("GET",), **_: object
) -> Callable[[ViewT], ViewT]: ...
@overload
def register_unit_api_route(rule: str, view: ViewT, *, methods: Sequence[str] = ("GET",), **_: object) -> ViewT: ...
def register_unit_api_route(
    rule: str, view: View | None = None, *, methods: Sequence[str] = ("GET",), **_: object
) -> object:
    """Register a handler of `/unit_api<rule>` on every unit."""
    return _register("/unit_api", rule, view, methods)


@overload
def register_mcp_tool(view: None = None, *, name: str | None = None, **_: object) -> Callable[[ViewT], ViewT]: ...
@overload
def register_mcp_tool(view: ViewT, *, name: str | None = None, **_: object) -> ViewT: ...
def register_mcp_tool(view: View | None = None, *, name: str | None = None, **_: object) -> object:
    """Register a tool for assistants (MCP). A decorator, or called with the function."""

    def register(function: View) -> View:
        mcp_tools[name if name is not None else function.__name__] = function
        return function

    return register if view is None else register(view)


def registered() -> tuple[PluginRoute, ...]:
    """Return the routes that plugins have registered so far."""
    return tuple(_routes)


def routes(side: Side, added: Sequence[PluginRoute] | None = None) -> Router:
    """Return those of the routes that plugins added (without `added`, so far) which belong to one side."""
    known = registered() if added is None else added
    return OneAppRouter("/", route_handlers=[_handler(one) for one in known if one.side == side])


class _FlaskResponse(Protocol):
    status_code: int
    mimetype: str
    headers: Mapping[str, str]

    def get_data(self) -> bytes: ...


class _FlaskApplication(Protocol):
    def test_request_context(self, **request: object) -> AbstractContextManager[object]: ...
    def make_response(self, result: object) -> _FlaskResponse: ...


@cache
def _flask_application(flask: ModuleType) -> _FlaskApplication:
    application: _FlaskApplication = flask.Flask("pioreactor_plugins")
    return application


def _answer_by_flask(
    flask: ModuleType, view: View, given: Mapping[str, object], request: Request[object, object, State], body: bytes
) -> Response[object]:
    """Call a handler that may use Flask's `request`, `jsonify`, `redirect` and responses, and convert its response."""
    application = _flask_application(flask)
    context = application.test_request_context(
        path=request.url.path,
        base_url=str(request.base_url),
        query_string=request.url.query,
        method=request.method,
        headers=list(request.headers.items()),
        data=body,
    )
    with context:
        response = application.make_response(view(**given))
    headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
    return Response(
        response.get_data(), status_code=response.status_code, headers=headers, media_type=response.mimetype
    )


def _handler(registered: PluginRoute) -> HTTPRouteHandler:
    path = _PARAMETER.sub(lambda m: f"{{{m['name']}:{_KINDS[m['kind'] or 'string']}}}", registered.rule)
    takes_json = "json" in registered.view.__code__.co_varnames[: registered.view.__code__.co_argcount]

    async def answer(request: Request[object, object, State]) -> Response[object]:
        given = dict(request.path_params)
        if takes_json:
            given["json"] = await request.json()
        flask = sys.modules.get("flask")
        if flask is not None:
            return await asyncio.to_thread(
                _answer_by_flask, flask, registered.view, given, request, await request.body()
            )
        result = await asyncio.to_thread(registered.view, **given)
        content, status = result if isinstance(result, tuple) else (result, 200)
        return Response(content, status_code=status)

    methods = [HttpMethod(method) for method in registered.methods]
    name = f"{registered.side}{registered.rule}"
    opt = {OPEN_TO_WORKERS: registered.side == "/api", **needs("units")}
    return route(path, http_method=methods, name=name, include_in_schema=False, opt=opt)(answer)
