"""The port to a cluster: requests, streams, live messages, and time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """A message of the cluster's broker."""

    topic: str
    payload: bytes


class Transport(Protocol):
    """Reaches the leader of one cluster, with a token that it keeps to itself."""

    @property
    def address(self) -> str:
        """The leader's URL, without credentials."""
        ...

    def request(self, method: str, path: str, *, body: bytes | None = None, timeout_s: float = 10.0) -> Answer:
        """Return the answer, whatever its status; raise `UnreachableError` or `TimedOutError` when there is none.

        `path` begins with a slash, and is quoted; `body` is JSON.
        """
        ...

    def stream(self, path: str, *, timeout_s: float = 60.0) -> AbstractContextManager[Iterator[bytes]]:
        """Return the body of an answer in parts of at most 64 KiB; raise as `request`, and for an error status."""
        ...

    def messages(self, topic_filters: Sequence[str], *, timeout_s: float) -> Iterator[LiveMessage]:
        """Yield live messages; end when none has come for `timeout_s`."""
        ...

    def now(self) -> datetime:
        """Return the time (UTC)."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Let time pass: real time, or that of a simulation."""
        ...

    def pause(self, duration_s: float) -> None:
        """Wait before the next look at something that the server is doing [s of real time, or less]."""
        ...

    def close(self) -> None:
        """Close connections; a simulated cluster ends. Idempotent."""
        ...
