"""Something that is done again and again beside everything else, on a grid of moments: start + k · interval."""

from __future__ import annotations

from collections.abc import Callable

from pioreactor.clock.ports import Clock, Task


class Repeating:
    """Missed moments are skipped. A pause leaves the grid where it is. An error is told, and the next turn comes."""

    def __init__(
        self,
        clock: Clock,
        interval_s: float,
        run: Callable[[], object],
        *,
        name: str,
        run_immediately: bool = False,
        run_after_s: float = 0.0,
        on_error: Callable[[Exception], None],
    ) -> None:
        if not interval_s > 0:
            raise ValueError(f"an interval must be above 0 s, not {interval_s}")
        self._clock = clock
        self._interval_s = interval_s
        self._do = run
        self._name = name
        self._run_immediately = run_immediately
        self._run_after_s = run_after_s
        self._on_error = on_error
        self._ended = clock.signal()
        self._paused = False
        self._task: Task | None = None

    def start(self) -> None:
        """Begin. A second start does nothing."""
        if self._task is None:
            self._task = self._clock.spawn(self._run, name=self._name)

    def cancel(self, timeout_s: float | None = None) -> None:
        """End, and wait for a turn that is under way; from within a turn it returns at once."""
        self._ended.set()
        if self._task is not None:
            self._task.join(timeout_s)

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; return False when the time is over first."""
        return self._task is None or self._task.join(timeout_s)

    def pause(self) -> None:
        self._paused = True

    def unpause(self) -> None:
        self._paused = False

    def is_alive(self) -> bool:
        return self._task is not None and self._task.is_alive()

    def _run(self) -> None:
        if self._run_after_s > 0 and self._ended.wait(self._run_after_s):
            return
        start_s = self._clock.monotonic()
        if self._run_immediately:
            self._turn()
        while True:
            since_s = self._clock.monotonic() - start_s
            next_s = (int(since_s / self._interval_s + 1e-9) + 1) * self._interval_s
            if self._ended.wait(next_s - since_s):
                return
            self._turn()

    def _turn(self) -> None:
        if self._paused or self._ended.is_set():
            return
        try:
            self._do()
        except Exception as error:  # noqa: BLE001  a plugin's function may raise anything; the next turn comes
            self._on_error(error)
