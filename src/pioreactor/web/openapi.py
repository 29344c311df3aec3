"""Settings of the OpenAPI document that the leader serves at `/api/schema/openapi.json`."""

from collections.abc import Sequence

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types.internal_types import PathParameterDefinition

from pioreactor.version import __version__


def openapi_config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Pioreactor",
        version=__version__,
        description="The API of a cluster (`/api`, on the leader) and of each unit (`/unit_api`).",
        path="/api/schema",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        use_handler_docstrings=True,
        operation_id_creator=_operation_id,
    )


def _operation_id(_: HTTPRouteHandler, method: object, components: Sequence[str | PathParameterDefinition]) -> str:
    """Return a name that follows from method and path, and so is unique and stays."""
    parts = [part if isinstance(part, str) else part.name for part in components]
    return "_".join([str(getattr(method, "value", method)).lower(), *parts])
