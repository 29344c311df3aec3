"""Tables of the existing software's database: what of them comes over, and the copy, one transaction for each."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConflictError, StorageError

EXPERIMENTS, EXPERIMENT = "experiments", "experiment"
_LEFT_OUT: Final = {
    "workers": "units join this cluster by themselves: pio cluster join",
    "experiment_worker_assignments": "units are assigned again once they have joined",
    "people": "people are added here",
    "access_tokens": "tokens are made here",
    "invitations": "people are invited here",
    "journal_progress": "it belongs to the journals of units",
    "quarantined_rows": "it belongs to the journals of units",
    "rollup_series": "it is made from the rows",
    "rollup_buckets": "it is made from the rows",
    "rollup_progress": "it is made from the rows",
    "rollup_changes": "it is made from the rows",
    "alembic_version": "it describes the other database",
    "imported_tables": "it describes the other database",
    "audit_trail": "it is the signed record of the other cluster, and is read there or in the archive",
    "audit_heads": "they are signatures of the other cluster",
    "alarm_shelves": "shelves are of the rules of the other cluster",
}
"""Tables that do not come over, and why."""
_NOT_OF_ONE: Final = "its rows are not of one experiment"
_NUMBERED: Final = {"alarms": "id"}
"""Columns that are numbered anew: another cluster has used the same numbers."""
_VALUES: Final = {
    ("alarms", "cleared_at"): "coalesce(cleared_at, raised_at)",
    ("alarms", "acknowledged_at"): "coalesce(acknowledged_at, cleared_at, raised_at)",
}
"""What is copied in place of a column: an alarm that was open there is not open here."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MARKS: Final = """CREATE TABLE IF NOT EXISTS imported_tables (
    source TEXT NOT NULL, name TEXT NOT NULL, rows INTEGER NOT NULL, skipped TEXT NOT NULL, PRIMARY KEY (source, name))
"""
_ROWS_PER_STEP: Final = 200_000

Progress = Callable[[str, int, int], None]
"""Called with a table, the rows that were copied, and all of its rows."""


class TablePlan(msgspec.Struct):
    """What of a table comes over."""

    name: str
    rows: int
    columns: list[str] = []
    is_new: bool = False
    """A table of a plugin that is not here yet."""
    reason: str = ""
    """Why the table does not come over."""


class DatabasePlan(msgspec.Struct):
    """What of a database comes over; `skipped` are experiments that are here already."""

    source: str
    tables: list[TablePlan]
    experiments: list[str]
    skipped: list[str]
    only: str = ""
    """The experiment whose rows come over; empty for all, with the rows that are of none."""
    created_at: str = ""
    """When that one was created."""
    done: dict[str, int] = {}
    """Tables that an interrupted import has copied already, with their rows."""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables if not table.reason)


def plan_tables(source: Path, target: Path, *, is_of_one: bool = False) -> DatabasePlan:
    """Return what comes over of a database; neither is changed. Raise `StorageError` if it cannot be trusted.

    Of a database that `is_of_one` experiment only the rows of that one come over, whatever else it has.
    """
    with _both(source, target) as connection:
        _check(connection)
        identity = _identity(connection)
        known = _known_marks(connection, identity)
        theirs, ours = _experiments(connection, "source"), set(_experiments(connection, "main"))
        skipped = known.get("", (0, sorted(set(theirs) & ours)))[1]
        if is_of_one and len(theirs) != 1:
            raise StorageError(f"the database is that of {len(theirs)} experiments, not of one")
        only = theirs[0] if is_of_one else ""
        created = "SELECT max(created_at) FROM source.experiments WHERE experiment = ?"
        [(created_at,)] = connection.execute(created, (only,)).fetchall()
        tables = [_plan(connection, name, skipped, only) for name in _tables(connection, "source")]
        return DatabasePlan(
            identity,
            sorted(tables, key=lambda table: (table.name != EXPERIMENTS, table.name)),
            [name for name in theirs if name not in skipped],
            skipped,
            only,
            str(created_at or ""),
            {name: rows for name, (rows, _) in known.items() if name},
        )


def copy_tables(source: Path, target: Path, plan: DatabasePlan, progress: Progress) -> dict[str, int]:
    """Copy the tables of a plan; return their numbers of rows. Each is copied wholly and once, or not at all.

    An import that was interrupted is continued. Raise `StorageError` with the table that could not be copied.
    """
    copied = dict(plan.done)
    with _both(source, target) as connection:
        connection.execute(_MARKS)
        _mark(connection, plan, "", 0)
        for table in plan.tables:
            if table.reason or table.name in copied:
                continue
            try:
                connection.execute("BEGIN IMMEDIATE")
                copied[table.name] = _copy(connection, table, plan, progress)
                _mark(connection, plan, table.name, copied[table.name])
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise StorageError(
                    f"the table {table.name} could not be copied: {error}",
                    remedy="Nothing of this table was changed. Import again to continue, or undo the import.",
                ) from error
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
    return copied


def forget_marks(target: Path, plan: DatabasePlan) -> None:
    """Forget that tables were copied: the same import begins anew."""
    with closing(sqlite3.connect(target, timeout=60.0)) as connection, connection:
        connection.execute("DELETE FROM imported_tables WHERE source = ?", (plan.source,))


@contextmanager
def _both(source: Path, target: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection to our database, with theirs attached for reading."""
    has_journal = any(Path(f"{source}{suffix}").exists() for suffix in ("-wal", "-journal"))
    uri = f"{source.absolute().as_uri()}?mode=ro" + ("" if has_journal else "&immutable=1")
    try:
        with closing(sqlite3.connect(target, timeout=60.0, isolation_level=None, uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("ATTACH DATABASE ? AS source", (uri,))
            yield connection
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{source.name} cannot be read: {error}") from error


def _check(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA source.quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise StorageError(f"the database is damaged: {verdict}", remedy="Import a backup of it.")
    for name, columns in ((EXPERIMENTS, {"experiment", "created_at"}),):
        if not columns <= set(_columns(connection, "source", name)):
            raise StorageError(f"the database is not that of a leader: it has no table {name}")


def _tables(connection: sqlite3.Connection, schema: str) -> list[str]:
    """Return the plain tables; virtual ones run code, and views are not data."""
    rows = connection.execute(
        f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    )
    return [str(name) for (name,) in rows]


def _columns(connection: sqlite3.Connection, schema: str, table: str) -> list[str]:
    if table not in _tables(connection, schema):
        return []
    rows = connection.execute(f"PRAGMA {schema}.table_xinfo({_quoted(table)})")
    return [str(row[1]) for row in rows if row[6] == 0]  # generated columns are not copied


def _experiments(connection: sqlite3.Connection, schema: str) -> list[str]:
    if not _columns(connection, schema, EXPERIMENTS):
        return []
    rows = connection.execute(f"SELECT experiment FROM {schema}.experiments ORDER BY created_at, experiment")
    return [str(name) for (name,) in rows]


def _identity(connection: sqlite3.Connection) -> str:
    rows = connection.execute("SELECT experiment, created_at FROM source.experiments ORDER BY 1, 2").fetchall()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _known_marks(connection: sqlite3.Connection, source: str) -> dict[str, tuple[int, list[str]]]:
    if "imported_tables" not in _tables(connection, "main"):
        return {}
    rows = connection.execute("SELECT name, rows, skipped FROM main.imported_tables WHERE source = ?", (source,))
    return {str(name): (int(count), list(json.loads(skipped))) for name, count, skipped in rows}


def _mark(connection: sqlite3.Connection, plan: DatabasePlan, name: str, rows: int) -> None:
    values = (plan.source, name, rows, json.dumps(plan.skipped))
    connection.execute("INSERT OR IGNORE INTO main.imported_tables VALUES (?, ?, ?, ?)", values)


def _plan(connection: sqlite3.Connection, name: str, skipped: Sequence[str], only: str) -> TablePlan:
    columns = _columns(connection, "source", name)
    if not _NAME.fullmatch(name) or not all(_NAME.fullmatch(column) for column in columns):
        return TablePlan(name[:100], 0, reason="its name, or that of a column, is not an identifier")
    where, values = _where(columns, skipped, only)
    rows = int(connection.execute(f"SELECT count(*) FROM source.{_quoted(name)}{where}", values).fetchone()[0])
    ours = _columns(connection, "main", name)
    copied = [each for each in columns if (not ours or each in ours) and _NUMBERED.get(name) != each]
    plan = TablePlan(name, rows, copied, not ours)
    if name in _LEFT_OUT:
        plan.reason = _LEFT_OUT[name]
    elif only and EXPERIMENT not in columns:
        plan.reason = _NOT_OF_ONE
    elif ours and (lost := [each for each in columns if each not in ours]):
        plan.reason = f"it has columns that are unknown here: {', '.join(lost)}"
    return plan


def _where(columns: Sequence[str], skipped: Sequence[str], only: str) -> tuple[str, list[str]]:
    if EXPERIMENT in columns and only:
        return " WHERE experiment = ?", [only]
    if EXPERIMENT not in columns or not skipped:
        return "", []
    return f" WHERE experiment NOT IN ({', '.join('?' * len(skipped))})", list(skipped)


def _copy(connection: sqlite3.Connection, table: TablePlan, plan: DatabasePlan, progress: Progress) -> int:
    name, columns = _quoted(table.name), ", ".join(map(_quoted, table.columns))
    given = ", ".join(_VALUES.get((table.name, each), _quoted(each)) for each in table.columns)
    if table.is_new:
        _create(connection, table.name)
    triggers = connection.execute(
        "SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table.name,)
    ).fetchall()
    for trigger, _ in triggers:
        connection.execute(f"DROP TRIGGER main.{_quoted(trigger)}")  # what it would write is copied as well
    where, values = _where(table.columns, plan.skipped, plan.only)
    copied, order = 0, " ORDER BY rowid" if _has_rowid(connection, table.name) else ""
    for low, high in _steps(connection, table.name):
        within = "" if low is None else (" AND" if where else " WHERE") + f" rowid BETWEEN {low} AND {high}"
        copied += connection.execute(
            f"INSERT INTO main.{name} ({columns}) SELECT {given} FROM source.{name} NOT INDEXED{where}{within}{order}",
            values,
        ).rowcount
        progress(table.name, copied, table.rows)
    for _, sql in triggers:
        connection.execute(sql)
    if copied != table.rows:
        raise ConflictError(f"{table.name}: {copied} rows were copied, {table.rows} were counted before")
    return copied


def _has_rowid(connection: sqlite3.Connection, name: str) -> bool:
    sql = str(connection.execute("SELECT sql FROM source.sqlite_master WHERE name = ?", (name,)).fetchone()[0])
    return re.search(r"WITHOUT\s+ROWID", sql, re.IGNORECASE) is None


def _steps(connection: sqlite3.Connection, name: str) -> Iterator[tuple[int, int] | tuple[None, None]]:
    if not _has_rowid(connection, name):
        yield None, None
        return
    first, last = connection.execute(f"SELECT min(rowid), max(rowid) FROM source.{_quoted(name)}").fetchone()
    if first is None:
        return
    rows = int(connection.execute(f"SELECT count(*) FROM source.{_quoted(name)}").fetchone()[0])
    if last - first > 100 * max(rows, _ROWS_PER_STEP):  # sparse: there would be more steps than rows
        yield None, None
        return
    for low in range(first, last + 1, _ROWS_PER_STEP):
        yield low, min(low + _ROWS_PER_STEP - 1, last)


def _create(connection: sqlite3.Connection, name: str) -> None:
    """Create the table of a plugin with plain columns: no constraint of another's schema is run here."""
    rows = connection.execute(f"PRAGMA source.table_xinfo({_quoted(name)})").fetchall()
    kinds = {"INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "INT"}
    columns = [
        f"{_quoted(row[1])} {str(row[2]).upper() if str(row[2]).upper() in kinds else ''}"
        for row in rows
        if row[6] == 0
    ]
    connection.execute(f"CREATE TABLE main.{_quoted(name)} ({', '.join(columns)})")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
