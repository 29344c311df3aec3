"""Watch of a worker over its leader: reports one that gives no sign of life, to the channels that it was given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from pioreactor.alarms.channels import Channel
from pioreactor.alarms.records import Notice
from pioreactor.clock.ports import Clock
from pioreactor.exc import PioreactorError
from pioreactor.messaging.ports import Message
from pioreactor.notifiers.ports import DeliveryError, Notifier
from pioreactor.storage.leader.alarms.leader_watch_file import LeaderWatch

SILENT_S: Final = 35.0
"""The alarm engine gives a sign of life every 10 s."""
RANK_S: Final = 15.0
"""By how much the next of the watching workers is later: it reports if the first is dead as well."""
GRACE_S: Final = 180.0
"""After a power cut of the whole laboratory a leader may start later than its workers."""
RETRY_S: Final = 60.0
MAX_ATTEMPTS: Final = 120


class LeaderWatcher:
    """Call `check` every few seconds, on the lane."""

    def __init__(
        self,
        unit: str,
        leader: str,
        clock: Clock,
        *,
        read: Callable[[], LeaderWatch],
        open_notifier: Callable[[Channel], Notifier],
        log: Callable[[int, str], None],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        """`read` returns what the leader has handed to this unit; `post` runs something on the lane."""
        self._unit = unit
        self._leader = leader
        self._clock = clock
        self._read = read
        self._open_notifier = open_notifier
        self._log = log
        self._post = post
        self._alive_s = clock.monotonic() + GRACE_S
        self._silent_since = ""
        self._untold: dict[str, int] = {}
        """Channels that are to be told → attempts so far."""
        self._told: set[str] = set()
        self._next_s = 0.0

    def on_heartbeat(self, _message: Message) -> None:
        """Take a sign of life, and tell the channels that got a report of the silence that it is over."""
        self._alive_s = self._clock.monotonic()
        if self._silent_since:
            since, self._silent_since = self._silent_since, ""
            self._log(logging.INFO, f"The leader {self._leader} is back.")
            told, self._told, self._untold = self._told, set(), {}
            notice = Notice(title=f"Leader {self._leader} is back", text="Alarms are watched again.", severity="high")
            for channel in self._read().channels:
                if channel.name in told:
                    self._send(channel, notice, f"{since}-end", is_end=True)

    def check(self) -> None:
        """Report a leader from which nothing comes, and try again what could not be delivered."""
        now_s = self._clock.monotonic()
        watch = self._read()
        patience_s = SILENT_S + RANK_S * watch.rank
        if not watch.channels or now_s - self._alive_s < patience_s:
            return
        if not self._silent_since:
            self._silent_since = f"{self._clock.now().timestamp():.0f}"
            self._untold = {channel.name: 0 for channel in watch.channels}
            self._log(logging.WARNING, f"Nothing comes from the leader {self._leader}. People are told.")
            self._next_s = now_s
        if now_s < self._next_s:
            return
        self._next_s = now_s + RETRY_S
        notice = Notice(
            title=f"Leader {self._leader} is dead",
            text=f"{self._unit} has had no sign of life of the leader {self._leader} for {patience_s:.0f} s. Reactors "
            "continue and keep their records; no other alarm is told meanwhile. Check its power and network.",
            severity="critical",
        )
        for channel in watch.channels:
            if channel.name in self._untold:
                self._send(channel, notice, self._silent_since)

    def _send(self, channel: Channel, notice: Notice, number: str, *, is_end: bool = False) -> None:
        name = channel.name
        delivery_id = f"{self._unit}-{number}-{name}"

        def send() -> None:
            error: PioreactorError | None = None
            try:
                self._open_notifier(channel).send(notice, delivery_id=delivery_id)
            except PioreactorError as failed:
                error = failed
            self._post(lambda: self._finish(name, error, is_end=is_end))

        self._clock.spawn(send, name=f"leader watch to {name}")

    def _finish(self, name: str, error: PioreactorError | None, *, is_end: bool) -> None:
        if error is not None:
            self._log(logging.WARNING, f"{name} was not told: {error}.")
        if is_end or name not in self._untold:
            return
        self._untold[name] += 1
        is_final = isinstance(error, DeliveryError) and error.is_final
        if error is None:
            self._told.add(name)
        if error is None or is_final or self._untold[name] >= MAX_ATTEMPTS:
            del self._untold[name]
