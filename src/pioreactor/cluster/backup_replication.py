"""Copies of the leader's backups on its workers: sent in parts, and checked by the receiver before they count."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

import msgspec

from pioreactor import structs
from pioreactor.actions.backup import CACHE, FREE_SPACE_FACTOR, Backup, verify
from pioreactor.exc import InvalidRequestError, NotFoundError, PioreactorError, StorageError
from pioreactor.http.files_in_parts import digest_of, parts_of, write_part
from pioreactor.runtime.context import Runtime

PART_BYTES: Final = 512 * 1024
"""One request carries so much: a Raspberry Pi holds a part in memory, not a database."""
KEPT: Final = 2
FOLDER: Final = "copies_of_leader"
PATH: Final = "/unit_api/backups"
VERIFY_TIMEOUT_S: Final = 900.0
"""A Raspberry Pi reads a large copy for minutes."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}\.(?:sqlite|dump)")
_UNFINISHED = ".part"


class Copy(msgspec.Struct, frozen=True):
    """A whole copy that a unit keeps."""

    name: str
    size_bytes: int


class BackupDigest(msgspec.Struct, forbid_unknown_fields=True):
    """What a sender says of a copy that it is about to send, or has sent."""

    size_bytes: int
    sha256: str


class VerifiedCopy(msgspec.Struct):
    """A copy that was opened and whose rows were counted."""

    name: str
    rows: int


class BackupCopies:
    """Where a unit keeps copies of its leader's database. Unfinished ones have another name and do not count."""

    def __init__(self, runtime: Runtime) -> None:
        self._folder = runtime.paths.storage / FOLDER

    def copies(self) -> list[Copy]:
        """Return what is kept, newest first."""
        found = sorted(path for path in self._folder.glob("*") if _NAME.fullmatch(path.name))[::-1]
        return [Copy(path.name, path.stat().st_size) for path in found]

    def begin(self, name: str, declared: BackupDigest) -> None:
        """Make room for a copy; raise `StorageError` when the disk has none."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for stale in self._folder.glob(f"*{_UNFINISHED}"):
            stale.unlink(missing_ok=True)
        free = shutil.disk_usage(self._folder).free
        if free < FREE_SPACE_FACTOR * declared.size_bytes:
            raise StorageError(
                f"the copy needs {declared.size_bytes / 1e6:.0f} MB, only {free / 1e6:.0f} MB are free",
                remedy="Delete old data on this unit, or have another one keep the copy.",
            )
        self._unfinished(name).touch(mode=0o600)

    def add(self, name: str, offset: int, part: bytes) -> None:
        """Write one part; the same part twice is fine, a gap is not."""
        path = self._unfinished(name)
        write_part(path, name, offset, part)

    def finish(self, name: str, declared: BackupDigest, *, kept: int = KEPT) -> Backup:
        """Check that the copy is what was sent and a whole database; then it counts, and the oldest goes."""
        path = self._unfinished(name)
        if not path.exists():
            raise NotFoundError(f"no copy {name} was begun")
        try:
            if path.stat().st_size != declared.size_bytes or digest_of(path) != declared.sha256:
                raise StorageError(f"{name} did not arrive as it was sent", remedy="Send it again.")
            backup = verify(path)
        except StorageError:
            path.unlink()
            raise
        whole = path.rename(self._path(name))
        for old in self.copies()[kept:]:
            self._path(old.name).unlink(missing_ok=True)
        return replace(backup, path=whole)

    def read(self, name: str, offset: int) -> bytes:
        """Return a part of a whole copy; empty behind its end."""
        path = self._whole(name)
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(PART_BYTES)

    def digest_of(self, name: str) -> BackupDigest:
        path = self._whole(name)
        return BackupDigest(path.stat().st_size, digest_of(path))

    def verify(self, name: str) -> Backup:
        """Read all of a copy and count its rows; raise `StorageError` when it is not whole any more."""
        return verify(self._whole(name))

    def _whole(self, name: str) -> Path:
        path = self._path(name)
        if not path.is_file():
            raise NotFoundError(f"there is no copy {name}")
        return path

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise InvalidRequestError(f"{name!r} cannot be the name of a copy")
        return self._folder / name

    def _unfinished(self, name: str) -> Path:
        path = self._path(name)
        return path.with_name(path.name + _UNFINISHED)


class Fetch(Protocol):
    """Ask a unit and return the body of its answer: `CliContext.fetch`."""

    def __call__(
        self,
        unit: str,
        method: str,
        path: str,
        *,
        json: object = None,
        body: bytes | None = None,
        timeout_s: float = 30.0,
    ) -> bytes: ...


def send(backup: Path, unit: str, fetch: Fetch) -> None:
    """Send a backup to a unit, which checks it; raise the unit's error."""
    declared = msgspec.to_builtins(BackupDigest(backup.stat().st_size, digest_of(backup)))
    path = f"{PATH}/{backup.name}"
    fetch(unit, "PUT", path, json=declared)
    for offset, part in parts_of(backup, PART_BYTES):
        fetch(unit, "PUT", f"{path}/parts/{offset}", body=part)
    fetch(unit, "POST", f"{path}/finish", json=declared, timeout_s=600.0)


def replicate(
    runtime: Runtime, backup: Path, units: Sequence[str], count: int, fetch: Fetch, *, report: Callable[[str], None]
) -> list[str]:
    """Send a backup to so many of the units, in their order, and return those; report why a unit has no copy."""
    have: list[str] = []
    for unit in units:
        if len(have) >= count:
            break
        try:
            send(backup, unit, fetch)
        except PioreactorError as error:
            report(f"{unit} has no copy: {error}.")
            continue
        have.append(unit)
        now = structs.to_timestamp(runtime.clock.now())
        runtime.stores.persistent(CACHE).set(f"latest_backup_in_{unit}_timestamp", now)
    return have


def fetch_copy(unit: str, name: str, target: Path, fetch: Fetch) -> Backup:
    """Fetch a copy from a unit into a file, and verify it."""
    declared = msgspec.json.decode(fetch(unit, "GET", f"{PATH}/{name}"), type=BackupDigest)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + _UNFINISHED)
    with unfinished.open("wb") as file:
        while file.tell() < declared.size_bytes:
            part = fetch(unit, "GET", f"{PATH}/{name}/parts/{file.tell()}")
            if not part:
                break
            file.write(part)
    if digest_of(unfinished) != declared.sha256:
        unfinished.unlink()
        raise StorageError(f"{name} did not arrive whole from {unit}", remedy="Try again.")
    unfinished.replace(target)
    return verify(target)
