"""The promise of a clock. Jobs know time and waiting only through it."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Signal(Protocol):
    """A flag that can be waited for, like `threading.Event`."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def is_set(self) -> bool: ...

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until set; return False when the time is over first."""
        ...


class Task(Protocol):
    """Something that runs beside its starter."""

    @property
    def name(self) -> str: ...

    def is_alive(self) -> bool: ...

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; return False when the time is over first."""
        ...


class Clock(Protocol):
    """Monotonic seconds for durations, aware UTC for records, and the ways to wait."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never steps."""
        ...

    def now(self) -> datetime:
        """Aware UTC, cut to whole milliseconds."""
        ...

    def sleep(self, duration_s: float) -> None: ...

    def signal(self) -> Signal: ...

    def spawn(self, run: Callable[[], None], *, name: str) -> Task:
        """Run something beside the caller (a thread, or a greenlet of virtual time)."""
        ...
