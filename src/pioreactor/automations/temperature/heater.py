"""Heater output with interlocks: a request gets no more duty than safety allows at that moment."""

from __future__ import annotations

import threading

from pioreactor.clock.ports import Clock
from pioreactor.devices.guard import HeatingStage, checked_percent
from pioreactor.devices.ports import PwmOutput


class GuardedHeater:
    """Heater that the automation and the board monitor write to, each on its own lane.

    While any prohibition is set, the heater is off whatever duty is requested.
    """

    def __init__(self, output: PwmOutput, clock: Clock) -> None:
        self._output = output
        self._clock = clock
        self._lock = threading.RLock()
        self._prohibitions: set[str] = set()
        self._max_duty = 100.0
        self._duty = 0.0
        self._percent_seconds = 0.0
        self._integrated_to_s = self._integrated_from_s = clock.monotonic()
        self._released = False

    @property
    def duty_percent(self) -> float:
        return self._duty

    @property
    def prohibitions(self) -> frozenset[str]:
        return frozenset(self._prohibitions)

    def heat(self, duty_percent: float) -> float:
        """Set the duty [%]; return the duty that was applied."""
        with self._lock:
            if self._released:
                return 0.0
            applied = 0.0 if self._prohibitions else min(checked_percent(duty_percent), self._max_duty)
            if applied > 0.0 or self._duty > 0.0:
                self._write(applied)
            return applied

    def off(self) -> None:
        """Switch the heater off."""
        with self._lock:
            if self._released:
                return
            self._integrate()
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
        """Reduce the duty and limit it to that until `restrain(ALLOWED)`."""
        with self._lock:
            if stage is HeatingStage.ALLOWED:
                self._max_duty = 100.0
                return
            if not self._released:
                self._max_duty = stage.limit_duty(self._duty)
                self._write(self._max_duty)

    def mean_duty_percent(self) -> float:
        """Return the mean duty [%] since the last call."""
        with self._lock:
            self._integrate()
            now_s = self._integrated_to_s
            passed_s = now_s - self._integrated_from_s
            mean = self._percent_seconds / passed_s if passed_s > 0 else self._duty
            self._percent_seconds, self._integrated_from_s = 0.0, now_s
            return mean

    def release(self) -> None:
        """Switch the heater off and release the output."""
        with self._lock:
            if not self._released:
                self._released = True
                self._duty = 0.0
                self._output.release()

    def _write(self, duty_percent: float) -> None:
        self._integrate()
        if duty_percent != self._duty:
            self._output.set_duty(duty_percent)
            self._duty = duty_percent

    def _integrate(self) -> None:
        now_s = self._clock.monotonic()
        self._percent_seconds += self._duty * (now_s - self._integrated_to_s)
        self._integrated_to_s = now_s
