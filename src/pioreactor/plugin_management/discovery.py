"""Discovery and import of plugins; one that fails is reported and skipped."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from pioreactor.jobs.job import BackgroundJob
from pioreactor.plugin_management.import_guard import ImportGuard
from pioreactor.plugin_management.plugin_folder import PluginFolder, package_key
from pioreactor.plugin_management.presence import ENTRY_POINT_GROUP, any_package_is_plugin
from pioreactor.processes.launch import module_argv
from pioreactor.storage.paths import Paths

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint


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
    key: str = ""
    """Name of the file, or normalized name of the package."""


Loaded = dict[str, Plugin]
_loaded: dict[Path, Loaded] = {}
_tried: dict[Path, int] = {}
"""Plugin files → the time of their last change when they were imported last."""
_failures: dict[Path, dict[str, str]] = {}
"""Folders → why plugins could not be imported, by key."""


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
    paths = Paths.from_environment(env)
    where = folder if folder is not None else paths.plugins
    search = _Search(PluginFolder(where), ImportGuard(paths.run_pioreactor, PluginFolder(where)), say)
    if where not in _loaded:
        _loaded[where], _failures[where] = {}, {}
        for sentence in search.guard.disable_fatal():
            search.report(sentence)
        search.add_of_environment()
    search.add_packages()
    search.add_files()
    return _loaded[where]


def failures(folder: Path) -> dict[str, str]:
    """Return why plugins of a folder could not be imported by this process, by key."""
    return dict(_failures.get(folder, {}))


class _Metadata:
    """Metadata of an installed package, if there is one."""

    def __init__(self, package: Distribution | None) -> None:
        self._metadata = package.metadata if package is not None else None

    def get(self, key: str, default: str) -> str:
        return self._metadata[key] if self._metadata is not None and key in self._metadata else default


TAKEN_FOR_GRANTED: Final = {
    **dict.fromkeys(("board", "busio", "digitalio"), "Adafruit-Blinka"),
    "adafruit_bus_device": "adafruit-circuitpython-busdevice",
    "flask": "Flask",
}
"""Module → package that comes with the reference and not with this software."""


@dataclass(frozen=True)
class _Search:
    """Imports what is in a folder of plugins, and not imported yet."""

    folder: PluginFolder
    guard: ImportGuard
    report: Callable[[str], None]

    @property
    def found(self) -> Loaded:
        return _loaded[self.folder.path]

    def add_of_environment(self) -> None:
        """Import the packages that were installed beside this software."""
        if any_package_is_plugin(self._paths_of_environment()):
            from importlib.metadata import distributions

            self._import_packages(distributions(path=self._paths_of_environment()))

    def add_packages(self) -> None:
        """Import the packages in the folder. They come last in the search path: none hides a module of ours."""
        self.folder.recover()
        added = [str(each) for each in self.folder.enabled_packages() if str(each) not in sys.path]
        if added:
            from importlib.metadata import distributions

            sys.path.extend(added)
            importlib.invalidate_caches()
            self._import_packages(distributions(path=added))

    def add_files(self) -> None:
        files = self.folder.files()
        if files and str(self.folder.path) not in sys.path:
            sys.path.insert(1, str(self.folder.path))
        disabled = self.folder.disabled() if files else {}
        for file in files:
            version = file.stat().st_mtime_ns
            was_tried = _tried.get(file) == version or (file in _tried and file.stem in sys.modules)
            if not was_tried and file.name not in disabled:
                _tried[file] = version
                self._attempt(file.name, file.name, lambda file=file: _of_file(file))  # type: ignore[misc]

    def _paths_of_environment(self) -> list[str]:
        return [path for path in sys.path if Path(path).parent != self.folder.packages]

    def _import_packages(self, packages: Iterable[Distribution]) -> None:
        disabled = self.folder.disabled()
        for package in packages:
            for entry in package.entry_points.select(group=ENTRY_POINT_GROUP):
                key = package_key(_Metadata(package).get("Name", entry.name))
                if key not in disabled:
                    self._attempt(key, entry.name, lambda entry=entry, of=package: _of_package(entry, of))  # type: ignore[misc]

    def _attempt(self, key: str, name: str, load: Callable[[], tuple[str, Plugin]]) -> None:
        failed = _failures[self.folder.path]
        try:
            with self.guard.importing(key):
                shown, plugin = load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code may raise anything, the others continue
            failed[key] = f"{type(error).__name__}: {error}{_missing_package(error)}"
            self.report(f"Plugin {name} cannot be loaded and is skipped: {failed[key]}")
        else:
            failed.pop(key, None)
            self.found[shown] = replace(plugin, key=key)


def _missing_package(error: BaseException) -> str:
    """Return how to install the package of a module that plugins take for granted."""
    module = (error.name if isinstance(error, ModuleNotFoundError) and error.name is not None else "").partition(".")[0]
    package = TAKEN_FOR_GRANTED.get(module)
    if package is None:
        return ""
    command = " ".join(module_argv("pip", "install", package))
    return f". It is in {package}, which is not listed by the plugin: {command}"


def _of_package(entry: EntryPoint, package: Distribution) -> tuple[str, Plugin]:
    module = entry.load()
    about = _Metadata(package)
    summary, version = about.get("Summary", ""), about.get("Version", "unknown")
    plugin = Plugin(module, summary, version, about.get("Home-page", ""), about.get("Author", ""), "entry_points")
    return about.get("Name", entry.name), plugin


def _of_file(file: Path) -> tuple[str, Plugin]:
    module = _import_file(file)
    return str(getattr(module, "__plugin_name__", file.stem)), Plugin(
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
    commands = commands_below(root)
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


def commands_below(root: str) -> set[str]:
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
