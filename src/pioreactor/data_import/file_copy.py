"""Files of the existing software that come over, and which calibrations and estimators of them were active."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

import msgspec

from pioreactor.calibrations import store as calibrations
from pioreactor.data_import.source import PERSISTENT, regular_files
from pioreactor.estimators import store as estimators
from pioreactor.exc import PioreactorError
from pioreactor.plugin_management.installer import Installer, Source
from pioreactor.runtime.context import Runtime
from pioreactor.storage.artifacts import check_component
from pioreactor.storage.paths import Paths

Kind = Literal[
    "calibration", "estimator", "profile", "dataset", "model", "plugin", "record", "stills", "table", "other"
]
MAX_TEXT_BYTES: Final = 2 * 1024**2


class FilePlan(msgspec.Struct):
    """A file, and why it does not come over, if it does not."""

    kind: Kind
    name: str
    source: str
    target: str
    reason: str = ""


def plan_files(root: Path, paths: Paths, installer: Installer | None) -> list[FilePlan]:
    """Return what comes over of a leader's files. Plugins are tried with the installer, if it is given."""
    found = [
        *_artifacts(root, "calibration", "storage/calibrations", paths.calibrations, calibrations.parse),
        *_artifacts(root, "estimator", "storage/estimators", paths.estimators, estimators.parse),
        *_plain(root, "profile", "experiment_profiles", paths.experiment_profiles),
        *_plain(root, "dataset", "exportable_datasets", paths.exportable_datasets),
        *_plain(root, "model", "models", paths.models),
    ]
    for file in regular_files(root, "plugins", "*.py"):
        planned = FilePlan("plugin", file.name, str(file), str(paths.plugins / file.name))
        planned.reason = _reason_against_plugin(file, paths, installer)
        found.append(planned)
    return found


def copy_file(planned: FilePlan, installer: Installer) -> None:
    """Copy a file of a plan; a plugin is installed."""
    if planned.kind == "plugin":
        installer.install(Source.of_file(Path(planned.source)))
        return
    target = Path(planned.target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        file.write(Path(planned.source).read_bytes())


def _artifacts(root: Path, kind: Kind, relative: str, target: Path, parse: Callable[[str], object]) -> list[FilePlan]:
    found = []
    for file in regular_files(root, relative, "*/*.yaml"):
        device, to = file.parent.name, target / file.parent.name / file.name
        planned = FilePlan(kind, f"{device}/{file.stem}", str(file), str(to))
        try:
            check_component("device", device)
            check_component(kind, file.stem)
            parse(_text(file))
        except PioreactorError as error:
            planned.reason = str(error)
        except (ValueError, msgspec.MsgspecError) as error:
            planned.reason = f"it cannot be read: {error}"
        if not planned.reason and to.exists():
            planned.reason = "one of this name is here"
        found.append(planned)
    return found


def _plain(root: Path, kind: Kind, relative: str, target: Path) -> list[FilePlan]:
    found = []
    for file in (*regular_files(root, relative, "*.yaml"), *regular_files(root, relative, "*.yml")):
        planned = FilePlan(kind, file.name, str(file), str(target / file.name))
        try:
            check_component(kind, file.stem)
            _text(file)
        except (PioreactorError, ValueError) as error:
            planned.reason = str(error)
        if not planned.reason and (target / file.name).exists():
            same = (target / file.name).read_bytes() == file.read_bytes()
            planned.reason = "it is here" if same else "another of this name is here"
        found.append(planned)
    return found


def _text(file: Path) -> str:
    if file.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"it is larger than {MAX_TEXT_BYTES // 1024**2} MiB")
    return file.read_text(encoding="utf-8")


def _reason_against_plugin(file: Path, paths: Paths, installer: Installer | None) -> str:
    if (paths.plugins / file.name).exists():
        return "one of this name is here"
    if installer is None:
        return ""
    try:
        return "; ".join(installer.check(Source.of_file(file)).problems)
    except PioreactorError as error:
        return str(error)


ActiveKind = Literal["calibration", "estimator"]
_TABLES: Final[dict[ActiveKind, str]] = {
    "calibration": "cache_active_calibrations",
    "estimator": "cache_active_estimators",
}
_MAX_ROWS: Final = 1000


class ActivePlan(msgspec.Struct):
    """An artifact that was active there, and why it does not become active here, if it does not."""

    kind: ActiveKind
    device: str
    name: str
    reason: str = ""


def plan_active(root: Path, runtime: Runtime, coming: Iterable[tuple[str, str]]) -> list[ActivePlan]:
    """Return what becomes active; `coming` are the (kind, device/name) of the files that come over."""
    file, known = root / PERSISTENT, set(coming)
    if not file.is_file() or file.is_symlink():
        return []
    found = []
    for kind, device, name in _rows(file):
        planned = ActivePlan(kind, device, name)
        present = _active_name(kind)(runtime, device)
        if present is not None:
            planned.reason = f"{present} is active here"
        elif (kind, f"{device}/{name}") not in known:
            planned.reason = "its file does not come over"
        found.append(planned)
    return found


def activate(runtime: Runtime, plans: Iterable[ActivePlan], imported: Iterable[str]) -> tuple[list[str], list[str]]:
    """Make artifacts active whose files were `imported` (`kind device/name`).

    Return those that are, as `kind device/name`, and a message for each that is not.
    """
    done, failed, known = [], [], set(imported)
    for planned in plans:
        named = f"{planned.kind} {planned.device}/{planned.name}"
        if planned.reason or named not in known:
            continue
        try:
            _set_active(planned.kind)(runtime, planned.device, planned.name)
            done.append(named)
        except PioreactorError as error:
            failed.append(f"{named} is not active: {error}")
    return done, failed


def deactivate(runtime: Runtime, activated: Iterable[str]) -> None:
    """Undo `activate`; what another was chosen in place of stays as it is."""
    for named in activated:
        kind, _, rest = named.partition(" ")
        device, _, name = rest.partition("/")
        for known in _TABLES:
            if known == kind and _active_name(known)(runtime, device) == name:
                _set_active(known)(runtime, device, None)


def _rows(file: Path) -> list[tuple[ActiveKind, str, str]]:
    rows: list[tuple[ActiveKind, str, str]] = []
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for kind, table in _TABLES.items():
                if table in tables:
                    for device, name in connection.execute(f"SELECT key, value FROM {table} LIMIT {_MAX_ROWS}"):
                        rows.append((kind, _decoded(device), _decoded(name)))
    except sqlite3.Error:
        return []  # nothing becomes active; the files come over all the same
    return rows


def _decoded(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _active_name(kind: ActiveKind) -> Callable[[Runtime, str], str | None]:
    return calibrations.active_name if kind == "calibration" else estimators.active_name


def _set_active(kind: ActiveKind) -> Callable[[Runtime, str, str | None], None]:
    return calibrations.set_active if kind == "calibration" else estimators.set_active
