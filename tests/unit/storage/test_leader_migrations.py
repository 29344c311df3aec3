"""Revisions of the leader's database: each upgrades to the schema of a fresh database, and keeps every row."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateIndex, CreateTable

from pioreactor.exc import StorageError
from pioreactor.storage.leader import migrate, migrations
from pioreactor.storage.leader.engine import open_writing, writing
from pioreactor.storage.leader.schema import METADATA
from pioreactor.storage.leader.schema.ddl import triggers, views

FOLDER = Path(str(migrations.__file__)).parent
KEY = {"experiment": "e", "pioreactor_unit": "u", "timestamp": "2026-11-22T08:00:00.000Z"}


def upgrade_to(path: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    engine = open_writing(path)
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def master(path: Path) -> dict[str, str]:
    """Return the normalized definition of every table, index, trigger and view."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT type || ' ' || name, sql FROM sqlite_master").fetchall()
    return {name: normalized(sql) for name, sql in found}


def normalized(sql: str | None) -> str:
    words = "".join((sql or "").replace('"', "").split())
    return words.replace("IFNOTEXISTS", "")


def structure(path: Path) -> dict[str, object]:
    """Return per table its columns, indices and foreign keys, as SQLite understands them."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: (
                connection.execute(f"PRAGMA table_info({name})").fetchall(),
                sorted(row[1:] for row in connection.execute(f"PRAGMA index_list({name})")),
                sorted(connection.execute(f"PRAGMA foreign_key_list({name})")),
            )
            for name in names
        }


def example(declared_type: str, name: str) -> str | float | int | bytes:
    if name == "channel":
        return 1
    values: dict[str, str | float | int | bytes] = {"TEXT": f"text of {name}", "REAL": 0.25, "INTEGER": 1}
    return values.get(declared_type, b"\x00\xff")


def fill(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Insert a row into each table and return all rows of the database."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            columns = [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({name})")]
            values = {column: KEY.get(column, example(kind, column)) for column, kind in columns if kind in KINDS}
            if name == "led_change_events":
                values["channel"] = "A"
            marks = ", ".join("?" * len(values))
            if name != "alembic_version":
                connection.execute(
                    f"INSERT OR IGNORE INTO {name} ({', '.join(values)}) VALUES ({marks})", [*values.values()]
                )
        connection.commit()
    return contents(path)


KINDS = ("TEXT", "REAL", "INTEGER", "BLOB")


def contents(path: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
            for name in names
            if name != "alembic_version"
        }


def defaults(path: Path, table: str) -> dict[str, str | None]:
    """Return what each column holds in rows that do not name it."""
    with closing(sqlite3.connect(path)) as connection:
        columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {name: text.strip("'") if text is not None else None for _, name, _, _, text, _ in columns}


@pytest.mark.parametrize("revision", revisions())
def test_upgrading_from_a_revision_gives_the_fresh_schema_and_keeps_every_row(tmp_path: Path, revision: str) -> None:
    fresh, old = tmp_path / "fresh.sqlite", tmp_path / "old.sqlite"
    migrate.upgrade(fresh)
    upgrade_to(old, revision)
    before = fill(old)
    assert all(before[table] for table in before)
    migrate.upgrade(old)
    assert migrate.is_current(old)
    assert master(old) == master(fresh)
    assert structure(old) == structure(fresh)
    after = contents(old)
    assert before.keys() <= after.keys()
    assert all(after[table] == [] for table in after.keys() - before.keys())
    for table, rows in before.items():
        added = {name: value for name, value in defaults(old, table).items() if name not in rows[0]}
        assert after[table] == [{**row, **added} for row in rows], table


def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    """Names, columns, types, constraints, indices, triggers and views: an edit of the schema needs a revision."""
    path = tmp_path / "pioreactor.sqlite"
    migrate.upgrade(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
        dialect = connection.dialect
    engine.dispose()
    found = master(path)
    for table in METADATA.tables.values():
        assert found[f"table {table.name}"] == normalized(str(CreateTable(table).compile(dialect=dialect)))
        for index in table.indexes:
            assert found[f"index {index.name}"] == normalized(str(CreateIndex(index).compile(dialect=dialect)))
    for kind, declared in (("trigger", triggers()), ("view", views())):
        assert {name: found[f"{kind} {name}"] for name in declared} == {
            name: normalized(sql) for name, sql in declared.items()
        }
        assert {name.split()[1] for name in found if name.startswith(kind)} == set(declared)


def test_an_early_database_of_revision_0001_without_topics_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "pioreactor.sqlite"
    upgrade_to(path, "0001")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE quarantined_rows DROP COLUMN topic")
        connection.execute("INSERT INTO quarantined_rows VALUES ('t', 'u', 'logs', '{}', 'why')")
        connection.commit()
    migrate.upgrade(path)
    [row] = contents(path)["quarantined_rows"]
    assert (row["reason"], row["topic"], row["recorded_at"]) == ("why", None, None)


def test_no_revision_refers_to_the_current_schema() -> None:
    for path in FOLDER.rglob("*.py"):
        source = path.read_text()
        assert "leader.schema" not in source, path
        assert "pioreactor.measurements" not in source, path


def test_a_database_of_a_newer_version_is_refused_with_the_remedy_and_left_as_it_is(tmp_path: Path) -> None:
    migrate.upgrade(path := tmp_path / "newer.sqlite")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    before = master(path)
    with pytest.raises(StorageError, match="of a newer version of the software: its schema is 9999") as refused:
        migrate.upgrade(path)
    assert refused.value.remedy is not None and "Install that version again" in refused.value.remedy
    assert master(path) == before


def test_a_process_that_runs_for_long_lets_another_one_bring_the_file_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "new" / "leader.sqlite"
    code = (
        "import pathlib, sys; from pioreactor.storage.leader.migrate import is_current, upgraded_beside;"
        f"path = pathlib.Path({str(path)!r}); upgraded_beside(path); assert is_current(path);"
        "assert 'alembic' not in sys.modules and 'sqlalchemy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_fails_beside_is_left_to_the_upgrade_itself(tmp_path: Path) -> None:
    path = tmp_path / "folder.sqlite"
    path.mkdir()
    with pytest.raises(StorageError):
        migrate.upgraded_beside(path)
        migrate.upgrade(path)
