"""The unit's journal in one SQLite file: appended by every job's process, read by the one that sends it."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pioreactor.exc import StorageError
from pioreactor.processes.liveness import boot_id
from pioreactor.storage.ports import FormerName, JournalEntry
from pioreactor.storage.sqlite.journal_recovery import replace_damaged
from pioreactor.storage.sqlite.shared_connection import Synchronous, open_sqlite

RESERVE_BYTES: Final = 5_000_000
"""A little more than SQLite's log grows to (1,000 pages): what it holds can then always go into the file itself."""


class Reserve:
    """A file whose only use is to be deleted. It may be missing: other programs may fill the disk."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def keep(self) -> None:
        """Put the space by if it is not. Says nothing if the disk has none."""
        if self._size_bytes <= 0 or self._path.exists():
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            return
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, self._size_bytes)
            else:  # macOS, where demonstrations run
                os.write(descriptor, bytes(self._size_bytes))
        except OSError:
            self.release()
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Give the space back to the disk."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TRIM_AT_ONCE = 2000
"""Entries dropped per transaction: other processes append in between."""

_BEFORE_WAL = ("PRAGMA auto_vacuum=INCREMENTAL",)
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, "
    "recorded_at_ms INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS journal (one INTEGER PRIMARY KEY CHECK (one = 1), journal_id TEXT NOT NULL, "
    "acknowledged INTEGER NOT NULL, trimmed INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS life (one INTEGER PRIMARY KEY CHECK (one = 1), file INTEGER NOT NULL, "
    "boot TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS former_names (place INTEGER PRIMARY KEY, journal_id TEXT NOT NULL, "
    "through_seq INTEGER NOT NULL)",
)
_FORMER_NAMES_KEPT = 12
_LAST = "SELECT COALESCE((SELECT MAX(seq) FROM entries), (SELECT trimmed FROM journal))"

_COUNT = "SELECT (SELECT MAX(seq) FROM entries) - (SELECT MIN(seq) FROM entries) + 1"
"""There are no gaps, and both ends come from the index: nothing is scanned."""


def _now() -> datetime:
    return datetime.now(UTC)


class SqliteJournal:
    """See `ports.Journal`.

    A file that SQLite finds malformed is put aside, and what can be read of it starts a new journal under a new
    id; `recovered` then says so in a sentence for the log. Entries whose acknowledgment was lost with the file are
    sent again: after damage the promise is "at least once".
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime] = _now,
        boot: Callable[[], str] = boot_id,
        synchronous: Synchronous = "FULL",
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        """`now` names the file that is put aside; `boot` names this run of the computer. Nothing is opened yet."""
        self.recovered: str | None = None
        self._path = path
        self._now = now
        self._boot = boot
        self._synchronous = synchronous
        self._reserve = Reserve(path.with_name(f"{path.name}.reserve"), reserve_bytes)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    @property
    def journal_id(self) -> str:
        return str(self._one("SELECT journal_id FROM journal"))

    def former_names(self) -> list[FormerName]:
        with self._used() as connection:
            rows = connection.execute("SELECT journal_id, through_seq FROM former_names ORDER BY place").fetchall()
        return [FormerName(*row) for row in rows]

    def append(self, entries: Sequence[tuple[str, bytes, datetime]]) -> int:
        """Append, and try once more where that can help: damage is repaired, a full disk gives up acknowledged entries.

        Raise `StorageError` when nothing was appended: the caller keeps the entries.
        """
        rows = [(topic, bytes(payload), (at - _EPOCH) // _MILLISECOND) for topic, payload, at in entries]
        try:
            return self._append(rows)
        except StorageError as error:
            if not _is_damage(error.__cause__) and not (_is_full(error) and self._has_acknowledged_entries()):
                raise
            if _is_full(error):
                self._make_room()
        last = self._append(rows)
        self._reserve.keep()
        return last

    def read(self, *, after_seq: int, limit: int) -> list[JournalEntry]:
        with self._used() as connection:
            rows = connection.execute(
                "SELECT seq, topic, payload, recorded_at_ms FROM entries WHERE seq > ? ORDER BY seq LIMIT ?",
                (after_seq, limit),
            ).fetchall()
        return [JournalEntry(seq, topic, payload, _EPOCH + at_ms * _MILLISECOND) for seq, topic, payload, at_ms in rows]

    def last_seq(self) -> int:
        return int(self._one(_LAST))

    def acknowledged_seq(self) -> int:
        return int(self._one("SELECT acknowledged FROM journal"))

    def acknowledge(self, through_seq: int) -> None:
        """Follow the leader's word, down as well: a leader that lost its last commits is sent them again.

        A word beyond the last entry means that this file lost its tail: the journal takes a new id, so that the
        leader does not mistake later entries for those it has.
        """
        try:
            self._acknowledge(through_seq)
        except StorageError as error:
            if not _is_full(error):
                raise
            # The leader's word is what makes entries expendable: it may use the reserve.
            self._reserve.release()
            self._acknowledge(through_seq)
            self._make_room()
            self._reserve.keep()

    def _acknowledge(self, through_seq: int) -> None:
        with self._writing() as connection:
            last = connection.execute(_LAST).fetchone()[0]
            if through_seq > last:
                connection.execute("UPDATE journal SET journal_id = ?", (_new_id(),))
                connection.execute("DELETE FROM former_names")
                self.recovered = (
                    f"The journal ends at entry {last}, but the leader has {through_seq}: it lost its tail, "
                    "and continues under a new id."
                )
            else:
                connection.execute("UPDATE journal SET acknowledged = ?", (through_seq,))

    def trim(self, *, max_bytes: int) -> int:
        self._reserve.keep()
        dropped = 0
        while (excess := self._entries_over(max_bytes)) > 0:
            now_dropped = self._drop_acknowledged(min(excess, _TRIM_AT_ONCE))
            if now_dropped == 0:
                break
            dropped += now_dropped
        if dropped:
            with self._used() as connection:
                # As a script, because it frees one page per step and `execute` takes a single step.
                connection.executescript("PRAGMA incremental_vacuum")
        return dropped

    def size_bytes(self) -> int:
        """Return what the entries occupy on the disk, to whole pages."""
        with self._used() as connection:
            return _live_bytes(connection)

    def adopt(self, copy: Path, aside: Path) -> int:
        """See `ports.Journal`. The copy takes a new id and keeps its former names: nothing of it is stored twice."""
        fresh = self._path.with_name(f"{self._path.name}.fresh")
        import shutil  # 10 ms and 0.3 MB, for a journal that is replaced

        shutil.copyfile(copy, fresh)
        with self._lock, closing(self._beside(fresh)) as incoming:
            last = self.acknowledged_seq()
            while entries := self.read(after_seq=last, limit=_TRIM_AT_ONCE):
                incoming.append([(entry.topic, entry.payload, entry.recorded_at) for entry in entries])
                last = entries[-1].seq
            incoming.close()
            self.close()
            # The old file's log must not meet the new file: it is renamed first.
            for suffix in ("-wal", "-shm", ""):
                if Path(f"{self._path}{suffix}").exists():
                    Path(f"{self._path}{suffix}").replace(f"{aside}{suffix}")
            fresh.replace(self._path)
        return last

    def append_from(self, aside: Path, *, after_seq: int) -> int:
        last = after_seq
        if aside.exists():
            with closing(self._beside(aside)) as old:
                while entries := old.read(after_seq=last, limit=_TRIM_AT_ONCE):
                    self.append([(entry.topic, entry.payload, entry.recorded_at) for entry in entries])
                    last = entries[-1].seq
        return last

    def _beside(self, path: Path) -> "SqliteJournal":
        return SqliteJournal(path, now=self._now, boot=self._boot, synchronous=self._synchronous, reserve_bytes=0)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _has_acknowledged_entries(self) -> bool:
        return bool(self._one("SELECT acknowledged >= COALESCE((SELECT MIN(seq) FROM entries), 1 << 62) FROM journal"))

    def _make_room(self) -> None:
        """Drop the oldest acknowledged entries on a disk that is full. Nothing else may use the reserve."""
        self._reserve.release()
        with suppress(StorageError), self._used() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._drop_acknowledged(_TRIM_AT_ONCE)

    def _append(self, rows: list[tuple[str, bytes, int]]) -> int:
        with self._writing() as connection:
            last = int(connection.execute(_LAST).fetchone()[0])
            connection.executemany(
                "INSERT INTO entries VALUES (?, ?, ?, ?)",
                [(seq, *row) for seq, row in enumerate(rows, start=last + 1)],
            )
            return last + len(rows)

    def _entries_over(self, max_bytes: int) -> int:
        with self._used() as connection:
            live = _live_bytes(connection)
            count = connection.execute(_COUNT).fetchone()[0]
            if not count or live <= max_bytes:
                return 0
            return -(-int(count) * (live - max_bytes) // live) if max_bytes > 0 else int(count)

    def _drop_acknowledged(self, count: int) -> int:
        """Drop up to `count` of the oldest entries, only acknowledged ones."""
        with self._writing() as connection:
            acknowledged, first = connection.execute(
                "SELECT acknowledged, (SELECT MIN(seq) FROM entries) FROM journal"
            ).fetchone()
            if first is None or first > acknowledged:
                return 0
            through = min(acknowledged, first + count - 1)
            connection.execute("DELETE FROM entries WHERE seq <= ?", (through,))
            connection.execute("UPDATE journal SET trimmed = ?", (through,))
            return int(through - first + 1)

    def _one(self, sql: str) -> str | int:
        with self._used() as connection:
            value: str | int = connection.execute(sql).fetchone()[0]
            return value

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._used() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        """Lend the open connection; damage found on the way is repaired, and the call that found it fails."""
        with self._lock:
            try:
                yield self._opened()
            except (sqlite3.Error, OSError) as error:
                if _is_damage(error):
                    self._recover()
                raise StorageError(f"the journal {self._path.name} cannot be used: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._inode == _inode(self._path):
            return self._connection
        self.close()
        try:
            self._connection = _open_journal(self._path, self._synchronous)
        except sqlite3.Error as error:
            if not _is_damage(error):
                raise
            self._recover()
            self._connection = _open_journal(self._path, self._synchronous)
        self._inode = _inode(self._path)
        self._begin_life(self._connection)
        self._reserve.keep()
        return self._connection

    def _begin_life(self, connection: sqlite3.Connection) -> None:
        """Give the journal its id for this life; on a full disk the reserve pays for it. It is not used without."""
        try:
            try:
                self._notice_new_life(connection)
            except sqlite3.Error as error:
                if _code(error) != sqlite3.SQLITE_FULL:
                    raise
                _roll_back(connection)
                self._reserve.release()
                self._notice_new_life(connection)
        except BaseException:
            _roll_back(connection)
            self.close()
            raise

    def _notice_new_life(self, connection: sqlite3.Connection) -> None:
        """Take a new id if this file is a copy, or if the computer was started since.

        Of a restored file, and of a card that was put back as a whole, numbers that were given since it was copied
        mean other entries than those the leader has. What the file brings along keeps its former name as well, so
        that the leader knows those entries again.
        """
        life = (self._inode, self._boot())
        known = connection.execute("SELECT file, boot FROM life").fetchone()
        if known == life:
            return
        connection.execute("BEGIN IMMEDIATE")
        known = connection.execute("SELECT file, boot FROM life").fetchone()
        last = connection.execute(_LAST).fetchone()[0]
        if known is not None and known != life and last > 0:
            connection.execute(
                "INSERT INTO former_names (journal_id, through_seq) SELECT journal_id, ? FROM journal", (last,)
            )
            connection.execute(
                "DELETE FROM former_names WHERE place <= (SELECT MAX(place) FROM former_names) - ?",
                (_FORMER_NAMES_KEPT,),
            )
            connection.execute("UPDATE journal SET journal_id = ?", (_new_id(),))
            if known[0] != life[0]:
                self.recovered = (
                    "The journal is a copy of another, such as a restored one: it continues under a new id."
                )
        connection.execute("INSERT OR REPLACE INTO life VALUES (1, ?, ?)", life)
        connection.execute("COMMIT")

    def _recover(self) -> None:
        damaged = self._inode if self._connection is not None else _inode(self._path)
        self.close()
        said = replace_damaged(
            self._path,
            damaged_inode=damaged,
            moment=self._now(),
            create=lambda path: _open_journal(path, self._synchronous),
        )
        self.recovered = said if said is not None else self.recovered


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _new_id() -> str:
    return os.urandom(8).hex()


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _open_journal(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = open_sqlite(path, synchronous=synchronous, before_wal=_BEFORE_WAL)
    try:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT OR IGNORE INTO journal VALUES (1, ?, 0, 0)", (_new_id(),))
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _live_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _is_damage(error: BaseException | None) -> bool:
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _is_full(error: StorageError) -> bool:
    return _code(error.__cause__) == sqlite3.SQLITE_FULL


def _code(error: BaseException | None) -> int:
    """Return the primary result code of SQLite; its extended codes add detail in the higher bits."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
