"""Reading what is left of a damaged journal, and starting a new one with it."""

import fcntl
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

Row = tuple[int, str, bytes, int]

_READ = "SELECT seq, topic, payload, recorded_at_ms FROM entries WHERE seq > ? ORDER BY seq"
_LONGEST_JUMP = 30
"""Powers of two tried to get past a damaged page."""


def replace_damaged(
    path: Path, *, damaged_inode: int, moment: datetime, create: Callable[[Path], sqlite3.Connection]
) -> str | None:
    """Put the damaged file aside and let `create` make a new journal, filled with what was readable and unsent.

    Return a sentence for the log, or None when another process has already replaced that file.
    """
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists() or path.stat().st_ino != damaged_inode:
            return None
        rows = salvage(path)
        aside = path.with_name(f"{path.name}.damaged-{moment:%Y%m%dT%H%M%S}")
        fresh = path.with_name(f"{path.name}.fresh")
        _remove(fresh)
        with closing(create(fresh)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO entries VALUES (?, ?, ?, ?)",
                [(seq, *row[1:]) for seq, row in enumerate(rows, start=1)],
            )
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        # The old file's log must not meet the new file: it is renamed first.
        for suffix in ("-wal", "-shm", ""):
            if Path(f"{path}{suffix}").exists():
                Path(f"{path}{suffix}").replace(f"{aside}{suffix}")
        fresh.replace(path)
        return (
            f"The journal was malformed and is kept as {aside.name}; {len(rows)} entries that the leader may not have "
            "were recovered, what was behind the damage is lost."
        )


def salvage(path: Path) -> list[Row]:
    """Return the readable entries that are not known to be acknowledged, oldest first."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # Without this SQLite refuses to read a file that is shorter than its header says.
        connection.execute("PRAGMA writable_schema=ON")
        rows: dict[int, Row] = {}
        position = _acknowledged(connection)
        _read_on(connection, position, rows)
        position = max(rows, default=position)
        for power in range(_LONGEST_JUMP):
            if _read_on(connection, max(rows, default=position) + 2**power, rows) is None:
                break
        return [rows[seq] for seq in sorted(rows)]


def _read_on(connection: sqlite3.Connection, after_seq: int, rows: dict[int, Row]) -> int | None:
    """Add rows until the end or the damage; return how many, None when the end was reached with nothing wrong."""
    before = len(rows)
    try:
        for row in connection.execute(_READ, (after_seq,)):
            rows[row[0]] = row
    except sqlite3.Error:
        return len(rows) - before
    return None


def _acknowledged(connection: sqlite3.Connection) -> int:
    try:
        found = connection.execute("SELECT acknowledged FROM journal").fetchone()
    except sqlite3.Error:
        return 0
    return int(found[0]) if found else 0


def _remove(path: Path) -> None:
    for suffix in ("-wal", "-shm", ""):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
