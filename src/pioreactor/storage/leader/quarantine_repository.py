"""What the database writer kept apart because it could not be read or stored: to look at, or to discard."""

from collections.abc import Sequence
from typing import Final

import msgspec

from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.leader.repository_context import Access, change, fetch

PAGE_ROWS: Final = 100
PREVIEW_CHARACTERS: Final = 200
_COLUMNS: Final = "rowid, received_at, recorded_at, pioreactor_unit, topic, table_name"


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
    """Rows are numbered as they come. Trying them again is `sink.SqliteRecordSink.retry`."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def count(self) -> int:
        return int(self._access.rows("SELECT COUNT(*) FROM quarantined_rows")[0][0])

    def page(self, *, skip: int = 0, limit: int = PAGE_ROWS) -> list[QuarantinedRow]:
        """Return rows, newest first, with only the first 200 characters of their payloads."""
        if skip < 0 or limit < 0:
            raise InvalidRequestError("skip and limit cannot be negative")
        rows = self._access.rows(
            f"SELECT {_COLUMNS}, substr(payload, 1, {PREVIEW_CHARACTERS}), reason FROM quarantined_rows "
            "ORDER BY rowid DESC LIMIT :limit OFFSET :skip",
            limit=limit,
            skip=skip,
        )
        return [QuarantinedRow(*row) for row in rows]

    def get(self, id_: int) -> QuarantinedRow:
        """Return one row with its whole payload; raise `NotFoundError`."""
        rows = self._access.rows(f"SELECT {_COLUMNS}, payload, reason FROM quarantined_rows WHERE rowid = :id", id=id_)
        if not rows:
            raise NotFoundError(f"there is no row {id_} in quarantine", remedy="See: pio db quarantine list")
        return QuarantinedRow(*rows[0])

    def ids(self) -> list[int]:
        """Return every row's number, oldest first."""
        return [int(row[0]) for row in self._access.rows("SELECT rowid FROM quarantined_rows ORDER BY rowid")]

    def discard(self, ids: Sequence[int]) -> int:
        """Forget these rows for ever: all of them, or none (`NotFoundError`). Return how many."""
        with self._access.writing() as connection:
            for id_ in dict.fromkeys(ids):
                if not fetch(connection, "SELECT 1 FROM quarantined_rows WHERE rowid = :id", id=id_):
                    raise NotFoundError(f"there is no row {id_} in quarantine", remedy="See: pio db quarantine list")
                change(connection, "DELETE FROM quarantined_rows WHERE rowid = :id", id=id_)
        return len(dict.fromkeys(ids))
