"""Retry of quarantined rows, with the parsers and inserts of new records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pioreactor.background_jobs.leader.topic_parsers import rows_of

if TYPE_CHECKING:
    from pioreactor.storage.leader.ingest.quarantined_rows import Retried
    from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink

ROWS_AT_ONCE: Final = 200
"""Rows per transaction: the database writer waits for each."""


def retry_quarantined(sink: SqliteRecordSink, ids: Sequence[int]) -> list[Retried]:
    """Retry rows; one that still cannot be stored stays, with its new reason. Raises `StorageError`.

    Plugins must be loaded, because they bring parsers and tables.
    """
    results: list[Retried] = []
    for first in range(0, len(ids), ROWS_AT_ONCE):
        results += sink.retry(ids[first : first + ROWS_AT_ONCE], rows_of)
    return results
