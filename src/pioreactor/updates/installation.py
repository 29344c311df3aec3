"""Versions of the software side by side on one machine, and the links that say which one is used."""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConflictError
from pioreactor.updates.durable_files import DurableFiles
from pioreactor.updates.version_order import order_of

DEFAULT_ROOT: Final = Path("/opt/pioreactor")
KEPT: Final = 2
"""Versions before the present one that stay installed."""
_MARK: Final = "installed.json"


class InstalledMark(msgspec.Struct):
    """Written last into an environment: one without it is not whole."""

    version: str
    digest: str
    installed_at: str


@dataclass(frozen=True)
class Installation:
    """The folder with all versions:

    - `versions/<version>`: an environment
    - `current`: the version that services and commands run
    - `previous`: the version that ran before, which undoes an update that was cut
    - `rollback`: made for the time of an update, and renamed to `current` to undo it, which needs no disk space
    """

    root: Path
    files: DurableFiles = field(default_factory=DurableFiles)

    @classmethod
    def of_process(cls, prefix: str = sys.prefix) -> Installation | None:
        """Return the installation that a Python environment belongs to; None for one that is not versioned."""
        environment = Path(prefix).resolve()
        root = environment.parent.parent
        is_versioned = environment.parent.name == "versions" and (root / "current").is_symlink()
        return cls(root) if is_versioned else None

    @property
    def versions(self) -> Path:
        return self.root / "versions"

    @property
    def current(self) -> Path:
        return self.root / "current"

    @property
    def previous(self) -> Path:
        return self.root / "previous"

    @property
    def rollback(self) -> Path:
        return self.root / "rollback"

    @property
    def staging(self) -> Path:
        """Where a release is unpacked."""
        return self.root / "staging"

    def environment(self, version: str) -> Path:
        order_of(version)
        return self.versions / version

    def current_version(self) -> str:
        """Return the version that is used; raise `ConflictError` where none is."""
        try:
            return self.current.readlink().name
        except OSError as error:
            raise ConflictError(
                f"{self.root} is not an installation with versions: {self.current} is missing",
                remedy="Install the wheel or the Debian package as root.",
            ) from error

    def previous_version(self) -> str | None:
        return self.previous.readlink().name if self.previous.is_symlink() else None

    def mark_of(self, version: str) -> InstalledMark | None:
        """Return what is known of an installed version; None if it is not whole."""
        try:
            return msgspec.json.decode((self.environment(version) / _MARK).read_bytes(), type=InstalledMark)
        except (OSError, msgspec.MsgspecError):
            return None

    def write_mark(self, mark: InstalledMark) -> None:
        """Declare an environment whole, after all of it has reached the disk."""
        self.files.flush()
        self.files.write(self.environment(mark.version) / _MARK, msgspec.json.encode(mark))

    def installed(self) -> list[str]:
        """Return the versions that are whole, oldest first."""
        found = self.versions.iterdir() if self.versions.is_dir() else ()
        return sorted((path.name for path in found if (path / _MARK).is_file()), key=order_of)

    def remove_version(self, version: str) -> None:
        """Remove an environment; interrupted, it is not whole any more."""
        path = self.environment(version)
        self.files.remove(path / _MARK)
        self.files.remove_tree(path)

    def files_of(self, version: str) -> list[str]:
        """Return the names of the files of a version: of its wheel in `staging`, or of its environment."""
        for wheel in self.staging.glob(f"pioreactor-{version}-*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                return archive.namelist()
        packages = self.environment(version).glob("lib/python*/site-packages/pioreactor")
        return [str(path) for package in packages for path in package.rglob("*.py")]

    def prune(self) -> list[str]:
        """Remove what is not whole, and versions except the present one and the two before; return their names."""
        present, fallback = self.current_version(), self.previous_version()
        others = [name for name in self.installed() if name not in (present, fallback)]
        room = KEPT - int(fallback not in (None, present))
        kept = {present, fallback, *(others[-room:] if room > 0 else ())}
        gone = sorted(path.name for path in self.versions.iterdir() if path.name not in kept)
        for name in gone:
            self.remove_version(name)
        return gone

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let one process update at a time; raise `ConflictError` while another does."""
        with (self.root / "update.lock").open("a") as file:
            try:
                flock(file, LOCK_EX | LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError("an update is in progress", remedy="Wait until it has ended.") from error
            yield
