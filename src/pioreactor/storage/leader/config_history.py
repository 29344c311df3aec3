"""Every version of the configuration files that was saved."""

from typing import Final

import msgspec
from sqlalchemy import Connection

from pioreactor.storage.leader.repository_context import Access, change

SHARED: Final = "config.ini"


class ConfigVersion(msgspec.Struct, frozen=True):
    """One saved version: the whole text."""

    timestamp: str
    filename: str
    data: str


def unit_filename(unit: str) -> str:
    """Return the name under which a unit's own configuration is kept."""
    return f"unit_config.ini::{unit}"


class ConfigHistory:
    def __init__(self, access: Access) -> None:
        self._access = access

    def add(self, filename: str, data: str) -> None:
        with self._access.writing() as connection:
            change(
                connection,
                "INSERT INTO config_files_histories (timestamp, filename, data) VALUES (:at, :filename, :data)",
                at=self._access.timestamp(),
                filename=filename,
                data=data,
            )

    def of_shared(self) -> list[ConfigVersion]:
        """Return the versions of the shared file, newest first."""
        return self._of(SHARED, SHARED)

    def of_unit(self, unit: str) -> list[ConfigVersion]:
        """Return the versions of a unit's own file, newest first, also those under its older name."""
        return self._of(unit_filename(unit), f"config_{unit}.ini")

    def _of(self, filename: str, older: str) -> list[ConfigVersion]:
        rows = self._access.rows(
            "SELECT timestamp, filename, data FROM config_files_histories WHERE filename IN (:filename, :older) "
            "ORDER BY timestamp DESC, rowid DESC",
            filename=filename,
            older=older,
        )
        return [ConfigVersion(*row) for row in rows]


def forget_unit(connection: Connection, unit: str) -> None:
    change(
        connection,
        "DELETE FROM config_files_histories WHERE filename IN (:filename, :older)",
        filename=unit_filename(unit),
        older=f"config_{unit}.ini",
    )
