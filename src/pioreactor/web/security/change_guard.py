"""Guard of changes for which a lab asks a reason or a signature."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from urllib.parse import unquote

from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.routes import BaseRoute, HTTPRoute

from pioreactor.audit.change_policy import ReasonRequiredError, SignatureRequiredError, Signatures, is_named
from pioreactor.exc import NotPermittedError
from pioreactor.http.deadline import SAFE_METHODS
from pioreactor.settings.followed_files import FollowedSettings
from pioreactor.web.security.audit_recorder import REASON_HEADER, action_description, action_of, note_values
from pioreactor.web.security.identity import Identity, identity_of
from pioreactor.web.security.route_rights import need_of
from pioreactor.web.services_in_scope import service_of

SIGNATURE_HEADER: Final = "X-Pioreactor-Signature"
"""Id of the signature of a person, as `/auth/signatures` gave it."""


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """What the lab asks for, and the signatures that were given."""

    settings: FollowedSettings
    signatures: Signatures = field(default_factory=lambda: Signatures(seconds=monotonic))


def is_change(handler: BaseRouteHandler, method: str) -> bool:
    """Return whether a route changes what is of concern to others: not one's own sign-in, nor what only reads."""
    need = need_of(handler)
    return (
        method not in SAFE_METHODS
        and need is not None
        and need.area is not None
        and need.change != "read"
        and not need.carries_requests
    )


def actions_of(routes: Sequence[BaseRoute]) -> dict[str, str]:
    """Return the names of the changes that the API has, with the first line of their description."""
    return {
        action_of(each): action_description(each).partition("\n")[0]
        for route in routes
        if isinstance(route, HTTPRoute)
        for each in route.route_handlers
        if is_change(each, min(each.http_methods))
    }


def as_the_lab_asks(
    connection: ASGIConnection[BaseRouteHandler, object, object, State], handler: BaseRouteHandler
) -> None:
    """Refuse a change of a person, or of a program, without the reason or the signature that the lab asks for."""
    scope = connection.scope
    identity, method = identity_of(scope), str(scope.get("method", "GET"))
    if identity is None or identity.kind == "unit" or not is_change(handler, method):
        return
    policy = service_of(scope, "change_policy", ChangePolicy)  # type: ignore[arg-type]
    action, asked = action_of(handler), policy.settings.read().audit
    if is_named(action, asked.reason_required) and not unquote(connection.headers.get(REASON_HEADER, "")).strip():
        raise ReasonRequiredError(f"a reason is asked for this change ({action})")
    if is_named(action, asked.signature_required):
        _check_signature(
            policy, identity, connection.headers.get(SIGNATURE_HEADER), f"{method} {scope['path']}", action
        )


def _check_signature(policy: ChangePolicy, identity: Identity, id_: str | None, request: str, action: str) -> None:
    if identity.kind != "person":
        raise NotPermittedError(
            f"this change ({action}) is signed by a person; programs cannot sign", remedy="Do it in the panel."
        )
    if id_ is None:
        raise SignatureRequiredError(f"a signature is asked for this change ({action})")
    signed = policy.signatures.take(id_, identity.name, request)
    note_values(signature={"by": signed.username, "meaning": signed.meaning})
