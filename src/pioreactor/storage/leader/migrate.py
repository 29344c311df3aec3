"""Brings the leader's database up to date when it is opened."""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from pioreactor.storage.sqlite_errors import is_of_the_file, storage_error

_REVISIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def newest_revision() -> str:
    """Return the newest revision as its file is named: `r0005_chart_preferences.py` has 0005."""
    return max(path.name[1:5] for path in _REVISIONS.glob("r[0-9][0-9][0-9][0-9]_*.py"))


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


def upgrade(path: Path) -> None:
    """Create the database, adopt one of the reference, or run the revisions it lacks: all of it, or nothing.

    Raises `StorageError`.
    """
    if is_current(path):
        return
    from alembic import command  # heavy, and needed once per release
    from alembic.config import Config

    from pioreactor.storage.leader import migrations
    from pioreactor.storage.leader.engine import open_writing, writing

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
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__ or "").parent).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
