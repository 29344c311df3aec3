"""What an observer knows, kept on the unit between one automation and the next."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec

from pioreactor.actions.volume_tracking import VialState
from pioreactor.clock.ports import Clock
from pioreactor.exc import StorageError
from pioreactor.science.temperature.observer import STEP_S, Estimate, LiquidObserver
from pioreactor.science.temperature.plant import Plant
from pioreactor.storage.ports import KeyValues

CACHE: Final = "temperature_observer"
FRESH_FOR_S: Final = 1800.0
"""What is older tells little: the liquid's time constant is some 25 minutes."""
SQRT_3: Final = 3.0**0.5
AGREES_WITHIN_SD: Final = 4.0
"""A board that shows something else than expected was not left alone: another vial, or heat from elsewhere."""


class _Kept(msgspec.Struct, frozen=True):
    at: datetime
    duty_percent: float
    nominal: tuple[float, ...]
    volume_ml: float
    added_ml: float
    estimate: Estimate
    off_at: datetime | None = None
    """When the heater was switched off; None: the process ended without a word."""


class ObserverMemory:
    """One for each experiment of a unit; gone after a reboot, since the clock may have stood still meanwhile."""

    def __init__(self, cache: KeyValues, clock: Clock, experiment: str) -> None:
        self._cache = cache
        self._clock = clock
        self._experiment = experiment

    def keep(self, observer: LiquidObserver, vial: VialState, duty_percent: float) -> None:
        """Store what is known at this moment, from which on the heater has this duty."""
        self._store(
            _Kept(
                self._clock.now(),
                duty_percent,
                observer.nominal.numbers,
                vial.current_volume_ml,
                added_ml(vial),
                observer.estimate(),
            )
        )

    def note_heater_off(self) -> None:
        """Store that the heater is off from this moment on."""
        kept = self._load()
        if kept is not None:
            self._store(msgspec.structs.replace(kept, off_at=self._clock.now()))

    def forget(self) -> None:
        self._cache.pop(self._experiment)

    def recall(self, nominal: Plant, board_celsius: float, vial: VialState) -> LiquidObserver | None:
        """Return an observer that goes on with what is kept, None when that is no use any more."""
        kept = self._load()
        if kept is None or kept.nominal != nominal.numbers:
            return None
        away_s = (self._clock.now() - kept.at).total_seconds()
        if not 0.0 <= away_s <= FRESH_FOR_S:
            return None
        observer = LiquidObserver(nominal, board_celsius)
        observer.take_over(kept.estimate)
        heated_s = min(_heated_s(kept), away_s)
        observer.advance(heated_s, kept.duty_percent, kept.volume_ml)
        if kept.off_at is None:
            observer.doubt_heat(nominal.power_w(kept.duty_percent) * heated_s / SQRT_3)
        observer.advance(away_s - heated_s, 0.0, kept.volume_ml)
        observer.pour(added_ml(vial) - kept.added_ml, kept.volume_ml)
        return observer if abs(observer.see(board_celsius)) <= AGREES_WITHIN_SD else None

    def _store(self, kept: _Kept) -> None:
        # A full disk is no reason to stop heating: the next automation begins without this.
        with suppress(StorageError):
            self._cache.set(self._experiment, msgspec.json.encode(kept).decode())

    def _load(self) -> _Kept | None:
        stored = self._cache.get(self._experiment)
        if not isinstance(stored, str | bytes):
            return None
        try:
            return msgspec.json.decode(stored, type=_Kept)
        except msgspec.DecodeError:
            return None


def _heated_s(kept: _Kept) -> float:
    """Return how long the heater went on after the last reading; if nobody said so, half the time to the next."""
    if kept.off_at is None:
        return STEP_S / 2
    return max(0.0, (kept.off_at - kept.at).total_seconds())


def added_ml(vial: VialState) -> float:
    """Return all liquid that pumps have brought in."""
    return vial.cumulative_media_added_ml + vial.cumulative_alt_media_added_ml
