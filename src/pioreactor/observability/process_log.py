"""Logging of a whole process, libraries included, into one logger that collapses repetitions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pioreactor.observability.log import CustomLogger

OURS: Final = "pioreactor"
REPORT_EVERY_S: Final = 30.0
"""Interval at which repetitions that are over are reported, if nothing else is logged [s]."""


class _ForwardingHandler(logging.Handler):
    def __init__(self, target: CustomLogger) -> None:
        super().__init__()
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        self._target.logger.handle(record)


@contextmanager
def logging_to(target: CustomLogger, *, level: int, report_every_s: float = REPORT_EVERY_S) -> Iterator[None]:
    """Forward the records of this process for a block: ours from `level` on, those of libraries from WARNING on.

    The target is closed at the end, and its pending counts are reported.
    """
    root, ours = logging.getLogger(), logging.getLogger(OURS)
    before = ours.level
    handler, ended = _ForwardingHandler(target), threading.Event()

    def report() -> None:
        while not ended.wait(report_every_s):
            target.report_repetitions()

    reporter = threading.Thread(target=report, name="log-repetitions", daemon=True)
    root.addHandler(handler)
    ours.setLevel(level)
    reporter.start()
    try:
        yield
    finally:
        ended.set()
        reporter.join()
        root.removeHandler(handler)
        ours.setLevel(before)
        target.clean_up()
