"""A log file shared by several processes, followed when it is rotated away."""

import logging
import os
from pathlib import Path


class SharedLogFile(logging.Handler):
    """Appends each record with one write: lines of several processes never mix.

    A file that was renamed or deleted is opened anew. A file that cannot be written (full disk, no permission) is
    not a reason for a job to fail: the record is lost there, and the other targets still have it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record) + "\n"
        try:
            os.write(self._opened(), line.encode("utf-8", "backslashreplace"))
        except OSError:
            self._shut()

    def close(self) -> None:
        self._shut()
        super().close()

    def _opened(self) -> int:
        try:
            found = self._path.stat()
            now_there: tuple[int, int] | None = (found.st_dev, found.st_ino)
        except FileNotFoundError:
            now_there = None
        if self._descriptor is None or now_there != self._identity:
            self._shut()
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o664)
            opened = os.fstat(self._descriptor)
            self._identity = (opened.st_dev, opened.st_ino)
        return self._descriptor

    def _shut(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
