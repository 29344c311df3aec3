"""Estimation of the culture's temperature from the readings of the heater board."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from pioreactor.actions.volume_tracking import VialState
from pioreactor.automations.temperature.heater_monitor import BoardReading
from pioreactor.automations.temperature.observer_store import ObserverStore, added_ml
from pioreactor.exc import HardwareError
from pioreactor.science.temperature.observer import LiquidObserver, PropertySnapshot
from pioreactor.science.temperature.plant import Plant

SNAPSHOT_EVERY_S: Final = 300.0
"""Interval of snapshots: when the thermometer proves to be stuck, the estimate of one or two intervals ago is used."""


class StateEstimation:
    """Observer that is updated with readings, and with the volume of the vial and the media added to it."""

    def __init__(self, nominal: Plant, read_vial: Callable[[], VialState], store: ObserverStore) -> None:
        self._nominal = nominal
        self._read_vial = read_vial
        self._store = store
        self._observer: LiquidObserver | None = None
        self._updated_to_s = 0.0
        self._was_trusted = True
        self._snapshots: deque[PropertySnapshot] = deque(maxlen=2)
        self._next_snapshot_s = 0.0
        self.vial = read_vial()

    @property
    def observer(self) -> LiquidObserver:
        """Return the observer; raise `HardwareError` before the first reading."""
        if self._observer is None:
            raise HardwareError("the heater board has not been read yet")
        return self._observer

    def update(self, reading: BoardReading) -> None:
        """Update the observer with a reading and with the duty before it."""
        passed_s, self._updated_to_s = reading.at_s - self._updated_to_s, reading.at_s
        if self._observer is None:
            self.vial = self._read_vial()
            loaded = self._store.load(self._nominal, reading.celsius, self.vial)
            self._observer = loaded if loaded is not None else LiquidObserver(self._nominal, reading.celsius)
            self._take_snapshot(reading.at_s)
            return
        before, self.vial = self.vial, self._read_vial()
        self._observer.advance(passed_s, reading.mean_duty_percent, self.vial.current_volume_ml)
        self._observer.add_liquid(added_ml(self.vial) - added_ml(before), before.current_volume_ml)
        self._correct(self._observer, reading)

    def store(self, duty_percent: float) -> None:
        """Store the state for the next automation, with the duty of the heater from now on [%]."""
        if self._observer is not None and self._was_trusted:
            self._store.store(self._observer, self.vial, duty_percent)

    def store_heater_off(self) -> None:
        """Store that the heater is off."""
        self._store.store_heater_off()

    def _correct(self, observer: LiquidObserver, reading: BoardReading) -> None:
        """Update the observer, unless the thermometer is suspected to be stuck; then recent updates are rolled back."""
        if reading.is_trusted != self._was_trusted:
            self._was_trusted = reading.is_trusted
            if reading.is_trusted:
                observer.reset(reading.celsius)
            else:
                observer.rollback(self._snapshots[0])
                self._store.forget()
        if reading.is_trusted:
            observer.update(reading.celsius)
            if reading.at_s >= self._next_snapshot_s:
                self._take_snapshot(reading.at_s)

    def _take_snapshot(self, at_s: float) -> None:
        self._next_snapshot_s = at_s + SNAPSHOT_EVERY_S
        self._snapshots.append(self.observer.snapshot())
