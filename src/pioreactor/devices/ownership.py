"""Who may drive what: a lock of the operating system per resource, or a table for virtual time."""

import fcntl
import os
import re
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.devices.ports import Lease
from pioreactor.exc import ActuatorInUseError, InvalidRequestError

_NAME: Final = re.compile(r"[A-Za-z0-9_$][A-Za-z0-9_.$-]*")
_MODE: Final = 0o660
_LONGEST_NOTE: Final = 4096
_FLOCK: Final = "hhqqi0q"
"""`struct flock`: type, whence, start, length, process. Its alignment is the machine's own."""


class FileLockOwnership:
    """Locked files in a directory of volatile storage. The kernel unlocks them when their process dies.

    Each lease has its own open file, so that two jobs in one process exclude each other too. A child made by `fork`
    without `exec` would share the lease. Files are never removed: a lock on a removed file excludes no process. No
    process ever waits, and looking takes no lock: a process that is frozen at any moment blocks no other.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def acquire(self, resource: str, owner: str) -> Lease:
        path = self._path(resource)
        self._directory.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            _lock(fd)
        except BlockingIOError:
            note = _read_note(fd)
            os.close(fd)
            raise ActuatorInUseError(
                f"{resource} belongs to {note.get('owner', 'another job')} (process {note.get('pid', 'unknown')})",
                remedy="Stop that job first.",
            ) from None
        except BaseException:
            os.close(fd)
            raise
        _write_note(fd, owner)
        return _FileLease(fd)

    def holder(self, resource: str) -> str | None:
        try:
            fd = os.open(self._path(resource), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return str(_read_note(fd).get("owner", "another job")) if _is_locked(fd) else None
        finally:
            os.close(fd)

    def abandoned(self) -> list[str]:
        if not self._directory.is_dir():
            return []
        return [
            path.stem
            for path in sorted(self._directory.glob("*.lock"))
            if path.stat().st_size and self._is_abandoned(path)
        ]

    def _is_abandoned(self, path: Path) -> bool:
        """Tell whether no process holds a lease whose note was not erased: its holder was killed.

        The lock is looked at first, as an orderly end wipes the note and unlocks then. A process that takes it between
        the two checks is noticed when the resource is acquired.
        """
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            return not _is_locked(fd) and bool(_read_note(fd))
        finally:
            os.close(fd)

    def _path(self, resource: str) -> Path:
        _check_name(resource)
        return self._directory / f"{resource}.lock"


class _FileLease:
    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    def release(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            # A wiped note tells an orderly end from a death.
            os.ftruncate(fd, 0)
            # Unlocked by name, as a child that is just being started may hold a copy for a moment longer.
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _whole_file(fcntl.F_UNLCK))
            os.close(fd)


def _whole_file(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)


def _lock(fd: int) -> None:
    """Lock the open file; raise `BlockingIOError` if another one of the same file is locked."""
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _whole_file(fcntl.F_WRLCK))


def _is_locked(fd: int) -> bool:
    """Ask the kernel whether another open file of the same path is locked, without taking anything."""
    answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _whole_file(fcntl.F_WRLCK))
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _check_name(resource: str) -> None:
    if not _NAME.fullmatch(resource):
        raise InvalidRequestError(f"{resource!r} cannot be the name of a resource")


def _write_note(fd: int, owner: str) -> None:
    note = {"owner": owner, "pid": os.getpid(), "started": _process_start(os.getpid())}
    os.ftruncate(fd, 0)
    os.pwrite(fd, msgspec.json.encode(note), 0)


def _read_note(fd: int) -> dict[str, object]:
    with suppress(msgspec.DecodeError, UnicodeError):
        note = msgspec.json.decode(os.pread(fd, _LONGEST_NOTE, 0))
        if isinstance(note, dict):
            return note
    return {}


def _process_start(pid: int) -> int | None:
    """Return when the process started [clock ticks since boot], which tells it from a later one of the same number."""
    try:
        # The name in parentheses may itself hold spaces and parentheses.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


class MemoryOwnership:
    """A table, for virtual time and tests, where processes are lanes and die by `drop_holder`."""

    def __init__(self) -> None:
        self._leases: dict[str, _MemoryLease] = {}
        self._abandoned: set[str] = set()

    def acquire(self, resource: str, owner: str) -> Lease:
        _check_name(resource)
        lease = _MemoryLease(self._leases, resource, owner)
        present = self._leases.setdefault(resource, lease)
        if present is not lease:
            raise ActuatorInUseError(f"{resource} belongs to {present.owner}", remedy="Stop that job first.")
        self._abandoned.discard(resource)
        return lease

    def holder(self, resource: str) -> str | None:
        _check_name(resource)
        lease = self._leases.get(resource)
        return lease.owner if lease is not None else None

    def drop_holder(self, owner: str) -> None:
        """Take everything from an owner, as the kernel does when a process dies. Its outputs stay as they are."""
        for lease in [lease for lease in self._leases.values() if lease.owner == owner]:
            self._abandoned.add(lease.resource)
            lease.release()

    def abandoned(self) -> list[str]:
        return sorted(self._abandoned)

    def reboot(self) -> None:
        """Forget everything, as volatile storage does in a power cut."""
        self._leases.clear()
        self._abandoned.clear()


class _MemoryLease:
    def __init__(self, table: dict[str, "_MemoryLease"], resource: str, owner: str) -> None:
        self._table = table
        self.resource = resource
        self.owner = owner

    def release(self) -> None:
        if self._table.get(self.resource) is self:
            del self._table[self.resource]
