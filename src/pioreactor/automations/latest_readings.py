"""Latest readings used by automations, with a maximum age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

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
