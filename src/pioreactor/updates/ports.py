"""What an update needs from the machine it runs on."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import Protocol

import msgspec


class Release(msgspec.Struct, frozen=True):
    """A release that was checked and unpacked."""

    version: str
    digest: str
    """SHA-256 of what was signed; it tells two builds of one version apart."""


class ReleaseSource(Protocol):
    """Where a release comes from."""

    def unpack(self, folder: Path) -> Release:
        """Check the release and put its wheels into an empty folder.

        Raise `UpdateRefusedError` for one that is not genuine, and `OSError`.
        """


class EnvironmentBuilder(Protocol):
    """Makes Python environments."""

    def build(self, wheels: Path, version: str, target: Path) -> None:
        """Install this version from the wheels in a folder into a new environment. Raise `UpdateFailedError`."""


class VersionCommands(Protocol):
    """Questions to one version of the software, answered by its own code in processes of its own."""

    def migrate(self, environment: Path, database: Path) -> None:
        """Bring a copy of the leader's database up to date. Raise `UpdateFailedError`."""

    def check(self, environment: Path, version: str, database: Path | None) -> None:
        """Try the version on a copy of the unit's data. Raise `UpdateFailedError` when it does not work."""

    def faults(self, environment: Path) -> Set[str]:
        """Return the names of the checks that fail on the unit while its services run."""


class Services(Protocol):
    """The processes that run from boot. Each verb may be repeated."""

    def stop(self) -> None:
        """Stop all that use the database or serve requests; jobs continue. Raise `UpdateFailedError`."""

    def start(self) -> None:
        """Start all of the version that is current. Raise `UpdateFailedError`."""
