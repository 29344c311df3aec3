"""SQL that the package of a plugin brings, run once on the leader's database when the package is set up."""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from pioreactor.exc import StorageError

_CHANGES_OF: Final[Mapping[int, int]] = {
    sqlite3.SQLITE_INSERT: 0,
    sqlite3.SQLITE_UPDATE: 0,
    sqlite3.SQLITE_DELETE: 0,
    sqlite3.SQLITE_DROP_TABLE: 0,
    sqlite3.SQLITE_DROP_VIEW: 0,
    sqlite3.SQLITE_ALTER_TABLE: 1,
    sqlite3.SQLITE_DROP_INDEX: 1,
    sqlite3.SQLITE_DROP_TRIGGER: 1,
    sqlite3.SQLITE_CREATE_TRIGGER: 1,
}
"""Actions of SQLite that change a table → which of their arguments names it."""
_REFUSED: Final = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA})


def tables_of(script: Path, database: Path | None) -> list[str]:
    """Return the tables that a package's SQL file creates; the database is not changed.

    Raise `StorageError` if the file fails, if it changes a table of ours or of another plugin, or if a table exists
    with other columns.
    """
    text = script.read_text(encoding="utf-8")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as trial:
        present = _copy_of_schema(database, trial) if database is not None else {}
        own = _created_by(text)
        for table, columns in own.items():
            if table in present and present[table] != columns:
                raise StorageError(f"the SQL of the package: the table {table} exists with other columns")
        _run(trial, text, protected=set(present) - set(own))
    return sorted(own)


def _created_by(text: str) -> dict[str, list[str]]:
    """Return the tables with their columns that a script creates by itself."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        for statement in _statements(text):
            if statement.lstrip().upper().startswith("CREATE TABLE"):
                _execute(empty, statement)
        return _tables(empty)


def _copy_of_schema(database: Path, trial: sqlite3.Connection) -> dict[str, list[str]]:
    uri = f"{database.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=15.0)) as connection:
            rows = connection.execute(
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
                "ORDER BY type = 'table' DESC, type = 'view' DESC"
            ).fetchall()
    except sqlite3.Error as error:
        raise StorageError(f"{database} cannot be read: {error}") from error
    for (sql,) in rows:
        trial.execute(sql)
    return _tables(trial)


def _tables(connection: sqlite3.Connection) -> dict[str, list[str]]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {
        name: [str(row[1]) for row in connection.execute(f'PRAGMA table_info("{name}")')]
        for (name,) in names.fetchall()
    }


def _run(connection: sqlite3.Connection, text: str, *, protected: Collection[str]) -> int:
    connection.set_authorizer(_authorizer(protected))
    try:
        return sum(_execute(connection, statement) for statement in _statements(text))
    finally:
        connection.set_authorizer(None)


def _authorizer(protected: Collection[str]) -> Callable[..., int]:
    def decide(action: int, *arguments: str | None) -> int:
        place = _CHANGES_OF.get(action)
        if action in _REFUSED or (place is not None and arguments[place] in protected):
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    return decide


def run_script(script: Path, database: Path) -> int:
    """Run a package's SQL file on the leader's database; return the number of statements that changed it.

    What exists already is left as it is. Raise `StorageError` with the statement that fails; nothing is changed then.
    """
    text = script.read_text(encoding="utf-8")
    with closing(sqlite3.connect(database, timeout=15.0, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")  # closing without a commit rolls back
        done = _run(connection, text, protected=set(_tables(connection)) - set(_created_by(text)))
        connection.execute("COMMIT")
        return done


def _execute(connection: sqlite3.Connection, statement: str) -> bool:
    try:
        connection.execute(statement)
    except sqlite3.Error as error:
        if "already exists" in str(error):
            return False
        if "not authorized" in str(error):
            text = " ".join(statement.split())[:120]
            raise StorageError(f"the SQL of the package changes what belongs to others: {text}") from error
        raise StorageError(f"the SQL of the package: {error}: {' '.join(statement.split())[:120]}") from error
    return True


def _statements(text: str) -> Iterator[str]:
    """Yield the statements of a script; those of the transaction are skipped, which is one for all."""
    pending = ""
    for line in text.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            if pending.split(maxsplit=1)[0].upper().rstrip(";") not in ("BEGIN", "COMMIT", "END"):
                yield pending
            pending = ""
    if pending.strip():
        yield pending
