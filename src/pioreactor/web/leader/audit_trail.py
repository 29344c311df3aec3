"""Routes to read the audit trail, verify it, and take it along."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from pioreactor.audit.signed_trail import HeadSigning
from pioreactor.audit.verification import Verdict, verify
from pioreactor.storage.leader.repositories.audit import PAGE_ROWS, AuditFilter
from pioreactor.structs.audit import AuditEntry, AuditHead
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.security.change_guard import actions_of
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_ROWS)]
Before = Annotated[int | None, QueryParameter(ge=1, le=2**63 - 1)]


class AuditPage(msgspec.Struct):
    """Entries, newest first; `actors` are the names that occur, for a choice."""

    entries: list[AuditEntry]
    actors: list[str]
    public_key: str | None
    """With which heads and archives of experiments are signed; null before the first was."""
    fingerprint: str | None
    """Of the public key, as an import of an archive on another leader shows it."""


@get("/audit", sync_to_thread=True)
def audit_entries(
    leader: LeaderPorts,
    actor: FromQuery[str | None] = None,
    unit: FromQuery[str | None] = None,
    experiment: FromQuery[str | None] = None,
    text: FromQuery[str | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    before: Before = None,
    limit: Limit = PAGE_ROWS,
) -> AuditPage:
    """A page of at most 200 entries that the filters select, those before the id `before` if it is given."""
    leader.audit_trail.take_in_commands()
    trail = leader.database.audit
    wanted = AuditFilter(actor, unit, experiment, text, since, until)
    signing, page = _signing(leader), trail.page(wanted, before=before, limit=limit)
    return AuditPage(page, trail.actors(), signing.public_key, signing.fingerprint)


@post("/audit/verify", status_code=202, opt=needs("people", change="read"), sync_to_thread=True)
def verify_audit(leader: LeaderPorts, head_id: Before = None, head_hash: FromQuery[str | None] = None) -> Accepted:
    """Check every entry against its hash and the signed heads. The result is the verdict.

    `head_id` and `head_hash` are those of an exported archive: the trail must still have that entry.
    """
    given = [AuditHead(head_id, "the export", head_hash, "")] if head_id is not None and head_hash is not None else []
    signing, trail = _signing(leader), leader.database.audit
    leader.audit_trail.take_in_commands()

    def work() -> Verdict:
        return verify(
            trail.all(),
            [*trail.heads(), *given],
            is_signed=lambda head: head in given or signing.is_signed(head),
        )

    return leader.unit.tasks.start("verifying the audit trail", work, pool="requests", lock="audit")


@get("/audit/export", media_type="application/jsonl", sync_to_thread=True)
def export_audit(leader: LeaderPorts) -> Stream:
    """All entries as JSON lines, oldest first, then the signed heads and the key that verifies them."""
    trail, key = leader.database.audit, _signing(leader).public_key
    lines = (msgspec.json.encode(line) + b"\n" for line in trail.exported(public_key=key))
    headers = {"content-disposition": 'attachment; filename="audit_trail.jsonl"', "cache-control": "no-store"}
    return Stream(_in_parts(lines), headers=headers)


class NamedAction(msgspec.Struct):
    """An action as `[audit]` of the configuration names it."""

    action: str
    description: str


@get("/audit/actions", sync_to_thread=True)
def audit_actions(request: Request[object, object, State]) -> list[NamedAction]:
    """Return the actions for which a reason or a signature can be asked."""
    return [NamedAction(*each) for each in sorted(actions_of(request.app.routes).items())]


def _in_parts(lines: Iterator[bytes], *, part_bytes: int = 64 * 1024) -> Iterator[bytes]:
    part = bytearray()
    for line in lines:
        part += line
        if len(part) >= part_bytes:
            yield bytes(part)
            part.clear()
    yield bytes(part)


def _signing(leader: LeaderServices) -> HeadSigning:
    return HeadSigning(leader.unit.paths.secrets)


ROUTES = Router(
    "/",
    route_handlers=[
        audit_entries,
        verify_audit,
        export_audit,
        audit_actions,
    ],
    tags=["audit"],
    opt=needs("people", change="manage"),
)
