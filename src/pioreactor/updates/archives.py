"""The release archives that a unit can be updated from: those that were sent to it, and those on USB drives."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import InvalidRequestError, NotFoundError, PioreactorError, StorageError
from pioreactor.http.files_in_parts import digest_of, write_part
from pioreactor.identity.usb_drives import UsbDrives
from pioreactor.storage.paths import Paths
from pioreactor.updates.bundle import ARCHIVE_NAME, FIRMWARE, MAX_BYTES, Bundle, Manifest
from pioreactor.updates.signature import Signers
from pioreactor.updates.version_order import is_newer, order_of

PART_BYTES: Final = 4 * 1024**2
"""One request carries so much of an archive."""
_KEPT: Final = 3
_UNFINISHED: Final = ".part"
_MAX_ON_DRIVES: Final = 20


class Archive(msgspec.Struct, frozen=True):
    """A release archive whose signature is good."""

    name: str
    path: str
    version: str
    channel: str
    released_at: str
    notes: str
    size_bytes: int
    is_on_usb: bool
    has_firmware: bool = False
    """Whether it brings firmware of the HAT, too."""


@dataclass(frozen=True)
class _FileIdentity:
    """A file that is not changed as long as this is equal."""

    path: Path
    inode: int
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> _FileIdentity:
        found = path.stat()
        return cls(path, found.st_ino, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _described(file: _FileIdentity, signers: Signers, _: object) -> tuple[Manifest, int] | None:
    """Return the manifest of a genuine archive and its size; None for any other.

    A signature takes a process to verify, and pages ask each few seconds. What is installed is verified again, with
    all of its files.
    """
    try:
        return Bundle(file.path, signers).manifest(), file.size_bytes
    except PioreactorError as error:
        if isinstance(error.__cause__, OSError | subprocess.TimeoutExpired):
            raise  # it says nothing of the file, and is not kept
        return None


@dataclass(frozen=True)
class Archives:
    """Release archives of one unit."""

    paths: Paths
    signers: Signers = field(default_factory=Signers)

    @property
    def folder(self) -> Path:
        return self.paths.storage / "releases"

    def found(self) -> list[Archive]:
        """Return the archives with a good signature, in the order of their versions."""
        drives = UsbDrives(self.paths.usb).mounted()
        on_drives = sorted(path for drive in drives for path in drive.glob("release_*.zip"))[:_MAX_ON_DRIVES]
        received = sorted(self.folder.glob("release_*.zip"))
        found = [each for path in (*received, *on_drives) if (each := self._described(path)) is not None]
        return sorted(found, key=lambda archive: order_of(archive.version))

    def _described(self, path: Path) -> Archive | None:
        try:
            found = _described(_FileIdentity.of(path), self.signers, self.signers.identity())
        except (PioreactorError, OSError):
            return None
        if found is None:
            return None
        manifest, size = found
        is_on_usb = not path.is_relative_to(self.folder)
        return Archive(
            path.name,
            str(path),
            manifest.version,
            manifest.channel,
            manifest.released_at,
            manifest.notes,
            size,
            is_on_usb,
            FIRMWARE in manifest.files,
        )

    def next_after(self, version: str) -> Archive:
        """Return the first release after a version; raise `NotFoundError` if there is none."""
        for archive in self.found():
            if is_newer(archive.version, version):
                return archive
        raise NotFoundError(
            f"there is no release after {version} on this unit",
            remedy="Upload its archive on the page Updates, plug in a USB drive with it, or name it: --source FILE.",
        )

    def of_version(self, version: str) -> Archive:
        """Return the archive of a version; raise `NotFoundError` if there is none."""
        for archive in self.found():
            if archive.version == version:
                return archive
        raise NotFoundError(
            f"version {version[:50]} is neither installed nor among the archives of this unit",
            remedy="See: pio update status",
        )

    def received_bytes(self, version: str) -> int | None:
        """Return how much has arrived of an archive that is being sent or fetched; None if none is."""
        try:
            return self._unfinished(f"release_{version}.zip").stat().st_size
        except (OSError, InvalidRequestError):
            return None

    def located(self, location: str) -> Path:
        """Return a received archive by its name or path, or one on a USB drive; raise `NotFoundError` for any other."""
        wanted = (self.folder / location).resolve()
        allowed = any(
            wanted.is_relative_to(root.resolve()) for root in (self.folder, *UsbDrives(self.paths.usb).mounted())
        )
        if not allowed or not wanted.is_file():
            raise NotFoundError(f"this unit has no release archive {location[:200]!r}")
        if ARCHIVE_NAME.fullmatch(wanted.name) is None:
            raise InvalidRequestError("a release archive is called release_VERSION.zip")
        return wanted

    def add_part(self, name: str, offset: int, part: bytes) -> None:
        """Write a part of an archive that is being sent; the first one begins it."""
        path = self._unfinished(name)
        if offset + len(part) > MAX_BYTES:
            raise InvalidRequestError(f"a release archive has at most {MAX_BYTES // 1024**2} MiB")
        if offset == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            for stale in self.folder.glob(f"*{_UNFINISHED}"):
                stale.unlink(missing_ok=True)
            path.touch(mode=0o600)
        if shutil.disk_usage(self.folder).free < 2 * len(part):
            raise StorageError("the disk is full", remedy="Delete old exports or backups.")
        write_part(path, name, offset, part)

    def finish(self, name: str, sha256: str | None = None) -> Archive:
        """Check an archive that was sent, signature and all files; then it counts. A bad one is deleted."""
        path = self._unfinished(name)
        if not path.exists():
            raise NotFoundError(f"no archive {name} was sent")
        try:
            if sha256 is not None and digest_of(path) != sha256:
                raise InvalidRequestError(f"{name} did not arrive as it was sent", remedy="Send it again.")
            manifest = Bundle(path, self.signers).verify()
        except PioreactorError:
            path.unlink()
            raise
        whole = path.rename(self.folder / f"release_{manifest.version}.zip")
        self._prune(except_for=whole)
        found = self._described(whole)
        assert found is not None
        return found

    def _prune(self, *, except_for: Path) -> None:
        others = sorted(
            (path for path in self.folder.glob("release_*.zip") if path != except_for),
            key=lambda path: path.stat().st_mtime,
        )
        for old in others[: -(_KEPT - 1)]:
            old.unlink(missing_ok=True)

    def _unfinished(self, name: str) -> Path:
        if ARCHIVE_NAME.fullmatch(name) is None:
            raise InvalidRequestError(f"{name[:100]!r} is not the name of a release archive: release_VERSION.zip")
        return self.folder / f"{name}{_UNFINISHED}"
