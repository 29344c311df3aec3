"""The queue of messages: one is sent once, or seen to fail."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pioreactor.alarms.records import Delivery, Notice
from pioreactor.storage.ports import SqlRow
from pioreactor.storage.sqlite.connection import SharedConnection
from pioreactor.structs.encoding import to_timestamp

KEPT: Final = timedelta(days=30)
PAGE: Final = 100
INTERRUPTED: Final = "the leader stopped while it was being sent: it may have arrived"
_COLUMNS = "id, channel, document, state, attempts, created_at, attempted_at, finished_at, error"


class DeliveryQueue:
    def __init__(self, connection: SharedConnection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def add(self, channel: str, notice: Notice, *, through_event: int | None = None) -> int:
        """Queue a message, and take the events that are in it as told; return its number."""
        with self._connection.transaction():
            found = self._connection.execute(
                "INSERT INTO alarm_deliveries (channel, document, state, attempts, created_at) "
                "VALUES (?, ?, 'queued', 0, ?) RETURNING id",
                (channel, msgspec.json.encode(notice).decode(), self._at()),
            )
            if through_event is not None:
                self._connection.execute(
                    "UPDATE alarm_channels SET through_event = max(through_event, ?) WHERE name = ?",
                    (through_event, channel),
                )
        return int(str(found[0][0]))

    def first_queued(self, channel: str) -> Delivery | None:
        """Return the oldest message that waits for a channel."""
        found = self._select("WHERE state = 'queued' AND channel = ? ORDER BY id LIMIT 1", channel)
        return found[0] if found else None

    def get(self, id_: int) -> Delivery | None:
        found = self._select("WHERE id = ?", id_)
        return found[0] if found else None

    def recent(self, *, skip: int = 0, limit: int = PAGE) -> list[Delivery]:
        """Return messages, newest first."""
        return self._select("ORDER BY id DESC LIMIT ? OFFSET ?", limit, skip)

    def begin(self, id_: int) -> None:
        """From now on the message may reach its receiver."""
        self._connection.execute(
            "UPDATE alarm_deliveries SET state = 'sending', attempts = attempts + 1, attempted_at = ? WHERE id = ?",
            (self._at(), id_),
        )

    def finish(self, id_: int, *, error: str | None = None, is_final: bool = True) -> None:
        """The attempt has ended: the message is sent, failed for good, or waits for another attempt."""
        state = "sent" if error is None else "failed" if is_final else "queued"
        finished_at = None if state == "queued" else self._at()
        self._connection.execute(
            "UPDATE alarm_deliveries SET state = ?, finished_at = ?, error = ? WHERE id = ?",
            (state, finished_at, error, id_),
        )

    def close_interrupted(self) -> int:
        """Take messages that were being sent when the engine ended as failed: nobody knows whether they arrived."""
        rows = self._connection.execute(
            "UPDATE alarm_deliveries SET state = 'failed', finished_at = ?, error = ? WHERE state = 'sending' "
            "RETURNING id",
            (self._at(), INTERRUPTED),
        )
        return len(rows)

    def prune(self) -> int:
        """Delete what ended more than 30 days ago; return how many messages."""
        before = to_timestamp(self._now() - KEPT)
        return len(
            self._connection.execute("DELETE FROM alarm_deliveries WHERE finished_at < ? RETURNING id", (before,))
        )

    def _select(self, rest: str, *parameters: str | int) -> list[Delivery]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM alarm_deliveries {rest}", parameters)
        return [_delivery(row) for row in rows]

    def _at(self) -> str:
        return to_timestamp(self._now())


def _delivery(row: SqlRow) -> Delivery:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    notice = msgspec.json.decode(str(values.pop("document")), type=Notice)
    return Delivery(**values, notice=notice)
