"""Latest readings used by automations, with a maximum age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, Self, TypeVar, overload

from pioreactor.exc import JobRequiredError

T = TypeVar("T")

MAX_READING_AGE_S = 300.0


@dataclass
class LatestReading(Generic[T]):
    """The newest and the second newest value of one signal."""

    what: str
    source_job: str
    monotonic: Callable[[], float]
    """The clock by which a value gets old: steps of the wall clock neither age nor refresh it."""
    _value: T | None = field(default=None, init=False)
    _previous: T | None = field(default=None, init=False)
    at: datetime | None = field(default=None, init=False)
    """Time stamp of the newest value."""
    _heard_s: float | None = field(default=None, init=False)

    def assign(self, part: str, value: object) -> None:
        """Take a value that code of a plugin assigns instead of a message; it is fresh from now on."""
        setattr(self, {"latest": "_value", "previous": "_previous", "at": "at"}[part], value)
        self._heard_s = self.monotonic()

    def update(self, value: T, at: datetime) -> None:
        self._previous = self._value if self._value is not None else value
        self._value = value
        self.at = at
        self._heard_s = self.monotonic()

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
