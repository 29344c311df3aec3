"""Discovery and import of plugins; one that fails is reported and skipped."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from pioreactor.jobs.job import BackgroundJob
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
_tried: dict[Path, int] = {}
"""Plugin files → the time of their last change when they were imported last."""


def _print_line(message: str) -> None:
    print(message, file=sys.stderr)  # noqa: T201  plugins are loaded before there is a logger


def get_plugins(
    folder: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    say: Callable[[str], None] = _print_line,
) -> Loaded:
    """Import all plugins and return them by name; none if the environment has `SKIP_PLUGINS`.

    Each is imported once per process. A file that was added, or repaired, since the last call is imported too.
    """
    env = os.environ if environment is None else environment
    if env.get("SKIP_PLUGINS"):
        return {}
    where = folder if folder is not None else Paths.from_environment(env).plugins
    if where not in _loaded:
        _loaded[where] = _from_entry_points(say)
    _add_files(where, _loaded[where], say)
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
        except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code may raise anything, the others continue
            report(f"Plugin {entry.name} cannot be loaded and is skipped: {type(error).__name__}: {error}")
    return found


def _add_files(folder: Path, found: Loaded, report: Callable[[str], None]) -> None:
    files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    if files and str(folder) not in sys.path:
        sys.path.insert(1, str(folder))
    for file in files:
        version = file.stat().st_mtime_ns
        if _tried.get(file) == version or (file in _tried and file.stem in sys.modules):
            continue
        _tried[file] = version
        try:
            module = _import_file(file)
        except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code may raise anything, the others continue
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


def jobs_of(plugin: Plugin) -> list[type[BackgroundJob]]:
    """Return the jobs that a plugin defines, in submodules too, without automations and abstract bases.

    Abstract are classes without `job_name`, with a private name or abstract methods, and bases of other jobs of the
    plugin for which it has no command.
    """
    root = plugin.module.__name__.split(".")[0]
    defined = [job for job in _subclasses(BackgroundJob) if _is_defined_below(root, job)]
    commands = _commands_below(root)
    bases = {base for job in defined for base in job.__bases__} if commands else set()
    skipped = {base for base in bases if getattr(base, "job_name", "") not in commands}
    return list({job.job_name: job for job in defined if job not in skipped and _can_be_started(job)}.values())


def job_classes(plugins: Mapping[str, Plugin]) -> dict[str, type[BackgroundJob]]:
    """Return the jobs that plugins define, by name."""
    return {job.job_name: job for plugin in list(plugins.values()) for job in jobs_of(plugin)}


def _can_be_started(job: type[BackgroundJob]) -> bool:
    return bool(job.job_name) and not getattr(job, "automation_name", "") and not _is_abstract(job)


def _subclasses(base: type[BackgroundJob]) -> Iterator[type[BackgroundJob]]:
    for job in base.__subclasses__():
        yield job
        yield from _subclasses(job)


def _is_below(root: str, module: str) -> bool:
    return module == root or module.startswith(f"{root}.")


def _is_defined_below(root: str, job: type[BackgroundJob]) -> bool:
    """Whether a plugin defines the class at the top level of a module; a module that was imported anew has new ones."""
    is_below = _is_below(root, job.__module__)
    return is_below and getattr(sys.modules.get(job.__module__), job.__qualname__, None) is job


def _commands_below(root: str) -> set[str]:
    """Return the names of the commands (`click.Command`) that the modules of a plugin define."""
    modules = [module for name, module in list(sys.modules.items()) if _is_below(root, name)]
    values = [value for module in modules for value in vars(module).values()]
    return {
        str(getattr(value, "name", "")) for value in values if hasattr(value, "callback") and hasattr(value, "params")
    }


def _is_abstract(job: type[BackgroundJob]) -> bool:
    if job.__name__.startswith("_"):
        return True
    members = {name: value for base in reversed(job.__mro__) for name, value in vars(base).items()}
    return any(getattr(value, "__isabstractmethod__", False) for value in members.values())
