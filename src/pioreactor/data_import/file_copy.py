"""Files of the existing software that come over: calibrations, estimators, profiles, descriptors, models, plugins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec

from pioreactor.calibrations import store as calibrations
from pioreactor.data_import.source import regular_files
from pioreactor.estimators import store as estimators
from pioreactor.exc import PioreactorError
from pioreactor.plugin_management.installer import Installer, Source
from pioreactor.storage.artifacts import check_component
from pioreactor.storage.paths import Paths

Kind = Literal["calibration", "estimator", "profile", "dataset", "model", "plugin"]
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
