"""The heater with its prohibitions: whoever asks for heat gets no more than safety allows at that moment."""

from __future__ import annotations

import threading

from pioreactor.clock.ports import Clock
from pioreactor.devices.guard import HeatingStage, checked_percent
from pioreactor.devices.ports import PwmOutput


class GuardedHeater:
    """Written to by the automation and by the watch over the board, each on a lane of its own.

    While there is any prohibition the heater is off, whatever is asked for.
    """

    def __init__(self, output: PwmOutput, clock: Clock) -> None:
        self._output = output
        self._clock = clock
        self._lock = threading.RLock()
        self._prohibitions: set[str] = set()
        self._most = 100.0
        self._duty = 0.0
        self._percent_seconds = 0.0
        self._counted_to_s = self._counted_from_s = clock.monotonic()
        self._released = False

    @property
    def duty_percent(self) -> float:
        return self._duty

    @property
    def prohibitions(self) -> frozenset[str]:
        return frozenset(self._prohibitions)

    def heat(self, duty_percent: float) -> float:
        """Drive the heater [%]; return the duty that it was given."""
        with self._lock:
            if self._released:
                return 0.0
            wanted = 0.0 if self._prohibitions else min(checked_percent(duty_percent), self._most)
            if wanted > 0.0 or self._duty > 0.0:
                self._write(wanted)
            return wanted

    def off(self) -> None:
        """Switch off. Always allowed."""
        with self._lock:
            if self._released:
                return
            self._count()
            self._duty = 0.0
            self._output.off()

    def forbid(self, reason: str) -> None:
        """Switch off and keep off until `allow` of the same reason."""
        with self._lock:
            self._prohibitions.add(reason)
            self.off()

    def allow(self, reason: str) -> None:
        with self._lock:
            self._prohibitions.discard(reason)

    def restrain(self, stage: HeatingStage) -> None:
        """Reduce what is given and let nobody raise it again, or (`ALLOWED`) lift that."""
        with self._lock:
            if stage is HeatingStage.ALLOWED:
                self._most = 100.0
                return
            if not self._released:
                self._most = stage.limit_duty(self._duty)
                self._write(self._most)

    def mean_duty_percent(self) -> float:
        """Return the mean duty [%] since the last call."""
        with self._lock:
            self._count()
            now_s = self._counted_to_s
            passed_s = now_s - self._counted_from_s
            mean = self._percent_seconds / passed_s if passed_s > 0 else self._duty
            self._percent_seconds, self._counted_from_s = 0.0, now_s
            return mean

    def release(self) -> None:
        """Switch off for good and give the output up."""
        with self._lock:
            if not self._released:
                self._released = True
                self._duty = 0.0
                self._output.release()

    def _write(self, duty_percent: float) -> None:
        self._count()
        if duty_percent != self._duty:
            self._output.set_duty(duty_percent)
            self._duty = duty_percent

    def _count(self) -> None:
        now_s = self._clock.monotonic()
        self._percent_seconds += self._duty * (now_s - self._counted_to_s)
        self._counted_to_s = now_s
