"""Adds to a database whatever the description has and it lacks; nothing is ever taken away.

Every revision that adds a table, a column or an index calls this; the others move data.
"""

from sqlalchemy import Connection, Inspector, inspect
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from pioreactor.storage.leader import tables
from pioreactor.storage.leader.activity import triggers, views
from pioreactor.storage.leader.schema import column_of, index_name, metadata

_FILLED_BY_TRIGGERS = ("pioreactor_unit_activity_data", "experiment_worker_assignments_history")


def complete(connection: Connection) -> None:
    described = metadata()
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    for table in described.sorted_tables:
        if table.name not in present:
            connection.execute(CreateTable(table))
        else:
            _add_columns(connection, inspector, tables.TABLES[table.name])
        indexed = _indexed_columns(inspector, table.name) if table.name in present else set()
        names = {str(index.name): index for index in table.indexes}
        for columns in tables.TABLES[table.name].indices:
            if columns not in indexed:
                connection.execute(CreateIndex(names[index_name(table.name, columns)], if_not_exists=True))
    _replace_triggers_and_views(connection)


def _add_columns(connection: Connection, inspector: Inspector, table: tables.Table) -> None:
    present = {column["name"] for column in inspector.get_columns(table.name)}
    for column in table.columns:
        if column.name not in present:
            made = column_of(column)
            # Rows that exist already cannot have a value: the column is added without insisting on one.
            made.nullable = made.nullable or made.server_default is None
            words = CreateColumn(made).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {words}")


def _indexed_columns(inspector: Inspector, table: str) -> set[tuple[str | None, ...]]:
    return {tuple(index["column_names"]) for index in inspector.get_indexes(table)}


def _replace_triggers_and_views(connection: Connection) -> None:
    """Create ours; whatever else fills the same tables (the reference's triggers) goes, or doses count twice."""
    found = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')")
    for kind, name, sql in found.fetchall():
        fills = kind == "trigger" and any(table in sql for table in _FILLED_BY_TRIGGERS)
        if fills or (kind == "view" and name in views()):
            connection.exec_driver_sql(f'DROP {kind} "{name}"')
    for statement in (*triggers().values(), *views().values()):
        connection.exec_driver_sql(statement)
