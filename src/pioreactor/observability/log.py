"""Loggers of jobs, actions and commands: to a file, a terminal, and a sink that reaches the leader."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from pioreactor import topics
from pioreactor.observability.formats import ConsoleFormatter, LineFormatter, Redactor, WireFormatter
from pioreactor.observability.handlers import LogSink, SharedLogFile, SinkHandler
from pioreactor.observability.repetitions import RepetitionFilter

NOTICE = 25
"""More important than information, less than a warning: a person wants to know."""

_LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "NOTICE": NOTICE,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}


class CustomLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger that also knows `notice`, and lets go of its targets with `clean_up`."""

    def notice(
        self,
        msg: object,
        *args: object,
        exc_info: bool | BaseException | None = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self.log(NOTICE, msg, *args, exc_info=exc_info, stack_info=stack_info, stacklevel=stacklevel, extra=extra)

    def report_repetitions(self, *, is_last: bool = False) -> None:
        """Report which repeated warnings are over; all of them with `is_last`. Called now and then while a job runs."""
        if isinstance(self.logger, _Logger):
            self.logger.report_repetitions(is_last=is_last)

    def clean_up(self) -> None:
        """Close the targets. Safe to call twice; records made later go nowhere."""
        self.report_repetitions(is_last=True)
        for handler in list(self.logger.handlers):
            self.logger.removeHandler(handler)
            handler.close()


class _Logger(logging.Logger):
    """Stands outside the standard library's tree: units that share a process do not share loggers, and nothing of a
    finished job stays behind."""

    repetitions: RepetitionFilter | None = None

    def handle(self, record: logging.LogRecord) -> None:
        if record.levelno == NOTICE:
            record.levelname = "NOTICE"
        self.report_repetitions()
        if self.repetitions is None or self.repetitions.passes(record):
            super().handle(record)

    def report_repetitions(self, *, is_last: bool = False) -> None:
        """Report repetitions that are over, and hourly those that continue."""
        if self.repetitions is None:
            return
        for level, text in self.repetitions.summaries(is_last=is_last):
            super().handle(self.makeRecord(self.name, level, "", 0, text, (), None))


def level_number(name: str) -> int:
    """Return the number of a level's name, in any case; raise `KeyError` for another word."""
    return _LEVELS[name.upper()]


def level_names() -> tuple[str, ...]:
    """Return the names of the levels, least first."""
    return tuple(_LEVELS)


def create_logger(
    name: str,
    *,
    unit: str,
    experiment: str,
    source: str = "app",
    sink: LogSink | None = None,
    close_sink: Callable[[], object] | None = None,
    log_file: Path | None = None,
    console: TextIO | None = None,
    console_level: str = "DEBUG",
    now: Callable[[], datetime] | None = None,
    secrets: Iterable[str] = (),
) -> CustomLogger:
    """Return a logger of its own; `name` is the job or task, `source` the application or plugin.

    Targets are those that are given: `log_file`, a `console` stream (colored when it is a terminal), and a `sink`
    (journal, bus; closed with `close_sink`). `now` is the clock's; `secrets` never appear in any target.
    """
    clock = now if now is not None else _utc_now
    redact = Redactor(secrets)
    logger = _Logger(name, logging.DEBUG)
    logger.repetitions = RepetitionFilter(clock)
    if log_file is not None:
        file_handler = SharedLogFile(log_file)
        file_handler.setFormatter(LineFormatter(clock, redact))
        logger.addHandler(file_handler)
    if console is not None and console_level.upper() != "OFF":
        logger.addHandler(_console_handler(console, console_level, clock, redact))
    if sink is not None:
        formatter = WireFormatter(clock, redact, source=source)
        topic_of = partial(topics.log, unit, experiment, source)
        logger.addHandler(SinkHandler(sink, topic_of=topic_of, formatter=formatter, close_sink=close_sink))
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return CustomLogger(logger, {})


def _console_handler(
    stream: TextIO, level: str, now: Callable[[], datetime], redact: Callable[[str], str]
) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setLevel(level_number(level))
    in_color = hasattr(stream, "isatty") and stream.isatty()
    handler.setFormatter(ConsoleFormatter(now, redact, in_color=in_color))
    return handler


def _utc_now() -> datetime:
    return datetime.now(UTC)


_OURS: Final = "pioreactor"
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
    root, ours = logging.getLogger(), logging.getLogger(_OURS)
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
