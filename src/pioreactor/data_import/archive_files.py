"""Zip archives that come from anywhere: everything is checked before anything is extracted."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from pioreactor.exc import InvalidRequestError, StorageError

MAX_ENTRIES: Final = 200_000
MAX_BYTES: Final = 100 * 1024**3
MAX_RATIO: Final = 1000
"""Of unpacked to packed size: a database of readings reaches 20."""
_RATIO_COUNTS_FROM: Final = 10 * 1024**2
_CHUNK: Final = 1024**2
_ROOTS: Final = (".pioreactor", "dot_pioreactor")

Entry = tuple[zipfile.ZipInfo, PurePosixPath]
"""A file in an archive, and its path below the data folder."""


class HostileArchiveError(InvalidRequestError):
    """The archive is not one of a unit's data, or was made to do harm."""

    code = "hostile_archive"


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Give an archive; raise `HostileArchiveError` for one that is damaged, when it is opened or while it is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise HostileArchiveError(f"{path.name} is damaged: {error}") from error


def checked_entries(archive: zipfile.ZipFile) -> list[Entry]:
    """Return the files of an archive; raise `HostileArchiveError` for paths, links or sizes that no export has."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise HostileArchiveError(f"the archive has {len(entries)} entries; at most {MAX_ENTRIES} are read")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise HostileArchiveError(f"the archive unpacks to more than {MAX_BYTES // 1024**3} GiB")
    for entry in entries:
        _check_entry(entry)
    found = [(entry, _below_root(PurePosixPath(entry.filename))) for entry in entries if not entry.is_dir()]
    _check_distinct([path for _, path in found])
    return found


def extract(archive: zipfile.ZipFile, entries: list[Entry], folder: Path) -> None:
    """Extract checked files below a folder; raise `StorageError` when there is no room."""
    check_room(sum(entry.file_size for entry, _ in entries), folder)
    for entry, target in entries:
        _write(archive, entry, folder / target)


def check_room(needed: int, folder: Path) -> None:
    """Raise `StorageError` unless the disk of a folder has room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if needed * 1.1 > free:
        raise StorageError(f"the archive needs {needed / 1e6:.0f} MB, only {free / 1e6:.0f} MB are free")


def read_text(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, *, max_bytes: int) -> str:
    """Return a small file of an archive; raise `HostileArchiveError` for a large one, or one that is not text."""
    with archive.open(entry) as packed:
        content = packed.read(max_bytes + 1)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HostileArchiveError(f"{entry.filename[:100]!r} in the archive is not text") from error
    if len(content) > max_bytes:
        raise HostileArchiveError(f"{entry.filename[:100]!r} in the archive is too large")
    return text


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name, mode = entry.filename, entry.external_attr >> 16
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or ":" in parts[0] or len(name) > 1000:
        raise HostileArchiveError(f"the archive has the path {name[:100]!r}")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise HostileArchiveError(f"the archive has a link or a device: {name[:100]!r}")
    if entry.flag_bits & 0x1:
        raise HostileArchiveError(f"{name[:100]!r} in the archive is encrypted")
    if entry.file_size > _RATIO_COUNTS_FROM and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise HostileArchiveError(f"{name[:100]!r} unpacks to more than {MAX_RATIO} times its size")


def _check_distinct(paths: list[PurePosixPath]) -> None:
    """Refuse two files of one name, also on a file system without case, and a file that is a folder of another."""
    seen: set[str] = set()
    for path in paths:
        name = path.as_posix().lower()
        if name in seen or path.as_posix() == ".":
            raise HostileArchiveError(f"the archive has {path.as_posix()[:100]!r} twice")
        seen.add(name)
    for path in paths:
        for parent in path.parents:
            if parent.as_posix().lower() in seen:
                raise HostileArchiveError(f"{parent.as_posix()[:100]!r} in the archive is a file and a folder")


def _below_root(path: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(*path.parts[1:]) if path.parts[0] in _ROOTS else path


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as packed, target.open("xb") as file:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > entry.file_size:
                raise HostileArchiveError(f"{entry.filename[:100]!r} is larger than the archive says")
            file.write(chunk)
