"""Settings, measurements and states as descriptors: datatype, bounds, access, and what MQTT does with them."""

from typing import Any, Literal

import pytest

from pioreactor import structs, topics
from pioreactor.automations import registry
from pioreactor.background_jobs.growth_rate_calculating.job import GrowthRateCalculator
from pioreactor.background_jobs.od_reading.job import ODReader
from pioreactor.background_jobs.stirring.job import Stirrer
from pioreactor.exc import SettingError
from pioreactor.job_catalog import JOBS
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.published_attribute import PublishedAttribute, Status
from pioreactor.jobs.settings import Setting
from pioreactor.measurements import BUILT_IN
from pioreactor.settings.load import settings_of_text
from pioreactor.testing.simulation import EXPERIMENT, Bench


class Bubbler(BackgroundJob):
    """Bubble air through the culture.

    A second paragraph is for developers.
    """

    job_name = "bubbler"
    rate = Setting(1.0, unit="mL/min", ge=0, le=10)
    pulses = Setting[int](ge=1)
    mode = Setting[Literal["steady", "pulsed"]]("steady")
    pause_s = Setting[float | None](unit="s")
    level = Setting(5.0, ge=0, le=10, clamp=True)
    flow = Measurement[float](unit="mL/min", label="Measured flow")
    temperature = Measurement[structs.Temperature](quantity="temperature")
    raw = Measurement[dict[str, object]]()
    is_open = Status(False)


@pytest.mark.parametrize(
    ("name", "datatype"),
    [
        ("rate", "float"),
        ("pulses", "integer"),
        ("mode", "string"),
        ("pause_s", "float"),
        ("flow", "float"),
        ("temperature", "Temperature"),
        ("raw", "json"),
        ("is_open", "boolean"),
    ],
)
def test_the_datatype_follows_from_the_declared_type(name: str, datatype: str) -> None:
    assert Bubbler.published()[name].datatype == datatype


def test_choices_follow_from_a_literal_type() -> None:
    assert Bubbler.mode.choices == ("steady", "pulsed")
    with pytest.raises(SettingError, match="steady, pulsed"):
        Bubbler.mode.decode(b"off")


def test_settings_measurements_and_states_are_told_apart() -> None:
    assert set(Bubbler.settings()) == {"rate", "pulses", "mode", "pause_s", "level"}
    assert set(Bubbler.measurements()) == {"flow", "temperature", "raw"}
    assert set(Bubbler.published()) - set(Bubbler.settings()) - set(Bubbler.measurements()) == {"is_open"}
    assert [name for name, facts in Bubbler.published_settings.items() if facts["settable"]] == list(Bubbler.settings())


def test_reading_and_assigning(bench: Bench) -> None:
    job = bench.start(lambda: Bubbler("unit1", EXPERIMENT))
    assert (job.rate, job.mode, job.flow, job.is_open) == (1.0, "steady", None, False)
    assert Bubbler.pulses.value_of(job) is None
    job.flow = 2.5
    job.rate = 3
    bench.wait(0.1)
    assert (job.flow, job.rate) == (2.5, 3.0)
    assert bench.payloads("bubbler/flow")[-1] == b"2.5"
    assert bench.payloads("bubbler/rate")[-1] == b"3.0"


def test_a_measurement_cannot_be_set_from_outside(bench: Bench) -> None:
    job = bench.start(lambda: Bubbler("unit1", EXPERIMENT))
    bench.set("bubbler", "flow", "7")
    bench.wait(0.1)
    assert job.flow is None
    assert any("flow is read-only" in line for line in bench.logged("warning"))
    with pytest.raises(SettingError, match="flow"):
        job.apply("flow", 7.0)


def test_a_setting_that_clamps_moves_to_the_bound_and_logs(bench: Bench) -> None:
    job = bench.start(lambda: Bubbler("unit1", EXPERIMENT))
    bench.set("bubbler", "level", "12")
    bench.wait(0.1)
    assert job.level == 10.0
    assert any("level of 12 is out of range; using 10" in line for line in bench.logged("warning"))
    bench.set("bubbler", "level", "nan")
    bench.wait(0.1)
    assert job.level == 10.0


def test_parse_takes_texts_and_values() -> None:
    assert Bubbler.rate.parse("2.5") == 2.5
    assert Bubbler.rate.parse(2.5) == 2.5
    with pytest.raises(SettingError, match=r"between 0 and 10 mL/min"):
        Bubbler.rate.parse("11")


def test_the_description_is_the_first_paragraph() -> None:
    assert Bubbler.description() == "Bubble air through the culture."


def jobs_and_automations() -> list[type[BackgroundJob]]:
    jobs: list[type[BackgroundJob]] = [spec.load() for spec in JOBS.values()]
    return jobs + [registry.find(kind, name) for kind, names in registry.BUILT_IN.items() for name in names]


def all_published() -> list[tuple[type[BackgroundJob], PublishedAttribute[Any]]]:
    return [(job, attribute) for job in jobs_and_automations() for attribute in job.published().values()]


def test_the_configuration_and_the_setting_share_their_bounds() -> None:
    configured = [setting for _, setting in all_published() if isinstance(setting, Setting) and setting.config]
    assert {setting.name for setting in configured} >= {"target_rpm", "duty_cycle", "ir_led_intensity"}
    assert (Stirrer.target_rpm.ge, Stirrer.target_rpm.le, Stirrer.target_rpm.unit) == (0, 5000, "RPM")
    assert (ODReader.ir_led_intensity.ge, ODReader.ir_led_intensity.le, ODReader.ir_led_intensity.unit) == (0, 100, "%")
    with pytest.raises(Exception, match="from 0 to 5000"):
        settings_of_text("[stirring.config]\ninitial_target_rpm=5001\n")


def test_measurements_name_declared_quantities_whose_topics_they_publish_on() -> None:
    declared = {spec.name: spec for spec in BUILT_IN}
    named = [(job, m) for job, m in all_published() if isinstance(m, Measurement) and m.quantity is not None]
    assert {m.quantity for _, m in named} >= {"od", "raw_od", "od_fused", "growth_rate", "temperature", "measured_rpm"}
    for job, measurement in named:
        assert measurement.quantity is not None
        filters = declared[measurement.quantity].topics
        assert any(topics.matches(known, f"{job.job_name}/{measurement.name}") for known in filters), measurement.name
    assert GrowthRateCalculator.growth_rate.quantity == "growth_rate"
