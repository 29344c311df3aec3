"""The watch over the heater board: reads its thermometer every few seconds and cuts the heater when it must.

It has a lane of its own, so that an automation whose code hangs, or a broker that is away, does not blind it.
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
LONGEST_JUMP_K: Final = 25.0
"""Between two readings; 4.2 W into 3.1 J/K are 7 K in 5 s."""
COLDEST_CELSIUS: Final = -20.0
HOTTEST_CELSIUS: Final = 125.0
"""The TMP1075 measures from −55 to 125 °C; colder than −20 °C no laboratory is."""
MISSES_BEFORE_OFF: Final = 2
GOOD_BEFORE_ON: Final = 3
COOLER_BY_K: Final = 5.0
"""A board that was too hot must be this much below the first limit before it is heated again."""
RETRY_S: Final = 300.0
LONGEST_RETRY_S: Final = 3600.0
LONGEST_SILENCE_S: Final = 600.0
"""An automation that has not taken a reading for so long is not left with a hot heater."""
SECONDS_TO_STOP: Final = 2.0

TOO_HOT: Final = "too hot"
NO_READING: Final = "no reading"
NOT_FOLLOWING: Final = "not following"
SILENT: Final = "silent"


@dataclass(frozen=True, slots=True)
class BoardReading:
    """What the thermometer showed, whether it is believed, and the heater's mean duty since the reading before."""

    at_s: float
    celsius: float
    mean_duty_percent: float
    is_trusted: bool = True


class Watched(Protocol):
    """The automation, as the watch knows it. Called on the watch's lane."""

    def is_leaving(self) -> bool:
        """Say whether it was asked to stop or pause, though it may not have come to it."""
        ...

    def heard_until_s(self) -> float:
        """Return the moment of the last reading that it has taken in."""
        ...

    def hear_board(self, reading: BoardReading) -> None: ...

    def hear_trouble(self, sentence: str, *, serious: bool) -> None: ...

    def power_off(self, sentence: str) -> None: ...


class BoardWatch:
    """Three limits of temperature, a thermometer that must answer, make sense and follow the heater."""

    def __init__(
        self,
        *,
        clock: Clock,
        thermometer: Thermometer,
        heater: GuardedHeater,
        limits: HeatingLimits,
        nominal: Plant,
        watched: Watched,
    ) -> None:
        self._clock = clock
        self._thermometer = thermometer
        self._heater = heater
        self._limits = limits
        self._watched = watched
        self._expectation = BoardExpectation(nominal)
        self._lane = Lane(clock, "board watch")
        self._stage = HeatingStage.ALLOWED
        self._last: tuple[float, float] | None = None
        self._read_at_s = self._told_at_s = self.looked_at_s = clock.monotonic()
        self._misses = 0
        self._good = 0
        self._odd = 0
        self._retry_s = RETRY_S
        self._retry_at_s: float | None = None
        self._swing_while_off: tuple[float, float] | None = None

    def start(self) -> None:
        self._lane.every(READ_EVERY_S, self.look, first_after_s=0.0)
        self._lane.start(lambda: None)

    def stop(self) -> None:
        """End; from any lane, its own included."""
        self._lane.request_stop()
        task = self._lane.task
        if task is not None and not self._lane.is_current():
            task.join(SECONDS_TO_STOP)

    # ---- one look ------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Read once, protect, and tell the automation."""
        try:
            self._look()
        except Exception as error:  # noqa: BLE001  whatever goes wrong here, the heater must not stay on unwatched
            self._heater.forbid(NO_READING)
            self._misses = max(self._misses, MISSES_BEFORE_OFF)
            self._watched.hear_trouble(f"The watch over the heater board failed: {error}.", serious=True)

    def _look(self) -> None:
        now_s = self.looked_at_s = self._clock.monotonic()
        if self._watched.is_leaving():
            self._heater.off()
        self._mind_silence()
        try:
            celsius = self._thermometer.read_celsius()
        except (PioreactorError, OSError) as error:
            self._miss(f"the thermometer of the heater board does not answer ({error})")
            return
        if not math.isnan(celsius):
            self._protect(celsius)
        if self._is_odd(now_s, celsius):
            self._miss(f"the thermometer of the heater board shows {celsius:.2f} °C, which cannot be")
            return
        self._last = (now_s, celsius)
        self._come_back()
        mean_duty = self._heater.mean_duty_percent()
        passed_s, self._read_at_s = now_s - self._read_at_s, now_s
        self._check_following(now_s, passed_s, mean_duty, celsius)
        self._told_at_s = now_s
        self._watched.hear_board(BoardReading(now_s, celsius, mean_duty, self._retry_at_s is None))

    def _mind_silence(self) -> None:
        if self._told_at_s - self._watched.heard_until_s() < LONGEST_SILENCE_S:
            self._heater.allow(SILENT)
            return
        if SILENT not in self._heater.prohibitions:
            self._heater.forbid(SILENT)
            self._watched.hear_trouble(
                f"The temperature automation has done nothing for {LONGEST_SILENCE_S:.0f} s; the heater is off until "
                "it does.",
                serious=True,
            )

    # ---- too hot -------------------------------------------------------------------------------------------

    def _protect(self, celsius: float) -> None:
        stage, before = self._limits.stage(celsius), self._stage
        self._stage = stage
        if stage is HeatingStage.ALLOWED:
            self._cool_down(celsius)
        elif stage is HeatingStage.REDUCE:
            self._heater.restrain(stage)
            if before is HeatingStage.ALLOWED:
                self._say_hot(celsius, self._limits.reduce_above, "heating is reduced", serious=False)
        else:
            self._heater.forbid(TOO_HOT)
            if before in (HeatingStage.ALLOWED, HeatingStage.REDUCE):
                self._say_hot(celsius, self._limits.disable_above, "the heater is off")
            if stage is HeatingStage.SHUTDOWN is before:
                self._watched.power_off(f"The heater board is {celsius:.1f} °C warm.")

    def _cool_down(self, celsius: float) -> None:
        self._heater.restrain(HeatingStage.ALLOWED)
        if TOO_HOT in self._heater.prohibitions and celsius < self._limits.reduce_above - COOLER_BY_K:
            self._heater.allow(TOO_HOT)

    def _say_hot(self, celsius: float, limit: float, what: str, *, serious: bool = True) -> None:
        self._watched.hear_trouble(
            f"The heater board is {celsius:.1f} °C warm, above {limit:g} °C; {what}. Check that the vial is in "
            "place and filled.",
            serious=serious,
        )

    # ---- no reading, or one that makes no sense -------------------------------------------------------------

    def _is_odd(self, now_s: float, celsius: float) -> bool:
        """Say whether a reading cannot be true. One that stays, stays: then what was before was wrong, or long ago."""
        if not COLDEST_CELSIUS <= celsius <= HOTTEST_CELSIUS:
            return True
        last = self._last
        jumped = last is not None and now_s - last[0] < 3 * READ_EVERY_S and abs(celsius - last[1]) > LONGEST_JUMP_K
        self._odd = self._odd + 1 if jumped else 0
        return 0 < self._odd < MISSES_BEFORE_OFF + 1

    def _miss(self, what: str) -> None:
        self._misses += 1
        self._good = 0
        if self._misses >= MISSES_BEFORE_OFF and NO_READING not in self._heater.prohibitions:
            self._heater.forbid(NO_READING)
            self._watched.hear_trouble(
                f"The heater is off because {what}. Heating goes on when it can be read again. Check the ribbon cable.",
                serious=True,
            )

    def _come_back(self) -> None:
        self._misses = 0
        if NO_READING not in self._heater.prohibitions:
            return
        self._good += 1
        if self._good >= GOOD_BEFORE_ON:
            self._good = 0
            self._expectation.forget()
            self._heater.allow(NO_READING)
            self._watched.hear_trouble("The heater board's thermometer answers again.", serious=False)

    # ---- a reading that ignores the heater -------------------------------------------------------------------

    def _check_following(self, now_s: float, passed_s: float, mean_duty: float, celsius: float) -> None:
        follows = self._expectation.follows(now_s, passed_s, mean_duty, celsius)
        if self._retry_at_s is not None:
            self._wait_for_retry(now_s, celsius)
        elif not follows:
            self._heater.forbid(NOT_FOLLOWING)
            self._retry_at_s = now_s + self._retry_s
            self._swing_while_off = (celsius, celsius)
            self._watched.hear_trouble(
                "The heater is off because the heater board's temperature does not follow it: its thermometer is stuck "
                f"or the heater is not connected. Another try in {self._retry_s / 60:.0f} minutes.",
                serious=True,
            )
            self._retry_s = min(2.0 * self._retry_s, LONGEST_RETRY_S)
        elif self._expectation.has_shown():
            self._retry_s = RETRY_S

    def _wait_for_retry(self, now_s: float, celsius: float) -> None:
        """Try again after a while, but only if the reading has moved at all: a board without heat cools."""
        assert self._retry_at_s is not None and self._swing_while_off is not None
        low, high = self._swing_while_off
        self._swing_while_off = (min(low, celsius), max(high, celsius))
        if now_s >= self._retry_at_s and low < high:
            self._retry_at_s = None
            self._expectation.forget()
            self._heater.allow(NOT_FOLLOWING)
