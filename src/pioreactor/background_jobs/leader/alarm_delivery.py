"""Delivery: decides when each channel is told what, and sends one message after another without blocking the job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pioreactor.alarms.channels import Channel
from pioreactor.alarms.pacing import MAX_ATTEMPTS, StormFolding, pause_s
from pioreactor.alarms.records import Delivery, ToldEvent, notice_of
from pioreactor.clock.ports import Clock
from pioreactor.notifiers.ports import DeliveryError, Notifier
from pioreactor.storage.leader.alarms import AlarmDatabase

OpenNotifier = Callable[[Channel], Notifier]


@dataclass(slots=True)
class _Line:
    """What is known of one channel between calls."""

    folding: StormFolding = field(default_factory=StormFolding)
    seen_event: int = 0
    waiting: list[ToldEvent] = field(default_factory=list)
    """Events that the channel is to be told; stored as such until they are in a message."""
    retry_at_s: float = float("-inf")
    is_sending: bool = False


@dataclass(slots=True)
class Outcome:
    """How an attempt ended."""

    delivery: Delivery
    error: DeliveryError | None


class DeliveryDesk:
    """Call `poll` every second. Sending runs beside the caller; its outcome comes back through `post`."""

    def __init__(
        self,
        database: AlarmDatabase,
        clock: Clock,
        *,
        open_notifier: OpenNotifier,
        post: Callable[[Callable[[], None]], None],
        on_outcome: Callable[[Outcome], None],
        link: Callable[[], str] = str,
        installation: str = "",
    ) -> None:
        """`link` returns the panel's address; `installation` distinguishes the ids of messages of several clusters."""
        self._database = database
        self._clock = clock
        self._open_notifier = open_notifier
        self._post = post
        self._on_outcome = on_outcome
        self._link = link
        self._installation = installation
        self._lines: dict[str, _Line] = {}

    def poll(self, local_now: datetime, *, shelved: Callable[[ToldEvent], bool]) -> None:
        """Tell each channel what is due, and send what waits. Raise `StorageError`."""
        channels = self._database.channels.all()
        at_s = self._clock.monotonic()
        for channel in channels:
            line = self._lines.setdefault(channel.name, _Line())
            waiting = self._database.deliveries.first_queued(channel.name)
            if waiting is None and not line.is_sending:
                self._tell(channel, line, local_now, shelved)
                waiting = self._database.deliveries.first_queued(channel.name)
            if waiting is not None and not line.is_sending and at_s >= line.retry_at_s:
                self._start(channel, line, waiting)
        self._lines = {channel.name: self._lines[channel.name] for channel in channels}

    def _tell(
        self,
        channel: Channel,
        line: _Line,
        local_now: datetime,
        shelved: Callable[[ToldEvent], bool],
    ) -> None:
        """Queue a message about the events that the channel is to be told of, if it is time."""
        at_s = self._clock.monotonic()
        events = self._database.channels.untold(channel.name, after=line.seen_event)
        for one in events:
            line.seen_event = one.event_id
            if channel.tells(one.event, one.severity, one.unit) and not shelved(one):
                line.waiting.append(one)
                line.folding.add(one.severity, at_s)
        if not line.waiting:
            if events:
                self._database.channels.skip_to(channel.name, line.seen_event)
            return
        if not line.folding.is_due(at_s) or all(channel.is_quiet(one.severity, local_now) for one in line.waiting):
            return
        line.folding.told(at_s)
        notice = notice_of(line.waiting, link=self._link())
        self._database.deliveries.add(channel.name, notice, through_event=line.seen_event)
        line.waiting = []

    def _start(self, channel: Channel, line: _Line, delivery: Delivery) -> None:
        self._database.deliveries.begin(delivery.id)
        line.is_sending = True
        notifier = self._open_notifier(channel)
        # The same in each attempt, and another one when a new database counts from 1 again.
        number = f"{delivery.id}-{''.join(filter(str.isdecimal, delivery.created_at))}"

        def send() -> None:
            error: DeliveryError | None = None
            try:
                notifier.send(delivery.notice, delivery_id=f"{self._installation}-{number}")
            except DeliveryError as failed:
                error = failed
            except Exception as failed:  # noqa: BLE001  a notifier may raise anything; the message has to be seen to fail
                error = DeliveryError(f"{type(failed).__name__}: {failed}", is_final=True)
            outcome = Outcome(delivery, error)
            self._post(lambda: self._finish(line, outcome))

        self._clock.spawn(send, name=f"alarms to {channel.name}")

    def _finish(self, line: _Line, outcome: Outcome) -> None:
        delivery, error = outcome.delivery, outcome.error
        attempts = delivery.attempts + 1
        line.is_sending = False
        is_final = error is not None and (error.is_final or attempts >= MAX_ATTEMPTS)
        text = None if error is None else f"{error}{'' if error.remedy is None else f'. {error.remedy}'}"
        self._database.deliveries.finish(delivery.id, error=text, is_final=is_final)
        line.retry_at_s = self._clock.monotonic() + pause_s(attempts) if error is not None and not is_final else 0.0
        self._on_outcome(outcome)
