"""The OpenAPI document: served at `/api/schema/openapi.json`, and committed under docs/reference."""

import json
from collections.abc import Sequence
from typing import Any

from litestar.di import Provide
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


def _operation_id(_: HTTPRouteHandler, method: Any, components: Sequence[str | PathParameterDefinition]) -> str:
    """Return a name that follows from method and path, and so is unique and stays."""
    parts = [part if isinstance(part, str) else part.name for part in components]
    return "_".join([str(getattr(method, "value", method)).lower(), *parts])


def render() -> str:
    """Return the document as it is committed: sorted, and without the version, which changes for other reasons."""
    from pioreactor.web import auth
    from pioreactor.web.app import build, unit_routes
    from pioreactor.web.leader.routes import leader_routes

    app = build([unit_routes(), leader_routes(), auth.ROUTES], _nothing(), openapi_config())
    document = app.openapi_schema.to_schema()
    document["info"]["version"] = "see /unit_api/versions/app"
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _nothing() -> dict[str, Provide]:
    return {name: Provide(lambda: None, sync_to_thread=False) for name in ("here", "cluster", "door")}
