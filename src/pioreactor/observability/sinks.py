"""Where a log record goes beside the file and the terminal: out, as a message under its topic."""

import logging
from collections.abc import Callable

from pioreactor.observability.formats import WireFormatter
from pioreactor.structs.wire import encode

Publish = Callable[[str, bytes], object]
"""Takes (topic, payload) away, to the journal and the bus. It neither blocks nor logs."""


class SinkHandler(logging.Handler):
    """Publishes a logger's records under the topic of their unit, experiment, source and level (spec §1.8)."""

    def __init__(self, publish: Publish, *, topic_of: Callable[[str], str], formatter: WireFormatter) -> None:
        super().__init__()
        self._publish = publish
        self._topic_of = topic_of
        self._wire = formatter
        self._busy = False

    def emit(self, record: logging.LogRecord) -> None:
        if self._busy:  # what carries the record logged by itself: following it would never end
            return
        self._busy = True
        try:
            self._publish(self._topic_of(record.levelname), encode(self._wire.log_of(record)))
        except Exception:  # noqa: BLE001  a sink that is away must not end the job that says so
            self.handleError(record)
        finally:
            self._busy = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the standard library's name
        """Stay silent: file and terminal have the record."""
