"""A measured quantity of a reactor: its newest value, its history, and its live points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from pioreactor_client.history import History

if TYPE_CHECKING:
    from pioreactor_client.reactor import Reactor


@dataclass(frozen=True, slots=True)
class QuantitySpec:
    """How a quantity is recorded and published: generated from its declaration in the software."""

    label: str
    dataset: str
    topics: tuple[str, ...]
    field: str
    column: str
    """Of the dataset."""
    unit: str | None


@dataclass(frozen=True, slots=True)
class Point:
    """One value. `channel` is that of a photodiode, where there are several."""

    time: datetime
    value: float
    unit: str | None = None
    channel: str | None = None


class _Payload(msgspec.Struct):
    timestamp: datetime
    channel: str | int | None = None


class Quantity:
    """One quantity of one reactor."""

    __slots__ = ("name", "reactor", "spec")

    def __init__(self, reactor: Reactor, name: str, spec: QuantitySpec) -> None:
        self.reactor = reactor
        self.name = name
        self.spec = spec

    def history(
        self, *, hours: float | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> History:
        """Return what was recorded in the reactor's experiment: all of it, the last `hours`, or between two times."""
        if hours is not None:
            since = self.reactor.api.transport.now() - timedelta(hours=hours)
        reactor = self.reactor
        return History(reactor.api, self.spec.dataset, reactor.experiment, reactor.name, since, until)

    def live(self, *, timeout_s: float = 120.0) -> Iterator[Point]:
        """Yield points as they are measured; end when none has come for `timeout_s`.

        On a simulated cluster time passes until each point.
        """
        prefix = f"pioreactor/{self.reactor.name}/{self.reactor.experiment}/"
        topics = [prefix + topic for topic in self.spec.topics]
        for message in self.reactor.api.transport.messages(topics, timeout_s=timeout_s):
            point = self._point(message.payload)
            if point is not None:
                yield point

    def latest(self, *, timeout_s: float = 120.0) -> Point:
        """Return the next point that is measured; raise `LookupError` when none comes in time."""
        points = self.live(timeout_s=timeout_s)
        for point in points:
            return point
        raise LookupError(f"no {self.name} of {self.reactor.name} within {timeout_s:g} s; does the job run?")

    def _point(self, payload: bytes) -> Point | None:
        """Return the point in a message; None for one that holds none, as when a job clears its last value."""
        try:
            known = msgspec.json.decode(payload, type=_Payload)
            value = msgspec.json.decode(payload, type=dict[str, object]).get(self.spec.field)
        except msgspec.DecodeError:
            return None
        if not isinstance(value, int | float):
            return None
        channel = str(known.channel) if known.channel is not None else None
        return Point(known.timestamp, float(value), self.spec.unit, channel)

    def __repr__(self) -> str:
        return f"<{self.spec.label} of {self.reactor.name}{f' [{self.spec.unit}]' if self.spec.unit else ''}>"
