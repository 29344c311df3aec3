"""Static types of settings and measurements; mypy checks this file, nothing runs it."""

from typing import Literal, assert_type

from pioreactor import structs
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.automations.temperature.thermostat import Thermostat
from pioreactor.background_jobs.od_reading.job import ODReader
from pioreactor.background_jobs.stirring.job import Stirrer
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting


class Bubbler(BackgroundJob):
    job_name = "bubbler"

    rate = Setting(1.0, unit="mL/min", ge=0, le=10)
    pulses = Setting[int](ge=1)
    mode = Setting[Literal["steady", "pulsed"]]("steady")
    pause_s = Setting[float | None](unit="s")
    flow = Measurement[float](unit="mL/min", label="Measured flow")
    is_open = Status(False)


def class_access_returns_the_descriptor() -> None:
    assert_type(Bubbler.rate, Setting[float])
    assert_type(Bubbler.flow, Measurement[float])
    assert_type(Bubbler.is_open, Status[bool])
    assert_type(Stirrer.target_rpm, Setting[float])
    assert_type(Bubbler.rate.decode(b"1"), float)
    assert_type(Bubbler.rate.parse("1"), float)


def instance_access_returns_the_value(bubbler: Bubbler, unit: str, experiment: str) -> None:
    assert_type(bubbler.rate, float)
    assert_type(bubbler.pulses, int)
    assert_type(bubbler.mode, Literal["steady", "pulsed"])
    assert_type(bubbler.pause_s, float | None)
    assert_type(bubbler.flow, float | None)
    assert_type(bubbler.is_open, bool)
    assert_type(Stirrer(500.0, unit, experiment).target_rpm, float)
    assert_type(Bubbler.pulses.value_of(bubbler), int | None)


def values_of_the_built_in_jobs(
    stirrer: Stirrer, reader: ODReader, thermostat: Thermostat, chemostat: Chemostat
) -> None:
    assert_type(stirrer.measured_rpm, structs.MeasuredRPM | None)
    assert_type(stirrer.enable_dodging_od, bool)
    assert_type(reader.ods, structs.ODReadings | None)
    assert_type(thermostat.target_temperature, float)
    assert_type(thermostat.temperature, structs.Temperature | None)
    assert_type(chemostat.duration, float)
    assert_type(chemostat.dilution_rate, float | None)


def a_value_of_another_type_is_refused(bubbler: Bubbler) -> None:
    bubbler.rate = "fast"  # type: ignore[assignment]
    bubbler.pulses = 1.5  # type: ignore[assignment]
    bubbler.flow = None
