"""Monitor of the heater board: reads its thermometer every few seconds and switches the heater off if necessary.

It has its own lane, so that neither an automation that hangs nor an unreachable broker stops it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

from pioreactor.automations.temperature.heater import GuardedHeater
from pioreactor.clock.ports import Clock
from pioreactor.devices.guard import HeatingLimits, HeatingStage
from pioreactor.devices.ports import Thermometer
from pioreactor.exc import PioreactorError
from pioreactor.runtime.lane import Lane
from pioreactor.science.temperature.plant import Plant
from pioreactor.science.temperature.plausibility import BoardExpectation

READ_EVERY_S: Final = 5.0
MAX_JUMP_K: Final = 25.0
"""Largest plausible change between two readings; 4.2 W into 3.1 J/K are 7 K in 5 s."""
MIN_CELSIUS: Final = -20.0
MAX_CELSIUS: Final = 125.0
"""The TMP1075 measures from −55 to 125 °C; no laboratory is colder than −20 °C."""
MISSES_BEFORE_OFF: Final = 2
GOOD_BEFORE_ON: Final = 3
HYSTERESIS_K: Final = 5.0
"""Hysteresis: a board that was too hot is heated again this much below the first limit [K]."""
RETRY_S: Final = 300.0
MAX_RETRY_S: Final = 3600.0
MAX_SILENCE_S: Final = 600.0
"""The heater is switched off when the automation has not processed a reading for so long [s]."""
STOP_TIMEOUT_S: Final = 2.0

TOO_HOT: Final = "too hot"
NO_READING: Final = "no reading"
NOT_FOLLOWING: Final = "not following"
SILENT: Final = "silent"


@dataclass(frozen=True, slots=True)
class BoardReading:
    """Reading of the board's thermometer, whether it is trusted, and the mean duty since the previous reading."""

    at_s: float
    celsius: float
    mean_duty_percent: float
    is_trusted: bool = True


class MonitoredAutomation(Protocol):
    """Interface of the automation to the monitor. Called on the monitor's lane."""

    def is_stop_requested(self) -> bool:
        """Return whether a stop or a pause was requested, even if it has not happened yet."""
        ...

    def processed_until_s(self) -> float:
        """Return the time of the last reading that was processed (monotonic) [s]."""
        ...

    def on_board_reading_taken(self, reading: BoardReading) -> None: ...

    def on_fault(self, message: str, *, serious: bool) -> None: ...

    def power_off(self, message: str) -> None: ...


class BoardMonitor:
    """Safety checks of the heater board: three temperature limits, and a thermometer that responds plausibly."""

    def __init__(
        self,
        *,
        clock: Clock,
        thermometer: Thermometer,
        heater: GuardedHeater,
        limits: HeatingLimits,
        nominal: Plant,
        automation: MonitoredAutomation,
    ) -> None:
        self._clock = clock
        self._thermometer = thermometer
        self._heater = heater
        self._limits = limits
        self._automation = automation
        self._expectation = BoardExpectation(nominal)
        self._lane = Lane(clock, "heater board monitor")
        self._stage = HeatingStage.ALLOWED
        self._last: tuple[float, float] | None = None
        self._read_at_s = self._reported_at_s = self.checked_at_s = clock.monotonic()
        self._misses = 0
        self._good = 0
        self._jumps = 0
        self._retry_s = RETRY_S
        self._retry_at_s: float | None = None
        self._range_while_off: tuple[float, float] | None = None

    def start(self) -> None:
        self._lane.every(READ_EVERY_S, self.check, first_after_s=0.0)
        self._lane.start(lambda: None)

    def stop(self) -> None:
        """Stop the monitor; may be called on any lane, its own included."""
        self._lane.request_stop()
        task = self._lane.task
        if task is not None and not self._lane.is_current():
            task.join(STOP_TIMEOUT_S)

    # ---- one check ---------------------------------------------------------------------------------------

    def check(self) -> None:
        """Read the thermometer, apply the limits, and pass the reading to the automation."""
        try:
            self._check()
        except Exception as error:  # noqa: BLE001  whatever fails here, the heater must not stay on unmonitored
            self._heater.forbid(NO_READING)
            self._misses = max(self._misses, MISSES_BEFORE_OFF)
            self._automation.on_fault(f"The monitor of the heater board failed: {error}.", serious=True)

    def _check(self) -> None:
        now_s = self.checked_at_s = self._clock.monotonic()
        if self._automation.is_stop_requested():
            self._heater.off()
        self._check_responsiveness()
        try:
            celsius = self._thermometer.read_celsius()
        except (PioreactorError, OSError) as error:
            self._miss(f"the thermometer of the heater board does not respond ({error})")
            return
        if not math.isnan(celsius):
            self._protect(celsius)
        if self._is_implausible(now_s, celsius):
            self._miss(f"the thermometer of the heater board reads an implausible {celsius:.2f} °C")
            return
        self._last = (now_s, celsius)
        self._on_valid_reading()
        mean_duty = self._heater.mean_duty_percent()
        passed_s, self._read_at_s = now_s - self._read_at_s, now_s
        self._check_following(now_s, passed_s, mean_duty, celsius)
        self._reported_at_s = now_s
        self._automation.on_board_reading_taken(BoardReading(now_s, celsius, mean_duty, self._retry_at_s is None))

    def _check_responsiveness(self) -> None:
        if self._reported_at_s - self._automation.processed_until_s() < MAX_SILENCE_S:
            self._heater.allow(SILENT)
            return
        if SILENT not in self._heater.prohibitions:
            self._heater.forbid(SILENT)
            self._automation.on_fault(
                f"The temperature automation has not responded for {MAX_SILENCE_S:.0f} s; the heater is off until "
                "it does.",
                serious=True,
            )

    # ---- too hot -----------------------------------------------------------------------------------------

    def _protect(self, celsius: float) -> None:
        stage, before = self._limits.stage(celsius), self._stage
        self._stage = stage
        if stage is HeatingStage.ALLOWED:
            self._cool_down(celsius)
        elif stage is HeatingStage.REDUCE:
            self._heater.restrain(stage)
            if before is HeatingStage.ALLOWED:
                self._report_hot(celsius, self._limits.reduce_above, "heating is reduced", serious=False)
        else:
            self._heater.forbid(TOO_HOT)
            if before in (HeatingStage.ALLOWED, HeatingStage.REDUCE):
                self._report_hot(celsius, self._limits.disable_above, "the heater is off")
            if stage is HeatingStage.SHUTDOWN is before:
                self._automation.power_off(f"The heater board is at {celsius:.1f} °C.")

    def _cool_down(self, celsius: float) -> None:
        self._heater.restrain(HeatingStage.ALLOWED)
        if TOO_HOT in self._heater.prohibitions and celsius < self._limits.reduce_above - HYSTERESIS_K:
            self._heater.allow(TOO_HOT)

    def _report_hot(self, celsius: float, limit: float, what: str, *, serious: bool = True) -> None:
        self._automation.on_fault(
            f"The heater board is at {celsius:.1f} °C, above {limit:g} °C; {what}. Check that the vial is in place and "
            "filled.",
            serious=serious,
        )

    # ---- missing and implausible readings ----------------------------------------------------------------

    def _is_implausible(self, now_s: float, celsius: float) -> bool:
        """Return whether a reading is implausible. A jump that persists is accepted: earlier readings were wrong."""
        if not MIN_CELSIUS <= celsius <= MAX_CELSIUS:
            return True
        last = self._last
        jumped = last is not None and now_s - last[0] < 3 * READ_EVERY_S and abs(celsius - last[1]) > MAX_JUMP_K
        self._jumps = self._jumps + 1 if jumped else 0
        return 0 < self._jumps < MISSES_BEFORE_OFF + 1

    def _miss(self, what: str) -> None:
        self._misses += 1
        self._good = 0
        if self._misses >= MISSES_BEFORE_OFF and NO_READING not in self._heater.prohibitions:
            self._heater.forbid(NO_READING)
            self._automation.on_fault(
                f"The heater is off because {what}. Heating resumes with valid readings. Check the ribbon cable.",
                serious=True,
            )

    def _on_valid_reading(self) -> None:
        self._misses = 0
        if NO_READING not in self._heater.prohibitions:
            return
        self._good += 1
        if self._good >= GOOD_BEFORE_ON:
            self._good = 0
            self._expectation.forget()
            self._heater.allow(NO_READING)
            self._automation.on_fault("The thermometer of the heater board responds again.", serious=False)

    # ---- readings that do not follow the heater ----------------------------------------------------------

    def _check_following(self, now_s: float, passed_s: float, mean_duty: float, celsius: float) -> None:
        follows = self._expectation.follows(now_s, passed_s, mean_duty, celsius)
        if self._retry_at_s is not None:
            self._wait_for_retry(now_s, celsius)
        elif not follows:
            self._heater.forbid(NOT_FOLLOWING)
            self._retry_at_s = now_s + self._retry_s
            self._range_while_off = (celsius, celsius)
            self._automation.on_fault(
                "The heater is off because the heater board's temperature does not follow it: its thermometer is stuck "
                f"or the heater is not connected. Next attempt in {self._retry_s / 60:.0f} minutes.",
                serious=True,
            )
            self._retry_s = min(2.0 * self._retry_s, MAX_RETRY_S)
        elif self._expectation.has_shown():
            self._retry_s = RETRY_S

    def _wait_for_retry(self, now_s: float, celsius: float) -> None:
        """Allow heating after a while, but only if the reading has changed at all: a board without heat cools."""
        assert self._retry_at_s is not None and self._range_while_off is not None
        low, high = self._range_while_off
        self._range_while_off = (min(low, celsius), max(high, celsius))
        if now_s >= self._retry_at_s and low < high:
            self._retry_at_s = None
            self._expectation.forget()
            self._heater.allow(NOT_FOLLOWING)
