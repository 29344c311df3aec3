"""Settings of files that may be edited while a process runs."""

import logging
from pathlib import Path

from pioreactor.settings.load import load_settings
from pioreactor.settings.schema import Settings

_log = logging.getLogger(__name__)


class FollowedSettings:
    """Settings that are read again when their files change, so that they are corrected without a restart.

    For values that may change at any time, such as addresses and alarm rules; a job takes all others as it starts.
    """

    def __init__(self, shared_path: Path, local_path: Path, settings: Settings) -> None:
        """`settings` are in force until one of the files changes."""
        self._paths = (shared_path, local_path)
        self._settings = settings
        self._stamps = self._modified()

    def read(self) -> Settings:
        """Return the settings of the files as they are now; what cannot be read is logged and skipped."""
        stamps = self._modified()
        if stamps != self._stamps:
            self._settings = load_settings(*self._paths)
            for notice in self._settings.notices:
                _log.warning("configuration: %s", notice)
            self._stamps = stamps
        return self._settings

    def _modified(self) -> list[int]:
        return [path.stat().st_mtime_ns if path.exists() else 0 for path in self._paths]
