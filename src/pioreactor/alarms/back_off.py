"""When a message that could not be delivered is sent again."""

from typing import Final

FIRST_S: Final = 10.0
LONGEST_S: Final = 900.0
MAX_ATTEMPTS: Final = 300
"""About three days; then the message has failed."""


def pause_s(attempts: int) -> float:
    """Return the pause after so many attempts [s]: 10 s, doubled each time, at most 15 min."""
    return min(LONGEST_S, FIRST_S * 2.0 ** min(attempts - 1, 20))
