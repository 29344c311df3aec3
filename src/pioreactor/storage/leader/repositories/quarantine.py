"""What the database writer kept apart because it could not be read or stored: to look at, or to discard."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, SmallInteger, delete, func, literal, select

from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.leader.repositories.context import Access, change, exists
from pioreactor.storage.leader.schema.dialect import insertion_order
from pioreactor.storage.leader.schema.tables import quarantined_rows

PAGE_ROWS: Final = 100
PREVIEW_CHARACTERS: Final = 200
_ID: Final[ColumnElement[int]] = insertion_order(quarantined_rows)
_COLUMNS: Final = (
    _ID,
    quarantined_rows.c.received_at,
    quarantined_rows.c.recorded_at,
    quarantined_rows.c.pioreactor_unit,
    quarantined_rows.c.topic,
    quarantined_rows.c.table_name,
)


class QuarantinedRow(msgspec.Struct, frozen=True):
    """Either a message that could not be read (`topic`), or a row that its table refused (`table_name`)."""

    id: int
    received_at: str
    recorded_at: str | None
    pioreactor_unit: str | None
    topic: str | None
    table_name: str | None
    payload: str
    reason: str


class Quarantine:
    """Rows are numbered as they come. Trying them again is `ingest.sqlite_sink.SqliteRecordSink.retry`."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def count(self) -> int:
        return int(self._access.rows(select(func.count()).select_from(quarantined_rows))[0][0])

    def page(self, *, skip: int = 0, limit: int = PAGE_ROWS) -> list[QuarantinedRow]:
        """Return rows, newest first, with only the first 200 characters of their payloads."""
        if skip < 0 or limit < 0:
            raise InvalidRequestError("skip and limit cannot be negative")
        first, length = literal(1, SmallInteger), literal(PREVIEW_CHARACTERS, SmallInteger)
        preview = func.substr(quarantined_rows.c.payload, first, length)
        query = select(*_COLUMNS, preview, quarantined_rows.c.reason).order_by(_ID.desc())
        rows = self._access.rows(query.limit(limit).offset(skip))
        return [QuarantinedRow(*row) for row in rows]

    def get(self, id_: int) -> QuarantinedRow:
        """Return one row with its whole payload; raise `NotFoundError`."""
        rows = self._access.rows(
            select(*_COLUMNS, quarantined_rows.c.payload, quarantined_rows.c.reason).where(_is(id_))
        )
        if not rows:
            raise NotFoundError(f"there is no row {id_} in quarantine", remedy="See: pio db quarantine list")
        return QuarantinedRow(*rows[0])

    def ids(self) -> list[int]:
        """Return every row's number, oldest first."""
        return [int(row[0]) for row in self._access.rows(select(_ID).order_by(_ID))]

    def discard(self, ids: Sequence[int]) -> int:
        """Forget these rows for ever: all of them, or none (`NotFoundError`). Return how many."""
        with self._access.writing() as connection:
            for id_ in dict.fromkeys(ids):
                if not exists(connection, select(quarantined_rows.c.reason).where(_is(id_))):
                    raise NotFoundError(f"there is no row {id_} in quarantine", remedy="See: pio db quarantine list")
                change(connection, delete(quarantined_rows).where(_is(id_)))
        return len(dict.fromkeys(ids))


def _is(id_: int) -> ColumnElement[bool]:
    return _ID.in_((id_,))
