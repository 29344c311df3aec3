"""Every version of the configuration files that was saved."""

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from pioreactor.storage.leader.repositories.context import Access, change
from pioreactor.storage.leader.schema.dialect import insertion_order
from pioreactor.storage.leader.schema.tables import config_files_histories

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
            values = {"timestamp": self._access.timestamp(), "filename": filename, "data": data}
            change(connection, insert(config_files_histories).values(values))

    def add_shared(self, data: str) -> None:
        self.add(SHARED, data)

    def add_of_unit(self, unit: str, data: str) -> None:
        self.add(unit_filename(unit), data)

    def of_shared(self) -> list[ConfigVersion]:
        """Return the versions of the shared file, newest first."""
        return self._of(SHARED, SHARED)

    def of_unit(self, unit: str) -> list[ConfigVersion]:
        """Return the versions of a unit's own file, newest first, also those under its older name."""
        return self._of(unit_filename(unit), f"config_{unit}.ini")

    def _of(self, filename: str, older: str) -> list[ConfigVersion]:
        history = config_files_histories.c
        rows = self._access.rows(
            select(history.timestamp, history.filename, history.data)
            .where(history.filename.in_((filename, older)))
            .order_by(history.timestamp.desc(), insertion_order(config_files_histories).desc())
        )
        return [ConfigVersion(*row) for row in rows]


def forget_unit(connection: Connection, unit: str) -> None:
    """Delete the versions of a unit's own file."""
    names = (unit_filename(unit), f"config_{unit}.ini")
    change(connection, delete(config_files_histories).where(config_files_histories.c.filename.in_(names)))
