"""Plugins as laboratories write them, run on a simulated reactor."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from pioreactor import hardware, structs, types
from pioreactor.actions.led_intensity import led_intensity
from pioreactor.automations import events
from pioreactor.automations.dosing.base import DosingAutomationJobContrib
from pioreactor.automations.led.base import LEDAutomationJobContrib
from pioreactor.background_jobs.base import BackgroundJobContrib, BackgroundJobWithDodgingContrib
from pioreactor.background_jobs.od_reading import start_od_reading
from pioreactor.background_jobs.stirring import start_stirring
from pioreactor.config import config
from pioreactor.exc import PWMError
from pioreactor.pubsub import QOS, create_client, publish, subscribe, subscribe_and_callback
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.utils import (
    SummableDict,
    clamp,
    is_pio_job_running,
    local_intermittent_storage,
    local_persistent_storage,
    managed_lifecycle,
)
from pioreactor.utils.pwm import PWM
from pioreactor.utils.streaming_calculations import PID, ExponentialMovingAverage
from pioreactor.utils.timing import RepeatedTimer, current_utc_datetime, current_utc_timestamp
from pioreactor.whoami import get_assigned_experiment_name, get_unit_name

Simulated = Callable[..., Bench]
CONFIG = "[bubbler.config]\npre_delay_duration=2\npost_delay_duration=1\nenable_dodging_od=1\n[PWM]\n5=bubbler\n"


class Bubbler(BackgroundJobWithDodgingContrib):
    """Air through a pump on a PWM channel, still while OD is read."""

    job_name = "bubbler"
    published_settings = {"duty_cycle": {"datatype": "float", "settable": True, "unit": "%"}}  # noqa: RUF012

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit=unit, experiment=experiment, plugin_name="bubbler_plugin")
        self.duty_cycle = 25.0
        self.pin = hardware.PWM_TO_PIN[config["PWM_reverse"]["bubbler"]]
        self.pwm = PWM(self.pin, hz=100, unit=self.unit, experiment=self.experiment, pub_client=self.pub_client)
        self.pwm.lock()
        self.pwm.start(0)

    def on_disconnected(self) -> None:
        self.pwm.clean_up()

    def on_ready_to_sleeping(self) -> None:
        self.pwm.change_duty_cycle(0)

    def on_sleeping_to_ready(self) -> None:
        self.pwm.change_duty_cycle(self.duty_cycle)

    def set_duty_cycle(self, value: float) -> None:
        self.duty_cycle = clamp(0, float(value), 100)
        self.pwm.change_duty_cycle(self.duty_cycle)

    def initialize_continuous_operation(self) -> None:
        self.pwm.change_duty_cycle(self.duty_cycle)

    def action_to_do_before_od_reading(self) -> None:
        self.pwm.change_duty_cycle(0)

    def action_to_do_after_od_reading(self) -> None:
        self.pwm.change_duty_cycle(self.duty_cycle)


def duty(bench: Bench) -> float:
    return bench.unit.runtime.open_rig().pwm_duties()[hardware_pin(bench)]


def hardware_pin(bench: Bench) -> int:
    with context.using(bench.unit.runtime):
        return hardware.get_pwm_to_pin_map()["5"]


def test_a_bubbler_keeps_still_during_readings_and_survives_pauses(simulated: Simulated) -> None:
    bench = simulated(scenario="water", config=CONFIG)
    bench.start(lambda: Bubbler(get_unit_name(), get_assigned_experiment_name(get_unit_name())))
    bench.wait(5.0)
    assert duty(bench) == 25.0
    reader = bench.start(lambda: start_od_reading(interval=10.0))
    bench.wait(21.0)
    for _ in range(5):
        seen, recent = len(bench.payloads("od_reading/ods")), []
        while len(bench.payloads("od_reading/ods")) == seen:
            bench.wait(0.25)
            recent.append(duty(bench))
        assert recent[-1] == recent[-2] == 0.0
        assert 25.0 in recent
    bench.set("bubbler", "state", "sleeping")
    bench.wait(30.0)
    assert duty(bench) == 0.0
    bench.set("bubbler", "state", "ready")
    bench.wait(30.0)
    bench.set("bubbler", "duty_cycle", "140")
    reader.clean_up()
    bench.wait(20.0)
    assert duty(bench) == 100.0
    assert [line for line in bench.logged("error")] == []
    with context.using(bench.unit.runtime), pytest.raises(PWMError):
        PWM(hardware_pin(bench))
    bench.set_on_all("bubbler", "state", "disconnected")
    bench.wait(1.0)
    assert duty(bench) == 0.0
    assert bench.retained("bubbler/$state") == b"disconnected"


class Thermoregulator(BackgroundJobContrib):
    """A job of twenty lines: a timer, a controller, a reading with its moment."""

    job_name = "ph_reader"
    published_settings = {"ph": {"datatype": "float", "settable": False}}  # noqa: RUF012

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit=unit, experiment=experiment, plugin_name="ph")
        self.ema = ExponentialMovingAverage(0.5)
        self.pid = PID(
            Kp=1.0, Ki=0.1, Kd=0.0, setpoint=7.0, unit=unit, experiment=experiment, job_name=self.job_name,
            target_name="ph", output_limits=(0, 10), pub_client=self.pub_client,
        )  # fmt: skip
        self.timer = RepeatedTimer(5, self.read, job_name=self.job_name, run_immediately=True, logger=self.logger)
        self.timer.start()
        self.times: list[datetime] = []

    def read(self) -> None:
        self.times.append(current_utc_datetime())
        if len(self.times) == 3:
            raise ValueError("the probe did not answer")
        self.ph = self.ema.update(6.0 + 0.1 * len(self.times))
        self.pid.update(self.ph, dt=5)

    def on_disconnected(self) -> None:
        self.timer.cancel()


def test_a_reader_with_a_timer_of_its_own(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    job = bench.start(lambda: Thermoregulator(get_unit_name(), EXPERIMENT))
    bench.wait(31.0)
    assert len(job.times) == 7
    assert {(b - a).total_seconds() for a, b in zip(job.times, job.times[1:], strict=False)} == {5.0}
    assert len(bench.payloads("ph_reader/ph")) == 6
    assert any("probe did not answer" in line for line in bench.logged("error"))
    assert bench.decoded("pid_log/ph")[-1]["job_name"] == "ph_reader"
    bench.set("ph_reader", "state", "disconnected")
    bench.wait(30.0)
    assert len(job.times) == 7


class Feeder(DosingAutomationJobContrib):
    automation_name = "_feeder_of_plugin_test"
    published_settings = {  # noqa: RUF012
        "volume": {"datatype": "float", "settable": True, "unit": "mL"},
        "duration": {"datatype": "float", "settable": True, "unit": "min"},
    }

    def __init__(self, volume: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.volume = float(volume)

    def execute(self) -> events.AutomationEvent:
        moved = self.execute_io_action(media_ml=self.volume, waste_ml=self.volume)
        return events.DilutionEvent("fed", data={"media_ml": moved["media_ml"], "nothing": moved["nothing_ml"]})


def test_a_dosing_automation_by_its_name_with_options_as_text(simulated: Simulated) -> None:
    from pioreactor.background_jobs.dosing_automation import start_dosing_automation

    bench = simulated(scenario="water")
    bench.start(lambda: start_dosing_automation("_feeder_of_plugin_test", volume="0.2", duration="10"))
    bench.wait(1800.0)
    dilutions = [e for e in bench.decoded("dosing_automation/latest_event") if e["event_name"] == "DilutionEvent"]
    assert len(dilutions) == 3
    assert dilutions[0]["data"] == pytest.approx({"media_ml": 0.2, "nothing": 0.0})
    assert bench.retained("dosing_automation/automation_name") == b"_feeder_of_plugin_test"


class Dawn(LEDAutomationJobContrib):
    automation_name = "_dawn_of_plugin_test"
    published_settings = {"duration": {"datatype": "float", "settable": True}}  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.level = 0.0

    def execute(self) -> events.AutomationEvent:
        self.level += 10.0
        self.set_led_intensity("B", self.level)
        return events.ChangedLedIntensity(f"B at {self.level} %")


def test_an_led_automation_leaves_the_vial_dark(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    job = bench.start(lambda: Dawn(duration=1))
    bench.wait(121.0)
    assert bench.unit.world.snapshot().leds["B"] == pytest.approx(30.0, abs=0.5)
    assert bench.decoded("leds/intensity")[-1]["B"] == 30.0
    job.clean_up()
    assert bench.unit.world.snapshot().leds["B"] == 0.0


def test_a_script_with_everything_in_it(simulated: Simulated) -> None:
    """Scripts run in a process of their own; here beside the bench."""
    bench = simulated(scenario="water")
    notes: dict[str, Any] = {}
    heard: list[bytes] = []

    def script() -> None:
        unit = get_unit_name()
        experiment = get_assigned_experiment_name(unit)
        with managed_lifecycle(unit, experiment, "my_script") as state:
            client = subscribe_and_callback(lambda message: heard.append(message.payload), "lab/+/door")
            publish("lab/1/door", "open", qos=QOS.AT_LEAST_ONCE)
            publish("lab/2/door", "closed", retain=True)
            notes["retained"] = subscribe("lab/2/door", timeout=5)
            notes["none"] = subscribe("lab/9/door", timeout=2)
            with start_stirring(target_rpm=400) as stirrer:
                stirrer.block_until_rpm_is_close_to_target()
                notes["running"] = (is_pio_job_running("stirring"), is_pio_job_running(["stirring", "od_reading"]))
                led_intensity({"C": 20.0}, unit=unit, experiment=experiment)
                state.sleep(5)
                led_intensity({"C": 0.0}, unit=unit, experiment=experiment)
            notes["after"] = is_pio_job_running("stirring")
            client.shutdown()
        with local_persistent_storage("plugin") as cache:
            cache["level"] = 3
            cache[("a", 1)] = "tuple"
        with local_persistent_storage("plugin") as cache:
            notes["cache"] = (cache["level"], cache.get("none", 7), "level" in cache, len(cache), cache.pop("level"))
            notes["missing"] = cache.get("level")
        with local_intermittent_storage("plugin") as cache:
            notes["other"] = list(cache)
        notes["at"] = current_utc_timestamp()
        with create_client(client_id="mine") as mine:
            mine.publish("lab/3", b"x")

    bench.unit.run(script, name="script")
    bench.wait(200.0)
    assert heard == [b"open", b"closed"]
    assert notes["retained"].payload == b"closed"
    assert notes["none"] is None
    assert notes["running"] == (True, [True, False])
    assert notes["after"] is False
    assert notes["cache"] == (3, 7, True, 2, 3)
    assert notes["missing"] is None
    assert notes["other"] == []
    assert notes["at"].endswith("Z")
    assert bench.states("my_script") == ["init", "ready", "disconnected"]
    assert bench.states("stirring")[-1] == "disconnected"
    assert bench.unit.world.snapshot().leds["C"] == 0.0


def test_small_things_behave_as_documented(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    with context.using(bench.unit.runtime):
        assert (clamp(0, 5, 1), clamp(0, -5, 1), clamp(0, 0.5, 1)) == (1, 0, 0.5)
        both = SummableDict({"a": 1.0}) + SummableDict({"b": 2.0, "a": 1.0})
        assert both == {"a": 2.0, "b": 2.0}
        assert both["c"] == 0.0
        assert hardware.is_HAT_present()
        assert hardware.is_heating_pcb_present()
        assert hardware.is_i2c_device_present(hardware.get_temp_address())
        assert not hardware.is_i2c_device_present(0x20)
        assert hardware.get_pwm_to_pin_map() == hardware.PWM_TO_PIN
        assert structs.GrowthRate(growth_rate=1.0, timestamp=current_utc_datetime()).growth_rate == 1.0
        assert types.Unit("u") == "u"
        from pioreactor.utils.temps import TMP1075

        assert 15 < TMP1075(address=hardware.TEMP).get_temperature() < 30
