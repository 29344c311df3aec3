"""The audit trail: entries are added and read, never changed."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, insert, or_, select

from pioreactor.storage.leader.repositories.context import Access, change, fetch, stream
from pioreactor.storage.leader.schema.tables import audit_heads, audit_trail
from pioreactor.storage.ports import SqlRow
from pioreactor.structs.audit import FIRST_HASH, AuditedChange, AuditEntry, AuditHead, chained

PAGE_ROWS: Final = 200
_FIELDS: Final = AuditedChange.__struct_fields__
_COLUMNS: Final = (audit_trail.c.id, audit_trail.c.timestamp, audit_trail.c.hash, *(audit_trail.c[f] for f in _FIELDS))
_LAST: Final = select(audit_trail.c.id, audit_trail.c.hash).order_by(audit_trail.c.id.desc()).limit(1)
_INSERT: Final = insert(audit_trail).values({column.name: bindparam(column.name) for column in audit_trail.c})


class AuditFilter(msgspec.Struct, frozen=True):
    """Which entries are wanted; None: all. `text` is searched in summaries, `since` and `until` are timestamps."""

    actor: str | None = None
    unit: str | None = None
    experiment: str | None = None
    text: str | None = None
    since: str | None = None
    until: str | None = None


class Audit:
    """Appends in one transaction each, so that several processes continue one chain."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def append(self, recorded: AuditedChange) -> AuditEntry:
        """Add a change as the newest entry; raise `StorageError`."""
        with self._access.writing() as connection:
            return self._add(connection, recorded)

    def append_once(self, changes: Sequence[AuditedChange]) -> list[AuditEntry]:
        """Add changes in one transaction, without those whose request ids are known; raise `StorageError`."""
        added: list[AuditEntry] = []
        with self._access.writing() as connection:
            wanted = [each.request_id for each in changes if each.request_id]
            request_id = audit_trail.c.request_id
            known = {row[0] for row in fetch(connection, select(request_id).where(request_id.in_(wanted)))}
            for each in changes:
                if each.request_id not in known:
                    added.append(self._add(connection, each))
                known |= {each.request_id} - {""}
        return added

    def _add(self, connection: Connection, recorded: AuditedChange) -> AuditEntry:
        last = connection.execute(_LAST).first()
        number, previous = (last[0] + 1, last[1]) if last is not None else (1, FIRST_HASH)
        entry = chained(number, self._access.timestamp(), recorded, previous)
        values = {"id": entry.id, "timestamp": entry.timestamp, "hash": entry.hash}
        connection.execute(_INSERT, values | msgspec.structs.asdict(recorded))
        return entry

    def page(self, wanted: AuditFilter, *, before: int | None = None, limit: int = PAGE_ROWS) -> list[AuditEntry]:
        """Return entries, newest first, those before the id `before` if it is given."""
        query = select(*_COLUMNS).where(*_conditions(wanted)).order_by(audit_trail.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit_trail.c.id < before)
        return [_entry(row) for row in self._access.rows(query)]

    def all(self, wanted: AuditFilter | None = None) -> Iterator[AuditEntry]:
        """Yield entries, oldest first, without holding them all."""
        conditions = _conditions(wanted) if wanted is not None else []
        query = select(*_COLUMNS).where(*conditions).order_by(audit_trail.c.id)
        with self._access.reading() as connection:
            for row in stream(connection, query):
                yield _entry(row)

    def exported(self, *, public_key: str | None) -> Iterator[object]:
        """Yield what is exported: all entries, the signed heads, and the public key that verifies these."""
        yield from self.all()
        yield from self.heads()
        yield {"public_key": public_key}

    def actors(self) -> list[str]:
        """Return the names of those who acted, in order."""
        rows = self._access.rows(select(audit_trail.c.actor).distinct().order_by(audit_trail.c.actor))
        return [str(name) for (name,) in rows if name]

    def last(self) -> tuple[int, str]:
        """Return id and hash of the newest entry; 0 and what the first entry is chained to when there is none."""
        rows = self._access.rows(_LAST)
        return (int(rows[0][0]), str(rows[0][1])) if rows else (0, FIRST_HASH)

    def heads(self) -> list[AuditHead]:
        """Return the signed heads, oldest first."""
        columns = audit_heads.c
        query = select(columns.id, columns.timestamp, columns.hash, columns.signature).order_by(columns.id)
        return [AuditHead(*row) for row in self._access.rows(query)]

    def add_head(self, head: AuditHead) -> None:
        """Keep a signed head."""
        with self._access.writing() as connection:
            change(connection, insert(audit_heads).values(msgspec.structs.asdict(head)))


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    columns = audit_trail.c
    exact = {"actor": columns.actor, "unit": columns.unit, "experiment": columns.experiment}
    found = [column == getattr(wanted, name) for name, column in exact.items() if getattr(wanted, name) is not None]
    if wanted.text:
        found.append(or_(columns.summary.icontains(wanted.text, autoescape=True), columns.action == wanted.text))
    if wanted.since is not None:
        found.append(columns.timestamp >= wanted.since)
    if wanted.until is not None:
        found.append(columns.timestamp <= wanted.until)
    return found


def _entry(row: SqlRow) -> AuditEntry:
    id_, timestamp, hash_, *fields = row
    recorded = AuditedChange(**dict(zip(_FIELDS, fields, strict=True)))
    return AuditEntry(id=id_, timestamp=timestamp, change=recorded, hash=hash_)
