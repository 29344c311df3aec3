"""Loops around any recorded quantity: what they decide, what they refuse, and when the output is at its safe value."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from pioreactor import measurements, structs, topics
from pioreactor.actions.led_intensity import led_state
from pioreactor.automations.dosing.pid_dosing import PIDDosing
from pioreactor.automations.led.pid_light import PIDLight
from pioreactor.automations.sensor_loop import find_quantity
from pioreactor.bootstrap.simulated import START
from pioreactor.exc import InvalidRequestError
from pioreactor.measurements import ColumnSpec, MeasurementSpec, SeriesSpec, stream_table
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.web.catalog import DeclaredCatalog
from pioreactor.web.descriptors import describe_automation

Simulated = Callable[..., Bench]
PH = MeasurementSpec(
    name="acidity",
    label="pH",
    description="pH of the culture.",
    topics=("acidity_reading/acidity",),
    payload=float,
    table=stream_table("acidity_readings", ColumnSpec("acidity", "real")),
    series=SeriesSpec("acidity", digits=3),
)


@pytest.fixture(autouse=True)
def a_plugin_declares_ph(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(measurements.registry, "_registered", [])
    measurements.register(PH)
    yield
    measurements.registry._forget_matches()


class Plant:
    """Acid that the culture makes, base that is dosed and mixes in slowly, or light that acts after two minutes."""

    def __init__(self, bench: Bench, ph: float = 6.5) -> None:
        self.bench, self.ph, self.unmixed_ml, self.seen = bench, ph, 0.0, 0
        self.light_effect = self.absorbed = 0.0

    def run(self, minutes: float, *, is_read: bool = True) -> list[float]:
        """Let time pass with a reading each 10 s; return the course."""
        course = []
        for _ in range(round(minutes * 6)):
            self.bench.wait(10.0)
            events = self.bench.decoded("dosing_events")
            self.unmixed_ml += sum(e["volume_change"] for e in events[self.seen :] if e["event"] == "add_alt_media")
            self.seen = len(events)
            mixed_ml = self.unmixed_ml * (1 - math.exp(-10.0 / 30.0))
            self.unmixed_ml -= mixed_ml
            light = led_state(self.bench.unit.runtime)["D"]
            self.absorbed += (light - self.absorbed) * (1 - math.exp(-10.0 / 120.0))
            self.ph += 0.8 * mixed_ml - 0.3 / 360 + self.light_effect * self.absorbed * 10.0
            course.append(self.ph)
            if is_read:
                self.read(self.ph)
        return course

    def read(self, value: float) -> None:
        self.bench.bus.publish(topics.event("unit1", EXPERIMENT, "acidity_reading/acidity"), str(value).encode())


OPTIONS: dict[str, Any] = {"measurement": "acidity", "setpoint": "7.0", "gain": "0.05", "integral_time_min": "30"}


def test_a_pump_brings_ph_to_its_set_point_and_holds_it(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    plant = Plant(bench)
    bench.start(lambda: PIDDosing(**OPTIONS))
    plant.run(240)
    held = plant.run(120)
    assert max(abs(ph - 7.0) for ph in held) < 0.06
    assert bench.logged("error") == []
    events = bench.decoded("dosing_automation/latest_event")
    assert {"measured", "setpoint", "output"} <= set(events[-1]["data"])
    volumes = [e["volume_change"] for e in bench.decoded("dosing_events") if e["event"] == "add_alt_media"]
    assert min(volumes) > 0.04, "less than a pump can measure is added up"


def test_what_more_output_does_decides_the_direction(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    plant = Plant(bench, ph=7.5)
    bench.start(lambda: PIDDosing(**OPTIONS))
    plant.run(60)
    assert bench.decoded("dosing_events") == [], "base does not lower pH"
    bench = simulated(scenario="water")
    plant = Plant(bench, ph=7.5)
    bench.start(lambda: PIDDosing(**{**OPTIONS, "effect": "lowers"}))
    plant.run(60)
    assert bench.decoded("dosing_events") != []


def test_without_readings_nothing_is_dosed_and_it_says_so(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    plant = Plant(bench, ph=6.0)
    bench.start(lambda: PIDDosing(**{**OPTIONS, "gain": "0.2"}))
    plant.run(30)
    assert bench.decoded("dosing_events") != []
    plant.run(6, is_read=False)
    plant.read(math.nan)
    bench.messages.clear()
    plant.seen = 0
    plant.run(30, is_read=False)
    assert bench.decoded("dosing_events") == []
    assert any("acidity_reading" in line for line in bench.logged("error")), "paused, with the job to look at"
    plant.run(20)
    assert bench.decoded("dosing_events") != [], "resumed"


def test_an_output_at_its_limit_is_told_of_and_a_day_has_a_limit(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    job = bench.start(lambda: PIDDosing(**{**OPTIONS, "max_rate_ml_per_min": "0.1", "max_daily_volume_ml": "8"}))
    plant = Plant(bench, ph=2.0)
    for _ in range(40):
        plant.ph = 2.0
        plant.run(5)
    assert sum("has been at its limit" in line for line in bench.logged("warning")) == 1
    assert any("within 24 hours" in line for line in bench.logged("error"))
    assert job.state == "sleeping"
    added = sum(e["volume_change"] for e in bench.decoded("dosing_events") if e["event"] == "add_alt_media")
    assert 7.5 < added <= 8.0


def test_light_is_the_output_and_is_safe_without_readings_in_a_pause_and_at_the_end(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    plant = Plant(bench)
    plant.light_effect = 1e-5
    job = bench.start(lambda: PIDLight(**{**OPTIONS, "gain": "30", "safe_intensity": "3"}))
    plant.run(400)
    assert max(abs(ph - 7.0) for ph in plant.run(60)) < 0.03

    def light() -> float:
        return led_state(bench.unit.runtime)["D"]

    held = light()
    assert held == pytest.approx(0.3 / 3600 / 1e-5, abs=1.5)
    bench.set("led_automation", "$state", "sleeping")
    bench.wait(1.0)
    assert light() == 3.0
    bench.set("led_automation", "$state", "ready")
    plant.run(30)
    assert light() > 3.0
    plant.run(7, is_read=False)
    assert light() == 3.0, "no reading for over five minutes"
    job.clean_up()
    bench.wait(2.0)
    assert light() == 0.0


def test_gains_and_set_point_change_while_it_runs_and_what_they_belong_to_does_not(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    job = bench.start(lambda: PIDDosing(**OPTIONS))
    plant = Plant(bench)
    plant.run(200)
    for name, value in (
        ("setpoint", "7.2"),
        ("gain", "0.08"),
        ("gain", "0"),
        ("measurement", "od:2"),
        ("pump", "media"),
    ):
        bench.set("dosing_automation", name, value)
    plant.run(120)
    assert (job.setpoint, job.gain, job.measurement, job.pump) == (7.2, 0.08, "acidity", "alt_media")
    assert plant.ph == pytest.approx(7.2, abs=0.08)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"measurement": "acidty"}, "did you mean acidity"),
        ({"measurement": "od"}, "channels 1, 2, 3, 4"),
        ({"measurement": "acidity:2"}, "no channels"),
        ({"setpoint": None}, "--setpoint"),
        ({"gain": None}, "needs a gain"),
    ],
)
def test_it_does_not_begin_with_what_it_cannot_hold(simulated: Simulated, options: Any, named: str) -> None:
    bench = simulated(scenario="water")
    given = {name: value for name, value in {**OPTIONS, **options}.items() if value is not None}
    with pytest.raises(InvalidRequestError, match=named):
        bench.start(lambda: PIDDosing(**given))


def test_the_led_of_od_readings_is_not_an_output(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    with pytest.raises(InvalidRequestError, match="photodiodes"):
        bench.start(lambda: PIDLight(**{**OPTIONS, "channel": "A"}))


def test_a_channel_of_a_built_in_quantity_is_read() -> None:
    quantity = find_quantity("od:2")
    reading = structs.ODReading(od=0.7, angle="90", channel="2", timestamp=START, ir_led_intensity=80.0)
    assert quantity.value("od_reading/od2", structs.encode(reading)) == 0.7
    assert find_quantity("od:1").value("od_reading/od2", structs.encode(reading)) is None


TUNING: dict[str, Any] = {"measurement": "acidity", "setpoint": "7.0", "mode": "tune", "duration": "0.5"}


def test_a_loop_is_tuned_then_controls_and_its_gains_are_there_the_next_time(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    plant = Plant(bench)
    job = bench.start(lambda: PIDDosing(**TUNING))
    plant.run(180)
    (event,) = [e for e in bench.decoded("dosing_automation/latest_event") if e["event_name"] == "LoopTuned"]
    assert job.mode == "control"
    assert event["data"]["gain"] == job.gain > 0
    assert event["data"]["tuned_at"].startswith("2030-01-01")
    assert max(abs(ph - 7.0) for ph in plant.run(120)) < 0.06
    gain = job.gain
    job.clean_up()
    again = bench.start(lambda: PIDDosing(measurement="acidity", setpoint="7.1"))  # type: ignore[call-arg]
    assert (again.gain, again.mode) == (gain, "control")
    again.clean_up()
    after_a_power_cut = dataclasses.replace(bench.unit.runtime, is_resumed=True)
    with context.using(after_a_power_cut):
        resumed = PIDDosing(**TUNING)
    assert (resumed.gain, resumed.mode) == (gain, "control"), "an experiment is for a person to begin"
    resumed.clean_up()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"effect": "lowers", "tuning_time_limit_min": "60"}, "60 min are over, and it does not oscillate"),
        ({"tuning_volume_limit_ml": "0.5"}, "added for it"),
    ],
)
def test_tuning_is_bounded_and_says_why_there_are_no_gains(simulated: Simulated, options: Any, reason: str) -> None:
    bench = simulated(scenario="water")
    plant = Plant(bench)
    job = bench.start(lambda: PIDDosing(**{**TUNING, **options}))
    plant.run(120)
    assert any(reason in line for line in bench.logged("error"))
    assert job.state == "sleeping"
    assert job.gain == 0
    assert job.output is None
    bench.set("dosing_automation", "mode", "control")
    bench.wait(1.0)
    assert job.mode == "tune", "there are no gains to control with"


def test_light_is_tuned_too_and_control_begins_with_what_held_the_set_point(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    plant = Plant(bench, ph=6.9)
    plant.light_effect = 1e-5
    job = bench.start(lambda: PIDLight(**{**TUNING, "channel": "D"}))
    plant.run(120)
    assert job.mode == "control"
    assert max(abs(ph - 7.0) for ph in plant.run(60)) < 0.02
    assert led_state(bench.unit.runtime)["D"] == pytest.approx(0.3 / 3600 / 1e-5, abs=2.0)


def test_a_form_can_be_sent_with_nothing_but_a_set_point(tmp_path: Path) -> None:
    loops: dict[Literal["dosing", "led"], str] = {"dosing": "pid_dosing", "led": "pid_light"}
    for kind, name in loops.items():
        (found,) = [one for one in DeclaredCatalog(tmp_path).automations(kind) if one.automation_name == name]
        assert [field.key for field in describe_automation(found).fields if field.default is None] == ["setpoint"]
