"""Create revision 0001, or complete a database that other software created to it. Nothing is ever removed."""

from sqlalchemy import Connection, Inspector, Table, inspect
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from pioreactor.storage.leader.migrations.initial.tables import TABLES
from pioreactor.storage.leader.migrations.initial.triggers import TRIGGERS, VIEWS

_FILLED_BY_TRIGGERS = ("pioreactor_unit_activity_data", "experiment_worker_assignments_history")


def complete(connection: Connection) -> None:
    """Add the tables, columns, indices, triggers and views of revision 0001 that the database lacks."""
    if connection.dialect.name == "postgresql":
        from pioreactor.storage.leader.postgresql.server_tables import create  # only where PostgreSQL is configured

        for table in TABLES.sorted_tables:
            create(connection, table)
        return
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    for table in TABLES.sorted_tables:
        indexed: set[tuple[str | None, ...]] = set()
        if table.name not in present:
            connection.execute(CreateTable(table))
        else:
            _add_columns(connection, inspector, table)
            indexed = {tuple(index["column_names"]) for index in inspector.get_indexes(table.name)}
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if tuple(column.name for column in index.columns) not in indexed:
                connection.execute(CreateIndex(index, if_not_exists=True))
    _replace_triggers_and_views(connection)


def _add_columns(connection: Connection, inspector: Inspector, table: Table) -> None:
    present = {column["name"] for column in inspector.get_columns(table.name)}
    for column in table.columns:
        if column.name not in present:
            added = column._copy()
            # Existing rows cannot have a value: without a default the column is added as nullable.
            added.nullable = added.nullable or added.server_default is None
            definition = CreateColumn(added).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")


def _replace_triggers_and_views(connection: Connection) -> None:
    """Drop whatever else fills the same tables (triggers of other software), or doses count twice; create ours."""
    found = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')")
    for kind, name, sql in found.fetchall():
        fills = kind == "trigger" and any(table in sql for table in _FILLED_BY_TRIGGERS)
        if fills or (kind == "view" and name in VIEWS):
            connection.exec_driver_sql(f'DROP {kind} "{name}"')
    for statement in (*TRIGGERS.values(), *VIEWS.values()):
        connection.exec_driver_sql(statement)
