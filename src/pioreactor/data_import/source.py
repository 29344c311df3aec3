"""The data of a leader of the existing software: a folder, or an archive that is checked before it is unpacked."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from pioreactor.exc import InvalidRequestError, NotFoundError, StorageError

DATABASE: Final = "storage/pioreactor.sqlite"
MAX_ENTRIES: Final = 200_000
MAX_BYTES: Final = 100 * 1024**3
MAX_RATIO: Final = 1000
"""Of unpacked to packed size: a database of readings reaches 20."""
_RATIO_COUNTS_FROM: Final = 10 * 1024**2
_CHUNK: Final = 1024**2
_FOLDERS: Final = (
    *("storage/calibrations", "storage/estimators", "experiment_profiles", "exportable_datasets", "models", "plugins"),
)
_FILES: Final = (DATABASE, f"{DATABASE}-wal", "config.ini", "unit_config.ini")


class HostileArchiveError(InvalidRequestError):
    """The archive is not one of a unit's data, or was made to do harm."""

    code = "hostile_archive"


@contextmanager
def opened(path: Path, work: Path) -> Iterator[Path]:
    """Give the folder with the data; an archive is unpacked below `work`, and deleted in the end.

    Raise `NotFoundError` if there is nothing, and `HostileArchiveError` for an archive with paths, links or sizes that
    no export has.
    """
    if path.is_dir():
        yield _root(path)
        return
    if not path.is_file():
        raise NotFoundError(f"there is no folder or archive {path}")
    work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="import-", dir=work) as folder:
        unpack(path, Path(folder))
        yield _root(Path(folder))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack what is imported of an archive. Everything is checked before anything is written."""
    try:
        with zipfile.ZipFile(archive) as opened_archive:
            entries = _checked(opened_archive)
            _check_room(sum(entry.file_size for entry, _ in entries), folder)
            for entry, target in entries:
                _write(opened_archive, entry, folder / target)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise HostileArchiveError(f"{archive.name} is damaged: {error}") from error


def regular_files(root: Path, relative: str, pattern: str) -> Iterator[Path]:
    """Yield files of a folder of the source; links, which may lead anywhere, are skipped."""
    folder = root / relative
    if not folder.is_dir() or any(part.is_symlink() for part in (folder, *folder.parents) if root in part.parents):
        return
    for file in sorted(folder.glob(pattern)):
        if file.is_file() and not file.is_symlink() and not file.parent.is_symlink():
            yield file


def _root(folder: Path) -> Path:
    for candidate in (folder, folder / ".pioreactor", folder / "dot_pioreactor"):
        if (candidate / DATABASE).is_file() or (candidate / "config.ini").is_file():
            return candidate.resolve()
    raise InvalidRequestError(
        f"{folder} is not the data of a leader: it has neither {DATABASE} nor config.ini",
        remedy="Give the folder .pioreactor of the leader, or an archive of it.",
    )


def _checked(archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise HostileArchiveError(f"the archive has {len(entries)} entries; at most {MAX_ENTRIES} are read")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise HostileArchiveError(f"the archive unpacks to more than {MAX_BYTES // 1024**3} GiB")
    seen: set[str] = set()
    for entry in entries:
        _check_entry(entry)
        if entry.filename.lower() in seen:
            raise HostileArchiveError(f"the archive has {entry.filename[:100]!r} twice")
        seen.add(entry.filename.lower())
    found = [(entry, PurePosixPath(entry.filename)) for entry in entries if not entry.is_dir()]
    return [(entry, _below_root(path)) for entry, path in found if _is_imported(_below_root(path))]


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


def _below_root(path: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(*path.parts[1:]) if path.parts[0] in (".pioreactor", "dot_pioreactor") else path


def _is_imported(path: PurePosixPath) -> bool:
    text = path.as_posix()
    return (
        text in _FILES
        or (path.suffix == ".ini" and len(path.parts) == 1)
        or text.startswith(tuple(f"{folder}/" for folder in _FOLDERS))
    )


def _check_room(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed * 1.1 > free:
        raise StorageError(f"the archive needs {needed / 1e6:.0f} MB, only {free / 1e6:.0f} MB are free")


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as packed, target.open("xb") as file:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > entry.file_size:
                raise HostileArchiveError(f"{entry.filename[:100]!r} is larger than the archive says")
            file.write(chunk)
