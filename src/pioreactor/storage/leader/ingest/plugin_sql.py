"""SQL that the package of a plugin brings, run once on the leader's database when the package is set up."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pioreactor.exc import StorageError


def run_script(script: Path, database: Path) -> int:
    """Run a package's SQL file on the leader's database; return the number of statements that changed it.

    What exists already is left as it is. Raise `StorageError` with the statement that fails; nothing is changed then.
    """
    text = script.read_text(encoding="utf-8")
    with closing(sqlite3.connect(database, timeout=15.0, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")  # closing without a commit rolls back
        done = sum(_execute(connection, statement) for statement in _statements(text))
        connection.execute("COMMIT")
        return done


def _execute(connection: sqlite3.Connection, statement: str) -> bool:
    try:
        connection.execute(statement)
    except sqlite3.Error as error:
        if "already exists" in str(error):
            return False
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
