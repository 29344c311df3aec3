"""Imports of a leader's data, undone from a verified copy, and of single experiments."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.actions.backup import back_up, location_of_database, restore
from pioreactor.data_import.configuration_keys import KeyPlan, apply_keys, plan_keys
from pioreactor.data_import.file_copy import (
    ActivePlan,
    FilePlan,
    activate,
    copy_file,
    deactivate,
    plan_active,
    plan_files,
)
from pioreactor.data_import.source import DATABASE
from pioreactor.data_import.table_copy import DatabasePlan, Progress, copy_tables, plan_tables
from pioreactor.exc import ConflictError, NotFoundError, PioreactorError, StorageError
from pioreactor.plugin_management.installer import Installer
from pioreactor.private_files import free_path, write_atomically
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.postgresql.server_dump import SUFFIX
from pioreactor.structs.encoding import to_timestamp

_COPY, _DUMP = "database.sqlite", f"database{SUFFIX}"
_REPORT: Final = "report.json"
_ROOM: Final = 1.3
"""Room that the rows need here, relative to their database: indices included."""


class ImportPlan(msgspec.Struct):
    """What comes over, and what does not, each with its reason."""

    database: DatabasePlan | None
    files: list[FilePlan]
    configuration: list[KeyPlan]
    notes: list[str]
    active: list[ActivePlan] = []
    """Calibrations and estimators that were in use there."""


class ImportReport(msgspec.Struct):
    """What was done; `copy` is the folder with what was here before."""

    started_at: str
    copy: str
    rows: dict[str, int] = {}
    files: list[str] = []
    keys: list[str] = []
    failed: list[str] = []
    active: list[str] = []
    """Calibrations and estimators that were made active."""
    ended_at: str = ""
    undone_at: str = ""


@dataclass(frozen=True)
class Importer:
    """Imports into the data of this leader."""

    runtime: Runtime
    installer: Installer

    @property
    def folder(self) -> Path:
        """Where the copies of what was here before are kept."""
        return self.runtime.paths.storage / "imports"

    def plan(self, root: Path) -> ImportPlan:
        """Return what would come over; nothing is changed."""
        if not self.runtime.identity.is_leader:
            raise ConflictError("data are imported on the leader")
        source, target, paths = root / DATABASE, location_of_database(self.runtime), self.runtime.paths
        if source.is_symlink():
            raise StorageError(f"{source} is a link")
        if isinstance(target, Path) and not target.exists():
            raise NotFoundError(
                f"there is no database {target}", remedy="It is created on the leader at its first start."
            )
        keys = plan_keys(root / "config.ini", paths.global_config)
        keys += plan_keys(root / "unit_config.ini", paths.local_config, paths.global_config)
        database = plan_tables(source, target) if source.is_file() else None
        files = plan_files(root, paths, self.installer)
        coming = [(str(file.kind), file.name) for file in files if not file.reason]
        active = plan_active(root, self.runtime, coming)
        return ImportPlan(database, files, keys, self._notes(root, database), active)

    def run(self, root: Path, plan: ImportPlan, progress: Progress) -> ImportReport:
        """Do what a plan says, after a verified copy of what is here.

        A file that fails is reported, and the others continue. An interrupted import has its copy already.
        """
        self._check_room(root)
        copy, report = self._begin()
        if plan.database is not None:
            report.rows = copy_tables(root / DATABASE, location_of_database(self.runtime), plan.database, progress)
        for planned in plan.files:
            if not planned.reason:
                try:
                    copy_file(planned, self.installer)
                    report.files.append(f"{planned.kind} {planned.name}")
                except (PioreactorError, OSError) as error:
                    report.failed.append(f"{planned.kind} {planned.name}: {error}")
        report.active, not_active = activate(self.runtime, plan.active, report.files)
        report.failed += not_active
        for file in (self.runtime.paths.global_config, self.runtime.paths.local_config):
            chosen = [key for key in plan.configuration if key.file == file.name]
            if any(not key.reason for key in chosen):
                apply_keys(chosen, file)
                report.keys += [f"[{key.section}] {key.key}" for key in chosen if not key.reason]
        report.ended_at = to_timestamp(self.runtime.clock.now())
        self._write(copy, report)
        return report

    def last(self) -> ImportReport | None:
        """Return the last import that could be undone, None if there is none."""
        with suppress(NotFoundError):
            return self._last()[1]
        return None

    def undo(self) -> ImportReport:
        """Put back what was here before the last import, and return that import.

        What was recorded since then goes with it; a copy of the database as it is now is kept beside it.
        """
        copy, report = self._last()
        deactivate(self.runtime, report.active)
        restore(self.runtime, _copy_in(copy))
        for file in self._files():
            _put_back(copy / "files" / file.name, file)
        report.undone_at = to_timestamp(self.runtime.clock.now())
        self._write(copy, report)
        return report

    def _begin(self) -> tuple[Path, ImportReport]:
        with suppress(NotFoundError):
            copy, report = self._last()
            if not report.ended_at:
                return copy, report
        started = self.runtime.clock.now()
        copy = free_path(self.folder / f"{started:%Y%m%dT%H%M%S}")
        report = ImportReport(to_timestamp(started), str(copy))
        self._keep(copy, report)
        return copy, report

    def _last(self) -> tuple[Path, ImportReport]:
        for copy in sorted(self.folder.glob("*/"), reverse=True):
            try:
                report = msgspec.json.decode((copy / _REPORT).read_bytes(), type=ImportReport)
            except (OSError, msgspec.MsgspecError):
                continue
            if not report.undone_at:
                return copy, report
        raise NotFoundError("there is no import that could be undone")

    def _files(self) -> list[Path]:
        paths = self.runtime.paths
        folders = [paths.calibrations, paths.estimators, paths.experiment_profiles, paths.exportable_datasets]
        return [*folders, paths.models, paths.plugins, paths.global_config, paths.local_config]

    def _keep(self, copy: Path, report: ImportReport) -> None:
        (copy / "files").mkdir(parents=True)
        is_file = isinstance(location_of_database(self.runtime), Path)
        back_up(self.runtime, output=copy / (_COPY if is_file else _DUMP))
        for file in self._files():
            if file.is_dir():
                shutil.copytree(file, copy / "files" / file.name, symlinks=True)
            elif file.is_file():
                shutil.copy2(file, copy / "files" / file.name)
        self._write(copy, report)

    def _write(self, copy: Path, report: ImportReport) -> None:
        write_atomically(copy / _REPORT, msgspec.json.format(msgspec.json.encode(report)))

    def _check_room(self, root: Path) -> None:
        target = location_of_database(self.runtime)
        if not isinstance(target, Path):
            return  # the backup looks at the room here; that of the server is its own
        theirs = (root / DATABASE).stat().st_size if (root / DATABASE).is_file() else 0
        needed, free = _ROOM * theirs + 1.1 * target.stat().st_size, shutil.disk_usage(target.parent).free
        if needed > free:
            raise StorageError(
                f"the import needs {needed / 1e6:.0f} MB with the copy of what is here; {free / 1e6:.0f} MB are free"
            )

    def _notes(self, root: Path, database: DatabasePlan | None) -> list[str]:
        notes = [] if database is not None else [f"There is no {DATABASE}: no data come over."]
        if database is not None and database.skipped:
            notes.append(f"Experiments that are here already stay as they are: {', '.join(database.skipped)}.")
        others = sorted(file.name for file in root.glob("config_*.ini"))
        if others:
            notes.append(f"Of other units, to be copied to them as unit_config.ini: {', '.join(others)}.")
        if (root / "plugins" / "ui").is_dir():
            notes.append("Plugins that were installed as packages do not lie in this folder: pio plugins install NAME")
        return notes


def _copy_in(folder: Path) -> Path:
    return next(folder / name for name in (_COPY, _DUMP) if (folder / name).exists())


def _put_back(kept: Path, file: Path) -> None:
    """Replace a file or folder by its copy, or remove it if there was none."""
    aside = file.with_name(f".{file.name}.undone")
    shutil.rmtree(aside, ignore_errors=True)
    aside.unlink(missing_ok=True)
    if file.exists():
        file.rename(aside)
    if kept.is_dir():
        shutil.copytree(kept, file, symlinks=True)
    elif kept.is_file():
        shutil.copy2(kept, file)
    shutil.rmtree(aside, ignore_errors=True)
    aside.unlink(missing_ok=True)
