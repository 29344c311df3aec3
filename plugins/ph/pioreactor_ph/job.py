"""The measurement that the plugin adds, and the job that publishes it."""

from __future__ import annotations

import random
from typing import Protocol

import msgspec

from pioreactor import structs, topics
from pioreactor.background_jobs.base import BackgroundJobContrib
from pioreactor.config import config
from pioreactor.jobs.measurement import Measurement
from pioreactor.measurements import ChartSpec, ColumnSpec, MeasurementSpec, SeriesSpec, register, stream_table
from pioreactor.messaging.ports import Message
from pioreactor_ph.acid_base import BufferedCulture

READ_EVERY_S = 5.0
_SECTION = "ph_reading.config"

PH = register(
    MeasurementSpec(
        name="ph",
        label="pH",
        description="pH of the culture.",
        topics=("ph_reading/ph",),
        payload=float,
        table=stream_table("ph_readings", ColumnSpec("ph", "real", unit="pH")),
        series=SeriesSpec("ph", digits=3),
        charts=(ChartSpec(key="ph", title="pH", y_axis_label="pH"),),
    )
)


class Probe(Protocol):
    """What a driver of a real probe has to do."""

    def read(self) -> float: ...


class SimulatedProbe:
    """Shows the pH of a simulated culture, with the noise and the seed of a name."""

    def __init__(self, culture: BufferedCulture, *, seed: str, noise: float = 0.005) -> None:
        self.culture = culture
        self._noise = noise
        self._random = random.Random(seed)

    def read(self) -> float:
        self.culture.advance(READ_EVERY_S)
        return self.culture.shown_ph + self._random.gauss(0.0, self._noise)


class PhReader(BackgroundJobContrib):
    """Read pH every five seconds."""

    job_name = "ph_reading"
    ph = Measurement[float](label="pH", quantity="ph")

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit=unit, experiment=experiment, plugin_name="pioreactor_ph")
        self.probe: Probe = self._simulated_probe()
        self.every(READ_EVERY_S, self.read)

    def read(self) -> None:
        """Publish what the probe shows."""
        self.ph = round(self.probe.read(), 4)

    def _simulated_probe(self) -> SimulatedProbe:
        culture = BufferedCulture(
            volume_ml=self.runtime.settings.bioreactor.initial_volume_ml,
            ph=config.getfloat(_SECTION, "start_ph", fallback=7.0),
            acid_mm_per_h=config.getfloat(_SECTION, "acid_mm_per_h", fallback=4.0),
            base_mm=config.getfloat(_SECTION, "base_mm", fallback=100.0),
            buffer_mm=config.getfloat(_SECTION, "buffer_mm", fallback=20.0),
        )

        def on_dose(message: Message) -> None:
            event = msgspec.json.decode(message.payload, type=structs.DosingEvent)
            culture.on_dose(event.event, event.volume_change)

        self.subscribe_and_callback(on_dose, topics.event(self.unit, self.experiment, "dosing_events"))
        return SimulatedProbe(culture, seed=self.unit)
