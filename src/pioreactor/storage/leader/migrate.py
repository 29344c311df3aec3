"""Brings the leader's database up to date when it is opened."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

from pioreactor.private_files import restrict_new_files
from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress
from pioreactor.storage.leader.revisions import newest_revision, run_revisions
from pioreactor.storage.sqlite_errors import is_of_the_file, storage_error

_MODULE = "pioreactor.storage.leader.migrate"
_LONGEST_S = 3600.0
"""A database of many million rows takes minutes."""


def is_current(path: Path, *, patience_s: float = 15.0) -> bool:
    """Say whether nothing is to be done, at the cost of one query and without Alembic.

    Others may lock the database for up to `patience_s`. Raises `StorageError`.
    """
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=patience_s)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error as error:
        if is_of_the_file(error):
            # A database that is locked or damaged is not one that lacks its tables.
            raise storage_error(f"{path.name} cannot be read", error) from error
        return False
    return found == [(newest_revision(),)]


def upgrade(location: DatabaseLocation) -> None:
    """Create the database, adopt one of the reference, or run the revisions it lacks: all of it, or nothing.

    Raises `StorageError`.
    """
    if isinstance(location, PostgresAddress):
        from pioreactor.storage.leader.postgresql.server_schema import upgrade as upgrade_server  # needs the driver

        upgrade_server(location)
    elif not is_current(location):
        _upgrade_file(location)


def upgraded_beside(location: DatabaseLocation) -> DatabaseLocation:
    """Bring a file up to date in a process that ends, for one that runs for long: Alembic would take it 13 MB.

    What fails there is met again, and raised, by `upgrade`, to which databases on a server are left.
    """
    if isinstance(location, PostgresAddress) or is_current(location):
        return location
    from pioreactor.processes.launch import module_argv
    from pioreactor.processes.system_command import SystemCommandError, run_system_command  # once per release

    with suppress(SystemCommandError):
        run_system_command(module_argv(_MODULE, str(location)), timeout_s=_LONGEST_S)
    return location


def _upgrade_file(path: Path) -> None:
    from pioreactor.storage.leader.engine import open_writing, writing  # heavy, and needed once per release

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as fresh:
            # Takes effect only while the file is empty.
            fresh.execute("PRAGMA auto_vacuum=INCREMENTAL")
            fresh.execute("PRAGMA journal_mode=WAL")
    except (sqlite3.Error, OSError) as error:
        raise storage_error(f"{path.name} cannot be opened", error) from error
    engine = open_writing(path)
    try:
        with writing(engine) as connection:
            run_revisions(connection)
    finally:
        engine.dispose()


def main() -> None:
    """Bring the file that is named by the only argument up to date."""
    restrict_new_files()
    upgrade(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
