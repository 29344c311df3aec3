"""Hands workers what they need to report a dead leader: the first two that are active, all others nothing."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from pioreactor.exc import PioreactorError
from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets

if TYPE_CHECKING:
    from pioreactor.web.leader.services import LeaderServices

PATH: Final = "/unit_api/system/leader_watch"
WATCHING: Final = 2
EVERY_S: Final = 15.0

_log = logging.getLogger("pioreactor.web")


class LeaderWatchHandout:
    """Sends each worker what has changed for it; a worker that does not answer is asked again."""

    def __init__(self, leader: LeaderServices) -> None:
        self._leader = leader
        self._secrets = ChannelSecrets(leader.unit.paths.secrets)
        self._sent: dict[str, str] = {}

    def run(self, pause: Callable[[float], bool]) -> None:
        """Poll until `pause`, which waits for a number of seconds, returns True."""
        while not pause(EVERY_S):
            try:
                self.poll()
            except (PioreactorError, OSError) as error:
                _log.error("Workers did not get what they need to watch the leader: %s", error)

    def poll(self) -> None:
        """Send to each worker what it does not have yet."""
        active = [row.pioreactor_unit for row in self._leader.database.workers.active()]
        for rank, unit in enumerate(sorted(set(active) - {self._leader.unit.name})):
            body = self._body(rank)
            digest = hashlib.sha256(msgspec.json.encode(body)).hexdigest()
            # A worker that never had a channel needs no message that it has none.
            if digest == self._sent.get(unit) or (not body["channels"] and unit not in self._sent):
                continue
            try:
                self._leader.units.fetch(unit, "PUT", PATH, json=body, timeout_s=5.0)
            except PioreactorError as error:
                _log.debug("%s does not watch the leader yet: %s", unit, error)
                continue
            self._sent[unit] = digest

    def _body(self, rank: int) -> dict[str, object]:
        """Return what a worker gets; MQTT is of no use, as the broker is on the leader."""
        every = self._leader.database.alarms.channels.all() if rank < WATCHING else []
        channels = [one for one in every if one.enabled and one.watches_leader and one.kind != "mqtt"]
        return {
            "rank": min(rank, WATCHING),
            "channels": msgspec.to_builtins(channels),
            "secrets": {channel.name: self._secrets.of(channel.name) for channel in channels},
        }
