"""Tables of the existing software's database: what of them comes over, and the copy, one transaction for each."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

import msgspec

from pioreactor.exc import ConflictError, StorageError
from pioreactor.storage.leader.location import DatabaseLocation
from pioreactor.storage.ports import SqlRow, ValueType

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
_MARKS: Final = """CREATE TABLE IF NOT EXISTS {ours}imported_tables (
    source TEXT NOT NULL, name TEXT NOT NULL, rows INTEGER NOT NULL, skipped TEXT NOT NULL, PRIMARY KEY (source, name))
"""
_PRESENT: Final = "SELECT experiment FROM {ours}experiments"
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


def plan_tables(source: Path, target: DatabaseLocation, *, is_of_one: bool = False) -> DatabasePlan:
    """Return what comes over of a database; neither is changed. Raise `StorageError` if it cannot be trusted.

    Of a database that `is_of_one` experiment only the rows of that one come over, whatever else it has.
    """
    with _both(source, target) as ours:
        connection = ours.theirs
        _check(connection)
        identity = _identity(connection)
        known = _known_marks(ours, identity)
        theirs, present = _experiments(connection), {str(name) for (name,) in ours.execute(ours.sql(_PRESENT))}
        skipped = known.get("", (0, sorted(set(theirs) & present)))[1]
        if is_of_one and len(theirs) != 1:
            raise StorageError(f"the database is that of {len(theirs)} experiments, not of one")
        only = theirs[0] if is_of_one else ""
        created = "SELECT max(created_at) FROM source.experiments WHERE experiment = ?"
        [(created_at,)] = connection.execute(created, (only,)).fetchall()
        tables = [_plan(ours, name, skipped, only) for name in _tables(connection, "source")]
        return DatabasePlan(
            identity,
            sorted(tables, key=lambda table: (table.name != EXPERIMENTS, table.name)),
            [name for name in theirs if name not in skipped],
            skipped,
            only,
            str(created_at or ""),
            {name: rows for name, (rows, _) in known.items() if name},
        )


def copy_tables(source: Path, target: DatabaseLocation, plan: DatabasePlan, progress: Progress) -> dict[str, int]:
    """Copy the tables of a plan; return their numbers of rows. Each is copied wholly and once, or not at all.

    An import that was interrupted is continued. Raise `StorageError` with the table that could not be copied.
    """
    copied = dict(plan.done)
    with _both(source, target) as ours:
        ours.execute(ours.sql(_MARKS))
        _mark(ours, plan, "", 0)
        for table in plan.tables:
            if table.reason or table.name in copied:
                continue
            try:
                ours.begin()
                copied[table.name] = _copy(ours, table, plan, progress)
                _mark(ours, plan, table.name, copied[table.name])
                ours.execute("COMMIT")
            except ours.errors as error:
                ours.roll_back()
                raise StorageError(
                    f"the table {table.name} could not be copied: {error}",
                    remedy="Nothing of this table was changed. Import again to continue, or undo the import.",
                ) from error
            except BaseException:
                ours.roll_back()
                raise
    return copied


def forget_marks(source: Path, target: DatabaseLocation, plan: DatabasePlan) -> None:
    """Forget that tables were copied: the same import begins anew."""
    with _both(source, target) as ours:
        ours.execute(ours.sql("DELETE FROM {ours}imported_tables WHERE source = ?"), (plan.source,))


class ImportTarget(Protocol):
    """The database that rows are copied into; `theirs` is a connection that has the other one attached as `source`."""

    @property
    def theirs(self) -> sqlite3.Connection: ...

    @property
    def errors(self) -> tuple[type[Exception], ...]: ...

    def sql(self, statement: str) -> str:
        """Return a statement with the name of the schema in place of `{ours}`."""
        ...

    def execute(self, sql: str, parameters: Sequence[ValueType] = ()) -> list[SqlRow]: ...

    def begin(self) -> None: ...

    def roll_back(self) -> None: ...

    def columns(self, table: str) -> list[str]: ...

    def create(self, table: str, columns: Sequence[tuple[str, str]]) -> None:
        """Create a table with columns of these names and types of SQLite."""
        ...

    def triggers_off(self, table: str) -> list[str]:
        """Let a table not act on rows by itself, until the statements that are returned are executed."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: str, values: Sequence[ValueType]) -> int:
        """Insert the rows of a query on `theirs`; return how many."""
        ...


class _FileTarget:
    """A file of SQLite: rows go from one file to the other without passing through this process."""

    errors = (sqlite3.Error,)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.theirs = connection

    def sql(self, statement: str) -> str:
        return statement.format(ours="main.")

    def execute(self, sql: str, parameters: Sequence[ValueType] = ()) -> list[SqlRow]:
        return self.theirs.execute(sql, parameters).fetchall()

    def begin(self) -> None:
        self.theirs.execute("BEGIN IMMEDIATE")

    def roll_back(self) -> None:
        if self.theirs.in_transaction:
            self.theirs.execute("ROLLBACK")

    def columns(self, table: str) -> list[str]:
        return _columns(self.theirs, "main", table)

    def create(self, table: str, columns: Sequence[tuple[str, str]]) -> None:
        self.execute(f"CREATE TABLE main.{_quoted(table)} ({', '.join(f'{_quoted(n)} {kind}' for n, kind in columns)})")

    def triggers_off(self, table: str) -> list[str]:
        query = "SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        found = self.execute(query, (table,))
        for name, _ in found:
            self.execute(f"DROP TRIGGER main.{_quoted(str(name))}")
        return [str(sql) for _, sql in found]

    def insert(self, table: str, columns: Sequence[str], rows: str, values: Sequence[ValueType]) -> int:
        names = ", ".join(map(_quoted, columns))
        return self.theirs.execute(f"INSERT INTO main.{_quoted(table)} ({names}) {rows}", values).rowcount


@contextmanager
def _both(source: Path, target: DatabaseLocation) -> Iterator[ImportTarget]:
    """Give our database, with theirs attached for reading."""
    if isinstance(target, Path):
        with _attached(source, str(target)) as connection:
            yield _FileTarget(connection)
        return
    from pioreactor.data_import.server_target import opened_server  # needs the driver

    with _attached(source, ":memory:") as connection, opened_server(target, connection) as ours:
        yield ours


@contextmanager
def _attached(source: Path, ours: str) -> Iterator[sqlite3.Connection]:
    has_journal = any(Path(f"{source}{suffix}").exists() for suffix in ("-wal", "-journal"))
    uri = f"{source.absolute().as_uri()}?mode=ro" + ("" if has_journal else "&immutable=1")
    try:
        with closing(sqlite3.connect(ours, timeout=60.0, isolation_level=None, uri=True)) as connection:
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


def _experiments(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT experiment FROM source.experiments ORDER BY created_at, experiment")
    return [str(name) for (name,) in rows]


def _identity(connection: sqlite3.Connection) -> str:
    rows = connection.execute("SELECT experiment, created_at FROM source.experiments ORDER BY 1, 2").fetchall()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _known_marks(ours: ImportTarget, source: str) -> dict[str, tuple[int, list[str]]]:
    if not ours.columns("imported_tables"):
        return {}
    query = ours.sql("SELECT name, rows, skipped FROM {ours}imported_tables WHERE source = ?")
    return {
        str(name): (int(count), list(json.loads(skipped))) for name, count, skipped in ours.execute(query, (source,))
    }


def _mark(ours: ImportTarget, plan: DatabasePlan, name: str, rows: int) -> None:
    statement = "INSERT INTO {ours}imported_tables VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    ours.execute(ours.sql(statement), (plan.source, name, rows, json.dumps(plan.skipped)))


def _plan(target: ImportTarget, name: str, skipped: Sequence[str], only: str) -> TablePlan:
    connection = target.theirs
    columns = _columns(connection, "source", name)
    if not _NAME.fullmatch(name) or not all(_NAME.fullmatch(column) for column in columns):
        return TablePlan(name[:100], 0, reason="its name, or that of a column, is not an identifier")
    where, values = _where(columns, skipped, only)
    rows = int(connection.execute(f"SELECT count(*) FROM source.{_quoted(name)}{where}", values).fetchone()[0])
    ours = target.columns(name)
    copied = [each for each in columns if not ours or each in ours]
    if _NUMBERED.get(name) in copied:
        copied.remove(_NUMBERED[name])
    unknown = [each for each in columns if ours and each not in ours]
    return TablePlan(
        name, rows, copied, not ours, _reason(name, unknown, is_of_all=only != "" and EXPERIMENT not in columns)
    )


def _reason(name: str, unknown: Sequence[str], *, is_of_all: bool) -> str:
    """Return why a table does not come over; empty if it does."""
    if name in _LEFT_OUT:
        return _LEFT_OUT[name]
    if is_of_all:
        return _NOT_OF_ONE
    return f"it has columns that are unknown here: {', '.join(unknown)}" if unknown else ""


def _where(columns: Sequence[str], skipped: Sequence[str], only: str) -> tuple[str, list[str]]:
    if EXPERIMENT in columns and only:
        return " WHERE experiment = ?", [only]
    if EXPERIMENT not in columns or not skipped:
        return "", []
    return f" WHERE experiment NOT IN ({', '.join('?' * len(skipped))})", list(skipped)


def _copy(ours: ImportTarget, table: TablePlan, plan: DatabasePlan, progress: Progress) -> int:
    given = ", ".join(_VALUES.get((table.name, each), _quoted(each)) for each in table.columns)
    if table.is_new:
        ours.create(table.name, _plain_columns(ours.theirs, table.name))
    restored = ours.triggers_off(table.name)  # what they would write is copied as well
    where, values = _where(table.columns, plan.skipped, plan.only)
    copied, order = 0, " ORDER BY rowid" if _has_rowid(ours.theirs, table.name) else ""
    for low, high in _steps(ours.theirs, table.name):
        within = "" if low is None else (" AND" if where else " WHERE") + f" rowid BETWEEN {low} AND {high}"
        rows = f"SELECT {given} FROM source.{_quoted(table.name)} NOT INDEXED{where}{within}{order}"
        copied += ours.insert(table.name, table.columns, rows, values)
        progress(table.name, copied, table.rows)
    for statement in restored:
        ours.execute(statement)
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


def _plain_columns(connection: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    """Return the columns of a plugin's table and their types: no constraint of another's schema is run here."""
    rows = connection.execute(f"PRAGMA source.table_xinfo({_quoted(name)})").fetchall()
    kinds = {"INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "INT"}
    return [(str(row[1]), kind if (kind := str(row[2]).upper()) in kinds else "") for row in rows if row[6] == 0]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
