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
from pioreactor.exc import NotFoundError, StorageError
from pioreactor.private_files import free_path
from pioreactor.runtime.context import Runtime

if TYPE_CHECKING:
    from pioreactor.storage.leader.location import DatabaseLocation

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
    from pioreactor.storage.leader.database import LeaderDatabase

    source = database_of(runtime)
    if not source.exists():
        raise NotFoundError(f"there is no database at {source}", remedy="Back up on the leader.")
    now = runtime.clock.now()
    target = output if output is not None else free_path(folder_of(runtime) / f"pioreactor-{now:%Y%m%dT%H%M%S}.sqlite")
    target.parent.mkdir(parents=True, exist_ok=True)
    _check_room(source, target.parent)
    with closing(LeaderDatabase.open(source, now=runtime.clock.now)) as database:
        database.backup(target)
    backup = verify(target)
    if output is None:
        _link_as_latest(target, source.with_name(LATEST_NAME))
        for old in list_backups(runtime)[kept:]:
            old.unlink()
    runtime.stores.persistent(CACHE).set("latest_backup_timestamp", structs.to_timestamp(now))
    return backup


def _check_room(source: Path, folder: Path) -> None:
    needed = FREE_SPACE_FACTOR * source.stat().st_size
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
    """Open a copy, have SQLite check every page, and count its rows; raise `StorageError` when it is not whole."""
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
    return sorted(folder_of(runtime).glob("pioreactor-*.sqlite"), key=_stem, reverse=True)


def before_restores(runtime: Runtime) -> list[Path]:
    """Return the copies of what restorations replaced, newest first."""
    return sorted(database_of(runtime).parent.glob("before-restore-*.sqlite"), key=_stem, reverse=True)


def _stem(path: Path) -> str:
    return path.stem


def restore(runtime: Runtime, source: Path) -> Path:
    """Put a verified copy back into the living database, page by page; return the copy of what was there before."""
    verify(source)
    live = database_of(runtime)
    live.parent.mkdir(parents=True, exist_ok=True)
    before = free_path(live.with_name(f"before-restore-{runtime.clock.now():%Y%m%dT%H%M%S}.sqlite"))
    if live.exists():
        before = back_up(runtime, output=before).path
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
    return before
