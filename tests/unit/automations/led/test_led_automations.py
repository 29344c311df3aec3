"""LED automations: timing, locked LEDs, and LEDs off at the end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pioreactor.automations import registry
from pioreactor.automations.events import AutomationEvent, NoEvent
from pioreactor.automations.led.base import LEDAutomationJob, LEDAutomationJobContrib
from pioreactor.automations.led.light_dark_cycle import Cycle, LightDarkCycle
from pioreactor.automations.led.silent import Silent
from pioreactor.background_jobs.led_automation import start_led_automation
from pioreactor.exc import SettingError


class Lamp(LEDAutomationJobContrib):
    """A plugin's automation: one LED on."""

    automation_name = "_lamp"

    def __init__(self, channel: Any = "B", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channel = channel
        self.answers: list[bool] = []
        self.run_every(1.0)

    def execute(self) -> AutomationEvent:
        self.answers.append(self.set_led_intensity(self.channel, 40.0))
        return NoEvent()


def intensities(unit: Any) -> dict[str, float]:
    return dict(unit.rig.leds().intensities)


@pytest.mark.parametrize(
    ("light_s", "dark_s", "elapsed_s", "expected"),
    [
        (60.0, 30.0, 0.0, (True, 60.0)),
        (60.0, 30.0, 59.5, (True, 0.5)),
        (60.0, 30.0, 60.0, (False, 30.0)),
        (60.0, 30.0, 90.0, (True, 60.0)),
        (60.0, 30.0, 905.0, (True, 55.0)),
        (60.0, 0.0, 500.0, (True, None)),
        (0.0, 30.0, 500.0, (False, None)),
        (0.0, 0.0, 500.0, (False, None)),
    ],
)
def test_cycle(light_s: float, dark_s: float, elapsed_s: float, expected: tuple[bool, float | None]) -> None:
    assert Cycle(light_s, dark_s).at(elapsed_s) == expected


def test_day_and_night_change_on_time(unit: Any) -> None:
    unit.start(
        lambda: start_led_automation(
            "light_dark_cycle", light_intensity="30", light_duration_minutes="2", dark_duration_minutes="1"
        ),
        run_for_s=0.1,
    )
    assert intensities(unit) == {"D": 30.0, "C": 30.0}
    edges = [(120.0, 0.0), (180.0, 30.0), (300.0, 0.0), (360.0, 30.0), (480.0, 0.0)]
    for at_s, after in edges:
        before = intensities(unit)["D"]
        unit.clock.sleep(at_s - 0.05 - unit.clock.monotonic())
        assert intensities(unit)["D"] == before
        unit.clock.sleep(0.1)
        assert intensities(unit) == {"D": after, "C": after}
    assert len(unit.rig.leds().calls) == 12


def test_days_do_not_drift(unit: Any) -> None:
    unit.start(lambda: LightDarkCycle(light_duration_minutes=16 * 60, dark_duration_minutes=8 * 60), run_for_s=0.1)
    unit.clock.sleep(30 * 86400.0 + 16 * 3600.0 - 0.2)
    assert intensities(unit)["D"] == 50.0
    unit.clock.sleep(0.15)
    assert intensities(unit)["D"] == 0.0
    events = [json.loads(payload) for payload in unit.payloads("latest_event")]
    assert {event["event_name"] for event in events} == {"ChangedLedIntensity"}
    assert len(events) == 62


def test_changes_count_at_once(unit: Any) -> None:
    unit.start(lambda: LightDarkCycle(light_duration_minutes=60, dark_duration_minutes=60))
    unit.command("led_automation", "light_intensity", "80")
    unit.clock.sleep(0.1)
    assert intensities(unit) == {"D": 80.0, "C": 80.0}
    unit.clock.sleep(600.0)
    unit.command("led_automation", "light_duration_minutes", "5")
    unit.clock.sleep(0.1)
    assert intensities(unit) == {"D": 0.0, "C": 0.0}
    unit.command("led_automation", "dark_duration_minutes", "0")
    unit.clock.sleep(0.1)
    assert intensities(unit)["D"] == 80.0
    unit.clock.sleep(86400.0)
    assert intensities(unit)["D"] == 80.0


@pytest.mark.parametrize("value", ["101", "-1", "nan", "bright"])
def test_impossible_intensities_are_refused(unit: Any, value: str) -> None:
    job = unit.start(LightDarkCycle)
    unit.command("led_automation", "light_intensity", value)
    unit.clock.sleep(0.1)
    assert job.light_intensity == 50.0
    assert intensities(unit)["D"] == 50.0
    job.clean_up()
    with pytest.raises(SettingError):
        unit.start(lambda: LightDarkCycle(light_intensity=value))


def test_after_a_pause_the_cycle_is_where_it_should_be(unit: Any) -> None:
    job = unit.start(lambda: LightDarkCycle(light_duration_minutes=10, dark_duration_minutes=10))
    job.set_state("sleeping")
    unit.clock.sleep(900.0)
    assert intensities(unit)["D"] == 50.0
    job.set_state("ready")
    unit.clock.sleep(0.1)
    assert intensities(unit)["D"] == 0.0
    unit.clock.sleep(300.0)
    assert intensities(unit)["D"] == 50.0


def test_an_edge_that_meets_a_lock_is_tried_until_it_is_free(unit: Any) -> None:
    unit.start(lambda: LightDarkCycle(light_duration_minutes=1, dark_duration_minutes=10), run_for_s=59.0)
    locks = [unit.runtime.ownership.acquire(f"led-{channel}", "od_reading") for channel in "CD"]
    unit.clock.sleep(2.2)
    assert intensities(unit)["D"] == 50.0
    for lock in locks:
        lock.release()
    unit.clock.sleep(0.6)
    assert intensities(unit) == {"D": 0.0, "C": 0.0}


def test_a_long_lock_does_not_lose_the_night(unit: Any) -> None:
    unit.start(lambda: LightDarkCycle(light_duration_minutes=1, dark_duration_minutes=10), run_for_s=59.0)
    locks = [unit.runtime.ownership.acquire(f"led-{channel}", "od_reading") for channel in "CD"]
    unit.clock.sleep(30.0)
    for lock in locks:
        lock.release()
    unit.clock.sleep(12.0)
    assert intensities(unit) == {"D": 0.0, "C": 0.0}


def test_a_plugin_learns_whether_its_led_was_set(unit: Any) -> None:
    lock = unit.runtime.ownership.acquire("led-B", "od_reading")
    job = unit.start(Lamp, run_for_s=4.0)
    assert job.answers == [False]
    assert intensities(unit) == {}
    lock.release()
    unit.clock.sleep(60.0)
    assert job.answers == [False, True]
    assert intensities(unit) == {"B": 40.0}


@pytest.mark.parametrize("broker_runs", [True, False])
def test_leds_are_off_after_the_end(unit: Any, broker_runs: bool) -> None:
    job = unit.start(Lamp)
    assert intensities(unit) == {"B": 40.0}
    if not broker_runs:
        unit.broker.stop()
    job.clean_up()
    assert intensities(unit) == {"B": 0.0}
    assert unit.runtime.stores.volatile("leds").get("B") == 0.0


def test_a_locked_led_is_darkened_once_it_is_free(unit: Any) -> None:
    job = unit.start(Lamp)
    lock = unit.runtime.ownership.acquire("led-B", "od_reading")
    unit.command("led_automation", "$state", "disconnected")
    unit.clock.sleep(1.2)
    assert intensities(unit) == {"B": 40.0}
    lock.release()
    unit.clock.sleep(0.6)
    assert intensities(unit) == {"B": 0.0}
    assert job.state == "disconnected"


def test_a_light_is_owned_as_long_as_it_may_be_on(unit: Any) -> None:
    unit.start(Lamp)
    assert str(unit.runtime.ownership.holder("light-B")).startswith("led_automation")
    unit.command("led_automation", "$state", "disconnected")
    unit.clock.sleep(2.0)
    assert unit.runtime.ownership.holder("light-B") is None
    assert unit.runtime.ownership.abandoned() == []


def test_a_stop_interrupts_attempts(unit: Any) -> None:
    unit.runtime.ownership.acquire("led-B", "other job")
    unit.start(Lamp, run_for_s=0.2)
    unit.command("led_automation", "$state", "disconnected")
    unit.clock.sleep(4.0)
    assert unit.jobs[-1].state == "disconnected"
    assert intensities(unit) == {}


def test_events_name_their_source(unit: Any) -> None:
    unit.start(lambda: LightDarkCycle(light_intensity=20))
    changes = [json.loads(payload) for topic, payload in unit.messages if topic.endswith("/led_change_events")]
    assert [(change["channel"], change["intensity"]) for change in changes] == [("D", 20.0), ("C", 20.0)]
    assert {change["source_of_event"] for change in changes} == {"led_automation:light_dark_cycle"}
    assert json.loads(unit.payloads("light_intensity")[0]) == 20.0


def test_silent_sets_no_led(unit: Any) -> None:
    job = unit.start(Silent, run_for_s=100.0)
    job.clean_up()
    assert unit.rig.leds().calls == []


def test_registered_names() -> None:
    assert {"silent", "light_dark_cycle", "_lamp"} <= set(registry.names("led"))
    assert registry.find("led", "silent") is Silent
    assert LEDAutomationJob.job_name == "led_automation"
