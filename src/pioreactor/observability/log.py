"""Loggers of jobs, actions and commands: to a file, a terminal, and a sink that reaches the leader."""

import logging
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from pioreactor import topics
from pioreactor.clock.ports import Clock
from pioreactor.observability.files import SharedLogFile
from pioreactor.observability.formats import ConsoleFormatter, LineFormatter, WireFormatter
from pioreactor.observability.secrets import Redactor
from pioreactor.observability.sinks import Publish, SinkHandler
from pioreactor.settings.schema import Settings

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

    def notice(self, msg: object, *args: object, **kwargs: Any) -> None:
        self.log(NOTICE, msg, *args, **kwargs)

    def clean_up(self) -> None:
        """Close the targets. Safe to call twice; records made later go nowhere."""
        for handler in list(self.logger.handlers):
            self.logger.removeHandler(handler)
            handler.close()


class _Logger(logging.Logger):
    """Stands outside the standard library's tree: units that share a process do not share loggers, and nothing of a
    finished job stays behind."""

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802  the standard library's name
        record = super().makeRecord(*args, **kwargs)
        if record.levelno == NOTICE:
            record.levelname = "NOTICE"
        return record


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
    clock: Clock,
    settings: Settings | None = None,
    source: str = "app",
    publish: Publish | None = None,
    console: TextIO | None = None,
) -> CustomLogger:
    """Return a logger of its own; `name` is the job or task, `source` the application or plugin.

    `settings` name the log file, the console level and the secrets that never appear in any target; without them
    there is no file and no console. `console` is standard error unless given, coloured when it is a terminal.
    `publish` takes (topic, payload) of each record.
    """
    redact = Redactor(settings.secrets() if settings is not None else ())
    logger = _Logger(name, logging.DEBUG)
    if settings is not None and settings.logging.log_file:
        file_handler = SharedLogFile(Path(settings.logging.log_file))
        file_handler.setFormatter(LineFormatter(clock.now, redact))
        logger.addHandler(file_handler)
    if settings is not None and settings.logging.console_log_level != "OFF":
        stream = console if console is not None else sys.stderr
        logger.addHandler(_console_handler(stream, settings.logging.console_log_level, clock.now, redact))
    if publish is not None:
        wire = WireFormatter(clock.now, redact, source=source)
        logger.addHandler(SinkHandler(publish, topic_of=partial(topics.log, unit, experiment, source), formatter=wire))
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return CustomLogger(logger, {})


def _console_handler(
    stream: TextIO, level: str, now: Callable[[], datetime], redact: Callable[[str], str]
) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setLevel(level_number(level))
    in_colour = hasattr(stream, "isatty") and stream.isatty()
    handler.setFormatter(ConsoleFormatter(now, redact, in_colour=in_colour))
    return handler
