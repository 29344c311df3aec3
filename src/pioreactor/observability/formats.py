"""The forms of one log record, without secrets: a line in a file or a terminal, and `structs.Log` in a message."""

import logging
import re
from collections.abc import Callable, Iterable
from datetime import datetime

from pioreactor.structs.encoding import to_timestamp
from pioreactor.structs.events import Log

HIDDEN = "•••"

_CREDENTIALS = re.compile(
    r"(?P<before>\b(?:Bearer|Basic)\s+|\b(?:password|passphrase|token|api_key|secret)[\"']?\s*[=:]\s*[\"']?)"
    r"(?P<secret>[^\s\"',;&]+)|\bpio_[A-Za-z0-9_-]{43}",
    re.IGNORECASE,
)
_SHORTEST = 4


class Redactor:
    """Replaces known secrets, and what stands where a credential usually stands."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # a secret of one to three characters would blank out half of every sentence
        words = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _CREDENTIALS.sub(lambda found: (found["before"] or "") + HIDDEN, text)


ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-Z\\-_]")

_COLORS = {"DEBUG": "\x1b[2m", "NOTICE": "\x1b[1;36m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m"}
_COLORS["CRITICAL"] = "\x1b[1;41m"
_RESET = "\x1b[0m"


class RecordFormatter(logging.Formatter):
    """Message and traceback without terminal codes and secrets; the moment is the clock's."""

    def __init__(self, now: Callable[[], datetime], redact: Callable[[str], str]) -> None:
        super().__init__()
        self._now = now
        self._redact = redact

    def text_of(self, record: logging.LogRecord) -> str:
        """Return the message, followed by the traceback when there is one."""
        parts = [record.getMessage()]
        if record.exc_info and record.exc_info[0] is not None:
            parts.append(self.formatException(record.exc_info))
        if record.stack_info:
            parts.append(record.stack_info)
        return self._redact(ANSI.sub("", "\n".join(parts)))

    def moment_of(self, record: logging.LogRecord) -> datetime:
        """Return when the record was made; every target of a record is told the same."""
        moment = record.__dict__.get("moment")
        if not isinstance(moment, datetime):
            moment = record.__dict__["moment"] = self._now()
        return moment


class LineFormatter(RecordFormatter):
    """`2026-11-22T08:50:37.895Z INFO     [stirring] Ready.`"""

    def format(self, record: logging.LogRecord) -> str:
        moment = to_timestamp(self.moment_of(record))
        return f"{moment} {record.levelname:<8} [{record.name}] {self.text_of(record)}"


class ConsoleFormatter(RecordFormatter):
    """The same line with the local time of day; colored only for a terminal."""

    def __init__(self, now: Callable[[], datetime], redact: Callable[[str], str], *, in_color: bool) -> None:
        super().__init__(now, redact)
        self._in_color = in_color

    def format(self, record: logging.LogRecord) -> str:
        time_of_day = self.moment_of(record).astimezone().strftime("%H:%M:%S")
        line = f"{time_of_day} {record.levelname:<8} [{record.name}] {self.text_of(record)}"
        color = _COLORS.get(record.levelname, "") if self._in_color else ""
        return f"{color}{line}{_RESET}" if color else line


class WireFormatter(RecordFormatter):
    """Formatter of records as `structs.Log`."""

    def __init__(self, now: Callable[[], datetime], redact: Callable[[str], str], *, source: str) -> None:
        super().__init__(now, redact)
        self._source = source

    def log_of(self, record: logging.LogRecord) -> Log:
        return Log(
            message=self.text_of(record),
            level=record.levelname,
            source=self._source,
            task=record.name,
            timestamp=self.moment_of(record),
        )
