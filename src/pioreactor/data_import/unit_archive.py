"""The whole data folder of a unit as one zip archive, streamed: what replaces a broken machine is set up from it.

A database on a server of PostgreSQL is not in it: it survives the machine, and has backups of its own.
Secrets are not in it: neither the folder of secrets, nor passwords in configuration and its history, nor people, tokens
and sessions. Databases are copied at one moment, one after the other, while they are used.
"""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from pioreactor.actions.backup import location_of_database
from pioreactor.actions.pump_run_log import EXCHANGES
from pioreactor.actions.pump_run_log import PERSISTENT as PUMP_RUNS
from pioreactor.audit.verification import HEAD_FILE
from pioreactor.data_import.source import DATABASE
from pioreactor.data_import.source import PERSISTENT as PERSISTENT
from pioreactor.exc import StorageError
from pioreactor.identity.sessions import STORE
from pioreactor.jobs.restart_policy import CACHE as RESUMED
from pioreactor.private_files import complete_file
from pioreactor.runtime.context import Runtime
from pioreactor.settings.editing import without
from pioreactor.settings.schema import secret_keys
from pioreactor.storage.leader.dataset_rows import open_dataset_rows
from pioreactor.storage.paths import Paths
from pioreactor.structs.encoding import to_timestamp
from pioreactor.version import __version__

METADATA: Final = "metadata.json"
METADATA_VERSION: Final = 1
DESCRIPTIONS: Final = (METADATA, HEAD_FILE)
"""Files about the archive; that of a leader says how far the audit trail had come."""
CONFIG, LOCAL_CONFIG = "config.ini", "unit_config.ini"
JOURNAL: Final = "storage/journal.sqlite"
SECRET_TABLES: Final = ("people", "access_tokens", "invitations", f"cache_{STORE}")
"""Tables whose rows are hashes of passwords, tokens and cookies; those of the machine stay when it imports."""
STAYING_TABLES: Final = (
    *SECRET_TABLES,
    *(f"cache_{RESUMED}", f"cache_{RESUMED}_alive", f"cache_{PUMP_RUNS}", f"cache_{EXCHANGES}"),
    "cache_experiment_profile_progress",
)
"""What ran at the moment of the archive is not resumed on the machine that imports it."""
_STAYS: Final = frozenset({"secrets", "backups", "copies_of_leader", "imports", "exports"})
"""Folders in `storage` that belong to the machine, or are copies of what is in the archive."""
_OF_THE_MOMENT: Final = (
    *("-wal", "-shm", "-journal", ".reserve", ".lock", ".fresh", ".backup", ".unfinished", ".part", ".pyc", ".tmp"),
)
_COPIES: Final = ("before-restore-", ".draft-", ".archive-", "journal.sqlite.damaged-")
_CHUNK: Final = 256 * 1024
_COMPRESSION_LEVEL: Final = 3
_ROOM: Final = 1.1


class ArchiveMetadata(msgspec.Struct):
    """Where an archive comes from."""

    metadata_version: int
    name: str
    leader_hostname: str
    is_leader: bool
    app_version: str
    exported_at_utc: str
    database_url: str | None = None
    """Where the data of a leader are, whose database is on a server and not in the archive."""


def is_archived(path: PurePosixPath) -> bool:
    """Return whether a file of the data folder belongs to an archive; the path is relative to it."""
    parts = path.parts
    if len(parts) > 1 and parts[0] == "storage" and parts[1] in _STAYS:
        return False
    if path.as_posix() in DESCRIPTIONS or "__pycache__" in parts:
        return False
    return not path.name.endswith(_OF_THE_MOMENT) and not path.name.startswith(_COPIES)


def archive_file_name(unit: str) -> str:
    return f"{unit}_dot_pioreactor.zip"


def stream_archive(runtime: Runtime) -> Iterator[bytes]:
    """Yield the archive of this unit in parts; a few hundred kilobytes are held in memory.

    Raise `StorageError` at once when the disk has no room for a copy of the largest database.
    """
    files = list(_files(runtime))
    runtime.paths.storage.mkdir(parents=True, exist_ok=True)
    _check_room(files, runtime.paths.storage)
    return _parts(runtime, files)


def write_archive(runtime: Runtime, target: Path) -> int:
    """Write the archive to a file that appears when it is complete; return its size in bytes."""
    with complete_file(target) as unfinished, unfinished.open("wb") as file:
        for part in stream_archive(runtime):
            file.write(part)
    return target.stat().st_size


class _Buffer(io.RawIOBase):
    """Takes what the archive writes, until it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type]  # a buffer, of whatever type
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def _parts(runtime: Runtime, files: Sequence[tuple[PurePosixPath, Path]]) -> Iterator[bytes]:
    buffer, now = _Buffer(), runtime.clock.now()
    location = location_of_database(runtime) if runtime.identity.is_leader else None
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL) as archive:
        metadata = ArchiveMetadata(
            METADATA_VERSION,
            runtime.unit,
            runtime.identity.leader_hostname,
            runtime.identity.is_leader,
            __version__,
            to_timestamp(now),
            None if location is None or isinstance(location, Path) else str(location),
        )
        archive.writestr(zipfile.ZipInfo(METADATA, now.timetuple()[:6]), msgspec.json.encode(metadata))
        if location is not None and (not isinstance(location, Path) or location.is_file()):
            with open_dataset_rows(location) as stored:
                head = msgspec.json.encode(stored.audit_head())
            archive.writestr(zipfile.ZipInfo(HEAD_FILE, now.timetuple()[:6]), head)
        for name, file in files:
            yield from _added(archive, buffer, name, file, runtime.paths.storage)
    yield buffer.taken()


def _added(archive: zipfile.ZipFile, buffer: _Buffer, name: PurePosixPath, file: Path, work: Path) -> Iterator[bytes]:
    if file.suffix == ".sqlite":
        with TemporaryDirectory(prefix=".archive-", dir=work) as folder:
            copy = Path(folder) / file.name
            _copy_database(file, copy)
            yield from _compressed(archive, buffer, name, copy)
    elif len(name.parts) == 1 and name.suffix == ".ini":
        text = _without_secrets(file.read_text(encoding="utf-8", errors="replace"))
        archive.writestr(_entry(name, file), text)
        yield buffer.taken()
    else:
        try:
            yield from _compressed(archive, buffer, name, file)
        except FileNotFoundError:  # deleted since the folder was listed
            return


def _compressed(archive: zipfile.ZipFile, buffer: _Buffer, name: PurePosixPath, file: Path) -> Iterator[bytes]:
    with file.open("rb") as source, archive.open(_entry(name, file), "w", force_zip64=True) as packed:
        while chunk := source.read(_CHUNK):
            packed.write(chunk)
            yield buffer.taken()


def _entry(name: PurePosixPath, file: Path) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo.from_file(file, name.as_posix(), strict_timestamps=False)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _copy_database(source: Path, target: Path) -> None:
    """Copy a database at one moment, without free pages, then delete the secrets so that nothing of them is left."""
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30.0)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            copy.execute("PRAGMA secure_delete = ON")
            copy.execute("PRAGMA journal_mode = MEMORY")
            for table in existing_tables(copy, STAYING_TABLES):
                copy.execute(f'DELETE FROM "{table}"')
            _clean_history(copy)
    except sqlite3.Error as error:
        raise StorageError(f"{source.name} cannot be copied: {error}") from error


def existing_tables(connection: sqlite3.Connection, names: Iterable[str]) -> list[str]:
    """Return which of these tables a database has."""
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return [name for name in names if name in found]


def _clean_history(copy: sqlite3.Connection) -> None:
    for table in existing_tables(copy, ["config_files_histories"]):
        copy.create_function("without_secrets", 1, lambda text: _without_secrets(str(text)), deterministic=True)
        copy.execute(f"UPDATE {table} SET data = without_secrets(data) WHERE data IS NOT NULL")


def _without_secrets(text: str) -> str:
    return without(text, [(section, key) for section, _, key in secret_keys()])


def _files(runtime: Runtime) -> Iterator[tuple[PurePosixPath, Path]]:
    """Yield what belongs to the archive, with its path there. Links are skipped: they may lead anywhere."""
    paths = runtime.paths
    location = location_of_database(runtime)
    elsewhere = {CONFIG: paths.global_config, LOCAL_CONFIG: paths.local_config, DATABASE: location}
    for place, file in elsewhere.items():
        if isinstance(file, Path) and file.is_file() and (place != DATABASE or runtime.identity.is_leader):
            yield PurePosixPath(place), file
    for name, file in _below(paths.dot_pioreactor):
        if name.as_posix() not in elsewhere:
            yield name, file


def _below(root: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    for folder, folders, names in os.walk(root):
        below = PurePosixPath(Path(folder).relative_to(root).as_posix())
        folders[:] = [each for each in sorted(folders) if is_archived(below / each / "x")]
        for name in sorted(names):
            file = Path(folder) / name
            if is_archived(below / name) and file.is_file() and not file.is_symlink():
                yield below / name, file


def _check_room(files: list[tuple[PurePosixPath, Path]], folder: Path) -> None:
    needed = _ROOM * max((file.stat().st_size for _, file in files if file.suffix == ".sqlite"), default=0)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"the archive needs {needed / 1e6:.0f} MB for a copy of the largest database; {free / 1e6:.0f} MB are free",
            remedy="Delete old exports and backups first.",
        )


def place_of(paths: Paths, name: str) -> Path:
    """Return where a file of an archive belongs on this unit."""
    return {CONFIG: paths.global_config, LOCAL_CONFIG: paths.local_config}.get(name, paths.dot_pioreactor / name)
