"""Temperature automations: messages, settings, and the interface of plugins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pioreactor.automations import registry
from pioreactor.automations.events import AutomationEvent, UpdatedHeaterDC
from pioreactor.automations.temperature.base import TemperatureAutomationJob, TemperatureAutomationJobContrib
from pioreactor.automations.temperature.only_record_temperature import OnlyRecordTemperature
from pioreactor.automations.temperature.thermostat import Thermostat
from pioreactor.background_jobs.temperature_automation import start_temperature_automation
from pioreactor.exc import InvalidRequestError, NotFoundError, SettingError
from pioreactor.testing.simulation import simulated_bench
from pioreactor.twin.faults import Fault


class Stepwise(TemperatureAutomationJobContrib):
    """Changes the duty step by step, as plugins do."""

    automation_name = "_stepwise"

    def execute(self) -> AutomationEvent | None:
        assert self.latest_temperature is not None
        self.update_heater_with_delta(10.0 if self.latest_temperature < 30.0 else -10.0)
        return UpdatedHeaterDC(data={"current_dc": self.heater_duty_cycle})


def test_temperature_is_published_with_the_documented_payload(unit: Any) -> None:
    unit.set_board_celsius(25.0)
    unit.start(OnlyRecordTemperature, run_for_s=61.0)
    published = [json.loads(payload) for payload in unit.payloads("temperature")]
    assert [reading["temperature"] for reading in published] == [25.0, 25.0, 25.0]
    assert [reading["timestamp"] for reading in published] == [
        f"2030-01-01T00:0{m}.000Z" for m in ("0:00", "0:30", "1:00")
    ]
    assert set(published[0]) == {"temperature", "timestamp"}


def test_only_recording_never_heats(unit: Any) -> None:
    unit.set_board_celsius(25.0)
    unit.start(OnlyRecordTemperature, run_for_s=300.0)
    assert unit.heater.calls == []


def test_declared_settings(unit: Any) -> None:
    declared = Thermostat.published_settings
    assert declared["temperature"] == {"datatype": "Temperature", "settable": False, "unit": "℃", "persist": False}
    assert declared["heater_duty_cycle"]["settable"] is False
    assert declared["target_temperature"] == {
        "datatype": "float", "settable": True, "unit": "℃", "persist": False,
    }  # fmt: skip
    assert "latest_event" in declared


def test_started_by_name_with_texts_as_the_command_line_gives_them(unit: Any) -> None:
    unit.set_board_celsius(25.0)
    job = unit.start(lambda: start_temperature_automation("thermostat", target_temperature="37.5"))
    assert isinstance(job, Thermostat)
    assert job.target_temperature == 37.5
    assert job.owner.startswith("temperature_automation")


def test_unknown_names_and_missing_or_strange_targets_are_refused(unit: Any) -> None:
    with pytest.raises(NotFoundError, match="thermostat"):
        unit.start(lambda: start_temperature_automation("thermostad"))
    with pytest.raises(InvalidRequestError, match="needs a target"):
        unit.start(Thermostat)
    with pytest.raises(SettingError, match="number"):
        unit.start(lambda: Thermostat(target_temperature="warm"))
    assert unit.duty == 0.0


@pytest.mark.parametrize(("asked", "in_force"), [("370", 37.0), ("78.5", 37.0), ("-3", 37.0), ("36.6", 36.6)])
def test_targets_beyond_what_the_board_allows_are_refused(unit: Any, asked: str, in_force: float) -> None:
    unit.set_board_celsius(25.0)
    job = unit.start(lambda: Thermostat(target_temperature=37.0))
    unit.command("temperature_automation", "target_temperature", asked)
    unit.clock.sleep(0.1)
    assert job.target_temperature == in_force


@pytest.mark.parametrize("asked", ["370", 370.0, "-3"])
def test_a_thermostat_does_not_start_with_a_target_beyond_its_bounds(unit: Any, asked: str | float) -> None:
    with pytest.raises(SettingError, match="target_temperature must be between 0 and 78 ℃"):
        unit.start(lambda: Thermostat(target_temperature=asked))
    assert unit.duty == 0.0


@pytest.mark.parametrize("nonsense", ["nan", "hot", ""])
def test_an_invalid_target_is_refused(unit: Any, nonsense: str) -> None:
    unit.set_board_celsius(25.0)
    job = unit.start(lambda: Thermostat(target_temperature=37.0))
    unit.command("temperature_automation", "target_temperature", nonsense)
    unit.clock.sleep(0.1)
    assert job.target_temperature == 37.0


def test_heater_and_temperature_cannot_be_set_from_outside(unit: Any) -> None:
    unit.set_board_celsius(25.0)
    job = unit.start(OnlyRecordTemperature)
    unit.command("temperature_automation", "heater_duty_cycle", "80")
    unit.clock.sleep(0.1)
    assert (job.heater_duty_cycle, unit.duty) == (0.0, 0.0)


def test_a_plugin_steps_its_duty_within_bounds(unit: Any) -> None:
    readings = [25.0 + 0.01 * (n % 3) for n in range(10)]
    unit.set_board_celsius(readings)
    job = unit.start(Stepwise)
    assert (job.heater_duty_cycle, unit.duty) == (10.0, 10.0)
    assert job.update_heater(250.0)
    assert unit.duty == 100.0
    assert job.update_heater(-5.0)
    assert unit.duty == 0.0
    assert not unit.logged("error")


def test_a_plugin_is_run_at_its_own_pace_and_temperatures_keep_coming(unit: Any) -> None:
    class Slow(Stepwise):
        automation_name = "_slow"
        INFERENCE_EVERY_N_SECONDS = 100.0
        runs = 0

        def execute(self) -> AutomationEvent | None:
            type(self).runs += 1
            return None

    unit.set_board_celsius(25.0)
    unit.start(Slow, run_for_s=301.0)
    assert Slow.runs == 4
    assert len(unit.payloads("temperature")) == 11


def test_a_plugin_may_infer_the_temperature_itself(unit: Any) -> None:
    class OwnProbe(Thermostat):
        automation_name = "_own_probe"

        def infer_temperature(self) -> float:
            return 40.0

    unit.set_board_celsius(25.0)
    unit.start(lambda: OwnProbe(target_temperature=37.0), run_for_s=6.0)
    assert json.loads(unit.payloads("temperature")[0])["temperature"] == 40.0
    assert unit.duty == 0.0


def test_a_subclass_may_lower_limits_but_not_raise_them(unit: Any) -> None:
    class Careful(OnlyRecordTemperature):
        automation_name = "_careful"
        MAX_TEMP_TO_REDUCE_HEATING = 50.0
        MAX_TEMP_TO_SHUTDOWN = 99.0

    unit.set_board_celsius(25.0)
    job = unit.start(Careful)
    assert job.MAX_TEMP_TO_REDUCE_HEATING == 50.0
    assert job.MAX_TEMP_TO_DISABLE_HEATING == 80.0
    assert job.MAX_TEMP_TO_SHUTDOWN == 85.0


def test_automations_of_plugins_register_by_name() -> None:
    assert registry.find("temperature", "_stepwise") is Stepwise
    assert {"thermostat", "only_record_temperature"} <= set(registry.names("temperature"))
    assert TemperatureAutomationJob.job_name == "temperature_automation"


def test_a_change_of_target_is_recorded_with_its_time(unit: Any) -> None:
    unit.set_board_celsius(25.0)
    unit.start(lambda: Thermostat(target_temperature=37.0), run_for_s=20.0)
    unit.command("temperature_automation", "target_temperature", "30")
    unit.clock.sleep(1.0)
    records = [json.loads(payload) for payload in unit.payloads("temperature_automation_settings")]
    assert records[-1]["automation_name"] == "thermostat"
    assert records[-1]["ended_at"] == "2030-01-01T00:00:20.000Z"


def test_a_heater_without_effect_is_a_diagnosis_until_it_heats_again() -> None:
    with simulated_bench(scenario="water", calibrated_pumps=False) as bench:
        bench.start(lambda: start_temperature_automation("thermostat", target_temperature=37.0))
        bench.wait(600.0)
        assert not bench.retained("temperature_automation/diagnoses")
        bench.unit.world.inject(Fault("dead_heater", start_s=600.0, end_s=1200.0))
        bench.wait(600.0)
        assert b"does not follow it" in (bench.retained("temperature_automation/diagnoses") or b"")
        bench.wait(900.0)
        assert bench.retained("temperature_automation/diagnoses") == b"{}"
