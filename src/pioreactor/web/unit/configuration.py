"""Routes of a unit about its configuration files."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from litestar import HttpMethod, MediaType, Router, get, patch, route
from litestar.params import JSONBody

from pioreactor.exc import StorageError
from pioreactor.private_files import write_atomically
from pioreactor.settings.editing import check_local, check_models, check_shared
from pioreactor.settings.load import load_settings
from pioreactor.storage.paths import Paths
from pioreactor.web.request_bodies import ConfigText
from pioreactor.web.route_declarations import PATCH_OR_POST, relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.unit.services import UnitPorts

_writing = threading.Lock()


class Saved(msgspec.Struct):
    status: str = "success"


class Changed(msgspec.Struct):
    """What a change replaced, and by what; null: nothing."""

    before: object
    after: object
    status: str = "success"


def read_text(path: Path) -> str:
    """Return the text of a file, empty if it does not exist; U+FFFD stands for bytes that are not UTF-8."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StorageError(f"cannot read {path.name}: {error}") from error


def _save(path: Path, check: Callable[[], str]) -> str:
    """Check and replace a file; edits are serialized by a lock."""
    with _writing:
        text = check()
        if path.exists() and read_text(path) == text:
            return text  # the leader sends its file again now and then: an SD card is spared
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
        except OSError as error:
            raise StorageError(f"cannot write {path.name}: {error}") from error
    return text


def save_shared(
    paths: Paths,
    text: str,
    *,
    leader: str | None = None,
    units: Mapping[str, tuple[object, Callable[[], str]]] | None = None,
) -> str:
    """Check and write the shared file; return the text that was written.

    `leader` is who must be the leader in it; `units` gives models and own configurations, as `check_models` takes them.
    """

    def check() -> str:
        checked = check_shared(text, leader=leader)
        check_models(checked, read_text(paths.global_config), units if units is not None else {})
        return checked

    return _save(paths.global_config, check)


def save_specific(paths: Paths, text: str, model: object | None = None) -> str:
    """Check the unit's own file together with the shared one and write it; return the text that was written.

    `model` is the unit's `ReactorModel`, which bounds some values.
    """
    return _save(paths.local_config, lambda: check_local(read_text(paths.global_config), text, model=model))


def merged(paths: Paths) -> dict[str, dict[str, object]]:
    """Return the configuration in force on this unit: section → key → value."""
    raw = load_settings(paths.global_config, paths.local_config).raw
    return {name: dict(raw.items(name)) for name in raw.sections()}


@get("/config/merged", sync_to_thread=True)
def merged_config(unit: UnitPorts) -> dict[str, dict[str, object]]:
    return merged(unit.paths)


@relayed(path="/config/units/{unit:str}/specific", target="units", waits=True)
@get("/config/specific", media_type=MediaType.TEXT, sync_to_thread=True)
def specific_config(unit: UnitPorts) -> str:
    return read_text(unit.paths.local_config)


@route("/config/specific", http_method=(*PATCH_OR_POST, HttpMethod.PUT), status_code=200, sync_to_thread=True)
def save_specific_config(unit: UnitPorts, data: JSONBody[ConfigText]) -> Saved:
    """Replace the unit's own file atomically, if the resulting configuration is valid."""
    save_specific(unit.paths, data.code, unit.runtime.model())
    return Saved()


@patch("/config/shared", sync_to_thread=True)
def patch_shared_config(unit: UnitPorts, data: JSONBody[ConfigText]) -> Saved:
    """Replace this unit's copy of the shared file; the leader calls this after a change."""
    save_shared(unit.paths, data.code)
    return Saved()


ROUTES = Router(
    "/",
    route_handlers=[
        *(merged_config, specific_config, save_specific_config, patch_shared_config),
    ],
    tags=["configuration of a unit"],
    opt=needs("cluster", change="manage"),
)
