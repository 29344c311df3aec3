"""Repeated warnings and errors: reported once, counted, and reported again when they are over."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MAX_GAP_S: Final = 600.0
"""A message that comes again after a longer time is reported as a new one [s]."""
MIN_QUIET_S: Final = 60.0
"""Repetitions count as over when none came for this time and for three times their mean interval [s]."""
REMINDER_INTERVAL_S: Final = 3600.0
"""Interval at which the number of repetitions that continue is reported [s]."""
MAX_SPACED: Final = 2
"""Repetitions more than a minute apart that are reported before such are counted."""
MAX_KINDS: Final = 200

_NUMBER_TEXT = re.compile(r"[-+]?\d+(\.\d+)?")


@dataclass
class _Repetition:
    """One kind of message, and how often it was repeated."""

    level: int
    text: str
    first_at: datetime
    last_at: datetime
    reported_at: datetime
    count: int = 0
    """Repetitions that are not reported yet."""
    total: int = 0
    spaced: int = 0
    """Repetitions that were reported, since they came after a while."""

    def is_reported_again(self, now: datetime) -> bool:
        """Return whether a repetition is reported: one of the first few that come more than a minute apart."""
        if self.total or self.spaced >= MAX_SPACED or now - self.last_at <= timedelta(seconds=MIN_QUIET_S):
            return False
        self.spaced, self.last_at = self.spaced + 1, now
        return True

    def is_over(self, now: datetime) -> bool:
        mean_s = (self.last_at - self.first_at).total_seconds() / self.total if self.total else 0.0
        quiet_s = min(MAX_GAP_S, max(MIN_QUIET_S, 3 * mean_s)) if self.total else MAX_GAP_S
        return now - self.last_at > timedelta(seconds=quiet_s)


class RepetitionFilter:
    """Counts records of one level, template and arguments other than numbers, instead of passing each of them.

    Records below a warning always pass, since they tell of events. Measured values are not log records.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._kinds: dict[Hashable, _Repetition] = {}
        self._lock = threading.Lock()

    def passes(self, record: logging.LogRecord) -> bool:
        """Return whether a record is reported; count it otherwise."""
        if record.levelno < logging.WARNING:
            return True
        now, kind = self._now(), _kind_of(record)
        with self._lock:
            known = self._kinds.get(kind)
            if known is None or known.is_over(now):
                if known is None and len(self._kinds) >= MAX_KINDS:
                    return True
                self._kinds[kind] = _Repetition(record.levelno, record.getMessage(), now, now, now)
                return True
            if known.is_reported_again(now):
                return True
            known.count += 1
            known.total += 1
            known.last_at = now
            return False

    def summaries(self, *, is_last: bool = False) -> list[tuple[int, str]]:
        """Return level and text of what is to be reported about repetitions now; all of them at the end of a job."""
        if not self._kinds:
            return []
        now = self._now()
        with self._lock:
            found = []
            for kind, each in list(self._kinds.items()):
                is_over = is_last or each.is_over(now)
                if is_over:
                    del self._kinds[kind]
                    if each.total:
                        length_s = (each.last_at - each.first_at).total_seconds()
                        found.append(
                            (logging.INFO, f"Over: {each.text} ({each.total} repetitions in {length_s:.0f} s)")
                        )
                elif each.count and now - each.reported_at > timedelta(seconds=REMINDER_INTERVAL_S):
                    found.append((each.level, f"{each.text} ({each.count} more of these in the last hour)"))
                    each.count, each.reported_at = 0, now
            return found


def _kind_of(record: logging.LogRecord) -> Hashable:
    arguments = record.args if isinstance(record.args, tuple) else (record.args,)
    words = tuple(str(each) for each in arguments if not _is_number(each))
    error = record.exc_info[0] if record.exc_info else None
    return record.levelno, str(record.msg), words, error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and _NUMBER_TEXT.fullmatch(value) is not None)
