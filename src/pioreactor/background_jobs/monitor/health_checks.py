"""Health checks of a unit, with rules for when a fault is logged: once confirmed, as a reminder, and on recovery."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pioreactor.clock.ports import Clock
from pioreactor.exc import PioreactorError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """Fault of a unit: sentences that state what is wrong and what to do."""

    sentence: str
    code: int | None = None
    """Code that the LED blinks (`error_codes`), or None."""
    level: int = logging.WARNING


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A single check."""

    name: str
    """Name of what is checked ("disk"), for log messages."""
    run: Callable[[], Fault | None]
    patience: int = 1
    """Consecutive failures before the fault is logged; above 1 for what may still be starting."""


class HealthMonitor:
    """Runs checks and logs changes. A lasting fault blinks at each check and is logged again as a reminder."""

    def __init__(
        self,
        clock: Clock,
        *,
        log_fault: Callable[[int, str], None],
        blink: Callable[[int], None],
        diagnose: Callable[[str, str | None], None] = lambda _name, _sentence: None,
        remind_after_s: float,
    ) -> None:
        """`log_fault` takes a level of `logging` and a sentence; `diagnose` a name and a sentence, None when it ends.

        `remind_after_s`: 0 for never.
        """
        self._clock = clock
        self._log_fault = log_fault
        self._blink = blink
        self._diagnose = diagnose
        self._remind_after_s = remind_after_s
        self._failures: dict[str, int] = {}
        self._logged_at_s: dict[str, float] = {}

    @property
    def faults(self) -> tuple[str, ...]:
        """Return the names of the faults that were logged."""
        return tuple(self._logged_at_s)

    def run(self, checks: Iterable[HealthCheck]) -> None:
        """Run each check once. A check that raises changes nothing, and the others still run."""
        for check in checks:
            try:
                fault = check.run()
            except (PioreactorError, OSError) as error:
                log.debug("The check of the %s failed: %s", check.name, error)
                continue
            if fault is None:
                self._clear(check.name)
            else:
                self._record(check, fault)

    def _clear(self, name: str) -> None:
        self._failures.pop(name, None)
        if self._logged_at_s.pop(name, None) is not None:
            self._diagnose(_diagnosis(name), None)
            self._log_fault(logging.INFO, f"The {name} is working again.")

    def _record(self, check: HealthCheck, fault: Fault) -> None:
        failures = self._failures[check.name] = self._failures.get(check.name, 0) + 1
        if failures < check.patience:
            return
        if fault.code is not None:
            self._blink(fault.code)
        self._diagnose(_diagnosis(check.name), fault.sentence)
        now_s = self._clock.monotonic()
        logged_at_s = self._logged_at_s.get(check.name)
        due = self._remind_after_s > 0 and logged_at_s is not None and now_s - logged_at_s >= self._remind_after_s
        if logged_at_s is None or due:
            self._logged_at_s[check.name] = now_s
            self._log_fault(fault.level, fault.sentence)


def _diagnosis(check: str) -> str:
    """Return the name of the diagnosis of a check, as rules of alarms spell it."""
    return check.lower().replace(" ", "_")
