"""What a plugin package brings for the unit once: configuration, tables of the leader's database, a script."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pioreactor.exc import StorageError
from pioreactor.settings.editing import set_value
from pioreactor.settings.ini import parse_ini
from pioreactor.storage.paths import Paths

CONFIG_FILE, SQL_FILE = "additional_config.ini", "additional_sql.sql"


def add_config(folder: Path, paths: Paths, *, is_leader: bool) -> list[str]:
    """Add the keys of a package's configuration that no file has yet; return them as `[section] key`.

    Sections `[ui.*]` go to the shared file, on the leader only; the others to that of the unit.
    """
    known = _values(paths.global_config) | _values(paths.local_config)
    wanted = _values(folder / CONFIG_FILE)
    added = [place for place in wanted if place not in known and (is_leader or not _is_shared(place[0]))]
    for section, key in added:
        file = paths.global_config if _is_shared(section) else paths.local_config
        set_value(file, section, key, wanted[section, key])
    return [f"[{section}] {key}" for section, key in added]


def _is_shared(section: str) -> bool:
    return section.startswith("ui.")


def _values(path: Path) -> dict[tuple[str, str], str]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    sections = parse_ini(text, where=path.name).items()
    return {(name, key): value for name, keys in sections for key, value in keys.items() if value is not None}


def add_tables(folder: Path, database: Path) -> int:
    """Run a package's SQL on the leader's database; return the number of statements that changed it.

    What exists already is left as it is. Raise `StorageError` with the statement that fails; nothing is changed then.
    """
    text = (folder / SQL_FILE).read_text(encoding="utf-8")
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
        raise StorageError(f"{SQL_FILE}: {error}: {' '.join(statement.split())[:120]}") from error
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
