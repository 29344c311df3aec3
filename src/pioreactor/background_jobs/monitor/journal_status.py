"""Status of a unit's journal: up to when its records are on the leader, and whether they wait for long."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from pioreactor import structs
from pioreactor.clock.ports import Clock
from pioreactor.storage.ports import Journal

WAITING_LONG_S: Final = 60.0
PUBLISH_EVERY_S: Final = 60.0
"""Interval at which the status is published."""


class JournalStatus:
    """Publishes the status of the journal, and logs when records wait and when the leader has caught up."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        *,
        publish: Callable[[dict[str, object]], None],
        log: Callable[[int, str], None],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._publish = publish
        self._log = log
        self._published: bool | None = None
        self._published_at_s = 0.0
        self._waiting_since_s: float | None = None
        self._has_warned = False
        self._recovered: str | None = None

    def update(self, backlog: int) -> None:
        """Update the status with the number of unacknowledged records. Called about once a second."""
        now_s = self._clock.monotonic()
        self._log_recovery()
        if backlog == 0:
            self._waiting_since_s = None
        elif self._waiting_since_s is None:
            self._waiting_since_s = now_s
        waits_long = self._waiting_since_s is not None and now_s - self._waiting_since_s >= WAITING_LONG_S
        if waits_long and self._is_old():
            self._warn(backlog)
        elif self._has_warned and not waits_long:
            self._has_warned = False
            self._log(logging.INFO, "The leader has caught up with this unit's records.")
        if (
            self._published is None
            or now_s - self._published_at_s >= PUBLISH_EVERY_S
            or waits_long is not self._published
        ):
            self._published, self._published_at_s = waits_long, now_s
            self._publish_status(backlog)

    def _oldest(self) -> datetime | None:
        waiting = self._journal.read(after_seq=self._journal.acknowledged_seq(), limit=1)
        return waiting[0].recorded_at if waiting else None

    def _is_old(self) -> bool:
        """Return whether the oldest record waits for long: newer ones always wait a moment."""
        oldest = self._oldest()
        return oldest is not None and (self._clock.now() - oldest).total_seconds() >= WAITING_LONG_S

    def _warn(self, backlog: int) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        self._log(
            logging.WARNING,
            f"{backlog} records have waited for the leader for more than a minute. This unit keeps and resends them. "
            "Check that the leader is on and runs mqtt_to_db_streaming.",
        )

    def _log_recovery(self) -> None:
        recovered = self._journal.recovered
        if recovered is not None and recovered != self._recovered:
            self._recovered = recovered
            self._log(logging.WARNING, recovered)

    def _publish_status(self, backlog: int) -> None:
        oldest = self._oldest() if backlog else None
        self._publish(
            {
                "acknowledged_seq": self._journal.acknowledged_seq(),
                "waiting": backlog,
                "timestamp": structs.to_timestamp(oldest if oldest is not None else self._clock.now()),
            }
        )
