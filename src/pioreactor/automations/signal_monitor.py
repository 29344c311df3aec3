"""Pauses an automation whose signal is lost, and resumes it when the signal is back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pioreactor.automations.latest_readings import Signal
from pioreactor.observability.log import CustomLogger
from pioreactor.states import JobState

CHECK_EVERY_S: Final = 30.0


class SignalMonitor:
    """Without a signal a loop does nothing, or acts on old values: that is reported once, as an error.

    Only a pause of its own is ended; `forget` after a command of a person.
    """

    def __init__(
        self,
        *,
        now_s: Callable[[], float],
        logger: CustomLogger,
        pause: Callable[[str], None],
        resume: Callable[[], None],
    ) -> None:
        self._now_s = now_s
        self._logger = logger
        self._pause = pause
        self._resume = resume
        self._ready_since_s = now_s()
        self._paused_at_s: float | None = None

    def on_ready(self) -> None:
        """Count from now on: readings that were missed during a pause are no fault."""
        self._ready_since_s = self._now_s()
        self._paused_at_s = None

    def forget(self) -> None:
        """Leave it to a person to resume."""
        self._paused_at_s = None

    def check(self, state: JobState, signals: Sequence[Signal]) -> None:
        """Pause a loop that runs without one of its signals; resume one that was paused here once all are back."""
        if state == JobState.READY:
            lost = [signal for signal in signals if signal.is_lost(self._ready_since_s)]
            if lost:
                self._paused_at_s = self._now_s()
                message = _explained(lost)
                self._logger.error("%s", message)
                self._pause(message)
        elif state == JobState.SLEEPING and self._paused_at_s is not None:
            since_s = self._paused_at_s
            if all(signal.is_heard_after(since_s) for signal in signals):
                minutes = (self._now_s() - since_s) / 60
                self._logger.notice("The signal is back after %.0f minutes; resuming.", minutes)
                self._resume()


def _explained(lost: Sequence[Signal]) -> str:
    what = " and ".join(signal.what for signal in lost)
    jobs = " and ".join(dict.fromkeys(signal.source_job for signal in lost))
    return (
        f"No signal: there has been no valid value of {what} for some minutes. Paused until there is one. Check that "
        f"{jobs} runs on this unit, and that what it measures with is in place: for OD, vial, LED and photodiodes."
    )
