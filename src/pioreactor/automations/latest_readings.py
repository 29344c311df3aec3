"""Latest readings used by automations, with a maximum age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, Protocol, Self, TypeVar, overload

from pioreactor.exc import JobRequiredError

T = TypeVar("T")

MAX_READING_AGE_S = 300.0
LOST_AFTER_S = 600.0
"""A signal without a valid value for so long is lost; for one that comes rarely, three of its intervals."""
LOST_AFTER_INTERVALS = 3


class Signal(Protocol):
    """What an automation cannot work without."""

    what: str
    source_job: str

    def is_lost(self, since_s: float) -> bool:
        """Return whether it has been silent or invalid for too long, counted from `since_s` at the earliest."""
        ...

    def is_heard_after(self, moment_s: float) -> bool:
        """Return whether a valid value arrived after this time."""
        ...


@dataclass
class LatestReading(Generic[T]):
    """The newest and the second newest value of one signal."""

    what: str
    source_job: str
    monotonic: Callable[[], float]
    """The clock by which a value gets old: steps of the wall clock neither age nor refresh it."""
    is_valid: Callable[[T], bool] = lambda _: True
    """Whether a value says anything: an OD of 0 does not."""
    _value: T | None = field(default=None, init=False)
    _previous: T | None = field(default=None, init=False)
    at: datetime | None = field(default=None, init=False)
    """Time stamp of the newest value."""
    _heard_s: float | None = field(default=None, init=False)
    _valid_s: float | None = field(default=None, init=False)
    _interval_s: float = field(default=0.0, init=False)
    _expected_s: float = field(default=0.0, init=False)
    _first_expected_s: float = field(default=0.0, init=False)

    def assign(self, part: str, value: object) -> None:
        """Take a value that code of a plugin assigns instead of a message; it is fresh from now on."""
        setattr(self, {"latest": "_value", "previous": "_previous", "at": "at"}[part], value)
        self._heard_s = self._valid_s = self.monotonic()

    def update(self, value: T, at: datetime) -> None:
        self._previous = self._value if self._value is not None else value
        self._value = value
        self.at = at
        now_s = self.monotonic()
        if self._heard_s is not None:
            self._interval_s = now_s - self._heard_s
        self._heard_s = now_s
        if self.is_valid(value):
            self._valid_s = now_s

    def expect(self, interval_s: float, first_after_s: float = 0.0) -> None:
        """Take it for lost only if it comes later than this interval, and the first value than this time, suggest."""
        self._expected_s, self._first_expected_s = interval_s, first_after_s

    def is_lost(self, since_s: float) -> bool:
        limit_s = max(LOST_AFTER_S, LOST_AFTER_INTERVALS * max(self._interval_s, self._expected_s))
        if self._valid_s is None:
            return self.monotonic() - since_s > limit_s + self._first_expected_s
        return self.monotonic() - max(self._valid_s, since_s) > limit_s

    def is_heard_after(self, moment_s: float) -> bool:
        return self._valid_s is not None and self._valid_s > moment_s

    @property
    def is_fresh(self) -> bool:
        return self._heard_s is not None and self.monotonic() - self._heard_s <= MAX_READING_AGE_S

    @property
    def latest(self) -> T:
        """Return the newest value; raise `JobRequiredError` when there is none or it is over five minutes old."""
        return self._require(self._value)

    @property
    def previous(self) -> T:
        return self._require(self._previous)

    def _require(self, value: T | None) -> T:
        if value is None or not self.is_fresh:
            state = "has no value yet" if self._heard_s is None else "is over five minutes old"
            raise JobRequiredError(
                f"{self.what} {state}", remedy=f"Start {self.source_job} on this unit, and see that it is not paused."
            )
        return value


class ReadingPart(Generic[T]):
    """Attribute of an automation that reads, and may assign, the newest or second newest value or its time."""

    def __init__(self, reading: str, part: Literal["latest", "previous", "at"]) -> None:
        self._reading = reading
        self._part = part

    @overload
    def __get__(self, job: None, owner: type) -> Self: ...

    @overload
    def __get__(self, job: object, owner: type) -> T: ...

    def __get__(self, job: object | None, owner: type) -> Self | T:
        if job is None:
            return self
        value: T = getattr(getattr(job, self._reading), self._part)
        return value

    def __set__(self, job: object, value: T) -> None:
        reading: LatestReading[object] = getattr(job, self._reading)
        reading.assign(self._part, value)
