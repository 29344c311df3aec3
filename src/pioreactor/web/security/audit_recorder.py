"""Records every change that is asked of a leader's API, before it is answered."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

import msgspec
from litestar.handlers import BaseRouteHandler

from pioreactor.audit.change_policy import MAX_REASON
from pioreactor.audit.redaction import kept_details, redacted
from pioreactor.exc import PioreactorError
from pioreactor.http.deadline import SAFE_METHODS
from pioreactor.structs.audit import ActorKind, AuditedChange, Outcome
from pioreactor.web.asgi import App, Message, Receive, Scope, Send
from pioreactor.web.security.audit_summary import summary
from pioreactor.web.security.auth_middleware import headers_of
from pioreactor.web.security.identity import AGENT_KEY, Identity, identity_of
from pioreactor.web.security.route_rights import Need, need_of

REASON_HEADER: Final = "X-Pioreactor-Reason"
"""Why a change is made, percent-encoded UTF-8; kept with it."""
REQUEST_ID_HEADER: Final = "X-Request-Id"
SIGN_IN: Final = "/auth/sign-in"
SIGN_IN_BY_ISSUER: Final = "/auth/oidc/return"
"""The one read that changes something: browsers come back from an issuer with it."""
SIGNATURES: Final = "/auth/signatures"
_MAX_BODY_BYTES: Final = 64 * 1024
_SENT_AT_HEADER: Final = "date"
_KEY: Final = "pioreactor.audit"

_log = logging.getLogger("pioreactor.web")
Append = Callable[[AuditedChange], object]


@dataclass
class AuditNotes:
    """What a route adds to the record of its request."""

    append: Append
    request_id: str
    identity: Identity | None
    details: dict[str, object] = field(default_factory=dict)

    def follow_up(
        self, *, action: str, text: str, outcome: Outcome, unit: str, experiment: str | None, details: object
    ) -> None:
        """Record what became of a request that was answered before it was carried out."""
        change = AuditedChange(
            actor_kind=_kind_of(self.identity),
            actor=_name_of(self.identity),
            token=_token_of(self.identity),
            action=action,
            summary=text,
            outcome=outcome,
            unit=unit,
            experiment=experiment,
            request_id=self.request_id,
            details=msgspec.json.encode(redacted(details)).decode(),
        )
        _record(self.append, change)


_present: Final[ContextVar[AuditNotes | None]] = ContextVar("audit_notes", default=None)
"""Of the request that is served; threads that serve it have a copy of its context."""


def notes_of(scope: object) -> AuditNotes | None:
    """Return the notes of a request to the API of a leader; None elsewhere."""
    found = scope.get(_KEY) if isinstance(scope, dict) else None
    return found if isinstance(found, AuditNotes) else None


def present_notes() -> AuditNotes | None:
    """Return the notes of the request that this code serves; None outside of one that is recorded."""
    return _present.get()


def note_values(**values: object) -> None:
    """Add `before` and `after`, or one of them, to the record of the request that this code serves.

    They are kept as JSON, without secrets.
    """
    notes = _present.get()
    if notes is not None:
        notes.details.update(values)


def present_requester() -> str:
    """Return the name of the person who asked for what this code does; empty for a unit."""
    notes = _present.get()
    is_person = notes is not None and notes.identity is not None and notes.identity.kind != "unit"
    return _name_of(notes.identity) if is_person and notes is not None else ""


def note_person(scope: object, username: str) -> None:
    """Say who signs in with a request, where its body does not."""
    notes = notes_of(scope)
    if notes is not None:
        notes.identity = Identity("person", username)


class AuditRecorder:
    """ASGI middleware behind the authentication: a change is recorded before its answer is sent.

    Refusals for want of rights are recorded too. Requests that cannot be recorded are answered all the same: an
    output must be stopped on a full disk.
    """

    def __init__(self, app: App, append: Append) -> None:
        self._app = app
        self._append = append

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _may_change(scope) or _is_relayed_to_itself(scope):
            await self._app(scope, receive, send)
            return
        notes = AuditNotes(self._append, secrets.token_hex(8), identity_of(scope), dict(scope.get(AGENT_KEY, {})))
        scope[_KEY] = notes
        headers = headers_of(scope)
        body = bytearray() if headers.get("content-type", "").startswith("application/json") else None

        async def received() -> Message:
            message = await receive()
            if body is not None and len(body) <= _MAX_BODY_BYTES:
                body.extend(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                change = _change_of(scope, headers, notes, bytes(body or b""), int(message["status"]))
                if change is not None:
                    await asyncio.to_thread(_record, self._append, change)
                given = [*message.get("headers", ()), (REQUEST_ID_HEADER.lower().encode(), notes.request_id.encode())]
                message = {**message, "headers": given}
            await send(message)

        served = _present.set(notes)
        try:
            await self._app(scope, received, sent)
        finally:
            _present.reset(served)


def _may_change(scope: Scope) -> bool:
    return scope["method"] not in SAFE_METHODS or scope["path"] == SIGN_IN_BY_ISSUER


def _is_relayed_to_itself(scope: Scope) -> bool:
    """Return whether a unit asks the leader's own unit: the leader relays what a person asked of its API."""
    identity = identity_of(scope)
    return identity is not None and identity.kind == "unit" and str(scope["path"]).startswith("/unit_api/")


def _change_of(
    scope: Scope, headers: Mapping[str, str], notes: AuditNotes, body: bytes, status: int
) -> AuditedChange | None:
    """Return what is recorded of a request that was answered with this status; None for what changes nothing."""
    handler = scope.get("route_handler")
    if handler is None or not _is_recorded(need_of(handler), str(scope["path"]), status):
        return None
    action = action_of(handler)
    parameters: dict[str, object] = scope.get("path_params", {})
    sender = notes.identity if scope["path"] != SIGN_IN else _signing_in(body)
    return AuditedChange(
        actor_kind="none" if status == 401 and scope["path"] != SIGNATURES else _kind_of(sender),
        actor=_name_of(sender),
        token=_token_of(sender),
        action=action,
        summary=summary(action, parameters, body, action_description(handler)),
        outcome="done" if status < 400 else "refused",
        unit=_text(parameters.get("unit")),
        experiment=_text(parameters.get("experiment")),
        reason=_reason(headers),
        request_id=notes.request_id,
        sent_at=headers.get(_SENT_AT_HEADER, "")[:64] or None,
        details=_details(body, notes),
    )


def action_of(handler: BaseRouteHandler) -> str:
    """Return the name of the action that a route is: that of its function."""
    return str(_function_of(handler).__name__)


def action_description(handler: BaseRouteHandler) -> str:
    """Return what a route says that it does."""
    found = _function_of(handler).__doc__
    return found.strip() if isinstance(found, str) else ""


def _function_of(handler: BaseRouteHandler) -> Callable[..., object]:
    function: Callable[..., object] = handler.fn
    while not hasattr(function, "__name__"):  # Litestar wraps a function that runs on a thread, more than once
        function = function.func  # type: ignore[attr-defined]
    return function


def _is_recorded(need: Need | None, path: str, status: int) -> bool:
    """Return whether a request is of interest: it changed something, wanted to, or was a sign-in."""
    if need is None or (need.carries_requests and status < 400) or (need.change == "read" and need.area is not None):
        return False
    return (
        status < 400
        or status == 403
        or (status == 401 and path == SIGNATURES)
        or (path in (SIGN_IN, SIGN_IN_BY_ISSUER) and status == 401)
    )


def _details(body: bytes, notes: AuditNotes) -> str:
    details = kept_details(body if len(body) <= _MAX_BODY_BYTES else b"")
    if not notes.details:
        return details
    return msgspec.json.encode({**msgspec.json.decode(details), **_differing(_plain(notes.details))}).decode()


def _differing(details: dict[str, object]) -> dict[str, object]:
    """Return details whose values before and after have only the fields that differ."""
    before, after = details.get("before"), details.get("after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return details
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    return details | {"before": _only(before, changed), "after": _only(after, changed)}


def _only(values: dict[str, object], names: list[str]) -> dict[str, object]:
    return {name: values[name] for name in sorted(names) if name in values}


def _kind_of(identity: Identity | None) -> ActorKind:
    return identity.kind if identity is not None else "none"


def _name_of(identity: Identity | None) -> str:
    return identity.name if identity is not None else ""


def _token_of(identity: Identity | None) -> str | None:
    return identity.token if identity is not None else None


def _signing_in(body: bytes) -> Identity | None:
    """Return who signs in, by the name in the request."""
    try:
        return Identity("person", str(msgspec.json.decode(body)["username"])[:200])
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        return None


def _plain(details: Mapping[str, object]) -> dict[str, object]:
    return {name: redacted(msgspec.to_builtins(value)) for name, value in details.items()}


def _text(value: object) -> str | None:
    return str(value)[:200] if value is not None else None


def _reason(headers: Mapping[str, str]) -> str | None:
    given = unquote(headers.get(REASON_HEADER.lower(), ""))[:MAX_REASON].strip()
    return given if given else None


def _record(append: Append, change: AuditedChange) -> None:
    try:
        append(change)
    except PioreactorError as error:
        _log.error("A change is missing in the audit trail, %s by %s: %s", change.summary, change.actor, error)
