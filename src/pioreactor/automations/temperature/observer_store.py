"""Store for the state of the temperature observer between one automation and the next."""

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
MAX_AGE_S: Final = 1800.0
"""Older states are discarded: the time constant of the liquid is about 25 minutes."""
SQRT_3: Final = 3.0**0.5
MAX_DEVIATION_SD: Final = 4.0
"""Largest deviation of the board from its prediction [standard deviations]; beyond it the vial was changed."""


class _StoredState(msgspec.Struct, frozen=True):
    at: datetime
    duty_percent: float
    nominal: tuple[float, ...]
    volume_ml: float
    added_ml: float
    estimate: Estimate
    off_at: datetime | None = None
    """When the heater was switched off; None if the process was killed."""


class ObserverStore:
    """State per experiment of a unit; volatile, since the clock may have stopped during a reboot."""

    def __init__(self, cache: KeyValues, clock: Clock, experiment: str) -> None:
        self._cache = cache
        self._clock = clock
        self._experiment = experiment

    def store(self, observer: LiquidObserver, vial: VialState, duty_percent: float) -> None:
        """Store the current state, and the duty of the heater from now on [%]."""
        self._write(
            _StoredState(
                self._clock.now(),
                duty_percent,
                observer.nominal.numbers,
                vial.current_volume_ml,
                added_ml(vial),
                observer.estimate(),
            )
        )

    def store_heater_off(self) -> None:
        """Store that the heater is off from now on."""
        stored_state = self._read()
        if stored_state is not None:
            self._write(msgspec.structs.replace(stored_state, off_at=self._clock.now()))

    def forget(self) -> None:
        self._cache.pop(self._experiment)

    def load(self, nominal: Plant, board_celsius: float, vial: VialState) -> LiquidObserver | None:
        """Return an observer that continues from the stored state, or None if that is outdated."""
        stored_state = self._read()
        if stored_state is None or stored_state.nominal != nominal.numbers:
            return None
        away_s = (self._clock.now() - stored_state.at).total_seconds()
        if not 0.0 <= away_s <= MAX_AGE_S:
            return None
        observer = LiquidObserver(nominal, board_celsius)
        observer.restore(stored_state.estimate)
        heated_s = min(_heated_s(stored_state), away_s)
        observer.advance(heated_s, stored_state.duty_percent, stored_state.volume_ml)
        if stored_state.off_at is None:
            observer.add_heat_uncertainty(nominal.power_w(stored_state.duty_percent) * heated_s / SQRT_3)
        observer.advance(away_s - heated_s, 0.0, stored_state.volume_ml)
        observer.add_liquid(added_ml(vial) - stored_state.added_ml, stored_state.volume_ml)
        return observer if abs(observer.update(board_celsius)) <= MAX_DEVIATION_SD else None

    def _write(self, stored_state: _StoredState) -> None:
        # A full disk must not stop the heating: the next automation starts without the stored state.
        with suppress(StorageError):
            self._cache.set(self._experiment, msgspec.json.encode(stored_state).decode())

    def _read(self) -> _StoredState | None:
        stored = self._cache.get(self._experiment)
        if not isinstance(stored, str | bytes):
            return None
        try:
            return msgspec.json.decode(stored, type=_StoredState)
        except msgspec.DecodeError:
            return None


def _heated_s(stored_state: _StoredState) -> float:
    """Return how long the heater was on after the last reading [s]; half an interval if that is unknown."""
    if stored_state.off_at is None:
        return STEP_S / 2
    return max(0.0, (stored_state.off_at - stored_state.at).total_seconds())


def added_ml(vial: VialState) -> float:
    """Return the total liquid that pumps have added [mL]."""
    return vial.cumulative_media_added_ml + vial.cumulative_alt_media_added_ml
