"""The data of a leader of the existing software: a folder, or an archive that is checked before it is unpacked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from pioreactor.data_import.archive_files import checked_entries, extract, open_archive
from pioreactor.exc import InvalidRequestError, NotFoundError

DATABASE: Final = "storage/pioreactor.sqlite"
_MAX_SEARCHED: Final = 200
_FOLDERS: Final = (
    *("storage/calibrations", "storage/estimators", "experiment_profiles", "exportable_datasets", "models", "plugins"),
)
PERSISTENT: Final = "storage/local_persistent_pioreactor_metadata.sqlite"
_FILES: Final = (DATABASE, f"{DATABASE}-wal", PERSISTENT, "config.ini", "unit_config.ini")


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


def folders_in(roots: Iterable[Path]) -> list[Path]:
    """Return the folders with the data of a leader among some folders, and one or two levels below them."""
    return [path for root in roots for path in _candidates(root) if (path / DATABASE).is_file()]


def _candidates(root: Path) -> list[Path]:
    """Return a folder and those below it; none of one that was unplugged, or is not for this account."""
    try:
        below = [path for path in sorted(root.iterdir())[:_MAX_SEARCHED] if not path.is_symlink()]
    except OSError:
        return []
    return [root, *below, *(path / ".pioreactor" for path in below)]


def unpack(archive: Path, folder: Path) -> None:
    """Unpack what is imported of an archive. Everything is checked before anything is written."""
    with open_archive(archive) as opened_archive:
        entries = [entry for entry in checked_entries(opened_archive) if _is_imported(entry[1])]
        extract(opened_archive, entries, folder)


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


def _is_imported(path: PurePosixPath) -> bool:
    text = path.as_posix()
    return (
        text in _FILES
        or (path.suffix == ".ini" and len(path.parts) == 1)
        or text.startswith(tuple(f"{folder}/" for folder in _FOLDERS))
    )
