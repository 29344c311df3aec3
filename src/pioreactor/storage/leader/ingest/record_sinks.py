"""The sink of rows that belongs to a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress

if TYPE_CHECKING:
    from pioreactor.storage.leader.postgresql.server_sink import PostgresRecordSink


def _now() -> datetime:
    return datetime.now(UTC)


def open_record_sink(
    location: DatabaseLocation, *, now: Callable[[], datetime] = _now
) -> SqliteRecordSink | PostgresRecordSink:
    """Open what writes rows, bringing the database up to date. `now` stamps quarantined rows. Raise `StorageError`."""
    if not isinstance(location, PostgresAddress):
        return SqliteRecordSink(location, now=now)
    from pioreactor.storage.leader.postgresql.server_sink import PostgresRecordSink  # only where it is configured

    return PostgresRecordSink(location, now=now)
