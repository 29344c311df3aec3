"""The update of the unit that this process runs on: what is needed for it, and how it is started."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.actions.backup import database_of
from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.identity.computer import POLKIT_REMEDY
from pioreactor.job_catalog import activities_among
from pioreactor.private_files import write_atomically
from pioreactor.processes.launch import launch, pio_argv
from pioreactor.processes.system_command import SystemCommandError, run_system_command
from pioreactor.runtime.context import Runtime
from pioreactor.settings.load import load_settings
from pioreactor.storage.paths import SERVER_SCHEMES
from pioreactor.structs.encoding import to_timestamp
from pioreactor.updates.archives import Archive, Archives
from pioreactor.updates.environments import PipEnvironments, VersionProcesses
from pioreactor.updates.installation import DEFAULT_ROOT, Installation, InstalledMark
from pioreactor.updates.ports import Release
from pioreactor.updates.progress import Progress
from pioreactor.updates.release_feed import PublishedRelease, ReleaseFeed
from pioreactor.updates.services import SYSTEMD, services_of_machine
from pioreactor.updates.update_journal import UpdateRecord, UpdateResult
from pioreactor.updates.updater import Updater
from pioreactor.version import __version__

SERVICE: Final = "pioreactor-update.service"
_SERVICES: Final = ("monitor", "mqtt_to_db_streaming")


class UpdateRequest(msgspec.Struct, omit_defaults=True):
    """What is to be installed, as it is handed to the process that does it."""

    source: str | None = None
    version: str | None = None
    allow_older: bool = False
    even_with_jobs: bool = False
    units: list[str] = []
    """On the leader: the workers that are updated afterwards."""
    skips_self: bool = False


class UpdateState(msgspec.Struct):
    """What is installed on a unit, and what an update does."""

    pioreactor_unit: str
    is_leader: bool
    version: str
    is_versioned: bool
    """Whether versions are installed side by side; others are not updated by the software itself."""
    installed: list[str]
    activities: list[str]
    archives: list[Archive]
    in_progress: UpdateRecord | None = None
    last: UpdateResult | None = None


@dataclass(frozen=True)
class UnitUpdate:
    """Updates of one unit. `installation` is None where the software was not installed in versions."""

    runtime: Runtime
    environment: Mapping[str, str]
    installation: Installation | None = field(default_factory=Installation.of_process)

    @property
    def archives(self) -> Archives:
        return Archives(self.runtime.paths)

    @property
    def has_server_database(self) -> bool:
        """Whether this is a leader whose data are on a server, which an update can neither try nor bring back."""
        database = self.runtime.settings.storage.database
        return self.runtime.identity.is_leader and database is not None and database.startswith(SERVER_SCHEMES)

    def refuse_server_database(self) -> None:
        """Raise `ConflictError` on a leader whose database is a server's."""
        if self.has_server_database:
            raise ConflictError(
                "the database of this leader is in PostgreSQL, and an update could not bring it back if it failed",
                remedy="Move it to SQLite (`pio database move sqlite`), update, and move it back.",
            )

    @property
    def feed(self) -> ReleaseFeed:
        """Return the published releases; raise `ConflictError` in virtual time, which has no network."""
        if self.runtime.open_public_http is None:
            raise ConflictError("releases are not fetched in virtual time")
        return ReleaseFeed(self._feed_url, self.runtime.open_public_http())

    @property
    def _feed_url(self) -> str:
        """The address in the files as they are now: it is set while the web server runs."""
        paths = self.runtime.paths
        return load_settings(paths.global_config, paths.local_config).updates.feed_url

    def offered(self, version: str | None = None) -> Archive | PublishedRelease:
        """Return a release, by default the next one, of the archives on this unit or else of the published ones.

        Raise `NotFoundError` if it is in neither.
        """
        archives = self.archives
        present = self.updater().installation.current_version()
        try:
            return archives.next_after(present) if version is None else archives.of_version(version)
        except NotFoundError:
            if not self._feed_url:
                raise
            feed = self.feed
            return feed.next_after(present) if version is None else feed.release(version)

    def archive_of(self, version: str | None, report: Callable[[str], object] = lambda _: None) -> Archive:
        """Return the archive of an `offered` release; one that is not on this unit is fetched."""
        found = self.offered(version)
        return found if isinstance(found, Archive) else self.feed.fetch(found, self.archives, report)

    @property
    def _request(self) -> Path:
        return self.runtime.paths.storage / "update_request.json"

    def state(self) -> UpdateState:
        """Return the state of the unit; it is read from files, and true also while the update runs."""
        found = UpdateState(
            self.runtime.unit,
            self.runtime.identity.is_leader,
            __version__,
            self.installation is not None,
            [],
            self.activities(),
            self.archives.found(),
        )
        if self.installation is not None:
            journal = self.updater().journal
            found.version, found.installed = self.installation.current_version(), self.installation.installed()
            found.in_progress, found.last = journal.read(), journal.last()
        return found

    def activities(self) -> list[str]:
        return activities_among(self._running())

    def _running(self) -> set[str]:
        return {record.job_name for record in self.runtime.stores.jobs().running()}

    def updater(
        self, *, uses_index: bool = False, is_boot: bool = False, report: Callable[[str], object] = lambda _: None
    ) -> Updater:
        """Return what updates this unit; raise `ConflictError` where versions are not installed side by side."""
        if self.installation is None:
            raise ConflictError(
                "this software was not installed in versions that can be updated",
                remedy=f"Install the wheel or the Debian package as root; both install below {DEFAULT_ROOT}.",
            )
        runtime = self.runtime
        database = None if self.has_server_database else database_of(runtime)
        is_on_pi = "Raspberry Pi" in (runtime.computer.versions().get("rpi_machine") or "")
        return Updater(
            self.installation,
            PipEnvironments(("rpi", "leader") if is_on_pi else ("leader",), uses_index, self.environment),
            VersionProcesses(self.environment),
            services_of_machine(lambda: not self._running().isdisjoint(_SERVICES), waits=not is_boot),
            database if runtime.identity.is_leader else None,
            now=runtime.clock.now,
            activities=self.activities,
            pause=time.sleep,
            report=Progress((self._log, report)),
        )

    def _log(self, text: str) -> None:
        """Add a line to the log of updates."""
        if self.installation is not None:
            with (self.installation.root / "update.log").open("a", encoding="utf-8") as file:
                file.write(f"{to_timestamp(self.runtime.clock.now())} {text}\n")

    def start(self, request: UpdateRequest) -> str:
        """Start the update in a process of its own, which outlives the web server."""
        self.updater()
        if SYSTEMD.is_dir():
            write_atomically(self._request, msgspec.json.encode(request))
            try:
                run_system_command(("systemctl", "--no-ask-password", "--no-block", "start", SERVICE), timeout_s=30.0)
            except SystemCommandError as error:
                raise ConflictError(f"the update was not started: {error}", remedy=POLKIT_REMEDY) from error
        else:
            write_atomically(self._request, msgspec.json.encode(request))
            launch(pio_argv("update", "app", "--requested"), self.environment)
        return "started"

    def take_request(self) -> UpdateRequest:
        """Return what was requested last, once; raise `ConflictError` when nothing was."""
        try:
            request = msgspec.json.decode(self._request.read_bytes(), type=UpdateRequest)
            self._request.unlink()
        except (OSError, msgspec.MsgspecError) as error:
            raise ConflictError("no update was requested") from error
        return request


@dataclass(frozen=True)
class KeptVersion:
    """A version that is installed beside the present one."""

    mark: InstalledMark

    def unpack(self, folder: Path) -> Release:  # noqa: ARG002  the shape of a source: nothing is unpacked
        return Release(self.mark.version, self.mark.digest)
