"""What can be wrong with a unit, and when that is said: once it is sure, again after a while, and when it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pioreactor.clock.ports import Clock
from pioreactor.exc import PioreactorError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong: what it is and what to do about it, in sentences for a person."""

    sentence: str
    code: int | None = None
    """What the LED blinks (`error_codes`), None for nothing."""
    level: int = logging.WARNING


@dataclass(frozen=True, slots=True)
class Watch:
    """One thing to look at."""

    name: str
    """What it is about ("disk"): the word in "… is well again"."""
    look: Callable[[], Trouble | None]
    patience: int = 1
    """How many looks in a row must find trouble before it is said; above 1 for what may just be starting."""


class Watchlist:
    """Looks at things and says what changed. Trouble that lasts is blinked at each look and said again rarely."""

    def __init__(
        self,
        clock: Clock,
        *,
        say: Callable[[int, str], None],
        blink: Callable[[int], None],
        remind_after_s: float,
    ) -> None:
        """`say` takes a level of `logging` and a sentence. `remind_after_s`: 0 for never."""
        self._clock = clock
        self._say = say
        self._blink = blink
        self._remind_after_s = remind_after_s
        self._seen: dict[str, int] = {}
        self._said_at_s: dict[str, float] = {}

    @property
    def present(self) -> tuple[str, ...]:
        """Return the names of what is wrong and was said."""
        return tuple(self._said_at_s)

    def look(self, watches: Iterable[Watch]) -> None:
        """Look once at each. One that cannot be looked at changes nothing, and the others are still looked at."""
        for watch in watches:
            try:
                trouble = watch.look()
            except (PioreactorError, OSError) as error:
                log.debug("Nothing is known of the %s: %s", watch.name, error)
                continue
            if trouble is None:
                self._well(watch.name)
            else:
                self._wrong(watch, trouble)

    def _well(self, name: str) -> None:
        self._seen.pop(name, None)
        if self._said_at_s.pop(name, None) is not None:
            self._say(logging.INFO, f"The {name} is well again.")

    def _wrong(self, watch: Watch, trouble: Trouble) -> None:
        seen = self._seen[watch.name] = self._seen.get(watch.name, 0) + 1
        if seen < watch.patience:
            return
        if trouble.code is not None:
            self._blink(trouble.code)
        now_s = self._clock.monotonic()
        said_at_s = self._said_at_s.get(watch.name)
        due = self._remind_after_s > 0 and said_at_s is not None and now_s - said_at_s >= self._remind_after_s
        if said_at_s is None or due:
            self._said_at_s[watch.name] = now_s
            self._say(trouble.level, trouble.sentence)
