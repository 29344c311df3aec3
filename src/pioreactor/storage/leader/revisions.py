"""The revisions of the schema, which every kind of database runs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pioreactor.exc import StorageError
from pioreactor.version import __version__

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOVING: Final = "moving"
"""Stored in place of a revision while rows of another database are copied into one."""
_REVISIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def newest_revision() -> str:
    """Return the newest revision as its file is named: `r0005_chart_preferences.py` has 0005."""
    return max(path.name[1:5] for path in _REVISIONS.glob("r[0-9][0-9][0-9][0-9]_*.py"))


def refuse_newer_schema(stored: str | None, of: str = "the database") -> None:
    """Raise `StorageError` for the revision of a later version of the software."""
    if stored is not None and stored.isdigit() and stored > newest_revision():
        raise StorageError(
            f"{of} is of a newer version of the software: its schema is {stored}, and version {__version__} "
            f"knows those up to {newest_revision()}",
            remedy="Install that version again: `pio update status` lists what is on this unit. Or restore a backup "
            "from before it: pio backups restore FILE.",
        )


def run_revisions(connection: Connection, revision: str = "head") -> None:
    """Run the revisions that the database lacks, within the transaction of the caller.

    Raise `StorageError` for one of a newer version, and for one into which another is being moved.
    """
    from alembic import command  # heavy, and needed once per release
    from alembic.config import Config

    stored = stored_revision(connection)
    refuse_newer_schema(stored)
    if stored == MOVING:
        raise StorageError(
            "another database is being moved into this one",
            remedy="Continue with the same command, pio database move, or name another database.",
        )
    config = Config()
    config.set_main_option("script_location", str(_REVISIONS.parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def stored_revision(connection: Connection) -> str | None:
    """Return what the database has as its revision; None for an empty one."""
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
