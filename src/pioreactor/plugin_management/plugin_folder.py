"""Layout of the folder of plugins: files, packages that were installed, and a record of each."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.private_files import write_atomically

_MAX_RECEIVED: Final = 5
_FORMER: Final = ".former"
"""Suffix of the former version of a package while it is being replaced."""


class Record(msgspec.Struct):
    """What is kept about a plugin beside its files; a plugin without a record is enabled."""

    version: str = ""
    origin: str = ""
    """Where it was installed from: `package index`, or the name of a file."""
    installed_at: str = ""
    is_disabled: bool = False
    reason: str = ""
    """Why it is disabled."""
    problem: str = ""
    """Why it could not be imported last."""


def package_key(name: str) -> str:
    """Return the key of a package: its name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class PluginFolder:
    """The folder of a unit's plugins. The key of a file is its name, that of a package its normalized name."""

    path: Path

    @property
    def packages(self) -> Path:
        return self.path / "packages"

    @property
    def received(self) -> Path:
        """Files that were sent to this unit, to be installed."""
        return self.path / "received"

    @property
    def removed(self) -> Path:
        """Plugin files that were uninstalled: there may be no other copy."""
        return self.path / "removed"

    @property
    def _records(self) -> Path:
        return self.path / "records"

    @property
    def _staging(self) -> Path:
        return self.path / "staging"

    def all_keys(self) -> list[str]:
        """Return the keys of all plugins in this folder, disabled ones too."""
        return [*(file.name for file in self.files()), *sorted(self._names(self.packages))]

    def files(self) -> list[Path]:
        return sorted(self.path.glob("*.py"))

    def enabled_packages(self) -> list[Path]:
        disabled = self.disabled()
        return [self.packages / name for name in sorted(self._names(self.packages)) if name not in disabled]

    def package(self, key: str) -> Path:
        return self.packages / key

    def find(self, key: str) -> Path:
        """Return the file or the folder of a plugin; raise `NotFoundError` if there is none with this key."""
        if key not in self.all_keys():
            raise NotFoundError(f"there is no plugin {key!r} that can be changed", remedy="See: pio plugins list")
        return self.path / key if key.endswith(".py") else self.package(key)

    def record(self, key: str) -> Record:
        """Return the record of a plugin; an empty one if there is none, or none that can be read."""
        try:
            return msgspec.json.decode((self._records / f"{key}.json").read_bytes(), type=Record)
        except (OSError, msgspec.MsgspecError):
            return Record()

    def write_record(self, key: str, record: Record) -> None:
        self._records.mkdir(parents=True, exist_ok=True)
        write_atomically(self._records / f"{key}.json", msgspec.json.encode(record))

    def drop_record(self, key: str) -> None:
        (self._records / f"{key}.json").unlink(missing_ok=True)

    def disabled(self) -> dict[str, str]:
        """Return why plugins are disabled, by key."""
        keys = [name.removesuffix(".json") for name in self._names(self._records) if name.endswith(".json")]
        records = {key: self.record(key) for key in keys}
        return {key: record.reason for key, record in sorted(records.items()) if record.is_disabled}

    def receive(self, name: str, content: bytes) -> None:
        """Keep a file that was sent, and the few that came last."""
        self.received.mkdir(parents=True, exist_ok=True)
        write_atomically(self.received / name, content)
        newest_first = sorted(self.received.iterdir(), key=lambda file: -file.stat().st_mtime)
        for old in newest_first[_MAX_RECEIVED:]:
            old.unlink(missing_ok=True)

    @contextmanager
    def staged(self) -> Iterator[Path]:
        """Give an empty folder on the same disk, deleted in the end; raise `ConflictError` while another has one."""
        with self._locked():
            self._settle_replacements()
            made = self._staging / "present"
            shutil.rmtree(made, ignore_errors=True)  # left by a process that was killed
            made.mkdir()
            try:
                yield made
            finally:
                shutil.rmtree(made, ignore_errors=True)

    def replace_package(self, key: str, made: Path) -> None:
        """Put a package in place, within `staged`. Interrupted at any step, `recover` puts the former one back."""
        target, former = self.package(key), self.packages / f".{key}{_FORMER}"
        self.packages.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            target.rename(former)
        made.rename(target)
        shutil.rmtree(former, ignore_errors=True)

    def recover(self) -> None:
        """Put back packages whose replacement was interrupted, unless plugins are being changed at this moment."""
        if self._replaced():
            with contextlib.suppress(ConflictError, OSError), self._locked():
                self._settle_replacements()

    def _replaced(self) -> list[str]:
        """Return the keys of packages with a former version beside them."""
        try:
            names = os.listdir(self.packages)  # noqa: PTH208  at each start
        except OSError:
            return []
        return [name[1 : -len(_FORMER)] for name in names if name.startswith(".") and name.endswith(_FORMER)]

    def _settle_replacements(self) -> None:
        for key in self._replaced():
            former = self.packages / f".{key}{_FORMER}"
            if self.package(key).is_dir():
                shutil.rmtree(former, ignore_errors=True)
            else:
                former.rename(self.package(key))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._staging.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._staging / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError("plugins are being changed already", remedy="Try again in a minute.") from error
            yield
        finally:
            os.close(lock)

    @staticmethod
    def _names(folder: Path) -> list[str]:
        try:
            return sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208  at each start
        except OSError:
            return []
