"""Brings a database of PostgreSQL up to date when it is opened: tables, triggers, views, partitions of coming weeks."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import psycopg

from pioreactor.exc import StorageError
from pioreactor.storage.leader.location import PostgresAddress
from pioreactor.storage.leader.postgresql.errors_of_server import server_error
from pioreactor.storage.leader.postgresql.server_connection import connect
from pioreactor.storage.leader.revisions import newest_revision, run_revisions

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BYTEWISE: Final = ("C", "POSIX", "C.UTF-8", "C.utf8", "ucs_basic")
CREATE: Final = "createdb --template template0 --encoding UTF8 --lc-collate C --lc-ctype C.UTF-8 NAME"


def is_current(address: PostgresAddress) -> bool:
    """Say whether nothing is to be done, without SQLAlchemy. Raise `StorageError`."""
    try:
        with connect(address, is_read_only=True) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except psycopg.errors.UndefinedTable:
        return False
    except psycopg.Error as error:
        raise server_error(f"{address.name} cannot be read", error) from error
    return found == [(newest_revision(),)]


def upgrade(address: PostgresAddress) -> None:
    """Create the schema, or run the revisions it lacks: all of it, or nothing. Raise `StorageError`."""
    if is_current(address):
        return
    from pioreactor.storage.leader.engine import open_writing, writing  # heavy, and needed once per release
    from pioreactor.storage.leader.schema.ddl import triggers, views

    engine = open_writing(address)
    try:
        with writing(engine) as connection:
            _check_database(connection)
            run_revisions(connection)
            for statement in (*triggers("postgresql").values(), *views("postgresql").values()):
                connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def _check_database(connection: Connection) -> None:
    """Texts are compared byte by byte: moments are texts, and the order of names is that of SQLite."""
    query = "SELECT datcollate, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
    [(collation, encoding)] = connection.exec_driver_sql(query).fetchall()
    if collation not in _BYTEWISE or encoding != "UTF8":
        raise StorageError(
            f"the database of PostgreSQL has the collation {collation} and the encoding {encoding}; texts have to be "
            "compared byte by byte, in UTF8",
            remedy=f"Create it anew: {CREATE}.",
        )


def make_partitions(connection: psycopg.Connection[tuple[object, ...]], today: date) -> list[str]:
    """Make the partitions of this week and the coming ones that are missing; return the names of those made.

    A week of which rows are in the default partition already keeps them there.
    """
    from pioreactor.storage.leader.postgresql.weekly_partitions import (
        partition_statements,
        partitioned_tables,
        weeks_ahead,
    )

    made = []
    present = {str(name) for (name,) in connection.execute("SELECT relname FROM pg_class WHERE relispartition")}
    for table in sorted(partitioned_tables()):
        for name, statement in partition_statements(table, weeks_ahead(today)).items():
            if name in present:
                continue
            try:
                with connection.transaction():
                    connection.execute(statement.encode())
            except psycopg.errors.CheckViolation:
                continue  # rows of that week lie in the default partition
            made.append(name)
    return made


def size_of(address: PostgresAddress) -> tuple[str, int]:
    """Return the version of the server and the size of the database in bytes. Raise `StorageError`."""
    query = "SELECT current_setting('server_version'), pg_database_size(current_database())"
    try:
        with connect(address, is_read_only=True) as connection:
            [(version, size_bytes)] = connection.execute(query).fetchall()
    except psycopg.Error as error:
        raise server_error(f"{address.name} cannot be read", error) from error
    return str(version), int(size_bytes)
