"""Routes of a unit about the files in its data folder, except databases and secrets."""

from asyncio import to_thread
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from litestar import Request, Response, Router, get, put, route
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.exc import InvalidRequestError, NotFoundError, NotPermittedError, StorageError
from pioreactor.private_files import write_atomically
from pioreactor.web.request_bodies import RemoveFile
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, relayed
from pioreactor.web.security.guards import only_units
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts, UnitServices

MAX_FILE_BYTES: Final = 50 * 1024 * 1024
_TEXT_SUFFIXES = frozenset({".ini", ".yaml", ".yml", ".py", ".txt", ".md", ".csv", ".json", ".log"})
_DISALLOWED = "DISALLOW_UI_FILE_SYSTEM"
SENT_FOLDERS: Final = ("exportable_datasets", "plugins", "ui")
"""Folders of the data folder to which people may send files, and to those below them."""
SENT_SUFFIXES: Final = (".yaml", ".yml", ".json", ".csv", ".txt", ".md")
"""What they may send: descriptors and data. Code is installed as a plugin, which checks it first."""
NOT_SENT: Final = ("packages", "received", "removed")
_MAX_LISTED: Final = 500
_PROTECTED = frozenset({"config.ini", "unit_config.ini"})
"""Files that may be read but not removed: the unit does not start without them."""


class Folder(msgspec.Struct):
    current: str
    """Path relative to the data folder."""
    dirs: list[str]
    files: list[str]


class SentFile(msgspec.Struct):
    """A file of the kind that people send to a unit; `path` is relative to the data folder."""

    path: str
    size_bytes: int


@relayed(UNITS, target="units", waits=True)
@get("/system/sent_files", sync_to_thread=True)
def sent_files(unit: UnitPorts) -> list[SentFile]:
    """List descriptors and data in the folders `exportable_datasets`, `plugins` and `ui`, at most 500."""
    root = _resolve(unit, "")
    return [SentFile(str(path.relative_to(root)), path.stat().st_size) for path in islice(_sent(root), _MAX_LISTED)]


def _sent(root: Path) -> Iterator[Path]:
    tops = sorted(path for folder in SENT_FOLDERS for path in (root / folder).glob("*") if path.name not in NOT_SENT)
    for top in (path for path in tops if not path.is_symlink()):
        for path in (top, *sorted(top.rglob("*"))):
            if path.suffix in SENT_SUFFIXES and path.is_file() and not path.is_symlink():
                yield path


def _resolve(unit: UnitServices, path: str) -> Path:
    """Return a path in the data folder; raise `NotPermittedError` for any other, also through a symbolic link."""
    root = unit.paths.dot_pioreactor.resolve()
    if (root / _DISALLOWED).is_file():
        raise NotPermittedError(f"access to files is disabled on {unit.name}", remedy=f"Remove {_DISALLOWED}.")
    if "\0" in path:
        raise InvalidRequestError("a path cannot contain a null byte")
    try:
        wanted = (root / path.strip("/")).resolve()
        wanted.is_dir()
    except OSError as error:  # such as a name that is longer than the file system allows
        raise InvalidRequestError(f"{path[:100]!r} cannot be a path: {error.strerror}") from error
    if not wanted.is_relative_to(root) or not _is_accessible(unit, wanted):
        raise NotPermittedError(f"access to {path!r} is not allowed")
    return wanted


def _is_accessible(unit: UnitServices, path: Path) -> bool:
    secrets = unit.paths.secrets.resolve()
    return ".sqlite" not in path.name and path != secrets and secrets not in path.parents


@get("/system/path", sync_to_thread=True)
def data_folder(unit: UnitPorts) -> Folder:
    return _list(unit, _resolve(unit, ""))


@get("/system/path/{path:path}", sync_to_thread=True)
def path_in_data_folder(unit: UnitPorts, path: FromPath[str]) -> Response[object]:
    """List a folder, or return a file."""
    wanted = _resolve(unit, path)
    if wanted.is_dir():
        return Response(_list(unit, wanted))
    if not wanted.is_file():
        raise NotFoundError(f"{unit.name} has no file {path!r}")
    if wanted.stat().st_size > MAX_FILE_BYTES:
        raise InvalidRequestError(f"{wanted.name} is larger than {MAX_FILE_BYTES // 1024**2} MiB")
    if wanted.suffix in _TEXT_SUFFIXES:
        return Response(wanted.read_bytes(), media_type="text/plain; charset=utf-8")
    headers = {"Content-Disposition": "attachment"}
    return Response(wanted.read_bytes(), media_type="application/octet-stream", headers=headers)


def _list(unit: UnitServices, folder: Path) -> Folder:
    seen = sorted(path for path in folder.iterdir() if _is_accessible(unit, path.resolve()))
    return Folder(
        str(folder.relative_to(unit.paths.dot_pioreactor.resolve())),
        [path.name for path in seen if path.is_dir()],
        [path.name for path in seen if path.is_file()],
    )


@put(
    "/system/path/{path:path}",
    status_code=204,
    guards=[only_units],
    request_max_body_size=MAX_FILE_BYTES,
)
async def write_file(unit: UnitPorts, request: Request[object, object, State], path: FromPath[str]) -> None:
    """Write a file of the data folder; the body is its content. Configuration has routes of its own, which check it."""
    wanted = _resolve(unit, path)
    _refuse_protected(unit, wanted, "written as a file: use `pio config set` or the page Configuration")
    if wanted.is_dir():
        raise InvalidRequestError(f"{path!r} is a folder", remedy="Name the file.")
    content = await request.body()
    await to_thread(_write, wanted, content)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise StorageError(f"cannot write {path.name}: {error.strerror}") from error


def _refuse_protected(unit: UnitServices, path: Path, what: str) -> None:
    if path.parent == unit.paths.dot_pioreactor.resolve() and path.name in _PROTECTED:
        raise NotPermittedError(f"{path.name} is required and cannot be {what}")


@relayed(UNITS, target="units", method="POST", also=("PATCH",))
@route("/system/remove_file", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def remove_file(unit: UnitPorts, data: JSONBody[RemoveFile]) -> Accepted:
    """Remove a file of the data folder that is not a database, a secret or configuration."""
    below = data.filepath.removeprefix(f"{unit.paths.dot_pioreactor}/")
    wanted = _resolve(unit, below)
    _refuse_protected(unit, wanted, "removed")
    if not wanted.is_file():
        raise NotFoundError(f"{unit.name} has no file {data.filepath!r}")

    def work() -> str:
        wanted.unlink(missing_ok=True)
        return "ok"

    return unit.tasks.start(f"removing {wanted.name}", work)


ROUTES = Router(
    "/",
    route_handlers=[data_folder, path_in_data_folder, sent_files, write_file, remove_file],
    tags=["files"],
    opt=needs("cluster", change="manage", read="manage"),
)
