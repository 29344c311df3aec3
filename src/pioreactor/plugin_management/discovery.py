"""Discovery and import of plugins; one that fails is reported and skipped."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from pioreactor.plugin_management.presence import ENTRY_POINT_GROUP, any_package_is_plugin
from pioreactor.storage.paths import Paths

if TYPE_CHECKING:
    from importlib.metadata import Distribution


@dataclass(frozen=True)
class Plugin:
    """One plugin that was imported."""

    module: ModuleType
    description: str
    version: str
    homepage: str
    author: str
    source: str
    """`plugins/<file>.py`, or `entry_points`."""


Loaded = dict[str, Plugin]
_loaded: dict[Path, Loaded] = {}


def _print_line(message: str) -> None:
    print(message, file=sys.stderr)  # noqa: T201  plugins are loaded before there is a logger


def get_plugins(
    folder: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    say: Callable[[str], None] = _print_line,
) -> Loaded:
    """Import all plugins once per process and return them by name; none if the environment has `SKIP_PLUGINS`."""
    env = os.environ if environment is None else environment
    if env.get("SKIP_PLUGINS"):
        return {}
    where = folder if folder is not None else Paths.from_environment(env).plugins
    if where not in _loaded:
        found = _from_entry_points(say)
        found.update(_from_files(where, say))
        _loaded[where] = found
    return _loaded[where]


class _Metadata:
    """Metadata of an installed package, if there is one."""

    def __init__(self, package: Distribution | None) -> None:
        self._metadata = package.metadata if package is not None else None

    def get(self, key: str, default: str) -> str:
        return self._metadata[key] if self._metadata is not None and key in self._metadata else default


def _from_entry_points(report: Callable[[str], None]) -> Loaded:
    if not any_package_is_plugin():
        return {}
    from importlib.metadata import entry_points

    found: Loaded = {}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            module = entry.load()
            about = _Metadata(entry.dist)
            found[about.get("Name", entry.name)] = Plugin(
                module,
                about.get("Summary", ""),
                about.get("Version", "unknown"),
                about.get("Home-page", ""),
                about.get("Author", ""),
                "entry_points",
            )
        except Exception as error:  # noqa: BLE001  foreign code may raise anything; the other plugins and the command continue
            report(f"Plugin {entry.name} cannot be loaded and is skipped: {type(error).__name__}: {error}")
    return found


def _from_files(folder: Path, report: Callable[[str], None]) -> Loaded:
    found: Loaded = {}
    files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    if files and str(folder) not in sys.path:
        sys.path.insert(1, str(folder))
    for file in files:
        try:
            module = _import_file(file)
        except Exception as error:  # noqa: BLE001  foreign code may raise anything; the other plugins and the command continue
            report(f"Plugin {file.name} cannot be loaded and is skipped: {type(error).__name__}: {error}")
            continue
        name = str(getattr(module, "__plugin_name__", file.stem))
        found[name] = Plugin(
            module,
            str(getattr(module, "__plugin_summary__", "")),
            str(getattr(module, "__plugin_version__", "unknown")),
            str(getattr(module, "__plugin_homepage__", f"/unit_api/plugins/installed/{file.name}")),
            str(getattr(module, "__plugin_author__", "unknown")),
            f"plugins/{file.name}",
        )
    return found


def _import_file(file: Path) -> ModuleType:
    if file.stem in sys.modules:
        return sys.modules[file.stem]
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[file.stem]
        raise
    return module


def classes_of_plugins(base: type, folder: Path | None = None) -> list[type]:
    """Return the subclasses of `base` that plugins define, in the order of their plugins."""
    return [
        value
        for plugin in get_plugins(folder).values()
        for value in vars(plugin.module).values()
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == plugin.module.__name__
    ]
