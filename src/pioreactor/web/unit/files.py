"""Routes of a unit about the files in its data folder, without its databases and secrets."""

from pathlib import Path
from typing import Any

import msgspec
from litestar import Response, Router, get, route
from litestar.params import FromPath, JSONBody

from pioreactor.exc import InvalidRequestError, NotFoundError, NotPermittedError
from pioreactor.web.request_bodies import RemoveFile
from pioreactor.web.route_declarations import PATCH_OR_POST
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


def _resolve(unit: UnitServices, path: str) -> Path:
    """Return a path in the data folder that may be seen; anything else is 403, links out of it included."""
    root = unit.paths.dot_pioreactor.resolve()
    if (root / _DISALLOWED).is_file():
        raise NotPermittedError(f"looking at files is switched off on {unit.name}", remedy=f"Remove {_DISALLOWED}.")
    if "\0" in path:
        raise InvalidRequestError("a path cannot contain a zero byte")
    wanted = (root / path.strip("/")).resolve()
    if not wanted.is_relative_to(root) or not _may_be_seen(unit, wanted):
        raise NotPermittedError(f"{path!r} may not be seen from here")
    return wanted


def _may_be_seen(unit: UnitServices, path: Path) -> bool:
    secrets = unit.paths.secrets.resolve()
    return ".sqlite" not in path.name and path != secrets and secrets not in path.parents


@get("/system/path", sync_to_thread=True)
def data_folder(unit: UnitPorts) -> Folder:
    return _list(unit, _resolve(unit, ""))


@get("/system/path/{path:path}", sync_to_thread=True)
def path_in_data_folder(unit: UnitPorts, path: FromPath[str]) -> Response[Any]:
    """List a folder, or return a file."""
    wanted = _resolve(unit, path)
    if wanted.is_dir():
        return Response(_list(unit, wanted))
    if not wanted.is_file():
        raise NotFoundError(f"{unit.name} has no file {path!r}")
    if wanted.stat().st_size > _LARGEST_FILE:
        raise InvalidRequestError(f"{wanted.name} is too large to be sent")
    if wanted.suffix in _TEXTS:
        return Response(wanted.read_bytes(), media_type="text/plain; charset=utf-8")
    headers = {"Content-Disposition": "attachment"}
    return Response(wanted.read_bytes(), media_type="application/octet-stream", headers=headers)


def _list(unit: UnitServices, folder: Path) -> Folder:
    seen = sorted(path for path in folder.iterdir() if _may_be_seen(unit, path.resolve()))
    return Folder(
        str(folder.relative_to(unit.paths.dot_pioreactor.resolve())),
        [path.name for path in seen if path.is_dir()],
        [path.name for path in seen if path.is_file()],
    )


@route("/system/remove_file", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def remove_file(unit: UnitPorts, data: JSONBody[RemoveFile]) -> Accepted:
    """Remove one file of the data folder; databases, secrets and configuration stay."""
    root = unit.paths.dot_pioreactor.resolve()
    below = data.filepath.removeprefix(f"{unit.paths.dot_pioreactor}/")
    wanted = _resolve(unit, below)
    if wanted.parent == root and wanted.name in _KEPT:
        raise NotPermittedError(f"{wanted.name} is needed and cannot be removed")
    if not wanted.is_file():
        raise NotFoundError(f"{unit.name} has no file {data.filepath!r}")

    def work() -> str:
        wanted.unlink(missing_ok=True)
        return "ok"

    return unit.tasks.start(f"removing {wanted.name}", work)


ROUTES = Router("/", route_handlers=[data_folder, path_in_data_folder, remove_file], tags=["files"])
