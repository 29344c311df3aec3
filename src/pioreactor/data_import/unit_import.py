"""A unit set up from the archive of the one that it replaces, with a copy of what was here, and the way back.

Name, token, certificates, people and the address of the cluster stay those of this machine. Databases are replaced page
by page while processes have them open; files and folders are renamed.
"""

from __future__ import annotations

import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.actions.backup import back_up, database_of, location_of_database
from pioreactor.data_import.archive_files import (
    Entry,
    HostileArchiveError,
    check_room,
    checked_entries,
    extract,
    open_archive,
    read_text,
)
from pioreactor.data_import.source import DATABASE
from pioreactor.data_import.unit_archive import (
    CONFIG,
    DESCRIPTIONS,
    JOURNAL,
    LOCAL_CONFIG,
    METADATA,
    METADATA_VERSION,
    PERSISTENT,
    SECRET_TABLES,
    STAYING_TABLES,
    ArchiveMetadata,
    is_archived,
    place_of,
)
from pioreactor.exc import ConfigurationError, ConflictError, InvalidRequestError, NotFoundError, StorageError
from pioreactor.job_catalog import activities_among
from pioreactor.private_files import free_path, write_atomically
from pioreactor.runtime.context import Runtime
from pioreactor.settings.editing import with_value, without
from pioreactor.settings.ini import Sections, parse_ini_tolerantly
from pioreactor.settings.schema import secret_keys
from pioreactor.structs.encoding import to_timestamp

_REPORT: Final = "unit_import.json"
_OF_THIS_MACHINE: Final = frozenset({"cluster.topology", "mqtt", "storage"})
"""Sections of the configuration that stay: how this machine reaches its cluster, and where its disk is."""
_MOVE: Final = "Clear [storage] database in unit_config.ini, import, then move it: pio database move postgresql://…."
_DRAIN_S: Final = 2.0
"""After which other processes have noticed that the journal is another file."""
_MAX_METADATA_BYTES: Final = 100_000
_CLEANED_UP: Final = 3
"""Copies of what was here before that are kept; older ones are deleted."""


class UnitImportReport(msgspec.Struct):
    """What an import did; `copy` is the folder with what was here before."""

    started_at: str
    copy: str
    name: str
    exported_at: str = ""
    app_version: str = ""
    files: int = 0
    places: list[str] = []
    """Files and folders that were replaced, relative to the data folder."""
    unsent_records: int = 0
    """Records of this machine's journal that were not stored by the leader yet, and are kept."""
    skipped: list[str] = []
    ended_at: str = ""
    undone_at: str = ""


class UnitArchiveContents(msgspec.Struct):
    """What an archive holds, and what of it is not imported."""

    metadata: ArchiveMetadata | None
    files: int
    size_bytes: int
    skipped: list[str]


@dataclass(frozen=True)
class UnitImporter:
    """Imports archives of this unit."""

    runtime: Runtime

    @property
    def folder(self) -> Path:
        """Where what was here before is kept."""
        return self.runtime.paths.storage / "imports"

    def check(self, archive: Path) -> UnitArchiveContents:
        """Return what an archive holds; nothing is changed. Raise an error if it cannot be imported here."""
        with open_archive(archive) as opened:
            wanted, skipped = _chosen(checked_entries(opened))
            if any(path.as_posix() == DATABASE for _, path in wanted) and DATABASE not in self._live:
                raise ConflictError(
                    "the archive has a database of SQLite, and this leader's is on a server", remedy=_MOVE
                )
            metadata = self._checked_metadata(opened)
            return UnitArchiveContents(
                metadata, len(wanted), sum(entry.file_size for entry, _ in wanted), sorted(skipped)[:100]
            )

    def refuse_while_jobs_run(self) -> None:
        """Raise `ConflictError` while a job runs that uses what an import replaces."""
        running = activities_among({each.job_name for each in self.runtime.stores.jobs().running()})
        if running:
            raise ConflictError(
                f"{self.runtime.unit} runs {', '.join(running)}", remedy="Stop them first: pio kill --all-jobs."
            )

    def run(self, archive: Path) -> UnitImportReport:
        """Import an archive. Raise `ConflictError` while jobs run, `HostileArchiveError` or `StorageError`.

        Until everything is extracted and checked, nothing of this unit is changed.
        """
        self.refuse_while_jobs_run()
        contents = self.check(archive)
        started = self.runtime.clock.now()
        copy = free_path(self.folder / f"unit-{started:%Y%m%dT%H%M%S}")
        report = UnitImportReport(
            to_timestamp(started), str(copy), self.runtime.unit, files=contents.files, skipped=contents.skipped
        )
        if contents.metadata is not None:
            report.exported_at, report.app_version = contents.metadata.exported_at_utc, contents.metadata.app_version
        self._check_room(contents)
        new = copy / "new"
        try:
            new.mkdir(parents=True)
            with open_archive(archive) as opened:
                extract(opened, _chosen(checked_entries(opened))[0], new)
            self._prepare(new)
            self.refuse_while_jobs_run()
            if (new / DATABASE).exists():
                back_up(self.runtime)
            # Last: until here caches of this machine may be made.
            if (new / PERSISTENT).exists() and self._database(PERSISTENT).exists():
                _add_missing_caches(self._database(PERSISTENT), new / PERSISTENT)
        except BaseException:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        self._replace(new, copy / "before", report)
        shutil.rmtree(new, ignore_errors=True)
        report.ended_at = to_timestamp(self.runtime.clock.now())
        self._write(report)
        self._delete_old_copies()
        return report

    def undo(self) -> UnitImportReport:
        """Put back what was here before the last import. Records that were made since stay in the journal."""
        self.refuse_while_jobs_run()
        report = self._last()
        before = Path(report.copy) / "before"
        for name in report.places:
            kept, place = before / name, place_of(self.runtime.paths, name)
            if kept.exists():
                _remove(place)
                kept.rename(place)
            elif not (Path(report.copy) / "new" / name).exists():
                _remove(place)  # it was not here
        for name in self._live:
            if (before / name).is_file():
                _put_into(before / name, self._database(name))
        report.undone_at = to_timestamp(self.runtime.clock.now())
        self._write(report)
        return report

    def _checked_metadata(self, archive: zipfile.ZipFile) -> ArchiveMetadata | None:
        try:
            entry = archive.getinfo(METADATA)
        except KeyError:
            return None  # of an earlier version
        try:
            text = read_text(archive, entry, max_bytes=_MAX_METADATA_BYTES)
            metadata = msgspec.json.decode(text, type=ArchiveMetadata)
        except msgspec.MsgspecError as error:
            raise HostileArchiveError(f"{METADATA} in the archive cannot be read: {error}") from error
        if metadata.metadata_version > METADATA_VERSION:
            raise InvalidRequestError(
                f"the archive was made by the later version {metadata.app_version}", remedy="Update this unit first."
            )
        if metadata.name != self.runtime.unit:
            raise ConflictError(
                f"the archive is of {metadata.name[:100]!r}, and this unit is {self.runtime.unit}",
                remedy="Give this machine the name of the one that it replaces, then import.",
            )
        return metadata

    def _check_room(self, contents: UnitArchiveContents) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = sum(self._database(name).stat().st_size for name in self._live if self._database(name).exists())
        check_room(2 * contents.size_bytes + kept, self.folder)

    def _prepare(self, new: Path) -> None:
        """Check what was extracted, and give it what stays of this machine."""
        for file in sorted(new.rglob("*.sqlite")):
            _check_database(file)
        database = new / DATABASE
        if database.exists():
            if not self.runtime.identity.is_leader:
                raise ConflictError("the archive is of a leader, and this unit is not one")
            from pioreactor.storage.leader.database import LeaderDatabase

            LeaderDatabase.open(database).close()  # brings one of an earlier version up to date
            _checkpoint(database)
            _check_triggers(database)
        for name in self._live:
            if (new / name).exists() and self._database(name).exists():
                _take_over_secrets(self._database(name), new / name)
        for name in (CONFIG, LOCAL_CONFIG):
            if (new / name).exists():
                self._prepare_config(new / name, place_of(self.runtime.paths, name))

    def _prepare_config(self, theirs: Path, ours: Path) -> None:
        try:
            text = theirs.read_text(encoding="utf-8")
            found = parse_ini_tolerantly(text, where=theirs.name)[0]
        except (UnicodeDecodeError, ConfigurationError) as error:
            raise HostileArchiveError(f"{theirs.name} in the archive cannot be read: {error}") from error
        mine = parse_ini_tolerantly(ours.read_text(encoding="utf-8"), where=ours.name)[0] if ours.exists() else {}
        if any(name in mine for name in _OF_THIS_MACHINE):
            text = without(text, [(name, key) for name in _OF_THIS_MACHINE for key in found.get(name, {})])
        for section, key, value in _kept_values(mine):
            text = with_value(text, section, key, value)
        write_atomically(theirs, text)

    def _replace(self, new: Path, before: Path, report: UnitImportReport) -> None:
        names = sorted(_replaced(new))
        report.places = names
        for name in self._live:
            if (new / name).exists() and self._database(name).exists():
                (before / name).parent.mkdir(parents=True, exist_ok=True)
                _put_into(self._database(name), before / name)
        self._write(report)  # from here on, what was done can be undone
        for name in names:
            place, kept = place_of(self.runtime.paths, name), before / name
            kept.parent.mkdir(parents=True, exist_ok=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists():
                place.rename(kept)
            (new / name).rename(place)
        for name in self._live:
            if (new / name).exists():
                _put_into(new / name, self._database(name))
        if (new / JOURNAL).exists():
            report.unsent_records = self._adopt_journal(new / JOURNAL, before / JOURNAL)

    def _adopt_journal(self, copy: Path, aside: Path) -> int:
        journal = self.runtime.stores.journal()
        aside.parent.mkdir(parents=True, exist_ok=True)
        acknowledged = journal.acknowledged_seq()
        last = journal.adopt(copy, aside)
        self.runtime.clock.sleep(_DRAIN_S)
        return journal.append_from(aside, after_seq=last) - acknowledged

    @property
    def _live(self) -> tuple[str, ...]:
        """Return the databases that processes have open; one on a server is left alone."""
        is_file = isinstance(location_of_database(self.runtime), Path)
        return (DATABASE, PERSISTENT) if is_file else (PERSISTENT,)

    def _database(self, name: str) -> Path:
        return database_of(self.runtime) if name == DATABASE else self.runtime.paths.dot_pioreactor / name

    def _last(self) -> UnitImportReport:
        for copy in sorted(self.folder.glob("unit-*"), reverse=True):
            with suppress(OSError, msgspec.MsgspecError):
                report = msgspec.json.decode((copy / _REPORT).read_bytes(), type=UnitImportReport)
                if not report.undone_at:
                    return report
        raise NotFoundError("there is no import that could be undone")

    def _write(self, report: UnitImportReport) -> None:
        write_atomically(Path(report.copy) / _REPORT, msgspec.json.format(msgspec.json.encode(report)))

    def _delete_old_copies(self) -> None:
        for old in sorted(self.folder.glob("unit-*"), reverse=True)[_CLEANED_UP:]:
            shutil.rmtree(old, ignore_errors=True)


def _chosen(entries: list[Entry]) -> tuple[list[Entry], list[str]]:
    """Return the files that are imported, and the names of those that are not."""
    wanted = [(entry, path) for entry, path in entries if is_archived(path)]
    skipped = [path.as_posix() for _, path in entries if not is_archived(path) and path.as_posix() not in DESCRIPTIONS]
    return wanted, skipped


def _replaced(new: Path) -> set[str]:
    """Return what is renamed into place: files and folders of the data folder, and of `storage` in it."""
    found = {path.name for path in new.iterdir() if path.name != "storage"}
    storage = new / "storage"
    below = {f"storage/{path.name}" for path in storage.iterdir()} if storage.is_dir() else set()
    return found | (below - {DATABASE, PERSISTENT, JOURNAL})


def _kept_values(mine: Sections) -> Iterator[tuple[str, str, str]]:
    """Yield the values of this machine's configuration that stay."""
    secrets = {(section, key) for section, _, key in secret_keys()}
    for section, keys in mine.items():
        for key, value in keys.items():
            stays = section in _OF_THIS_MACHINE or (section, key) in secrets
            if stays and value is not None and "\n" not in value:
                yield section, key, value


def _check_database(file: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            odd = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%' LIMIT 1"
            ).fetchone()
    except sqlite3.Error as error:
        raise HostileArchiveError(f"{file.name} in the archive cannot be read: {error}") from error
    if verdict != "ok":
        raise HostileArchiveError(f"{file.name} in the archive is damaged: {verdict}")
    if odd is not None:
        raise HostileArchiveError(f"{file.name} in the archive has a virtual table: {str(odd[0])[:100]!r}")


def _check_triggers(file: Path) -> None:
    """Refuse a database that would add people or tokens by itself."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, sql in found:
        if any(table in str(sql).lower() for table in SECRET_TABLES):
            raise HostileArchiveError(f"{file.name} in the archive has a trigger on people or tokens: {name[:100]!r}")


def _take_over_secrets(ours: Path, theirs: Path) -> None:
    """Give a database of an archive the people, tokens, sessions and running jobs of this machine."""
    try:
        with closing(sqlite3.connect(theirs, isolation_level=None, uri=True)) as connection:
            connection.execute("ATTACH DATABASE ? AS ours", (f"{ours.absolute().as_uri()}?mode=ro",))
            for table in STAYING_TABLES:
                found = {
                    schema: [row[1] for row in connection.execute(f'PRAGMA {schema}.table_info("{table}")')]
                    for schema in ("main", "ours")
                }
                if found["main"]:
                    connection.execute(f'DELETE FROM main."{table}"')
                columns = ", ".join(f'"{name}"' for name in found["ours"] if name in found["main"])
                if columns:
                    connection.execute(f'INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM ours."{table}"')
    except sqlite3.Error as error:
        raise StorageError(f"{theirs.name} in the archive cannot be used: {error}") from error
    _checkpoint(theirs)


def _add_missing_caches(ours: Path, theirs: Path) -> None:
    """Give a store of an archive the caches that only this machine has: processes that run here use them."""
    try:
        with closing(sqlite3.connect(theirs, isolation_level=None, uri=True)) as connection:
            connection.execute("ATTACH DATABASE ? AS ours", (f"{ours.absolute().as_uri()}?mode=ro",))
            known = {name for (name,) in connection.execute("SELECT name FROM main.sqlite_master")}
            tables = connection.execute("SELECT name, sql FROM ours.sqlite_master WHERE type = 'table'").fetchall()
            connection.execute("BEGIN")
            for name, sql in tables:
                if name not in known and not name.startswith("sqlite_"):
                    connection.execute(sql)
                    connection.execute(f'INSERT INTO main."{name}" SELECT * FROM ours."{name}"')
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageError(f"{theirs.name} in the archive cannot be used: {error}") from error
    _checkpoint(theirs)


def _checkpoint(file: Path) -> None:
    """Put everything into the file itself, so that it can be renamed alone."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _put_into(source: Path, target: Path) -> None:
    """Replace the content of a database that processes have open; a new file is made if there is none."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as copy,
            closing(sqlite3.connect(target, timeout=30.0)) as database,
        ):
            copy.backup(database)
    except sqlite3.Error as error:
        raise StorageError(f"{target.name} could not be replaced: {error}") from error


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
