"""Routes of a unit about the files in its data folder, without its databases and secrets."""

from pathlib import Path
from typing import Any

import msgspec
from litestar import Response, Router, get, patch, post
from litestar.params import FromPath, JSONBody

from pioreactor.exc import InvalidRequestError, NotFoundError, NotPermittedError
from pioreactor.web.request_bodies import RemoveFile
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts, UnitServices

_LARGEST_FILE = 50 * 1024 * 1024
_TEXTS = frozenset({".ini", ".yaml", ".yml", ".py", ".txt", ".md", ".csv", ".json", ".log"})
_DISALLOWED = "DISALLOW_UI_FILE_SYSTEM"
_KEPT = frozenset({"config.ini", "unit_config.ini"})
"""What may be looked at, and not removed: without it the unit does not start."""


class Folder(msgspec.Struct):
    current: str
    """Path below the data folder."""
    dirs: list[str]
    files: list[str]


def _resolve(here: UnitServices, path: str) -> Path:
    """Return a path in the data folder that may be seen; anything else is 403, links out of it included."""
    root = here.paths.dot_pioreactor.resolve()
    if (root / _DISALLOWED).is_file():
        raise NotPermittedError(f"looking at files is switched off on {here.unit}", remedy=f"Remove {_DISALLOWED}.")
    if "\0" in path:
        raise InvalidRequestError("a path cannot contain a zero byte")
    wanted = (root / path.strip("/")).resolve()
    if not wanted.is_relative_to(root) or not _may_be_seen(here, wanted):
        raise NotPermittedError(f"{path!r} may not be seen from here")
    return wanted


def _may_be_seen(here: UnitServices, path: Path) -> bool:
    secrets = here.paths.secrets.resolve()
    return ".sqlite" not in path.name and path != secrets and secrets not in path.parents


@get("/system/path", sync_to_thread=True)
def data_folder(here: UnitPorts) -> Folder:
    return _list(here, _resolve(here, ""))


@get("/system/path/{path:path}", sync_to_thread=True)
def path_in_data_folder(here: UnitPorts, path: FromPath[str]) -> Response[Any]:
    """List a folder, or return a file."""
    wanted = _resolve(here, path)
    if wanted.is_dir():
        return Response(_list(here, wanted))
    if not wanted.is_file():
        raise NotFoundError(f"{here.unit} has no file {path!r}")
    if wanted.stat().st_size > _LARGEST_FILE:
        raise InvalidRequestError(f"{wanted.name} is too large to be sent")
    if wanted.suffix in _TEXTS:
        return Response(wanted.read_bytes(), media_type="text/plain; charset=utf-8")
    headers = {"Content-Disposition": "attachment"}
    return Response(wanted.read_bytes(), media_type="application/octet-stream", headers=headers)


def _list(here: UnitServices, folder: Path) -> Folder:
    seen = sorted(path for path in folder.iterdir() if _may_be_seen(here, path.resolve()))
    return Folder(
        str(folder.relative_to(here.paths.dot_pioreactor.resolve())),
        [path.name for path in seen if path.is_dir()],
        [path.name for path in seen if path.is_file()],
    )


def _remove(here: UnitServices, path: str) -> Accepted:
    root = here.paths.dot_pioreactor.resolve()
    below = path.removeprefix(f"{here.paths.dot_pioreactor}/")
    wanted = _resolve(here, below)
    if wanted.parent == root and wanted.name in _KEPT:
        raise NotPermittedError(f"{wanted.name} is needed and cannot be removed")
    if not wanted.is_file():
        raise NotFoundError(f"{here.unit} has no file {path!r}")

    def work() -> str:
        wanted.unlink(missing_ok=True)
        return "ok"

    return here.tasks.start(f"removing {wanted.name}", work)


@post("/system/remove_file", status_code=202, sync_to_thread=True)
def remove_file(here: UnitPorts, data: JSONBody[RemoveFile]) -> Accepted:
    """Remove one file of the data folder; databases, secrets and configuration stay."""
    return _remove(here, data.filepath)


@patch("/system/remove_file", status_code=202, sync_to_thread=True)
def patch_remove_file(here: UnitPorts, data: JSONBody[RemoveFile]) -> Accepted:
    return _remove(here, data.filepath)


ROUTES = Router("/", route_handlers=[data_folder, path_in_data_folder, remove_file, patch_remove_file], tags=["files"])
