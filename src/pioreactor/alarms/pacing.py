"""When messages of one channel are sent: at once as a rule, together in a storm of alarms, again after a failure."""

from dataclasses import dataclass
from typing import Final

from pioreactor.alarms.rules import at_least

GATHER_S: Final = 2.0
"""What happens together is told together."""
PROMPT: Final = 2
"""Messages of an episode that are sent without waiting for more."""
QUIET_S: Final = 60.0
"""Without a further event for this long a storm is told, doubled with each message of the episode."""
LONGEST_QUIET_S: Final = 1800.0
LONGEST_S: Final = (600.0, 1800.0, 3600.0)
"""Longest time between messages while a storm lasts."""
CALM_S: Final = 300.0
"""Without an event for this long an episode is over."""
FIRST_PAUSE_S: Final = 10.0
LONGEST_PAUSE_S: Final = 900.0
MAX_ATTEMPTS: Final = 300
"""About three days; then the message has failed."""


def pause_s(attempts: int) -> float:
    """Return the pause after so many failed attempts [s]: 10 s, doubled each time, at most 15 min."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 20))


@dataclass(slots=True)
class StormFolding:
    """The rhythm of one channel. Times are monotonic [s].

    The first two messages of an episode are sent at once. What follows is told together: when it ends, or after 10 min,
    30 min, and then once an hour. The first critical alarm does not wait.
    """

    _told: int = 0
    """Messages of the present episode."""
    _told_critical: bool = False
    _told_s: float = float("-inf")
    _event_s: float = float("-inf")
    _waiting_since_s: float | None = None
    _waits_critical: bool = False

    def add(self, severity: str, at_s: float) -> None:
        """Something of this severity waits to be told."""
        if self._waiting_since_s is None and at_s - self._event_s >= CALM_S:
            self._told, self._told_critical = 0, False
        self._event_s = at_s
        if self._waiting_since_s is None:
            self._waiting_since_s = at_s
        self._waits_critical = self._waits_critical or at_least(severity, "critical")

    def is_due(self, at_s: float) -> bool:
        """Return whether what waits is to be told now, in one message."""
        if self._waiting_since_s is None or at_s - self._waiting_since_s < GATHER_S:
            return False
        if self._told < PROMPT or (self._waits_critical and not self._told_critical):
            return True
        late = self._told - PROMPT
        quiet_s = min(LONGEST_QUIET_S, QUIET_S * 2**late)
        return at_s - self._event_s >= quiet_s or at_s - self._told_s >= LONGEST_S[min(late, len(LONGEST_S) - 1)]

    def told(self, at_s: float) -> None:
        """A message with all that waited was made."""
        self._told += 1
        self._told_critical = self._told_critical or self._waits_critical
        self._told_s, self._waiting_since_s, self._waits_critical = at_s, None, False
