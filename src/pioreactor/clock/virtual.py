"""Virtual time: everything runs in one thread, one at a time, and time jumps to the next event.

The code that creates the clock (main code) drives it: when it sleeps or waits, spawned tasks run. Tasks are greenlets,
so any of them may block in the clock while the others proceed. The order of execution is deterministic.
"""

import heapq
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from greenlet import getcurrent, greenlet


class NothingLeftToDoError(RuntimeError):
    """Deadlock: main code waits while no greenlet is ready and no timer is set."""


class _Waiter:
    """One blocked greenlet (or the main code); woken at most once."""

    __slots__ = ("by_signal", "done", "glet")

    def __init__(self, glet: greenlet | None) -> None:
        self.glet = glet
        self.done = False
        self.by_signal = False


class VirtualSignal:
    """A `Signal` in virtual time."""

    def __init__(self, clock: "VirtualClock") -> None:
        self._clock = clock
        self._set = False
        self._waiters: list[_Waiter] = []

    def set(self) -> None:
        self._set = True
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.by_signal = not waiter.done
            self._clock._wake(waiter)

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout_s: float | None = None) -> bool:
        if self._set:
            return True
        if timeout_s is not None and timeout_s <= 0:
            return False
        waiter = self._clock._waiter()
        self._waiters.append(waiter)
        self._clock._block(waiter, timeout_s)
        if waiter.by_signal:
            return True  # it was set, even if it was cleared before the waiter ran
        if not self._set and waiter in self._waiters:
            self._waiters.remove(waiter)
        return self._set


class VirtualTask:
    """A `Task` in virtual time."""

    def __init__(self, clock: "VirtualClock", run: Callable[[], None], name: str) -> None:
        self._clock = clock
        self._name = name
        self._ended = VirtualSignal(clock)
        self._abandoned = False
        self.glet = greenlet(lambda: self._run(run), clock._main)

    @property
    def name(self) -> str:
        return self._name

    def _run(self, run: Callable[[], None]) -> None:
        try:
            run()
        finally:
            if not self._abandoned:
                self._ended.set()

    def is_alive(self) -> bool:
        return not self._abandoned and not self._ended.is_set()

    def join(self, timeout_s: float | None = None) -> bool:
        if getcurrent() is self.glet:
            return False
        return self._ended.wait(timeout_s)

    def abandon(self) -> None:
        """Never run it again, as after SIGKILL: not even its `finally` blocks."""
        self._abandoned = True
        self._clock._forget(self.glet)


class VirtualClock:
    """Clock whose time advances only when all greenlets wait."""

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._offset = timedelta()
        self._time = 0.0
        self._now = start
        self._now_at_s = -1.0
        self._main = getcurrent()
        self._ready: deque[greenlet] = deque()
        self._timers: list[tuple[float, int, _Waiter]] = []
        self._count = 0
        self._dead: set[greenlet] = set()
        self._main_is_awake = True

    def monotonic(self) -> float:
        return self._time

    def now(self) -> datetime:
        if self._time != self._now_at_s:
            # Many timestamps are taken at one moment: the same object is returned each time.
            self._now = self._start + self._offset + timedelta(milliseconds=int(self._time * 1000 + 1e-6))
            self._now_at_s = self._time
        return self._now

    def step_wall_clock(self, by_s: float) -> None:
        """Step the wall clock, as NTP or a missing battery does; durations are not touched."""
        self._offset += timedelta(milliseconds=round(by_s * 1000))
        self._now_at_s = -1.0

    def signal(self) -> VirtualSignal:
        return VirtualSignal(self)

    def spawn(self, run: Callable[[], None], *, name: str) -> VirtualTask:
        task = VirtualTask(self, run, name)
        self._ready.append(task.glet)
        return task

    def sleep(self, duration_s: float) -> None:
        if duration_s <= 0:
            duration_s = 0.0
        until = self._time + duration_s
        if not self._ready and not self._main_is_awake and getcurrent() is not self._main:
            # No other greenlet can run before this sleep ends: time advances without a switch.
            timers = self._timers
            while timers and timers[0][2].done:
                heapq.heappop(timers)
            if timers and until < timers[0][0]:
                self._time = until
                return
        self._block(self._waiter(), duration_s)

    def _waiter(self) -> _Waiter:
        current = getcurrent()
        return _Waiter(None if current is self._main else current)

    def _block(self, waiter: _Waiter, timeout_s: float | None) -> None:
        if timeout_s is not None:
            self._count += 1
            heapq.heappush(self._timers, (self._time + timeout_s, self._count, waiter))
        if waiter.glet is not None:
            self._main.switch()
            return
        self._main_is_awake = False
        try:
            while not waiter.done:
                self._step()
        finally:
            self._main_is_awake = True

    def _wake(self, waiter: _Waiter) -> None:
        if waiter.done:
            return
        waiter.done = True
        if waiter.glet is not None:
            self._ready.append(waiter.glet)
        else:
            self._main_is_awake = True

    def _step(self) -> None:
        if self._ready:
            glet = self._ready.popleft()
            if glet not in self._dead:
                glet.switch()
            return
        timers = self._timers
        while timers:
            at, _, waiter = heapq.heappop(timers)
            if waiter.done:
                continue
            if at > self._time:
                self._time = at
            self._wake(waiter)
            return
        raise NothingLeftToDoError("deadlock: main code waits while no greenlet is ready and no timer is set")

    def _forget(self, glet: greenlet) -> None:
        self._dead.add(glet)
