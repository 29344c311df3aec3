"""Safety of the heater: it is switched off whatever else fails."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from pioreactor.automations.events import AutomationEvent, NoEvent
from pioreactor.automations.temperature.base import TemperatureAutomationJob, TemperatureAutomationJobContrib
from pioreactor.automations.temperature.thermostat import Thermostat
from pioreactor.exc import ActuatorInUseError, HardwareError, HardwareNotFoundError


class HeatsBlindly(TemperatureAutomationJobContrib):
    """A plugin's automation that wants 50 % and looks at nothing."""

    automation_name = "_heats_blindly"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.runs = 0

    def execute(self) -> AutomationEvent:
        self.runs += 1
        self.update_heater(50.0)
        return NoEvent()


class Stumbles(HeatsBlindly):
    automation_name = "_stumbles"

    def execute(self) -> AutomationEvent:
        event = super().execute()
        if self.runs > 1:
            raise ValueError("a mistake in a plugin")
        return event


class NoisyBoard:
    """Shows a temperature with a little noise, as a working thermometer does."""

    def __init__(self, celsius: float) -> None:
        self.celsius = celsius
        self._random = random.Random(1)
        self.calls = 0

    def __call__(self) -> float:
        # Wanders enough for the check that it follows the heater.
        self.calls += 1
        return self.celsius + 0.0625 * round(self._random.gauss(0.0, 1.0)) + 2.0 * (self.calls % 7) / 7


def heating(unit: Any, board: Any, job: type[TemperatureAutomationJob] = HeatsBlindly, **kwargs: Any) -> Any:
    unit.set_board_celsius(board)
    automation = unit.start(lambda: job(**kwargs))
    assert unit.duty == 50.0
    return automation


@pytest.mark.parametrize("broker_runs", [True, False])
def test_board_that_is_too_hot_turns_heater_off_without_a_broker(unit: Any, broker_runs: bool) -> None:
    board = NoisyBoard(60.0)
    job = heating(unit, board)
    if not broker_runs:
        unit.broker.stop()
    board.celsius = 81.0
    unit.clock.sleep(5.0)
    assert unit.duty == 0.0
    assert job.heater_duty_cycle == 0.0
    unit.broker.start()
    unit.clock.sleep(1.0)
    assert any("above 80 °C; the heater is off" in text for text in unit.logged("error"))
    assert any(t.endswith("flicker_led_with_error_code") and p == b"6" for t, p in unit.messages)


def test_board_that_is_rather_hot_is_heated_less_and_less(unit: Any) -> None:
    board = NoisyBoard(60.0)
    heating(unit, board)
    board.celsius = 78.5
    unit.clock.sleep(5.0)
    assert unit.duty == pytest.approx(45.0)
    unit.clock.sleep(5.0)
    assert unit.duty == pytest.approx(40.5)
    assert len(unit.logged("warning")) == 1
    board.celsius = 60.0
    unit.clock.sleep(200.0)
    assert unit.duty == 50.0


def test_the_duty_cannot_be_raised_while_the_board_is_hot(unit: Any) -> None:
    board = NoisyBoard(60.0)
    job = heating(unit, board)
    board.celsius = 78.5
    unit.clock.sleep(5.0)
    assert not job.update_heater(100.0)
    assert unit.duty == pytest.approx(45.0)


def test_heat_returns_only_well_below_the_limit(unit: Any) -> None:
    board = NoisyBoard(60.0)
    job = heating(unit, board)
    board.celsius = 81.0
    unit.clock.sleep(5.0)
    board.celsius = 74.5
    unit.clock.sleep(10.0)
    assert not job.update_heater(30.0)
    assert unit.duty == 0.0
    board.celsius = 70.0
    unit.clock.sleep(5.0)
    assert job.update_heater(30.0)
    assert unit.duty == 30.0


def test_unit_powers_off_at_the_third_limit_once_and_only_if_a_second_reading_agrees(
    unit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    powered_off: list[float] = []
    monkeypatch.setattr(unit.runtime.computer, "power_off", lambda: not powered_off.append(unit.clock.monotonic()))  # type: ignore[func-returns-value]
    board = NoisyBoard(60.0)
    heating(unit, board)
    board.celsius = 90.0
    unit.clock.sleep(5.0)
    assert unit.duty == 0.0
    assert powered_off == []
    unit.clock.sleep(30.0)
    assert len(powered_off) == 1


def test_the_computer_of_a_simulation_is_not_powered_off(unit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr("subprocess.run", lambda *a, **k: calls.append(a))
    board = NoisyBoard(60.0)
    heating(unit, board)
    board.celsius = 90.0
    unit.clock.sleep(20.0)
    assert calls == []
    assert any("Powering the unit off" in text for text in unit.logged("critical"))


def test_a_paused_job_still_monitors_and_stays_off(unit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    powered_off: list[str] = []
    monkeypatch.setattr(HeatsBlindly, "power_off", lambda self, sentence: powered_off.append(sentence))
    board = NoisyBoard(60.0)
    job = heating(unit, board)
    unit.broker.stop()
    job.set_state("sleeping")
    assert unit.duty == 0.0
    assert not job.update_heater(50.0)
    board.celsius = 90.0
    unit.clock.sleep(15.0)
    assert powered_off
    assert job.state == "sleeping"
    published = set(unit.payloads("temperature"))
    unit.broker.start()
    unit.clock.sleep(100.0)
    assert set(unit.payloads("temperature")) == published


def test_pause_over_the_broker_turns_off_and_resume_heats_again(unit: Any) -> None:
    job = heating(unit, NoisyBoard(40.0))
    unit.command("temperature_automation", "$state", "sleeping")
    unit.clock.sleep(0.1)
    assert (unit.duty, job.state) == (0.0, "sleeping")
    unit.clock.sleep(300.0)
    assert unit.duty == 0.0
    unit.command("temperature_automation", "$state", "ready")
    unit.clock.sleep(6.0)
    assert unit.duty == 50.0


@pytest.mark.parametrize("broker_runs", [True, False])
def test_stopping_releases_the_heater_before_publishing(unit: Any, broker_runs: bool) -> None:
    job = heating(unit, NoisyBoard(40.0))
    if not broker_runs:
        unit.broker.stop()
    job.clean_up()
    assert unit.duty == 0.0
    assert unit.heater.calls[-1] == "release"
    assert job.state == "disconnected"


def test_hooks_of_a_plugin_that_forget_super_leave_no_heat(unit: Any) -> None:
    class Forgetful(HeatsBlindly):
        automation_name = "_forgetful"

        def on_sleeping(self) -> None:
            pass

        def on_disconnected(self) -> None:
            raise RuntimeError("forgot something")

    job = heating(unit, NoisyBoard(40.0), Forgetful)
    job.set_state("sleeping")
    assert unit.duty == 0.0
    job.set_state("ready")
    unit.clock.sleep(205.0)
    assert unit.duty == 50.0
    job.clean_up()
    assert unit.duty == 0.0


def test_a_crash_in_execute_turns_off(unit: Any) -> None:
    job = heating(unit, NoisyBoard(40.0), Stumbles)
    unit.clock.sleep(200.0)
    assert job.runs == 2
    assert unit.duty == 0.0
    assert job.heater_duty_cycle == 0.0
    assert json.loads(unit.payloads("latest_event")[-1])["event_name"] == "ErrorOccurred"
    assert job.state == "ready"


def test_a_crash_in_the_fast_loop_turns_off(unit: Any) -> None:
    class Breaks(HeatsBlindly):
        automation_name = "_breaks"

        def on_board_reading(self) -> None:
            if self.runs:
                raise ZeroDivisionError("in control")

    heating(unit, NoisyBoard(40.0), Breaks)
    unit.clock.sleep(5.0)
    assert unit.duty == 0.0
    assert any("in control" in text for text in unit.logged("error"))


def test_hanging_code_does_not_stop_the_board_monitor(unit: Any) -> None:
    class Hangs(HeatsBlindly):
        automation_name = "_hangs"

        def execute(self) -> AutomationEvent:
            super().execute()
            self.runtime.clock.signal().wait()
            return NoEvent()

    board = NoisyBoard(60.0)
    heating(unit, board, Hangs)
    board.celsius = 81.0
    unit.clock.sleep(5.0)
    assert unit.duty == 0.0


def test_the_heater_is_off_after_ten_minutes_without_a_response(unit: Any) -> None:
    class Hangs(HeatsBlindly):
        automation_name = "_hangs_cool"

        def execute(self) -> AutomationEvent:
            super().execute()
            if self.runs == 1:
                self.runtime.clock.sleep(1500.0)
            return NoEvent()

    heating(unit, NoisyBoard(40.0), Hangs)
    unit.clock.sleep(590.0)
    assert unit.duty == 50.0
    unit.clock.sleep(20.0)
    assert unit.duty == 0.0
    unit.clock.sleep(1200.0)
    assert unit.duty == 50.0


def test_a_stop_turns_off_even_while_code_hangs(unit: Any) -> None:
    class Hangs(HeatsBlindly):
        automation_name = "_hangs_on"

        def execute(self) -> AutomationEvent:
            super().execute()
            self.runtime.clock.sleep(10_000.0)
            return NoEvent()

    job = heating(unit, NoisyBoard(40.0), Hangs)
    unit.command("temperature_automation", "$state", "disconnected")
    unit.clock.sleep(6.0)
    assert unit.duty == 0.0
    job.clean_up()
    assert job.state == "disconnected"


def test_the_heater_is_off_when_the_board_monitor_has_stopped(unit: Any) -> None:
    job = heating(unit, NoisyBoard(40.0))
    job._board_monitor._lane.task.abandon()
    unit.clock.sleep(95.0)
    assert unit.duty == 0.0
    assert any("Heater control stopped responding" in text for text in unit.logged("error"))
    assert not job.update_heater(50.0)


# ---- thermometers that fail -------------------------------------------------------------------------------------


def test_thermometer_that_drops_out_and_returns(unit: Any) -> None:
    board = NoisyBoard(40.0)

    def dropped() -> float:
        raise HardwareError("no answer on the bus")

    heating(unit, board)
    unit.set_board_celsius(dropped)
    unit.clock.sleep(5.0)
    assert unit.duty == 50.0
    unit.clock.sleep(5.0)
    assert unit.duty == 0.0
    assert sum("no answer on the bus" in text for text in unit.logged("error")) == 1
    unit.clock.sleep(600.0)
    assert unit.duty == 0.0
    assert sum("no answer on the bus" in text for text in unit.logged("error")) == 1
    unit.set_board_celsius(board)
    unit.clock.sleep(215.0)
    assert unit.duty == 50.0
    assert any("responds again" in text for text in unit.logged("warning"))


@pytest.mark.parametrize("nonsense", [float("nan"), -55.0, 0.0])
def test_implausible_readings_are_not_used(unit: Any, nonsense: float) -> None:
    job = heating(unit, NoisyBoard(40.0))
    before = job.observer.liquid_celsius
    unit.set_board_celsius(nonsense)
    unit.clock.sleep(10.0)
    assert job.observer.liquid_celsius == pytest.approx(before, abs=1.0)
    assert unit.duty == 0.0
    assert any("implausible" in text for text in unit.logged("error"))


def test_one_implausible_reading_changes_nothing(unit: Any) -> None:
    board = NoisyBoard(40.0)
    heating(unit, board)
    unit.set_board_celsius([10.0, board()])
    unit.clock.sleep(5.0)
    unit.set_board_celsius(board)
    unit.clock.sleep(20.0)
    assert unit.duty == 50.0
    assert unit.logged("error") == []


def test_stuck_thermometer_is_noticed_while_heating_hard(unit: Any) -> None:
    unit.set_board_celsius(25.0)
    unit.start(lambda: Thermostat(target_temperature=37.0))
    assert unit.duty == 90.0
    unit.clock.sleep(30.0)
    assert unit.duty == 0.0
    assert any("does not follow" in text for text in unit.logged("error"))
    assert any(t.endswith("flicker_led_with_error_code") and p == b"6" for t, p in unit.messages)


def test_a_thermometer_that_stays_stuck_is_not_tried_again(unit: Any) -> None:
    unit.set_board_celsius(25.0)
    unit.start(lambda: Thermostat(target_temperature=37.0), run_for_s=60.0)
    calls = len(unit.heater.calls)
    unit.clock.sleep(7200.0)
    assert len(unit.heater.calls) == calls
    assert unit.duty == 0.0


def test_a_loose_thermometer_that_shows_the_room_is_noticed_and_tried_ever_more_rarely(unit: Any) -> None:
    noise = random.Random(2)
    unit.set_board_celsius(lambda: 22.0 + 0.0625 * round(noise.gauss(0.0, 0.5)))
    unit.start(lambda: Thermostat(target_temperature=37.0))
    hot = 0
    for _ in range(4 * 720):
        unit.clock.sleep(5.0)
        hot += unit.duty > 0
    assert hot * 5.0 < 300.0
    assert 4 <= len(unit.logged("error")) <= 9


# ---- construction ----------------------------------------------------------------------------------------------


def test_without_a_heater_board_nothing_starts(unit: Any) -> None:
    unit.rig.heating_pcb_is_present = False
    with pytest.raises(HardwareNotFoundError, match="heater board"):
        unit.start(HeatsBlindly)
    assert unit.rig.ownership.holder("pwm-18") is None


def test_a_constructor_that_fails_after_heating_leaves_no_heat(unit: Any) -> None:
    class FailsLate(HeatsBlindly):
        automation_name = "_fails_late"

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.update_heater(80.0)
            raise ValueError("too late")

    unit.set_board_celsius(30.0)
    with pytest.raises(ValueError, match="too late"):
        unit.start(FailsLate)
    assert unit.duty == 0.0
    assert unit.rig.ownership.holder("pwm-18") is None


def test_a_heater_in_use_refuses(unit: Any) -> None:
    unit.rig.ownership.acquire("pwm-18", "other job")
    with pytest.raises(ActuatorInUseError):
        unit.start(HeatsBlindly)


def test_hardware_is_written_before_anything_is_published(unit: Any) -> None:
    seen: list[tuple[bytes, float]] = []
    unit.bus.subscribe(
        f"pioreactor/{unit.name}/+/temperature_automation/heater_duty_cycle",
        lambda m: seen.append((m.payload, unit.duty)),
    )
    job = heating(unit, NoisyBoard(40.0))
    job.set_state("sleeping")
    unit.clock.sleep(1.0)
    assert (b"50.0", 50.0) in seen
    assert seen[-1] == (b"0.0", 0.0)
