"""The progress of the import of data on this leader, for the page that shows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec


class ImportProgress(msgspec.Struct):
    """Rows of a table that were copied, and all of them."""

    table: str
    rows: int
    total_rows: int


@dataclass
class ImportWatch:
    """The import that runs; there is one at a time, by the lock of its task."""

    is_running: bool = field(default=False, init=False)
    progress: ImportProgress | None = field(default=None, init=False)
    """None when there is none, or it has not begun to copy rows."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count as running within the block."""
        self.is_running, self.progress = True, None
        try:
            yield
        finally:
            self.is_running, self.progress = False, None

    def report(self, table: str, rows: int, total_rows: int) -> None:
        self.progress = ImportProgress(table, rows, total_rows)
