"""Tables of the measurements that plugins register: created when the database writer opens the file, never altered."""

import logging
import sqlite3
from collections.abc import Mapping

from pioreactor import measurements
from pioreactor.measurements import ColumnSpec, TableSpec
from pioreactor.storage.sqlite_errors import is_of_the_file

log = logging.getLogger(__name__)

_TYPES: Mapping[str, str] = {}


def create_plugin_tables(connection: sqlite3.Connection) -> None:
    """Create the tables that do not exist; log the ones that cannot be created. Raises what is wrong with the file.

    A table that exists is left as it is, even if its columns are others: rows that do not fit go into quarantine.
    """
    for spec in measurements.registered_specs():
        try:
            for statement in creation_of(spec.table):
                connection.execute(statement)
        except sqlite3.Error as error:
            if is_of_the_file(error):
                raise
            log.error("The table %s of the measurement %s cannot be created: %s.", spec.table.name, spec.name, error)


def creation_of(table: TableSpec, *, types: Mapping[str, str] = _TYPES, number: str = "") -> list[str]:
    """Return the statements that create a table and its indices.

    `types`: what a database calls the types of SQLite; `number`: the column that numbers the rows where one is needed.
    """
    name = _quoted(table.name)
    columns = ", ".join([*(_column(column, types) for column in table.columns), *([number] if number else [])])
    statements = [f"CREATE TABLE IF NOT EXISTS {name} ({columns})"]
    for index in table.indices:
        index_name = _quoted("_".join(("idx", table.name, *index)))
        indexed = ", ".join(_quoted(column) for column in index)
        statements.append(f"CREATE INDEX IF NOT EXISTS {index_name} ON {name} ({indexed})")
    return statements


def _column(column: ColumnSpec, types: Mapping[str, str]) -> str:
    kind = column.kind.upper()
    parts = [_quoted(column.name), types.get(kind, kind), "NOT NULL" if column.required else ""]
    parts.append(f"CHECK ({_quoted(column.name)} IN ({column.allowed_in_sql()}))" if column.allowed else "")
    return " ".join(part for part in parts if part)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
