"""The levels of the roll-ups, and which minute a stored moment belongs to."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

FACTOR: Final = 32
"""Buckets of one level that make one of the next."""
LEVELS: Final = 4
"""Buckets of level 0 are minutes; those of the last level are 22.8 days long."""
MINUTES: Final = tuple(FACTOR**level for level in range(LEVELS))
"""Length of a bucket of each level [min]."""
MINUTE_CHARACTERS: Final = 16
"""`2026-11-22T08:50`: what stored moments of one minute have in common."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def minute_of(prefix: str) -> int | None:
    """Return the number of a minute since 1970, from the first 16 characters of a moment; None if it is none."""
    try:
        moment = datetime.fromisoformat(prefix)
    except ValueError:
        return None
    if len(prefix) != MINUTE_CHARACTERS or moment.tzinfo is not None:
        return None
    return (moment.replace(tzinfo=UTC) - _EPOCH) // timedelta(minutes=1)


def prefix_of(minute: int) -> str:
    """Return what the moments of a minute begin with. The minute is one that `minute_of` returned."""
    return (_EPOCH + timedelta(minutes=minute)).isoformat(timespec="minutes")[:MINUTE_CHARACTERS]
