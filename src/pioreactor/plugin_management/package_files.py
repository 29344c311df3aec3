"""Search for the descriptors that plugins carry beside their code, in packages and beside plugin files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from pioreactor.plugin_management.discovery import Plugin, get_plugins
from pioreactor.structs.yaml_text import read_yaml

log = logging.getLogger(__name__)

T = TypeVar("T", bound=msgspec.Struct)
Kind = Literal[
    "ui/jobs", "ui/automations/dosing", "ui/automations/led", "ui/automations/temperature", "ui/charts",
    "exportable_datasets",
]  # fmt: skip
AUTOMATION_FILES: Final[dict[str, Kind]] = {
    "dosing": "ui/automations/dosing",
    "led": "ui/automations/led",
    "temperature": "ui/automations/temperature",
}
_reported: set[tuple[Path, int]] = set()


def folder_of(plugin: Plugin) -> Path | None:
    """Return the folder of a package's files; None for a plugin that is a single file."""
    import sys

    package = sys.modules[plugin.module.__name__.split(".")[0]]
    paths = list(getattr(package, "__path__", []))
    return Path(paths[0]) if paths else None


def descriptors(plugins: Path, kind: Kind, type_: type[T], *, report: Callable[[str], None] | None = None) -> list[T]:
    """Return the descriptors of all plugins; one that cannot be read is logged once and skipped.

    They lie in `<kind>/*.yaml` of a package, or of the folder of plugin files; those of the UI also in `ui/contrib`.
    """
    return _readable(_files(plugins, kind), type_, log.warning if report is None else report)


def read_files(folder: Path, kind: Kind, type_: type[T], report: Callable[[str], None]) -> list[T]:
    """Return the descriptors of one kind in the folder of a package; each that cannot be read is reported."""
    names = dict.fromkeys((kind.replace("ui/", "ui/contrib/", 1), kind))
    found = []
    for file in (file for name in names for file in _yaml_files(folder / name)):
        try:
            found.append(_read(file, type_))
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            report(f"the descriptor {file.relative_to(folder)} cannot be used: {error}")
    return found


def read_descriptors(folder: Path, type_: type[T]) -> list[T]:
    """Return the descriptors in a folder of the laboratory's own; one that cannot be read is logged and skipped."""
    return _readable(_yaml_files(folder), type_, log.warning)


def _readable(files: Iterable[Path], type_: type[T], tell: Callable[[str], None]) -> list[T]:
    found = []
    for file in files:
        try:
            found.append(_read(file, type_))
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            version = (file, file.stat().st_mtime_ns if file.exists() else 0)
            if version not in _reported:
                _reported.add(version)
                tell(f"The descriptor {file} cannot be used: {error}")
    return found


def _files(plugins: Path, kind: Kind) -> Iterator[Path]:
    folders = [folder_of(plugin) for plugin in get_plugins(plugins).values()]
    for folder in [*dict.fromkeys(each for each in folders if each is not None), plugins]:
        for name in dict.fromkeys((kind.replace("ui/", "ui/contrib/", 1), kind)):
            yield from _yaml_files(folder / name)


def _yaml_files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def _read(file: Path, type_: type[T]) -> T:
    return msgspec.convert(read_yaml(file.read_text(encoding="utf-8")), type_, strict=False)
