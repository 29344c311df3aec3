"""Handlers of log records: a file that processes share, and the sink of the journal or the bus."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from pioreactor.observability.formats import WireFormatter
from pioreactor.structs.events import Log

LogSink = Callable[[str, Log], object]
"""Takes (topic, record) away. It neither blocks nor logs."""


class SinkHandler(logging.Handler):
    """Gives a logger's records to a sink, under the topic of unit, experiment, source and level."""

    def __init__(
        self,
        sink: LogSink,
        *,
        topic_of: Callable[[str], str],
        formatter: WireFormatter,
        close_sink: Callable[[], object] | None = None,
    ) -> None:
        super().__init__()
        self._close_sink = close_sink
        self._sink = sink
        self._topic_of = topic_of
        self._wire = formatter
        self._busy = False

    def emit(self, record: logging.LogRecord) -> None:
        if self._busy:  # the sink's own machinery logged: following it would never end
            return
        self._busy = True
        try:
            self._sink(self._topic_of(record.levelname), self._wire.log_of(record))
        except Exception:  # noqa: BLE001  a sink that is away must not end the job that says so
            self.handleError(record)
        finally:
            self._busy = False

    def close(self) -> None:
        super().close()
        if self._close_sink is not None:
            self._close_sink()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the standard library's name
        """Stay silent: file and terminal have the record."""


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
