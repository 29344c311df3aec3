"""Says up to when a unit's records are safe on the leader, and when they have waited for long."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from pioreactor import structs
from pioreactor.clock.ports import Clock
from pioreactor.storage.ports import Journal

WAITING_LONG_S: Final = 60.0
SAY_EVERY_S: Final = 60.0
"""How often the announcement is renewed while records come and go."""


class RecordsWatch:
    """Looks at the journal once a second, speaks when something changed."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        announce: Callable[[dict[str, object]], None],
        say: Callable[[int, str], None],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._announce = announce
        self._say = say
        self._announced: bool | None = None
        self._announced_at_s = 0.0
        self._waiting_since_s: float | None = None
        self._has_complained = False
        self._recovered: str | None = None

    def look(self, backlog: int) -> None:
        """Take note of how many records are not acknowledged."""
        now_s = self._clock.monotonic()
        self._mention_recovery()
        if backlog == 0:
            self._waiting_since_s = None
        elif self._waiting_since_s is None:
            self._waiting_since_s = now_s
        waits_long = self._waiting_since_s is not None and now_s - self._waiting_since_s >= WAITING_LONG_S
        if waits_long and self._is_old():
            self._complain(backlog)
        elif self._has_complained and not waits_long:
            self._has_complained = False
            self._say(logging.INFO, "The leader has caught up with this unit's records.")
        if self._announced is None or now_s - self._announced_at_s >= SAY_EVERY_S or waits_long is not self._announced:
            self._announced, self._announced_at_s = waits_long, now_s
            self._announce_safety(backlog)

    def _oldest(self) -> datetime | None:
        waiting = self._journal.read(after_seq=self._journal.acknowledged_seq(), limit=1)
        return waiting[0].recorded_at if waiting else None

    def _is_old(self) -> bool:
        """Records always wait a moment; it is the oldest that tells whether the leader takes any."""
        oldest = self._oldest()
        return oldest is not None and (self._clock.now() - oldest).total_seconds() >= WAITING_LONG_S

    def _complain(self, backlog: int) -> None:
        if self._has_complained:
            return
        self._has_complained = True
        self._say(
            logging.WARNING,
            f"{backlog} records have waited for the leader for more than a minute. They are kept on this unit and sent "
            "when it takes them. Check that the leader is on and runs mqtt_to_db_streaming.",
        )

    def _mention_recovery(self) -> None:
        recovered = self._journal.recovered
        if recovered is not None and recovered != self._recovered:
            self._recovered = recovered
            self._say(logging.WARNING, recovered)

    def _announce_safety(self, backlog: int) -> None:
        oldest = self._oldest() if backlog else None
        self._announce(
            {
                "acknowledged_seq": self._journal.acknowledged_seq(),
                "waiting": backlog,
                "timestamp": structs.to_timestamp(oldest if oldest is not None else self._clock.now()),
            }
        )
