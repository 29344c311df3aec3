"""Files that other users of this computer cannot read, and that are replaced in one step and durably."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pioreactor.exc import StorageError

FILE_MODE: Final = 0o660
_OTHERS: Final = 0o007
_DRAFT: Final = ".draft-"


def restrict_new_files() -> None:
    """Let no file that this process or its children make be read or written by others. Called first in each process."""
    os.umask(os.umask(0o077) | _OTHERS)


def restrict_database(path: Path) -> None:
    """Take a database of an earlier version, and SQLite's files beside it, from others."""
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        # A file of another user, or of a disk that cannot be written, stays as it is.
        with contextlib.suppress(OSError):
            mode = file.stat().st_mode & 0o7777
            if mode & _OTHERS:
                file.chmod(mode & ~_OTHERS)


def write_atomically(path: Path, content: str | bytes, *, mode: int | None = None) -> None:
    """Replace a file in one step, durably; its permissions stay unless `mode` is given. Raise `OSError`.

    Drafts that killed writers left in the folder are deleted.
    """
    chosen = mode if mode is not None else _mode_of(path)
    with _draft(path.parent) as (descriptor, draft):
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.fchmod(descriptor, chosen)
        os.fsync(descriptor)
        draft.replace(path)
    sync_folder(path.parent)


@contextmanager
def complete_file(target: Path) -> Iterator[Path]:
    """Give a path to write to, which takes the target's place, durably, when the block ends without an exception.

    Raise `StorageError` when it cannot be written. Nothing under either name is left of what was not completed.
    """
    unfinished = target.with_name(f".{target.name}.tmp")
    try:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Write out which files a folder has: without it a power cut may undo a renaming. Raise `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, so that edits of its files by several processes do not lose changes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def free_path(path: Path) -> Path:
    """Return the path, or with a number if there is one: names that hold a time have a resolution of a second.

    Sorted by stem, a path with a number comes after the one without, and before one of a later second.
    """
    found, number = path, 1
    while found.exists() or found.is_symlink():
        number += 1
        found = path.with_name(f"{path.stem}-{number:03}{path.suffix}")
    return found


def _mode_of(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o7777
    except FileNotFoundError:
        return FILE_MODE


@contextmanager
def _draft(folder: Path) -> Iterator[tuple[int, Path]]:
    """Give a new file that is locked as long as its writer lives, and delete it unless it was renamed."""
    _sweep(folder)
    descriptor, path = _locked_draft(folder)
    try:
        yield descriptor, path
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _locked_draft(folder: Path) -> tuple[int, Path]:
    while True:
        # Of its own name, as that of the file with an addition may be too long.
        path = folder / f"{_DRAFT}{os.urandom(8).hex()}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_still(path, descriptor):
            return descriptor, path
        os.close(descriptor)  # swept before it was locked


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _sweep(folder: Path) -> None:
    """Delete the drafts that no process holds."""
    for path in folder.glob(f"{_DRAFT}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
            finally:
                os.close(descriptor)
