"""Where log records go beside the file and the terminal: the journal and the bus."""

import logging
from collections.abc import Callable

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
