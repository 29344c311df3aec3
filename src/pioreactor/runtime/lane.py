"""One lane: the mailbox and the timers of one job, worked off one after another.

Code on a lane needs no locks: messages, timers and changed settings never overlap. A stop (or a pause) overtakes the
queue, by interrupting the waits of whatever is running; what is posted to run during waits runs within them.
"""

import heapq
import logging
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar, copy_context

from pioreactor.clock.ports import Clock, Signal, Task
from pioreactor.exc import StoppedError

log = logging.getLogger(__name__)


_present: ContextVar["Lane | None"] = ContextVar("pioreactor_lane", default=None)


def current_lane() -> "Lane | None":
    """Return the lane this code runs on (or, while a job is constructed, the lane it will run on)."""
    return _present.get()


class PausedError(StoppedError):
    """The job was asked to pause while it was in a wait that can be cut short."""

    code = "paused"


class LaneTimer:
    """Something that happens once, or again and again at `start + k·interval`; missed ticks are skipped."""

    def __init__(self, lane: "Lane", run: Callable[[], None], at_s: float, interval_s: float | None) -> None:
        self._lane = lane
        self._run = run
        self._start_s = at_s
        self.interval_s = interval_s
        self.next_s = at_s
        self.canceled = False

    def cancel(self) -> None:
        self.canceled = True

    def fire(self) -> None:
        """Run; ticks that pass meanwhile are skipped, the next one is on the grid again."""
        try:
            self._run()
        finally:
            if self.interval_s is not None and not self.canceled:
                ticks = int((self._lane.clock.monotonic() - self._start_s) / self.interval_s + 1e-9) + 1
                self.next_s = self._start_s + ticks * self.interval_s
                self._lane.enqueue_timer(self)


class Lane:
    """Runs what is posted to it, in order, on a task of its own."""

    def __init__(
        self,
        clock: Clock,
        name: str,
        *,
        at_start: Callable[[], None] | None = None,
        after_turn: Callable[[], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        """`at_start` runs first on the lane, `after_turn` after each callback; `on_error` receives what one raises."""
        self._clock = clock
        self._name = name
        self._at_start = at_start
        self._after_turn = after_turn
        self._on_error = on_error
        self._timer_ran_last = False
        self._is_running = False
        self._mailbox: deque[Callable[[], None]] = deque()
        self._mailbox_of_waits: deque[Callable[[], None]] = deque()
        self._is_sleeping = False
        self._timers: list[tuple[float, int, LaneTimer]] = []
        self._count = 0
        self._wake: Signal = clock.signal()
        self._interrupt: Signal = clock.signal()
        self._stopping = False
        self._pausing = False
        self._task: Task | None = None

    @property
    def clock(self) -> Clock:
        return self._clock

    def make_current(self) -> None:
        """Make this the present lane of the calling thread or greenlet."""
        _present.set(self)

    @staticmethod
    def restore_current(lane: "Lane | None") -> None:
        """Give the calling thread back the lane it had before."""
        _present.set(lane)

    def is_current(self) -> bool:
        """Say whether the caller runs on this lane."""
        return self._task is not None and _present.get() is self

    def call(self, run: Callable[[], None]) -> None:
        """Run on the lane and wait for it; at once when the caller is on it or the lane does not run."""
        if self._task is None or not self._task.is_alive() or self.is_current():
            run()
            return
        done = self._clock.signal()
        failures: list[Exception] = []

        def run_and_tell() -> None:
            try:
                run()
            except Exception as error:  # noqa: BLE001  handed to the caller, who waits for it
                failures.append(error)
            finally:
                done.set()

        self.post(run_and_tell)
        while not done.wait(1.0) and self._task.is_alive():
            pass
        if failures:
            raise failures[0]

    @property
    def is_busy(self) -> bool:
        """Return whether something runs, or is queued, or the lane has not started: what is posted now has to wait."""
        return self._task is None or self._is_running or bool(self._mailbox or self._mailbox_of_waits)

    @property
    def is_sleeping(self) -> bool:
        """Return whether what runs is in a wait, in which what is posted to run during waits runs at once."""
        return self._is_sleeping

    @property
    def stopping(self) -> bool:
        return self._stopping

    @property
    def task(self) -> Task | None:
        return self._task

    def post(self, run: Callable[[], None]) -> None:
        """Run this after what is already queued. From any thread."""
        self._mailbox.append(run)
        self._wake.set()

    def post_for_waits(self, run: Callable[[], None]) -> None:
        """Run this before what is queued, also in the middle of a wait. It must be short. From any thread."""
        self._mailbox_of_waits.append(run)
        self._interrupt.set()
        self._wake.set()

    def later(self, delay_s: float, run: Callable[[], None]) -> LaneTimer:
        """Run once, after a delay."""
        return self._schedule(LaneTimer(self, run, self._clock.monotonic() + delay_s, None))

    def every(self, interval_s: float, run: Callable[[], None], *, first_after_s: float | None = None) -> LaneTimer:
        """Run again and again; the first time after `first_after_s` (default: one interval)."""
        if not interval_s > 0:
            raise ValueError(f"an interval must be above 0 s, not {interval_s}")
        delay_s = interval_s if first_after_s is None else first_after_s
        return self._schedule(LaneTimer(self, run, self._clock.monotonic() + delay_s, interval_s))

    def _schedule(self, timer: LaneTimer) -> LaneTimer:
        self.enqueue_timer(timer)
        self._wake.set()
        return timer

    def enqueue_timer(self, timer: LaneTimer) -> None:
        self._count += 1
        heapq.heappush(self._timers, (timer.next_s, self._count, timer))

    def start(self, ending: Callable[[], None]) -> None:
        """Begin to work; `ending` runs last, on the lane, once a stop was asked for."""
        # The lane sees what its starter saw: the same runtime, also when several units share a process.
        context = copy_context()
        self._task = self._clock.spawn(lambda: context.run(self._run, ending), name=self._name)

    def request_stop(self) -> None:
        """Ask for the end: nothing queued runs any more, and waits on the lane are interrupted. From any thread."""
        self._stopping = True
        self._interrupt.set()
        self._wake.set()

    def request_pause(self) -> None:
        """Interrupt a wait that said it may be paused. From any thread."""
        self._pausing = True
        self._interrupt.set()

    def end_pause(self) -> None:
        self._pausing = False
        if not self._stopping:
            self._interrupt.clear()

    @property
    def pausing(self) -> bool:
        return self._pausing

    def sleep(self, duration_s: float, *, pausable: bool = False) -> None:
        """Wait; raise `StoppedError` when a stop comes first, `PausedError` for a pause if `pausable`."""
        self._finish_turn()
        until_s = self._clock.monotonic() + duration_s
        self._is_sleeping = True
        try:
            while (remaining_s := self._remaining_s(until_s, pausable=pausable)) > 0:
                if not self._interrupt.wait(remaining_s):
                    return
                if not self._stopping and not (pausable and self._pausing):
                    self._interrupt.clear()
                self._run_in_wait()
        finally:
            self._is_sleeping = False

    def _remaining_s(self, until_s: float, *, pausable: bool) -> float:
        """Return how long a wait still lasts; raise what ends it early."""
        self._raise_if_interrupted(pausable=pausable)
        return until_s - self._clock.monotonic()

    def _run_in_wait(self) -> None:
        """Run what was posted for waits. An error of it is reported, and does not end the wait."""
        while self._mailbox_of_waits:
            try:
                self._mailbox_of_waits.popleft()()
                self._finish_turn()
            except Exception as error:  # noqa: BLE001  what waits, a pump that runs, must not end by a bad setting
                self._report(error)

    def _raise_if_interrupted(self, *, pausable: bool) -> None:
        if self._stopping:
            raise StoppedError("asked to stop")
        if self._pausing and pausable:
            raise PausedError("asked to pause")

    def _run(self, ending: Callable[[], None]) -> None:
        self.make_current()
        try:
            if self._at_start is not None:
                self._at_start()
            while not self._stopping:
                self._turn()
        finally:
            ending()

    def _turn(self) -> None:
        self._wake.clear()
        run = self._next()
        if run is None:
            self._wake.wait(self._seconds_to_next_timer())
            return
        self._is_running = True
        try:
            run()
        except StoppedError:
            pass
        except Exception as error:  # noqa: BLE001  the lane must survive what its job's code does
            self._report(error)
        finally:
            self._is_running = False
        try:
            self._finish_turn()
        except Exception as error:  # noqa: BLE001  what cannot be sent or stored at present must not end a job either
            self._report(error)

    def _report(self, error: Exception) -> None:
        if self._on_error is None:
            log.error("%s: error in a handler", self._name, exc_info=error)
        else:
            self._on_error(error)

    def _finish_turn(self) -> None:
        if self._after_turn is not None:
            self._after_turn()

    def _next(self) -> Callable[[], None] | None:
        """Return what is due: timers first, but between two of them one message, so that none waits for ever."""
        if self._mailbox_of_waits:
            return self._mailbox_of_waits.popleft()
        if self._mailbox and self._timer_ran_last:
            self._timer_ran_last = False
            return self._mailbox.popleft()
        now_s = self._clock.monotonic()
        timers = self._timers
        while timers and (timers[0][2].canceled or timers[0][0] <= now_s + 1e-9):
            _, _, timer = heapq.heappop(timers)
            if not timer.canceled:
                self._timer_ran_last = True
                return timer.fire
        if self._mailbox:
            return self._mailbox.popleft()
        return None

    def _seconds_to_next_timer(self) -> float | None:
        timers = self._timers
        while timers and timers[0][2].canceled:
            heapq.heappop(timers)
        if not timers:
            return None
        return max(0.0, timers[0][0] - self._clock.monotonic())
