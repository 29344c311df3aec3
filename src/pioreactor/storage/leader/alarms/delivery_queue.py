"""Channels with what each was told, and the queue of their messages: one is sent once, or seen to fail."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pioreactor.alarms.channels import Channel
from pioreactor.alarms.records import Delivery, Notice, ToldEvent
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.ports import SharedSqlConnection, SqlRow
from pioreactor.structs.encoding import to_timestamp

MAX_CHANNELS: Final = 50
_AT_ONCE: Final = 5000
KEPT: Final = timedelta(days=30)
PAGE: Final = 100
INTERRUPTED: Final = "the leader stopped while it was being sent: it may have arrived"
_COLUMNS = "id, channel, document, state, attempts, created_at, attempted_at, finished_at, error"


class ChannelTable:
    def __init__(self, connection: SharedSqlConnection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def all(self) -> list[Channel]:
        """Return the channels by name; one of another version that cannot be read is skipped."""
        found = []
        for (document,) in self._connection.execute("SELECT document FROM alarm_channels ORDER BY name"):
            try:
                found.append(msgspec.json.decode(str(document), type=Channel))
            except msgspec.DecodeError:
                continue
        return found

    def get(self, name: str) -> Channel:
        """Return a channel; raise `NotFoundError`."""
        for channel in self.all():
            if channel.name == name:
                return channel
        raise NotFoundError(f"there is no alarm channel {name[:50]!r}")

    def put(self, channel: Channel) -> None:
        """Store a channel; a new one receives of what happens from now on. Raise `InvalidRequestError`."""
        if len(self.all()) >= MAX_CHANNELS and all(known.name != channel.name for known in self.all()):
            raise InvalidRequestError(f"there are {MAX_CHANNELS} channels already")
        self._connection.execute(
            "INSERT INTO alarm_channels (name, document, through_event, updated_at) "
            "VALUES (?, ?, (SELECT coalesce(max(id), 0) FROM alarm_events), ?) "
            "ON CONFLICT (name) DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at",
            (channel.name, msgspec.json.encode(channel).decode(), to_timestamp(self._now())),
        )

    def remove(self, name: str) -> None:
        """Remove a channel, and what waits for it; raise `NotFoundError`."""
        self.get(name)
        with self._connection.transaction():
            self._connection.execute("DELETE FROM alarm_channels WHERE name = ?", (name,))
            self._connection.execute("DELETE FROM alarm_deliveries WHERE channel = ? AND state = 'queued'", (name,))

    def untold(self, name: str, *, after: int = 0) -> list[ToldEvent]:
        """Return the events after a number that were not told to a channel yet, oldest first."""
        rows = self._connection.execute(
            "SELECT e.id, e.event, a.id, a.rule, a.title, a.severity, a.pioreactor_unit, a.experiment, "
            "CASE e.message WHEN '' THEN a.message ELSE e.message END, a.remedy, e.timestamp "
            "FROM alarm_events e JOIN alarms a ON a.id = e.alarm_id "
            "WHERE e.id > ? AND e.id > (SELECT through_event FROM alarm_channels WHERE name = ?) ORDER BY e.id LIMIT ?",
            (after, name, _AT_ONCE),
        )
        return [ToldEvent(*row) for row in rows]

    def newest_event(self) -> int:
        """Return the number of the newest event, 0 when there is none."""
        return int(str(self._connection.execute("SELECT coalesce(max(id), 0) FROM alarm_events")[0][0]))

    def skip_to(self, name: str, event_id: int) -> None:
        """Take events up to this one as told."""
        self._connection.execute(
            "UPDATE alarm_channels SET through_event = ? WHERE name = ? AND through_event < ?",
            (event_id, name, event_id),
        )


class DeliveryQueue:
    def __init__(self, connection: SharedSqlConnection, now: Callable[[], datetime]) -> None:
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
                    "UPDATE alarm_channels SET through_event = ? WHERE name = ? AND through_event < ?",
                    (through_event, channel, through_event),
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
        """Take messages that were being sent when the engine ended as failed: no one knows whether they arrived."""
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
