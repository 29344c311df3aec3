"""Brings the leader's database up to date when it is opened."""

import sqlite3
from contextlib import closing
from pathlib import Path

from pioreactor.exc import StorageError

HEAD = "0001"
"""The newest revision; a test compares it with the migrations."""


def is_current(path: Path) -> bool:
    """Say whether nothing is to be done, at the cost of one query and without Alembic."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.OperationalError:
        return False
    except sqlite3.Error as error:
        raise StorageError(f"{path.name} cannot be read: {error}", remedy="Restore it from a backup.") from error
    return found == [(HEAD,)]


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

    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as fresh:
        # Takes effect only while the file is empty.
        fresh.execute("PRAGMA auto_vacuum=INCREMENTAL")
        fresh.execute("PRAGMA journal_mode=WAL")
    engine = open_writing(path)
    try:
        with writing(engine) as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__ or "").parent).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
