"""Copies of the leader's database: made while it is used, opened and counted before they count, and put back.

A restored database is older than what units have sent since; they notice, and send again what they still hold.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pioreactor import structs
from pioreactor.exc import ConflictError, NotFoundError, StorageError
from pioreactor.private_files import free_path
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.postgresql import server_dump
from pioreactor.storage.leader.revisions import refuse_newer_schema

if TYPE_CHECKING:
    from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress

KEPT = 7
FREE_SPACE_FACTOR = 1.1
"""Free space that a copy needs, relative to the size of the database."""
LATEST_NAME = "pioreactor.sqlite.backup"
"""Path of the newest copy for other programs."""
CACHE = "database_backups"


@dataclass(frozen=True, slots=True)
class Backup:
    """One verified copy."""

    path: Path
    size_bytes: int
    rows: int


def database_of(runtime: Runtime) -> Path:
    """Return the file of the leader's database; raise `ConfigurationError` where it is on a server."""
    return runtime.paths.database_named(runtime.settings.storage.database)


def location_of_database(runtime: Runtime) -> DatabaseLocation:
    """Return where the leader's database is: a file, or a server. Raise `ConfigurationError`."""
    from pioreactor.storage.leader.location import location_of

    return location_of(runtime.settings.storage.database, runtime.paths)


def folder_of(runtime: Runtime) -> Path:
    return runtime.paths.storage / "backups"


def back_up(runtime: Runtime, *, output: Path | None = None, kept: int = KEPT) -> Backup:
    """Copy the database, verify the copy, and keep the newest `kept`. Experiments continue meanwhile.

    Raise `StorageError` when there is no room, or the copy is not whole; older copies stay then.
    """
    source, now = location_of_database(runtime), runtime.clock.now()
    suffix = ".sqlite" if isinstance(source, Path) else server_dump.SUFFIX
    target = output if output is not None else free_path(folder_of(runtime) / f"pioreactor-{now:%Y%m%dT%H%M%S}{suffix}")
    target.parent.mkdir(parents=True, exist_ok=True)
    backup = _copy_file(runtime, source, target) if isinstance(source, Path) else _copy_server(source, target)
    if output is None:
        if isinstance(source, Path):
            _link_as_latest(target, source.with_name(LATEST_NAME))
        for old in list_backups(runtime)[kept:]:
            old.unlink()
    runtime.stores.persistent(CACHE).set("latest_backup_timestamp", structs.to_timestamp(now))
    return backup


def _copy_file(runtime: Runtime, source: Path, target: Path) -> Backup:
    from pioreactor.storage.leader.database import LeaderDatabase

    if not source.exists():
        raise NotFoundError(f"there is no database at {source}", remedy="Back up on the leader.")
    _check_room(FREE_SPACE_FACTOR * source.stat().st_size, target.parent)
    with closing(LeaderDatabase.open(source, now=runtime.clock.now)) as database:
        database.backup(target)
    return verify(target)


def _copy_server(source: PostgresAddress, target: Path) -> Backup:
    from pioreactor.storage.leader.postgresql.server_schema import size_of  # needs the driver

    _, size_bytes = size_of(source)
    _check_room(server_dump.SHARE * size_bytes, target.parent)
    rows = server_dump.dump_server(source, target)
    return Backup(target, target.stat().st_size, rows)


def _check_room(needed: float, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(
            f"a backup needs {needed / 1e6:.0f} MB in {folder}, only {free / 1e6:.0f} MB are free",
            remedy="Delete old data, or give another --output.",
        )


def _link_as_latest(target: Path, latest: Path) -> None:
    """Give the newest copy its well-known name without taking its room twice."""
    fresh = latest.with_name(f".{latest.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.hardlink_to(target)
    fresh.replace(latest)


def verify(path: Path) -> Backup:
    """Read all of a copy, have SQLite check every page of its own, and count the rows.

    Raise `StorageError` when it is not whole.
    """
    if path.is_file() and server_dump.is_dump(path):
        return Backup(path, path.stat().st_size, server_dump.rows_in(path))
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
            verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise StorageError(f"{path} is damaged: {verdict}")
            tables = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            if "experiments" not in tables:
                raise StorageError(f"{path} is no database of ours: it has no table of experiments")
            rows = sum(copy.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables)
    except sqlite3.Error as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
    return Backup(path, path.stat().st_size, rows)


def list_backups(runtime: Runtime) -> list[Path]:
    """Return the copies that are kept, newest first."""
    return _newest_first(folder_of(runtime), "pioreactor")


def before_restores(runtime: Runtime) -> list[Path]:
    """Return the copies of what restorations replaced, newest first."""
    return _newest_first(_folder_of_database(runtime), "before-restore")


def _newest_first(folder: Path, name: str) -> list[Path]:
    found = [*folder.glob(f"{name}-*.sqlite"), *folder.glob(f"{name}-*{server_dump.SUFFIX}")]
    return sorted(found, key=lambda path: path.stem, reverse=True)


def _folder_of_database(runtime: Runtime) -> Path:
    location = location_of_database(runtime)
    return location.parent if isinstance(location, Path) else runtime.paths.storage


def restore(runtime: Runtime, source: Path) -> Path:
    """Put a verified copy back into the living database; return the copy of what was there before.

    Raise `StorageError` when the copy is not whole or of a newer version, `ConflictError` for one of the other kind of
    database.
    """
    verify(source)
    live, is_dump = location_of_database(runtime), server_dump.is_dump(source)
    if is_dump == isinstance(live, Path):
        kind, command = ("PostgreSQL", "postgresql://…") if is_dump else ("SQLite", "sqlite")
        raise ConflictError(
            f"{source.name} is a backup of {kind}, and the leader's database is not",
            remedy=f"Move the database first (pio database move {command}), then restore, and move it back.",
        )
    refuse_newer_schema(_revision_in(source, is_dump), source.name)
    moment, suffix = runtime.clock.now(), server_dump.SUFFIX if is_dump else ".sqlite"
    before = free_path(_folder_of_database(runtime) / f"before-restore-{moment:%Y%m%dT%H%M%S}{suffix}")
    before.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(live, Path):
        before = back_up(runtime, output=before).path
        server_dump.restore_server(live, source)
        return before
    if live.exists():
        before = back_up(runtime, output=before).path
    _restore_file(live, source)
    return before


def _revision_in(source: Path, is_dump: bool) -> str | None:
    """Return the revision of the schema of a verified copy; None for one without, as the reference's."""
    if is_dump:
        return server_dump.revision_in(source)
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as copy:
        if not copy.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone()[0]:
            return None
        found = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


def _restore_file(live: Path, source: Path) -> None:
    """Replace the content of the database, page by page."""
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as copy,
            closing(sqlite3.connect(live, timeout=30.0)) as database,
        ):
            copy.backup(database)
    except sqlite3.Error as error:
        raise StorageError(
            f"{source} could not be put back: {error}", remedy="Stop mqtt_to_db_streaming, then try again."
        ) from error
