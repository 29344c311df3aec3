"""The OpenAPI document as it is committed under docs/reference."""

import json

from pioreactor.web import auth
from pioreactor.web.app import build
from pioreactor.web.leader.routes import leader_routes
from pioreactor.web.openapi import openapi_config
from pioreactor.web.unit.routes import unit_routes


def render() -> str:
    """Return the document, sorted, and without the version, which changes with every release."""
    app = build([unit_routes(), leader_routes(), auth.ROUTES], openapi=openapi_config())
    document = app.openapi_schema.to_schema()
    document["info"]["version"] = "see /unit_api/versions/app"
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
