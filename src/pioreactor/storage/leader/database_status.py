"""Where the leader's database is and how large: for people, without a password."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

import msgspec

from pioreactor.storage.leader.location import DatabaseLocation
from pioreactor.storage.leader.revisions import newest_revision
from pioreactor.storage.sqlite_errors import storage_error


class DatabaseStatus(msgspec.Struct):
    """`move_command` is typed on the leader while its services are stopped."""

    engine: Literal["sqlite", "postgresql"]
    version: str
    location: str
    size_bytes: int
    revision: str
    move_command: str


def status_of(location: DatabaseLocation) -> DatabaseStatus:
    """Ask the database; raise `StorageError` when it does not answer."""
    if not isinstance(location, Path):
        from pioreactor.storage.leader.postgresql.server_schema import size_of  # only where it is configured

        version, size_bytes = size_of(location)
        return DatabaseStatus(
            "postgresql", version, str(location), size_bytes, newest_revision(), "pio database move sqlite"
        )
    try:
        with closing(sqlite3.connect(f"{location.absolute().as_uri()}?mode=ro", uri=True)) as file:
            [size_bytes] = file.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            ).fetchone()
    except sqlite3.Error as error:
        raise storage_error(f"{location.name} cannot be read", error) from error
    return DatabaseStatus(
        "sqlite",
        sqlite3.sqlite_version,
        str(location),
        int(size_bytes),
        newest_revision(),
        "pio database move postgresql://USER@HOST/DATABASE",
    )
