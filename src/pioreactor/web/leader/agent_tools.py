"""The tools of agents, generated from what declares the API and the command line: routes and jobs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, cast

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition

from pioreactor.exc import InvalidRequestError, NotPermittedError
from pioreactor.identity.authorization import Access, Request, check
from pioreactor.job_catalog import JOBS
from pioreactor.jobs.settings import AnySetting
from pioreactor.structs.rights import Rights
from pioreactor.types import ToolClass
from pioreactor.web.descriptors import describe_attribute
from pioreactor.web.leader.in_process_requests import Call, InProcessApi
from pioreactor.web.ports import Catalog
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.route_rights import Need, need_of

Schema = dict[str, object]
_PARAMETER: Final = re.compile(r"\{(\w+):\w+\}")
_PATH_PART: Final = re.compile(r"(?!\.\.?$)[^/\\?#%\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}")
MAX_DOSE_ML: Final = 100.0
_METHODS: Final = ("GET", "POST", "PATCH", "PUT", "DELETE")
_IN_PARTS: Final = frozenset({"run_on_units", "update_on_units", "overview"})
"""Routes that take whatever a job takes: agents have a tool for each job instead, with units and bounds.
And the one that returns all that others return one by one."""
_CLASSES: Final[Mapping[ToolClass, str]] = {
    "read": "Reads only.",
    "reversible": "Acts at once; another command undoes it.",
    "costly": "Uses up media, heat or time: returns a proposal, which a person approves, then call commit_proposal.",
    "hazardous": "Can do harm: returns a proposal, which a person approves, then call commit_proposal.",
}
_TEXT: Final[Schema] = {"type": "string"}
_UNIT: Final[Schema] = {"type": "string", "description": "Name of the unit, such as worker1."}
_EXPERIMENT: Final[Schema] = {"type": "string", "description": "Name of the experiment that the unit is assigned to."}
_KNOWN: Final[Mapping[str, Schema]] = {"unit": _UNIT, "experiment": _EXPERIMENT}
_ACCESS: Final[Mapping[str, Access]] = {"GET": "read"}


@dataclass(frozen=True)
class Tool:
    """One tool: a request to the API with arguments."""

    name: str
    description: str
    tool_class: ToolClass
    need: Need
    method: str
    path: str
    properties: Mapping[str, Schema]
    required: tuple[str, ...]
    definitions: Mapping[str, object] = field(default_factory=dict)
    values_in: str | None = None
    """Field of the body that takes the arguments which are not in the path; None: they are the query, and `body`."""
    job: str | None = None
    """The job or action that it starts or changes."""

    @property
    def needs_approval(self) -> bool:
        """Whether calling it only makes a proposal."""
        return self.tool_class in ("costly", "hazardous")

    @property
    def counts(self) -> bool:
        """Whether it acts at once, and is counted as an act; commits are counted with their proposal."""
        return self.tool_class == "reversible" and self.name != "commit_proposal"

    @property
    def access(self) -> Access:
        return self.need.read if self.method == "GET" else self.need.change

    def schema(self) -> Schema:
        """Return the JSON Schema of the arguments."""
        found: Schema = {"type": "object", "properties": dict(self.properties), "required": list(self.required)}
        found["additionalProperties"] = False
        if self.definitions:
            found["$defs"] = dict(self.definitions)
        return found

    def describe(self) -> dict[str, object]:
        """Return the tool as the protocol lists it."""
        is_read = self.tool_class == "read"
        return {
            "name": self.name,
            "description": f"{self.description} {_CLASSES[self.tool_class]}",
            "inputSchema": self.schema(),
            "annotations": {"readOnlyHint": is_read, "destructiveHint": self.needs_approval, "openWorldHint": False},
            "_meta": {"pioreactor/class": self.tool_class, "pioreactor/area": self.need.area},
        }

    def is_offered_to(self, rights: Rights) -> bool:
        """Return whether these rights allow to use it on some unit."""
        try:
            check(rights.without_limits(), Request(self.access, self.need.area), experiment_of=lambda _: None)
        except NotPermittedError:
            return False
        return True

    def call(self, given: Mapping[str, object]) -> Call:
        """Return the request for these arguments; raise `InvalidRequestError` for missing or unknown ones."""
        wrong = [*(set(self.required) - set(given)), *(set(given) - set(self.properties))]
        if wrong:
            raise InvalidRequestError(
                f"{self.name}: the argument {wrong[0][:60]!r} is missing, or unknown",
                remedy=f"It takes {', '.join(self.properties)}; {', '.join(self.required)} must be given.",
            )
        in_path = _PARAMETER.findall(self.path)
        path = _PARAMETER.sub(lambda match: path_part(match[1], given[match[1]]), self.path)
        rest = {name: value for name, value in given.items() if name not in in_path}
        if self.values_in is not None:
            return Call(self.method, path, {}, {self.values_in: rest})
        body = rest.pop("body", None)
        return Call(self.method, path, rest, body)


def path_part(name: str, value: object) -> str:
    """Return the value of a path parameter; raise `InvalidRequestError` for what could leave its place in the path."""
    text = str(value)
    if not _PATH_PART.fullmatch(text):
        raise InvalidRequestError(f"{name} is not valid: {text[:60]!r}")
    return text


# ---- routes ---------------------------------------------------------------------------------------------------------


def tools_of_routes(api: Litestar) -> Iterator[Tool]:
    """Yield a tool for each documented route below `/api` that takes and returns JSON."""
    for route in api.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/"):
            yield from (_of_route(route.path, handler) for handler in route.route_handlers if _is_for_agents(handler))


def _is_for_agents(handler: HTTPRouteHandler) -> bool:
    """Return whether a route is documented, about other than people, and exchanges JSON."""
    need, signature = need_of(handler), handler.parsed_fn_signature
    if need is None or need.area == "people" or handler.include_in_schema is False:
        return False
    if only_signed_in in (handler.guards if handler.guards is not None else ()):
        return False
    is_upload = need.tool is None and "request" in signature.parameters and "data" not in signature.parameters
    return not is_upload and _is_json(signature.return_type.annotation) and _name(handler) not in _IN_PARTS


def _of_route(path: str, handler: HTTPRouteHandler) -> Tool:
    need = need_of(handler) or Need(None)
    [method, *_] = [method for method in _METHODS if method in handler.http_methods]
    parts = _PARAMETER.findall(path)
    properties: dict[str, Schema] = {part: _KNOWN.get(part, _TEXT) for part in parts}
    query = dict(_query_parameters(handler))
    body, definitions = _body(handler)
    return Tool(
        name=_name(handler),
        description=_description(handler),
        tool_class="read" if "read" in (need.change, _ACCESS.get(method)) else need.tool or "hazardous",
        need=need,
        method=method,
        path=path,
        properties={**properties, **query, **body},
        required=(*parts, *body),
        definitions=definitions,
    )


def _body(handler: HTTPRouteHandler) -> tuple[dict[str, Schema], Mapping[str, object]]:
    """Return the argument `body` of a route that has one, and what its schema refers to."""
    declared = handler.parsed_fn_signature.parameters.get("data")
    if declared is None:
        return {}, {}
    [schema], definitions = msgspec.json.schema_components(
        [declared.annotation], schema_hook=lambda _: {"description": "A value."}, ref_template="#/$defs/{name}"
    )
    return {"body": schema}, definitions


def _name(handler: HTTPRouteHandler) -> str:
    return str(getattr(_function(handler), "__name__", ""))


def _description(handler: HTTPRouteHandler) -> str:
    described = _function(handler).__doc__ or f"{_name(handler).replace('_', ' ').capitalize()}."
    return " ".join(described.split("\n\n")[0].split())


def _function(handler: HTTPRouteHandler) -> object:
    function: object = handler.fn
    while not hasattr(function, "__name__"):
        function = getattr(function, "func")  # noqa: B009 - what Litestar wraps around a function that runs on a thread
    return function


def _is_json(annotation: object) -> bool:
    """Return whether a route answers with JSON or text, not with a file or a stream."""
    return not any(word in str(annotation) for word in ("Stream", "[bytes]"))


def _fields(handler: HTTPRouteHandler) -> dict[str, FieldDefinition]:
    """Return the parameters of a route, and of what it depends on."""
    own = handler.parsed_fn_signature.parameters
    providers = [provider for name, provider in handler.resolve_dependencies().items() if name in own]
    return reduce(lambda found, provider: found | provider.parsed_fn_signature.parameters, providers, dict(own))


def _query_parameters(handler: HTTPRouteHandler) -> dict[str, Schema]:
    fields = _fields(handler).items()
    return {name: _bounded(each) for name, each in fields if "QueryParameter" in repr(each.raw)}


def _bounded(field_: FieldDefinition) -> Schema:
    """Return the schema of a query parameter with its bounds."""
    declared = field_.kwarg_definition
    bounds = {"minimum": getattr(declared, "ge", None), "maximum": getattr(declared, "le", None)}
    return {**msgspec.json.schema(field_.annotation), **_given(bounds)}


def _given(values: Mapping[str, object]) -> Schema:
    return {name: value for name, value in values.items() if value is not None}


# ---- jobs -----------------------------------------------------------------------------------------------------------


_NEED: Final = Need("units")
_START: Final = "/api/workers/{unit:str}/jobs/run/job_name/%s/experiments/{experiment:str}"
_CHANGE: Final = "/api/workers/{unit:str}/jobs/update/job_name/%s/experiments/{experiment:str}"


def tools_of_jobs(catalog: Catalog) -> Iterator[Tool]:
    """Yield the tools that start jobs, and those that change settings while they run.

    Jobs of plugins are hazardous: nothing says what they do.
    """
    for job in catalog.jobs():
        tool_class: ToolClass = JOBS[job.job_name].tool if job.job_name in JOBS else "hazardous"
        settings = {name: _setting_schema(each) for name, each in job.settings.items() if name != "state"}
        properties = {"unit": _UNIT, "experiment": _EXPERIMENT, **settings}
        for field_name, verb, path in (("options", "start", _START), ("settings", "change", _CHANGE)):
            yield Tool(
                name=f"{verb}_{job.job_name}",
                description=f"{verb.capitalize()} {job.display_name}. {job.description}",
                tool_class=tool_class,
                need=_NEED,
                method="PATCH",
                path=path % job.job_name,
                properties=properties,
                required=("unit", "experiment"),
                values_in=field_name,
                job=job.job_name,
            )


_VOLUME: Final[Schema] = {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_DOSE_ML, "unit": "mL"}
_DURATION: Final[Schema] = {"type": "number", "exclusiveMinimum": 0, "maximum": 3600, "unit": "s"}
_PERCENT: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 100, "unit": "%"}
_ACTIONS: Final[Mapping[str, tuple[str, Mapping[str, Schema]]]] = {
    "add_media": ("Pump fresh medium into the vial.", {"ml": _VOLUME}),
    "add_alt_media": ("Pump the alternative medium into the vial.", {"ml": _VOLUME}),
    "remove_waste": ("Pump liquid out of the vial, down to the efflux tube.", {"ml": _VOLUME}),
    "circulate_media": ("Pump medium in and waste out at once.", {"duration": _DURATION}),
    "circulate_alt_media": ("Pump alternative medium in and waste out at once.", {"duration": _DURATION}),
    "led_intensity": ("Set LED channels.", dict.fromkeys("ABCD", _PERCENT)),
}
"""Actions on one unit, with the bounds of their options."""


def tools_of_actions() -> Iterator[Tool]:
    """Yield the tools that dose or light by hand."""
    for name, (description, options) in _ACTIONS.items():
        is_led = name == "led_intensity"
        yield Tool(
            name=f"run_{name}",
            description=description,
            tool_class="costly",
            need=_NEED,
            method="PATCH",
            path=_START % name,
            properties={"unit": _UNIT, "experiment": _EXPERIMENT, **options},
            required=("unit", "experiment", *(() if is_led else options)),
            values_in="options",
            job=name,
        )


def _setting_schema(setting: AnySetting) -> Schema:
    described = describe_attribute(setting)
    kinds = {"numeric": "number", "boolean": "boolean", "string": "string"}
    found = {
        "type": kinds.get(described.type),
        "minimum": described.min,
        "maximum": described.max,
        "enum": described.options,
        "unit": described.unit,
        "description": ". ".join(text for text in (described.label, described.description) if text),
    }
    return _given(found)


def all_tools(api: Litestar, catalog: Catalog) -> dict[str, Tool]:
    """Return the tools that agents can have, by name."""
    found = [*tools_of_routes(api), *tools_of_jobs(catalog), *tools_of_actions()]
    return {tool.name: tool for tool in found}


def known_tools(requests: InProcessApi, api: Litestar, catalog: Catalog) -> dict[str, Tool]:
    """Return all tools of agents by name; they are generated at the first call."""
    if requests.tools is None:
        requests.tools = dict(all_tools(api, catalog))
    return cast(dict[str, Tool], requests.tools)
