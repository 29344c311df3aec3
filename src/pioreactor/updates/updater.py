"""The update of one unit, step by step. Whatever fails, the version that ran before runs again, with all data."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from pioreactor.exc import PioreactorError
from pioreactor.private_files import free_path
from pioreactor.structs.encoding import to_timestamp
from pioreactor.updates.durable_files import remove_database, revision_of
from pioreactor.updates.errors import UpdateFailedError, UpdateRefusedError
from pioreactor.updates.installation import Installation, InstalledMark
from pioreactor.updates.ports import EnvironmentBuilder, Release, ReleaseSource, Services, VersionCommands
from pioreactor.updates.progress import Progress
from pioreactor.updates.update_journal import UpdateJournal, UpdateRecord, UpdateResult, UpdateStep
from pioreactor.updates.version_order import newest_revision_among, refuse_newer_data, refuse_older

GATE_S: Final = 90.0
"""Within which the services of the new version have to work."""
_POLL_S: Final = 1.0
_ATTEMPTS: Final = 5
_ENVIRONMENT_BYTES: Final = 400 * 1024**2
"""Free space for a new environment, more than one takes."""
_FREE_FACTOR: Final = 1.2
"""Free space for a copy of the database, relative to its size."""

Failure = (Exception, KeyboardInterrupt)
"""Whatever ends an update, a person's Ctrl-C included, is undone: services are stopped for a part of it."""


@dataclass(frozen=True)
class Updater:
    """Updates the software of this unit, and undoes an update that was cut."""

    installation: Installation
    builder: EnvironmentBuilder
    commands: VersionCommands
    services: Services
    database: Path | None
    """The leader's database; None on a worker."""
    now: Callable[[], datetime]
    activities: Callable[[], Sequence[str]]
    """Returns the jobs that run, except those that always run."""
    pause: Callable[[float], object]
    report: Progress = field(default_factory=Progress)

    @property
    def journal(self) -> UpdateJournal:
        return UpdateJournal(self.installation.root, self.installation.files)

    def update(self, source: ReleaseSource, *, allow_older: bool = False, even_with_jobs: bool = False) -> UpdateResult:
        """Install a release and use it, or raise what failed; then the version before runs.

        Only a newer one, unless `allow_older`, and none that cannot read the database. While jobs run it is
        refused, unless `even_with_jobs`: these keep the version that they were started with.
        """
        with self.installation.lock():
            self._recover()
            present = self.installation.current_version()
            record = UpdateRecord(UpdateStep.UNPACK, present, "", to_timestamp(self.now()))
            try:
                self._tidy()
                self._refuse_jobs(even_with_jobs)
                release = self._unpack(source, record, allow_older)
                self._run(record, release, even_with_jobs)
            except Failure as error:
                if not self._is_committed(record):
                    raise self._undo(record, error) from error
            return self._finish(record)

    def recover(self) -> UpdateResult | None:
        """Undo an update that was cut, or finish one that was proved to work; None if there is nothing to do."""
        with self.installation.lock():
            return self._recover()

    def _unpack(self, source: ReleaseSource, record: UpdateRecord, allow_older: bool) -> Release:
        files, staging = self.installation.files, self.installation.staging
        files.remove_tree(staging)
        files.make_folder(staging)
        release = source.unpack(staging)
        present = record.from_version
        if release.version == present:
            raise UpdateRefusedError(f"version {present} is installed already")
        refuse_older(release.version, present, is_allowed=allow_older)
        if self.database is not None and self.database.exists():
            newest = newest_revision_among(self.installation.files_of(release.version))
            refuse_newer_data(release.version, newest, revision_of(self.database))
        record.to_version = release.version
        return release

    def _run(self, record: UpdateRecord, release: Release, even_with_jobs: bool) -> None:
        files, installation = self.installation.files, self.installation
        old, new = installation.environment(record.from_version), installation.environment(record.to_version)
        # What undoes the update is there before anything else is.
        files.point(installation.previous, old)
        files.point(installation.rollback, old)
        self._begin(record, UpdateStep.BUILD, f"install version {release.version} beside {record.from_version}")
        self._build(release, new)
        self._begin(record, UpdateStep.TRY, "try it on a copy of the data")
        self._try(record, new)
        before = self.commands.faults(old)
        self._refuse_jobs(even_with_jobs)
        self._begin(record, UpdateStep.STOP, "stop the services")
        self.services.stop()
        if record.has_new_schema:
            self._migrate_final_copy(new)
        self._begin(record, UpdateStep.SWITCH, f"switch to {release.version}")
        self._switch_database(record)
        files.point(installation.current, new)
        self._begin(record, UpdateStep.START, "start the services and check them")
        self.services.start()
        self._check_running(new, before)
        # From here on the update is not undone. It takes one step, and no disk space.
        files.remove(installation.rollback)

    def _begin(self, record: UpdateRecord, step: UpdateStep, message: str) -> None:
        record.step, record.updated_at = step, to_timestamp(self.now())
        self.journal.write(record)
        self.report(f"{step}: {message}")

    def _refuse_jobs(self, even_with_jobs: bool) -> None:
        running = [] if even_with_jobs else self.activities()
        if running:
            raise UpdateRefusedError(
                f"{', '.join(running)} runs on this unit",
                remedy="Stop it first, or update with --force: jobs keep the version that they were started with.",
            )

    def _build(self, release: Release, target: Path) -> None:
        present = self.installation.mark_of(release.version)
        if present is not None and present.digest == release.digest:
            return
        self._check_room()
        self.installation.remove_version(release.version)
        self.installation.files.make_folder(self.installation.versions)
        self.builder.build(self.installation.staging, release.version, target)
        self.installation.write_mark(InstalledMark(release.version, release.digest, to_timestamp(self.now())))

    def _check_room(self) -> None:
        free = self.installation.free_bytes()
        if free < _ENVIRONMENT_BYTES:
            raise UpdateFailedError(
                f"a new version needs {_ENVIRONMENT_BYTES / 1e6:.0f} MB, only {free / 1e6:.0f} MB are free",
                remedy="Delete old exports or backups.",
            )
        if self.database is not None and self.database.exists():
            needed, free = _FREE_FACTOR * self.database.stat().st_size, shutil.disk_usage(self.database.parent).free
            if free < needed:
                raise UpdateFailedError(
                    f"a copy of the database needs {needed / 1e6:.0f} MB, only {free / 1e6:.0f} MB are free",
                    remedy="Delete old exports or backups.",
                )

    @property
    def _copy(self) -> Path | None:
        """The copy of the database that the new version migrates."""
        return None if self.database is None else self.database.with_name("update-copy.sqlite")

    @property
    def _original(self) -> Path | None:
        """The database as it was before the update, while one is in progress."""
        return None if self.database is None else self.database.with_name("before-update.sqlite")

    def _try(self, record: UpdateRecord, new: Path) -> None:
        copy, database = self._copy, self.database
        if copy is None or database is None or not database.exists():
            self.commands.check(new, record.to_version, None)
            return
        self.installation.files.copy_database(database, copy)
        before = revision_of(copy)
        self.commands.migrate(new, copy)
        record.has_new_schema = revision_of(copy) != before
        self.commands.check(new, record.to_version, copy)
        remove_database(copy)

    def _migrate_final_copy(self, new: Path) -> None:
        """Migrate a copy with what was recorded since the first one; nothing writes into the database any more."""
        copy, database = self._copy, self.database
        if copy is not None and database is not None:
            self.installation.files.copy_database(database, copy)
            self.commands.migrate(new, copy)
            self.installation.files.settle_database(copy)
            copy.chmod(database.stat().st_mode & 0o777)

    def _switch_database(self, record: UpdateRecord) -> None:
        files, copy, original = self.installation.files, self._copy, self._original
        if record.has_new_schema and self.database is not None and copy is not None and original is not None:
            files.settle_database(self.database)
            files.keep(self.database, original)
            files.move(copy, self.database)

    def _check_running(self, new: Path, before: Set[str]) -> None:
        """Wait until no check of the unit fails that did not fail before."""
        fresh: Set[str] = frozenset()
        for _ in range(int(GATE_S / _POLL_S)):
            fresh = self.commands.faults(new) - before
            if not fresh:
                return
            self.pause(_POLL_S)
        raise UpdateFailedError(f"the new version does not work: {', '.join(sorted(fresh))}")

    def _is_committed(self, record: UpdateRecord) -> bool:
        installation = self.installation
        is_current = record.to_version == installation.current_version() != record.from_version
        return is_current and not installation.rollback.is_symlink()

    def _undo(self, record: UpdateRecord, error: BaseException) -> Exception:
        """Return to the version before; return the error to raise."""
        message = str(error) if isinstance(error, PioreactorError) else f"{type(error).__name__}: {error}".rstrip(": ")
        failed = record.step
        self.report(f"failed: {message}")
        self._roll_back_for_sure(record)
        remedy = getattr(error, "remedy", None)
        self._write_result(record, False, message, remedy=remedy, failed_step=failed)
        if isinstance(error, PioreactorError):
            return error
        return UpdateFailedError(f"the update failed at the step {failed}: {message}")

    def _recover(self) -> UpdateResult | None:
        record = self.journal.read()
        if record is None:
            return None
        if self._is_committed(record):
            return self._finish(record)
        failed = record.step
        self._roll_back_for_sure(record)
        message = f"the update to {record.to_version} was cut at the step {failed}; version {record.from_version} runs"
        return self._write_result(record, False, message, failed_step=failed)

    def _roll_back_for_sure(self, record: UpdateRecord) -> None:
        """Roll back, several times if it fails; the journal stays until it is done."""
        for attempt in range(_ATTEMPTS):
            try:
                self._roll_back(record)
                return
            except Failure as error:
                self.report(f"the rollback failed: {error}")
                if attempt + 1 == _ATTEMPTS:
                    raise UpdateFailedError(
                        f"the update and its rollback failed: {error}",
                        remedy="Restart the machine: the rollback is completed at its start.",
                    ) from error
                self.pause(_POLL_S)

    def _roll_back(self, record: UpdateRecord) -> None:
        """Make the version before current again, with its database. It needs no disk space."""
        installation, files = self.installation, self.installation.files
        if record.step in (UpdateStep.STOP, UpdateStep.SWITCH, UpdateStep.START):
            with suppress(UpdateFailedError):  # what still runs is restarted below
                self.services.stop()
            self._put_back_database(record)
            if installation.current_version() != record.from_version:
                files.move(installation.rollback, installation.current)
            self.services.start()
        self._tidy()
        if record.to_version not in ("", installation.current_version()):
            installation.remove_version(record.to_version)
        files.remove(self.journal.path)
        self.report(f"version {installation.current_version()} runs")

    def _put_back_database(self, record: UpdateRecord) -> None:
        database, original, files = self.database, self._original, self.installation.files
        if not record.has_new_schema or database is None or original is None or not original.exists():
            return
        if database.exists() and not database.samefile(original):
            # What was written meanwhile stays for a person to look at; units send again what they recorded.
            aside = database.with_name(f"of-{record.to_version}.sqlite")
            for suffix in ("-wal", "-shm", ""):
                part = Path(f"{database}{suffix}")
                if part.exists():
                    files.move(part, Path(f"{aside}{suffix}"))
        files.move(original, database)

    def _tidy(self) -> None:
        """Remove what an update needs only while it runs."""
        files, original = self.installation.files, self._original
        files.remove(self.installation.rollback)
        files.remove_tree(self.installation.staging)
        if self._copy is not None:
            remove_database(self._copy)
        paths = [path for path in (original, self.database) if path is not None and path.exists()]
        if original is not None and len(paths) == 2 and paths[0].samefile(paths[1]):
            files.remove(original)

    def _finish(self, record: UpdateRecord) -> UpdateResult:
        """Clean up after an update that works. What fails is done at the next start."""
        removed: list[str] = []
        try:
            self._keep_original(record)
            self._tidy()
            removed = self.installation.prune()
        except Failure as error:
            self.report(f"not cleaned up yet: {error}")
        else:
            with suppress(*Failure):
                self.journal.clear()
        result = self._write_result(record, True, f"version {record.to_version} runs", removed=removed)
        self.report(result.message)
        return result

    def _keep_original(self, record: UpdateRecord) -> None:
        """Keep the database as it was before the update as a backup."""
        original, files = self._original, self.installation.files
        if original is not None and original.exists():
            backups = original.parent / "backups"
            files.make_folder(backups)
            started = record.started_at.translate(str.maketrans("", "", "-:")).partition(".")[0]
            files.move(original, free_path(backups / f"pioreactor-{started}.sqlite"))

    def _write_result(
        self,
        record: UpdateRecord,
        is_installed: bool,
        message: str,
        *,
        remedy: str | None = None,
        failed_step: str | None = None,
        removed: Sequence[str] = (),
    ) -> UpdateResult:
        result = UpdateResult(
            record.from_version,
            record.to_version,
            record.started_at,
            to_timestamp(self.now()),
            is_installed,
            message,
            remedy=remedy,
            failed_step=failed_step,
            removed=list(removed),
        )
        with suppress(*Failure):  # the disk may be full
            self.journal.write_result(result)
        return result
