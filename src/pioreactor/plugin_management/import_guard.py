"""Marks of imports in progress: a plugin that ends the process that imports it is disabled."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pioreactor.plugin_management.plugin_folder import PluginFolder
from pioreactor.processes.liveness import is_alive

MAX_ENDED = 2
"""After so many processes that ended while they imported it, a plugin is disabled."""
FORGOTTEN_AFTER_S = 600.0
"""A successful import clears marks that are older [s]; newer ones may be of a service that ends again and again."""


class ImportGuard:
    """Guards the imports of one process. The marks lie in the memory of the computer: a power failure is no crash."""

    def __init__(self, run: Path, plugins: PluginFolder) -> None:
        """`run` is the unit's folder of what does not survive a reboot; without it nothing is guarded."""
        self._marks = run / "plugin_imports"
        self._plugins = plugins
        self._is_used = run.is_dir()
        self._survived: dict[str, list[Path]] = {}
        """Marks of plugins that are tried again."""

    def disable_fatal(self) -> list[str]:
        """Disable the plugins whose imports ended processes; return a sentence for each."""
        said = []
        for key, marks in self._ended().items():
            if len(marks) < MAX_ENDED:
                self._survived[key] = marks
                continue
            record = self._plugins.record(key)
            record.is_disabled, record.reason = True, f"its import ended {len(marks)} processes"
            self._plugins.write_record(key, record)
            self._forget(marks)
            said.append(f"Plugin {key} is disabled: {record.reason}. Repair it, then: pio plugins enable {key}")
        return said

    @contextmanager
    def importing(self, key: str) -> Iterator[None]:
        """Mark an import for the block; any exception is an orderly end of it."""
        mark = self._marks / str(os.getpid())
        if self._is_used:
            with contextlib.suppress(OSError):
                self._marks.mkdir(exist_ok=True)
                mark.write_text(key, encoding="utf-8")
        try:
            yield
            self._forget([left for left in self._survived.pop(key, []) if _is_old(left)])
        finally:
            if self._is_used:
                self._forget([mark])

    def _ended(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for mark in self._marks.glob("[0-9]*"):
            if not is_alive(int(mark.name), None):
                with contextlib.suppress(OSError):
                    found.setdefault(mark.read_text(encoding="utf-8"), []).append(mark)
        return found

    @staticmethod
    def _forget(marks: list[Path]) -> None:
        for mark in marks:
            with contextlib.suppress(OSError):
                mark.unlink(missing_ok=True)


def _is_old(mark: Path) -> bool:
    try:
        return time.time() - mark.stat().st_mtime > FORGOTTEN_AFTER_S
    except OSError:
        return False
