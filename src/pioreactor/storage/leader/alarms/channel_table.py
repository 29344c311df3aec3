"""Channels, and up to which event each was told."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from pioreactor.alarms.channels import Channel
from pioreactor.alarms.records import ToldEvent
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.sqlite.connection import SharedConnection
from pioreactor.structs.encoding import to_timestamp

MAX_CHANNELS: Final = 50
_AT_ONCE: Final = 5000


class ChannelTable:
    def __init__(self, connection: SharedConnection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def all(self) -> list[Channel]:
        """Return the channels by name; one of another version that cannot be read is left out."""
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
        """Store a channel; a new one hears of what happens from now on. Raise `InvalidRequestError`."""
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

    def untold(self, name: str) -> list[ToldEvent]:
        """Return the events that a channel was not told of yet, oldest first."""
        rows = self._connection.execute(
            "SELECT e.id, e.event, a.id, a.rule, a.title, a.severity, a.pioreactor_unit, a.experiment, "
            "CASE e.message WHEN '' THEN a.message ELSE e.message END, a.remedy, e.timestamp "
            "FROM alarm_events e JOIN alarms a ON a.id = e.alarm_id "
            "WHERE e.id > (SELECT through_event FROM alarm_channels WHERE name = ?) ORDER BY e.id LIMIT ?",
            (name, _AT_ONCE),
        )
        return [ToldEvent(*row) for row in rows]

    def newest_event(self) -> int:
        """Return the number of the newest event, 0 when there is none."""
        return int(str(self._connection.execute("SELECT coalesce(max(id), 0) FROM alarm_events")[0][0]))

    def skip_to(self, name: str, event_id: int) -> None:
        """Take events up to this one as told."""
        self._connection.execute(
            "UPDATE alarm_channels SET through_event = max(through_event, ?) WHERE name = ?", (event_id, name)
        )
