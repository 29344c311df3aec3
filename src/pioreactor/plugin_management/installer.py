"""Installation and removal of plugins on this unit: found, checked, then put in place in one step."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, PioreactorError
from pioreactor.plugin_management import contents as files
from pioreactor.plugin_management.contents import Contents
from pioreactor.plugin_management.import_check import try_import
from pioreactor.plugin_management.pip import PackageError, Pip, Wheel, name_of_wheel, refuse_ours, requirement
from pioreactor.plugin_management.plugin_folder import PluginFolder, Record, package_key
from pioreactor.plugin_management.presence import ENTRY_POINT_GROUP
from pioreactor.private_files import free_path
from pioreactor.settings.editing import add_missing_keys
from pioreactor.storage.leader.ingest.plugin_sql import run_script
from pioreactor.storage.paths import SERVER_SCHEMES, Paths
from pioreactor.structs.encoding import to_timestamp

MAX_FILE_BYTES: Final = 50 * 1024**2
INDEX: Final = "package index"
_PYTHON_FILE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\.py")


class PluginRefusedError(ConflictError):
    """The plugin was not installed, because the check found problems."""

    code = "plugin_refused"


@dataclass(frozen=True, slots=True)
class Source:
    """What to install: a package of the index by name (and version), or a file."""

    name: str = ""
    version: str | None = None
    file: Path | None = None

    @classmethod
    def named(cls, name: str, version: str | None = None) -> Source:
        """Return a package of the index; raise `InvalidRequestError` for a name that cannot be one."""
        requirement(name, version)
        return cls(name, version)

    @classmethod
    def of_file(cls, file: Path) -> Source:
        """Return a wheel or a Python file; raise `InvalidRequestError` for any other."""
        check_file_name(file.name)
        if not file.is_file():
            raise NotFoundError(f"there is no file {file}")
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InvalidRequestError(f"{file.name} is larger than {MAX_FILE_BYTES // 1024**2} MiB")
        return cls(file=file.absolute())


def check_file_name(name: str) -> str:
    """Return the name of a wheel or a Python file; raise `InvalidRequestError` for any other."""
    if name.endswith(".whl"):
        name_of_wheel(Path(name))
    elif not _PYTHON_FILE.fullmatch(name):
        raise InvalidRequestError(
            f"{name[:100]!r} is not the file of a plugin", remedy="A plugin is a wheel (.whl) or a Python file (.py)."
        )
    return name


def leader_database(paths: Paths, named: str | None) -> Path | None:
    """Return the leader's file, `named` being that of the configuration; None before it was created, or on a server."""
    if named and named.startswith(SERVER_SCHEMES):
        return None
    path = paths.database_named(named)
    return path if path.exists() else None


class Installed(msgspec.Struct):
    """What was done. `status` is `skipped` for what is for the leader only."""

    key: str
    version: str
    status: str
    messages: list[str]
    contents: Contents
    before: str | None = None
    """Version that was replaced; null: none."""
    after: str | None = None


class Removed(msgspec.Struct):
    key: str
    messages: list[str]
    before: str
    """Version that was removed."""
    after: None = None


class UpdatedPlugins(msgspec.Struct):
    """Versions of plugins before and after an update, by key; and why some kept theirs although they should not."""

    before: dict[str, str] = {}
    after: dict[str, str] = {}
    messages: list[str] = []
    failed: list[str] = []


@dataclass(frozen=True, slots=True)
class _Staged:
    """A plugin on this disk that is not in use yet."""

    key: str
    path: Path
    """The file, or the folder of the package with what it needs."""
    root: Path | None
    """The folder with the package's own files."""
    wheels: tuple[Wheel, ...] = ()

    @property
    def version(self) -> str:
        return next((wheel.version for wheel in self.wheels if package_key(wheel.name) == self.key), "")


@dataclass(frozen=True)
class Installer:
    """Installs plugins of a unit. `database` is that of the leader, None on a worker."""

    paths: Paths
    is_leader: bool
    database: Path | None
    now: Callable[[], datetime]
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @property
    def _pip(self) -> Pip:
        """Pip that leaves alone what belongs to the software; what other plugins brought is not seen."""
        ours = tuple(path for path in sys.path if Path(path).parent != self.folder.packages)
        return Pip(environment=self.environment, search_path=ours)

    @property
    def folder(self) -> PluginFolder:
        return PluginFolder(self.paths.plugins)

    def check(self, source: Source) -> Contents:
        """Return what a plugin brings; nothing is changed, and nothing of it stays."""
        with self.folder.staged() as work:
            return self._contents(self._stage(source, work))

    def install(self, source: Source) -> Installed:
        """Install or replace a plugin, or raise `PluginRefusedError` with the problems; then nothing has changed."""
        with self.folder.staged() as work:
            staged = self._stage(source, work)
            contents = self._contents(staged)
            if contents.is_leader_only and not self.is_leader:
                return Installed(staged.key, contents.version, "skipped", ["It is for the leader only."], contents)
            if contents.problems:
                raise PluginRefusedError(
                    f"{staged.key} was not installed: " + "; ".join(contents.problems),
                    remedy="Nothing was changed. Ask the author of the plugin, or install another version.",
                )
            messages = [] if staged.root is None else self.set_up(staged.key, staged.root)
            before = self.folder.record(staged.key).version if staged.key in self.folder.all_keys() else None
            self._put_in_place(staged)
            origin = INDEX if source.file is None else source.file.name
            record = Record(contents.version, origin, to_timestamp(self.now()))
            self.folder.write_record(staged.key, record)
            return Installed(staged.key, contents.version, "installed", messages, contents, before, contents.version)

    def update(self, name: str | None = None) -> UpdatedPlugins:
        """Install the newest version of a plugin, or of all that came from the package index.

        One that is disabled stays disabled. Raise `NotFoundError` for a name that is not installed.
        """
        keys = [key for key in self.folder.all_keys() if self.folder.record(key).origin == INDEX]
        done = UpdatedPlugins()
        for key in keys if name is None else [self.key_of(name)]:
            done.before[key] = self.folder.record(key).version
            try:
                done.messages += self._update(key)
            except PioreactorError as error:
                done.failed.append(f"{key}: {error}")
            done.after[key] = self.folder.record(key).version
        return done

    def _update(self, key: str) -> list[str]:
        """Install the newest version of a package from the index, and return what is to be said."""
        present = self.folder.record(key)
        with self.folder.staged() as work:
            found = self._pip.find(requirement(key), work)
        newest = next((wheel.version for wheel in found if package_key(wheel.name) == key), None)
        if newest in (None, present.version):
            return [f"{key} {present.version} is the newest version."]
        done = self.install(Source.named(key, newest))
        if present.is_disabled:
            self.set_enabled(key, False, reason=present.reason)
        return [f"{key} was updated from {present.version} to {done.version}.", *done.messages]

    def set_up(self, key: str, root: Path) -> list[str]:
        """Add the configuration and the tables that a package brings; return a sentence for each change.

        Keys and tables that exist stay as they are.
        """
        config, sql = root / files.CONFIG_FILE, root / files.SQL_FILE
        messages = []
        if self.is_leader and sql.is_file():
            if self.database is None:
                messages.append(
                    f"There is no database of SQLite for its tables; later: pio plugins setup {key}. In PostgreSQL, "
                    "create them from its SQL file by hand: it is written for SQLite."
                )
            elif run_script(sql, self.database):
                messages.append("Added to the database. Restart mqtt_to_db_streaming to record into the new tables.")
        if config.is_file():
            shared, local = self.paths.global_config, self.paths.local_config
            added = add_missing_keys(config, shared=shared, local=local, is_leader=self.is_leader)
            messages += [f"Added {name}." for name in added]
        if (root / files.SCRIPTS[0]).is_file():
            messages.append(f"It brings a script that was not run; see: pio plugins setup {key}")
        return messages

    def uninstall(self, name: str) -> Removed:
        """Remove a plugin; its configuration, its tables and all data stay. A file is kept in `plugins/removed`."""
        with self.folder.staged() as work:
            key = self.key_of(name)
            path = self.folder.find(key)
            messages = ["Its configuration, its tables and its data stay."]
            if path.is_dir():
                path.rename(work / "removed")
            else:
                kept = free_path(self.folder.removed / f"{path.stem}-{self.now():%Y%m%dT%H%M%S}.py")
                kept.parent.mkdir(exist_ok=True)
                path.rename(kept)
                messages.append(f"The file is kept as {kept}.")
            before = self.folder.record(key).version
            self.folder.drop_record(key)
        return Removed(key, messages, before)

    def set_enabled(self, name: str, enabled: bool, *, reason: str = "disabled by hand") -> str:
        """Enable or disable a plugin; return its key. One that cannot be imported is not enabled."""
        key = self.key_of(name)
        record, path = self.folder.record(key), self.folder.find(key)
        if enabled:
            found = try_import(path, key, self.paths, self.environment)
            if found.problem:
                raise PluginRefusedError(f"{key} stays disabled: {found.problem}")
        record.is_disabled, record.reason = not enabled, "" if enabled else reason
        self.folder.write_record(key, record)
        return key

    def key_of(self, name: str) -> str:
        """Return the key of a plugin by its key, or by the name that it has itself."""
        from pioreactor.plugin_management.discovery import get_plugins

        keys = self.folder.all_keys()
        for candidate in (name, f"{name}.py", package_key(name)):
            if candidate in keys:
                return candidate
        known = get_plugins(self.paths.plugins, environment=self.environment).get(name)
        if known is None:
            raise NotFoundError(f"there is no plugin {name[:100]!r}", remedy="See: pio plugins list")
        if known.key not in keys:
            raise ConflictError(
                f"{name} was installed into the environment of the software, not by it",
                remedy=f"Remove it there: pip uninstall {name}",
            )
        return known.key

    def _stage(self, source: Source, work: Path) -> _Staged:
        if source.file is not None and source.file.suffix == ".py":
            staged = work / source.file.name
            shutil.copyfile(source.file, staged)
            return _Staged(source.file.name, staged, None)
        if source.file is None:
            wanted, beside, name = requirement(source.name, source.version), None, source.name
        else:
            name, _ = name_of_wheel(source.file)
            refuse_ours(name)
            wanted, beside = str(source.file), source.file.parent
        wheels = self._pip.find(wanted, work, beside=beside)
        key, target = package_key(name), work / "package"
        if not any(package_key(wheel.name) == key for wheel in wheels):
            raise PackageError(f"{name} is a part of the environment of the software already")
        self._pip.install(wheels, target, work, beside=beside)
        return _Staged(key, target, _root(target, key), tuple(wheels))

    def _contents(self, staged: _Staged) -> Contents:
        made = Contents(name=staged.key, version=staged.version)
        if staged.root is not None:
            files.add_files(made, staged.root, self.database)
            made.packages = [
                f"{wheel.name} {wheel.version}" for wheel in staged.wheels if package_key(wheel.name) != staged.key
            ]
        elif hidden := self._hidden_module(staged.key.removesuffix(".py")):
            made.problems.append(hidden)
        if not made.is_leader_only or self.is_leader:
            self._add_import(made, staged)
        present = self.folder.record(staged.key).version
        made.notes += [f"Version {present} is installed."] if present else []
        return made

    def _add_import(self, made: Contents, staged: _Staged) -> None:
        config = None if staged.root is None else staged.root / files.CONFIG_FILE
        found = try_import(staged.path, staged.key, self.paths, self.environment, config=config)
        for name in ("name", "version", "description", "author"):
            setattr(made, name, getattr(found, name) or getattr(made, name))
        made.jobs, made.automations, made.commands = found.jobs, found.automations, found.commands
        made.calibrations, made.measurements = found.calibrations, found.measurements
        made.problems += [found.problem] if found.problem else []
        made.notes += [f"It replaces {name}." for name in found.replaced]

    def _hidden_module(self, stem: str) -> str:
        import importlib.util

        if (self.paths.plugins / f"{stem}.py").exists():
            return ""
        if stem in sys.stdlib_module_names or importlib.util.find_spec(stem) is not None:
            return f"{stem}.py would hide the module {stem}: rename the file"
        return ""

    def _put_in_place(self, staged: _Staged) -> None:
        if staged.root is not None:
            self.folder.replace_package(staged.key, staged.path)
        else:
            staged.path.rename(self.paths.plugins / staged.key)


def _root(target: Path, key: str) -> Path:
    """Return the folder with the files of a package: that of its entry points, in one top-level package."""
    from importlib.metadata import distributions

    names = {
        entry.value.partition(":")[0].partition(".")[0].strip()
        for package in distributions(path=[str(target)])
        if package_key(str(package.metadata["Name"])) == key
        for entry in package.entry_points.select(group=ENTRY_POINT_GROUP)
    }
    if len(names) != 1 or not (target / next(iter(names))).is_dir():
        raise PackageError(
            f"{key} is not a plugin: its entry points `{ENTRY_POINT_GROUP}` must lie in one package of its own",
            remedy="See the how-to on plugins.",
        )
    return target / names.pop()
