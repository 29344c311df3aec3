"""A publisher that writes recorded messages to the unit's journal before it sends them to the broker.

Nothing here waits for the network. While the journal cannot be written (full disk), its entries are kept in memory and
retried, and the live messages are sent regardless.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime

from pioreactor.clock.ports import Clock
from pioreactor.exc import StorageError
from pioreactor.measurements import is_recorded
from pioreactor.messaging.ports import Bus
from pioreactor.storage.ports import Journal

log = logging.getLogger(__name__)

MAX_ENTRIES_IN_MEMORY = 20_000
"""Entries kept while the journal cannot be written: about a day of readings of one reactor."""


class JournalingPublisher:
    """Collect publications until `flush`, then journal and send them in order."""

    def __init__(self, bus: Bus, journal: Journal, clock: Clock) -> None:
        self._bus = bus
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, bytes, int, bool]] = []
        self._entries: deque[tuple[str, bytes, datetime]] = deque()
        self._is_failing = False
        self._notices: list[str] = []
        self.log: Callable[[str], object] = log.warning
        """Log faults of the journal; the owner sets its own logger once it has one."""
        self.entries_lost = 0

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, is_repetition: bool = False
    ) -> None:
        """Queue one message for the next `flush`. A message repeated after a reconnect is not recorded again."""
        with self._lock:
            if payload and not is_repetition and is_recorded(topic):
                self._entries.append((topic, payload, self._clock.now()))
            self._waiting.append((topic, payload, qos, retain))

    def flush(self) -> None:
        """Write the journal, then publish everything. Never raise because either is unavailable."""
        if not self._waiting and not self._entries:
            return
        with self._lock:
            self._write_journal()
            waiting, self._waiting = self._waiting, []
            for topic, payload, qos, retain in waiting:
                self._bus.publish(topic, payload, qos=qos, retain=retain)
            notices, self._notices = self._notices, []
        # Outside the lock: logging may publish through this object.
        for notice in notices:
            self.log(notice)

    def _write_journal(self) -> None:
        if not self._entries:
            return
        try:
            self._journal.append(list(self._entries))
        except StorageError as error:
            if not self._is_failing:
                self._is_failing = True
                self._notices.append(
                    f"The journal cannot be written: {error}. Readings are kept in memory, up to "
                    f"{MAX_ENTRIES_IN_MEMORY}, and are lost if this job ends. Free space on this unit's disk."
                )
            self._drop_oldest()
        else:
            self._entries.clear()
            if self._is_failing:
                self._is_failing = False
                self._notices.append(f"The journal can be written again; {self.entries_lost} entries were lost.")

    def _drop_oldest(self) -> None:
        before = self.entries_lost
        while len(self._entries) > MAX_ENTRIES_IN_MEMORY:
            self._entries.popleft()
            self.entries_lost += 1
        if before == 0 < self.entries_lost:
            self._notices.append("The memory for readings is full as well: the oldest readings are being lost.")
