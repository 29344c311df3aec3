"""The machine's clock, and the same clock running faster for simulated reactors in real processes."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class ThreadSignal:
    """A `Signal` over `threading.Event`; waits are given in clock seconds."""

    def __init__(self, speed: float) -> None:
        self._event = threading.Event()
        self._speed = speed

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        self._event.clear()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout_s: float | None = None) -> bool:
        return self._event.wait(None if timeout_s is None else max(0.0, timeout_s / self._speed))


class ThreadTask:
    """A `Task` over a daemon thread: a lane that foreign code holds up must not keep a process alive."""

    def __init__(self, run: Callable[[], None], name: str, speed: float) -> None:
        self._speed = speed
        self._thread = threading.Thread(target=run, name=name, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return self._thread.name

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, timeout_s: float | None = None) -> bool:
        if self._thread is threading.current_thread():
            return False
        self._thread.join(None if timeout_s is None else timeout_s / self._speed)
        return not self._thread.is_alive()


class SystemClock:
    """Real time, or real time multiplied.

    With `speed` other than 1, seconds pass `speed` times faster counted from `origin`: a pair of (Unix time,
    monotonic time) that all processes of one simulated cluster share, so that they agree on every moment.
    """

    def __init__(self, *, speed: float = 1.0, origin: tuple[float, float] | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self._speed = speed
        self._origin = origin if origin is not None else (time.time(), time.monotonic())

    @property
    def speed(self) -> float:
        return self._speed

    def monotonic(self) -> float:
        if self._speed == 1.0:
            return time.monotonic()
        return self._origin[1] + (time.monotonic() - self._origin[1]) * self._speed

    def now(self) -> datetime:
        if self._speed == 1.0:
            moment = datetime.now(UTC)
        else:
            moment = datetime.fromtimestamp(self._origin[0], UTC) + timedelta(
                seconds=self.monotonic() - self._origin[1]
            )
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def sleep(self, duration_s: float) -> None:
        time.sleep(max(0.0, duration_s / self._speed))

    def signal(self) -> ThreadSignal:
        return ThreadSignal(self._speed)

    def spawn(self, run: Callable[[], None], *, name: str) -> ThreadTask:
        return ThreadTask(run, name, self._speed)
