"""Measurements that OD reading publishes, per photodiode channel."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from pioreactor import structs, topics
from pioreactor.actions import bioreactor
from pioreactor.alarms import AlarmRule, Diagnosis, MissingData
from pioreactor.alarms.rules import Severity
from pioreactor.background_jobs.od_reading.light_monitor import LightMonitor
from pioreactor.background_jobs.od_reading.moved_vial import VIAL
from pioreactor.background_jobs.od_reading.reference_light import LIGHT_SOURCE, STRAY_LIGHT
from pioreactor.background_jobs.od_reading.scattered_readings import SCATTER
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.measurement import Measurement
from pioreactor.messaging.ports import Message
from pioreactor.types import PdChannel


def is_sampled(count: int, share: float) -> bool:
    """Return whether the reading after `count` others belongs to the share of them that is sampled, evenly spread."""
    return math.floor(count * share) > math.floor((count - 1) * share)


def _of_light(name: str, title: str, severity: Severity) -> AlarmRule:
    return AlarmRule(
        name=f"od_{name}", title=title, condition=Diagnosis(job="od_reading", name=name), severity=severity
    )


class PublishedReadings(BackgroundJob):
    """Base of the OD reader: its measurements, whose names end in the channel, and how they are published."""

    relative_intensity_of_ir_led = Measurement[structs.RelativeIntensity](
        datatype="json", quantity="relative_intensity_of_ir_led", display=False
    )
    ods = Measurement[structs.ODReadings](display=False)
    alarm_rules = (
        AlarmRule(
            name="od_missing",
            title="No OD readings",
            condition=MissingData(topic="od_reading/ods", after_s=900.0),
            severity="high",
            escalate_after_s=3600.0,
            remedy="Look at the log of the unit. If readings are further apart on purpose, raise after_s of the rule.",
        ),
        _of_light(LIGHT_SOURCE, "IR LED or reference has changed", "medium"),
        _of_light(STRAY_LIGHT, "Other light reaches the vial", "high"),
        _of_light(SCATTER, "Readings of optical density scatter", "medium"),
        _of_light(VIAL, "Vial may have been moved or taken out", "low"),
    )
    od1 = Measurement[structs.ODReading](quantity="od", display=False)
    od2 = Measurement[structs.ODReading](quantity="od", display=False)
    od3 = Measurement[structs.ODReading](quantity="od", display=False)
    od4 = Measurement[structs.ODReading](quantity="od", display=False)
    raw_od1 = Measurement[structs.RawODReading](quantity="raw_od", display=False)
    raw_od2 = Measurement[structs.RawODReading](quantity="raw_od", display=False)
    raw_od3 = Measurement[structs.RawODReading](quantity="raw_od", display=False)
    raw_od4 = Measurement[structs.RawODReading](quantity="raw_od", display=False)
    calibrated_od1 = Measurement[structs.CalibratedODReading](display=False)
    calibrated_od2 = Measurement[structs.CalibratedODReading](display=False)
    calibrated_od3 = Measurement[structs.CalibratedODReading](display=False)
    calibrated_od4 = Measurement[structs.CalibratedODReading](display=False)
    od_fused = Measurement[structs.ODFused](quantity="od_fused", display=False)

    _light_monitor: LightMonitor

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit, experiment)
        self._count = 0
        dosing = topics.event(unit, experiment, "dosing_events")
        self.subscribe_and_callback(self._on_dose, dosing, allow_retained=False)

    def _on_dose(self, message: Message) -> None:
        try:
            dose = structs.decode(message.payload, structs.DosingEvent)
        except msgspec.DecodeError:
            return  # `growth_rate_calculating` warns of it
        if dose.event.startswith("add_") and dose.volume_change > 0.0:
            vial = bioreactor.vial_state(self.runtime, self.experiment)
            self._light_monitor.add_dose(dose.volume_change, vial.current_volume_ml)

    def publish_raw(self, raw: Mapping[PdChannel, structs.ODReading]) -> None:
        """Publish the uncalibrated readings of calibrated channels."""
        for channel, reading in raw.items():
            setattr(self, f"raw_od{channel}", reading)

    def publish_readings(self, readings: structs.ODReadings) -> None:
        """Publish the readings of all channels, together and each on its own topic."""
        self.ods = readings
        for channel, reading in readings.ods.items():
            setattr(self, f"od{channel}", reading)
            if isinstance(reading, structs.CalibratedODReading):
                setattr(self, f"calibrated_od{channel}", reading)

    def publish_fused(self, od_fused: float | None, timestamp: datetime) -> None:
        """Publish the fused OD, or clear it if it could not be estimated."""
        if od_fused is not None:
            self.od_fused = structs.ODFused(od_fused=round(od_fused, 10), timestamp=timestamp)
        elif self.od_fused is not None:
            self.od_fused = None

    def sample_relative_intensity(self, relative_intensity: float, timestamp: datetime) -> None:
        """Publish the intensity of the IR LED relative to the first reading, of as many readings as configured."""
        share = self.runtime.settings.od_reading.sample_relative_intensity_fraction
        self._count += 1
        if not is_sampled(self._count - 1, share):
            return
        self.relative_intensity_of_ir_led = structs.RelativeIntensity(
            relative_intensity_of_ir_led=round(relative_intensity, 5), timestamp=timestamp
        )

    def clear_readings(self, channels: Iterable[PdChannel]) -> None:
        """Clear the retained readings of channels: raw ones would be mistaken for calibrated ones."""
        names = ["ods", "od_fused"]
        for channel in channels:
            names += [f"od{channel}", f"calibrated_od{channel}"]
        for name in names:
            if getattr(self, name) is not None:
                setattr(self, name, None)
