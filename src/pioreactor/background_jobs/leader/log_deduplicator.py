"""Deduplication of warnings: a repeated one is logged once, then counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FAULT_LOG_INTERVAL_S: Final = 600.0
"""Interval between log messages about the same intermittent fault: a disk that is nearly full accepts some batches and
refuses others."""
MAX_KINDS: Final = 100
"""Kinds that are counted separately; those beyond are counted together."""


class LogDeduplicator:
    """Log the first warning of each kind, and the number of its repetitions at every `log_repetitions`.

    Log messages are recorded themselves: without this, a `logs` table that refuses rows would cause a new warning for
    each of its own warnings.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._repetitions: dict[str, int] = {}

    def log(self, kind: str, message: str) -> None:
        """Log the message, unless one of this kind was logged since the last interval without any."""
        if kind not in self._repetitions and len(self._repetitions) >= MAX_KINDS:
            kind = "other topics"
        if kind in self._repetitions:
            self._repetitions[kind] += 1
            return
        self._repetitions[kind] = 0
        self._log(message)

    def log_repetitions(self) -> None:
        """Log how many messages were suppressed; kinds without any are logged in full the next time."""
        repeated = {kind: count for kind, count in self._repetitions.items() if count}
        self._repetitions = dict.fromkeys(repeated, 0)
        if repeated:
            total = sum(repeated.values())
            examples = ", ".join(sorted(repeated)[:3])
            self._log(f"{total} more went into quarantine in the last ten minutes, of {examples}.")
