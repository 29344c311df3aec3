"""The way out of a job: what is recorded goes into the unit's journal first, then everything goes to the broker.

Nothing here waits for the network. If the journal cannot take entries (full disk), they are kept in memory and
tried again, and the live message is sent all the same.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from pioreactor import topics
from pioreactor.clock.ports import Clock
from pioreactor.exc import StorageError
from pioreactor.messaging.ports import Bus
from pioreactor.storage.ports import Journal

log = logging.getLogger(__name__)

KEPT_IN_MEMORY = 20_000
"""Entries kept while the journal refuses them: about a day of one reactor's readings."""

_extra_filters: list[str] = []


def also_record(topic_filter: str) -> None:
    """Write this topic (of a plugin) to the journal too."""
    if topic_filter not in _extra_filters:
        _extra_filters.append(topic_filter)
        is_recorded.cache_clear()


@lru_cache(maxsize=512)
def is_recorded(topic: str) -> bool:
    """Say whether messages on this topic must reach the leader's database."""
    parts = topics.parse(topic)
    if parts is None or topics.is_testing(parts.experiment):
        return False
    return any(topics.matches(known, topic) for known in (*topics.RECORDED_FILTERS, *_extra_filters))


class Outbox:
    """Collects publications of one turn and sends them in order."""

    def __init__(self, bus: Bus, journal: Journal, clock: Clock) -> None:
        self._bus = bus
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, bytes, int, bool]] = []
        self._entries: deque[tuple[str, bytes, datetime]] = deque()
        self._in_trouble = False
        self._words: list[str] = []
        self.say: Callable[[str], object] = log.warning
        """Tells people of trouble with the journal; the owner puts its own log here once it has one."""
        self.entries_lost = 0

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, is_repetition: bool = False
    ) -> None:
        """Queue one message for the next `flush`. What is said again, after a reconnect, is not recorded again."""
        with self._lock:
            if payload and not is_repetition and is_recorded(topic):
                self._entries.append((topic, payload, self._clock.now()))
            self._waiting.append((topic, payload, qos, retain))

    def flush(self) -> None:
        """Write the journal, then hand everything to the broker. Never raises for either being away."""
        if not self._waiting and not self._entries:
            return
        with self._lock:
            self._write_journal()
            waiting, self._waiting = self._waiting, []
            for topic, payload, qos, retain in waiting:
                self._bus.publish(topic, payload, qos=qos, retain=retain)
            words, self._words = self._words, []
        # Outside the lock: what is said may come back here as one more message.
        for sentence in words:
            self.say(sentence)

    def _write_journal(self) -> None:
        if not self._entries:
            return
        try:
            self._journal.append(list(self._entries))
        except StorageError as error:
            if not self._in_trouble:
                self._in_trouble = True
                self._words.append(
                    f"The journal cannot be written: {error}. Readings are kept in memory meanwhile, up to "
                    f"{KEPT_IN_MEMORY}, and are lost if this job ends. Free space on this unit's disk."
                )
            self._let_go_of_the_oldest()
        else:
            self._entries.clear()
            if self._in_trouble:
                self._in_trouble = False
                self._words.append(f"The journal can be written again; {self.entries_lost} entries were lost.")

    def _let_go_of_the_oldest(self) -> None:
        before = self.entries_lost
        while len(self._entries) > KEPT_IN_MEMORY:
            self._entries.popleft()
            self.entries_lost += 1
        if before == 0 < self.entries_lost:
            self._words.append("The memory for readings is full as well: the oldest are being lost from here on.")
