"""Every documented name resolves, every documented call is accepted, every documented hook can be overridden."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, ClassVar

import pytest

from pioreactor import exc
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NAMES = """
web.config.huey.task whoami background_jobs.base.BackgroundJob.__subclasses__
background_jobs.temperature_automation.TemperatureAutomationJob.INFERENCE_EVERY_N_SECONDS
background_jobs.temperature_automation.TemperatureAutomationJob.MAX_TEMP_TO_DISABLE_HEATING
background_jobs.temperature_automation.TemperatureAutomationJob.MAX_TEMP_TO_REDUCE_HEATING
background_jobs.temperature_automation.TemperatureAutomationJob.MAX_TEMP_TO_SHUTDOWN
calibrations.session_flow.fields.bool calibrations.session_flow.fields.int calibrations.session_flow.fields.str
calibrations.session_flow.fields.choice calibrations.session_flow.steps.action calibrations.session_flow.steps.form
calibrations.session_flow.steps.info cli.calibrations.calibration.command cli.run.run.command states.JobState.READY
states.JobState.SLEEPING utils.adcs.ADC.__name__ utils.timing.to_iso_format structs.ODReadings structs.RawODReading
structs.ODFiltered structs.GrowthRate structs.ODFused automations.DosingAutomationJobContrib
automations.LEDAutomationJobContrib automations.TemperatureAutomationJobContrib automations.events.NoEvent
automations.events.DilutionEvent automations.events.AddMediaEvent automations.events.AddAltMediaEvent
automations.events.ChangedLedIntensity automations.events.UpdatedHeaterDC automations.events.ErrorOccurred
utils.local_intermittent_storage utils.local_persistent_storage actions.self_test.register_self_tests
web.plugin_registry.register_api_route web.plugin_registry.register_unit_api_route
""".split()  # noqa: SIM905  a table
"""Beside those of `scripts/plugin_names.txt`, which another test imports."""

CALLS = """
actions.led_intensity.change_leds_intensities_temporarily 1 unit experiment source_of_event pubsub_client verbose
actions.led_intensity.led_intensity 0 desired_state unit experiment
actions.led_intensity.led_intensity 0 desired_state unit experiment verbose
actions.led_intensity.led_intensity 1 unit experiment
actions.led_intensity.led_intensity 1 unit experiment pubsub_client source_of_event
actions.pump.PWMPump 3 calibration mqtt_client
actions.pump.add_alt_media 0 ml
actions.pump.add_media 0 ml
actions.pump.remove_waste 0 ml
actions.self_test.register_self_tests 1
automations.base.AutomationJob.run_every 2 skip_first_run run_after_seconds
automations.base.AutomationJob.run_once 1
automations.base.AutomationJob.set_duration 2
automations.base.AutomationJob.trigger_run_once_from_event 1
automations.dosing.base.DosingAutomationJobContrib.add_alt_media_to_bioreactor 1 unit experiment duration \
source_of_event mqtt_client logger
automations.dosing.base.DosingAutomationJobContrib.add_media_to_bioreactor 1 unit experiment duration \
source_of_event mqtt_client logger
automations.dosing.base.DosingAutomationJobContrib.add_media_to_bioreactor 1 unit experiment ml source_of_event \
mqtt_client logger
automations.dosing.base.DosingAutomationJobContrib.execute_io_action 1 media_ml alt_media_ml waste_ml salt_ml
automations.dosing.base.DosingAutomationJobContrib.remove_waste_from_bioreactor 1 unit experiment duration \
source_of_event mqtt_client logger
automations.events.AddAltMediaEvent 1
automations.events.ChangedLedIntensity 1
automations.events.DilutionEvent 1
automations.events.DilutionEvent 1 data
automations.events.NoEvent 0
automations.events.NoEvent 1
automations.events.UpdatedHeaterDC 1 data
automations.led.base.LEDAutomationJobContrib.set_led_intensity 3
automations.temperature.base.TemperatureAutomationJobContrib.update_heater 2
background_jobs.base.BackgroundJob 2
background_jobs.base.BackgroundJob.__subclasses__ 0
background_jobs.base.BackgroundJob.add_to_published_settings 3
background_jobs.base.BackgroundJob.blink_error_code 2
background_jobs.base.BackgroundJob.publish 3
background_jobs.base.BackgroundJob.publish 3 qos retain
background_jobs.base.BackgroundJob.set_state 2
background_jobs.base.BackgroundJob.subscribe_and_callback 3 allow_retained qos
background_jobs.base.BackgroundJobContrib 2 plugin_name
background_jobs.base.BackgroundJobWithDodgingContrib 2 plugin_name enable_dodging_od
background_jobs.base.LongRunningBackgroundJobContrib 2 plugin_name
background_jobs.dosing_control.DosingController 0 automation_name target_od volume dilutions initial_alt_media \
alt_media_ratio_increase
background_jobs.dosing_control.DosingController 0 unit experiment automation_name duration target_od
background_jobs.leader.mqtt_to_db_streaming.TopicToParserToTable 3
background_jobs.leader.mqtt_to_db_streaming.produce_metadata 1
background_jobs.leader.mqtt_to_db_streaming.register_source_to_sink 1
background_jobs.monitor.Monitor.add_post_button_callback 1
background_jobs.monitor.Monitor.add_pre_button_callback 1
background_jobs.od_reading.start_od_reading 0
background_jobs.od_reading.start_od_reading 2
background_jobs.stirring.Stirrer 3 rpm_calculator
background_jobs.stirring.start_stirring 0 target_rpm
background_jobs.stirring.start_stirring 1
background_jobs.temperature_automation.start_temperature_automation 1 target_temperature
calibrations.CalibrationProtocol.run 1 target_device
calibrations.load_active_calibration 1
calibrations.session_flow.fields.bool 1 label default
calibrations.session_flow.fields.float 1 label
calibrations.session_flow.fields.float 1 label default minimum maximum
calibrations.session_flow.fields.float 1 label minimum maximum default
calibrations.session_flow.fields.int 1 label minimum maximum default
calibrations.session_flow.run_session_in_cli 2
calibrations.session_flow.steps.action 2
calibrations.session_flow.steps.form 3
calibrations.session_flow.steps.info 2
calibrations.structured_session.CalibrationSession 0 session_id protocol_name target_device status step_id data \
created_at updated_at
calibrations.structured_session.utc_iso_timestamp 0
calibrations.utils.crunch_data_and_confirm_with_user 1
calibrations.utils.curve_to_functional_form 2
calibrations.utils.linspace 2 num
calibrations.utils.plot_data 2 title x_min x_max x_label y_label
cli.calibrations.calibration.command 0 name help
cli.run.run.command 0 name
cli.run.run.command 0 name help
cli.run.run.command 1
cluster_management.get_workers_in_inventory 0
config.ConfigParserMod 0
config.config.get 2
config.config.get 2 fallback
config.config.getboolean 2
config.config.getboolean 2 fallback
config.config.getfloat 2
config.config.getfloat 2 fallback
config.config.getint 2 fallback
config.config.has_option 2
config.config.has_section 1
exc.CalibrationError 1
exc.HardwareNotFoundError 1
exc.JobRequiredError 1
hardware.get_heater_pwm_channel 0
hardware.get_layered_mod_config 1
hardware.get_pwm_to_pin_map 0
hardware.get_scl_pin 0
hardware.get_sda_pin 0
hardware.get_temp_address 0
hardware.is_HAT_present 0
hardware.is_heating_pcb_present 0
hardware.is_i2c_device_present 1
logging.create_logger 1
logging.create_logger 1 experiment
mureq.basic_auth 2
mureq.post 1 json
plugin_management.get_plugins 0
pubsub.get_from 2
pubsub.post_into 2 json
pubsub.post_into 2 json timeout
pubsub.publish 2
pubsub.publish 2 qos
pubsub.subscribe 1 timeout
pubsub.subscribe 1 timeout allow_retained
states.JobState.READY.encode 0
states.JobState.SLEEPING.encode 0
structs.CalibrationBase.save_to_disk_for_device 2
structs.CalibrationBase.set_as_active_calibration_for_device 2
structs.CalibrationBase.x_to_y 2
structs.CalibrationBase.y_to_x 2
structs.PolyFitCoefficients 0 coefficients
structs.PumpCalibration 0 name pioreactor_unit created_at pump hz dc duration_ bias_ voltage
structs.Temperature 0 temperature timestamp
utils.adcs.ADC 0
utils.clamp 3
utils.is_pio_job_running 1
utils.local_intermittent_storage 1
utils.local_persistant_storage 1
utils.local_persistent_storage 1
utils.managed_lifecycle 3
utils.managed_lifecycle 3 ignore_is_active_state
utils.mock.MockI2C 2
utils.networking.get_ip 0
utils.networking.resolve_to_address 1
utils.pwm.PWM 1 hz unit experiment
utils.pwm.PWM 1 hz unit experiment pub_client
utils.pwm.PWM 2 unit experiment
utils.pwm.PWM 2 unit experiment pub_client logger
utils.pwm.PWM.change_duty_cycle 2
utils.pwm.PWM.clean_up 1
utils.pwm.PWM.start 2
utils.splines.spline_fit 2
utils.sqlite_worker.Sqlite3Worker 1
utils.streaming_calculations.PID 0 Kp Ki Kd setpoint unit experiment job_name target_name output_limits
utils.streaming_calculations.PID 0 Kp Ki Kd setpoint unit experiment job_name target_name output_limits \
derivative_smoothing
utils.streaming_calculations.PID 0 Kp Ki Kd setpoint unit experiment job_name target_name output_limits \
derivative_smoothing pub_client
utils.temps.TMP1075 0 address
utils.timing.RepeatedTimer 2 job_name
utils.timing.RepeatedTimer 2 job_name logger
utils.timing.RepeatedTimer 2 job_name run_immediately
utils.timing.RepeatedTimer 2 job_name run_immediately logger
utils.timing.RepeatedTimer 2 job_name run_immediately run_after logger
utils.timing.RepeatedTimer 2 run_immediately
utils.timing.current_utc_datestamp 0
utils.timing.current_utc_datetime 0
utils.timing.current_utc_timestamp 0
utils.whoami.get_assigned_experiment_name 1
utils.whoami.get_pioreactor_model 0
utils.whoami.get_unit_name 0
utils.whoami.is_testing_env 0
web.config.huey.task 0
web.tasks.register_calibration_action 2
whoami.am_I_leader 0
whoami.get_assigned_experiment_name 1
whoami.get_latest_experiment_name 0
whoami.get_pioreactor_model 0
whoami.get_testing_experiment_name 0
whoami.get_unit_name 0
whoami.is_testing_env 0
""".strip().splitlines()
"""Name, number of positional arguments (`self` included for methods), names of keywords."""

HOOKS = """
on_init on_init_to_ready on_ready on_ready_to_sleeping on_sleeping on_sleeping_to_ready on_disconnected
on_init_to_disconnected on_ready_to_disconnected on_sleeping_to_disconnected on_lost start_passive_listeners
""".split()  # noqa: SIM905  a table

MEMBERS = {
    "background_jobs.base.BackgroundJob": (
        "INIT READY SLEEPING DISCONNECTED LOST state clean_up publish subscribe_and_callback set_state "
        "block_until_disconnected add_to_published_settings blink_error_code __enter__ __exit__ __init_subclass__"
    ),
    "background_jobs.base.BackgroundJobWithDodging": (
        "enable_dodging_od currently_dodging_od action_to_do_before_od_reading action_to_do_after_od_reading "
        "initialize_dodging_operation initialize_continuous_operation"
    ),
    "automations.base.AutomationJob": (
        "automation_name execute run_every run_once set_duration trigger_run_once_from_event latest_normalized_od "
        "previous_normalized_od latest_normalized_od_at latest_growth_rate previous_growth_rate latest_growth_rate_at "
        "latest_od latest_od_fused _latest_growth_rate _latest_normalized_od _set_growth_rate most_stale_time"
    ),
    "automations.dosing.base.DosingAutomationJobContrib": (
        "execute_io_action add_media_to_bioreactor add_alt_media_to_bioreactor remove_waste_from_bioreactor "
        "alt_media_fraction current_volume_ml vial_volume liquid_volume max_volume"
    ),
    "automations.led.base.LEDAutomationJobContrib": "set_led_intensity",
    "automations.temperature.base.TemperatureAutomationJobContrib": (
        "update_heater heater_duty_cycle latest_temperature MAX_TEMP_TO_SHUTDOWN"
    ),
    "calibrations.session_flow.SessionStep": "render advance",
    "calibrations.CalibrationProtocol": "run target_device protocol_name description __class_getitem__",
    "structs.CalibrationBase": (
        "x_to_y y_to_x predict ipredict set_as_active_calibration_for_device save_to_disk_for_device"
    ),
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with simulated_bench(scenario="water") as simulated, context.using(simulated.unit.runtime):
        yield simulated


def resolve(name: str) -> Any:
    parts, found = name.split("."), import_module("pioreactor")
    for number, part in enumerate(parts):
        if not hasattr(found, part):
            found = import_module("pioreactor." + ".".join(parts[: number + 1]))
        else:
            found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_name_resolves(name: str, bench: Bench) -> None:
    with context.using(bench.unit.runtime):
        assert resolve(name) is not None


@pytest.mark.parametrize("call", CALLS)
def test_the_call_is_accepted(call: str, bench: Bench) -> None:
    name, positional, *keywords = call.split()
    with context.using(bench.unit.runtime):
        called: Callable[..., object] = resolve(name)
        inspect.signature(called).bind(*[None] * int(positional), **dict.fromkeys(keywords))


@pytest.mark.parametrize("name", MEMBERS)
def test_documented_members_are_there(name: str, bench: Bench) -> None:
    with context.using(bench.unit.runtime):
        found = resolve(name)
        missing = [member for member in MEMBERS[name].split() if not hasattr(found, member)]
    assert missing == []


@pytest.mark.parametrize("base", ["BackgroundJob", "BackgroundJobContrib", "LongRunningBackgroundJobContrib",
                                  "BackgroundJobWithDodgingContrib"])  # fmt: skip
def test_every_hook_calls_its_base(base: str, bench: Bench) -> None:
    """Each documented hook can be overridden, calls `super()`, and runs in the course of a job."""
    ran: list[str] = []

    def hook(name: str) -> Callable[[Any], None]:
        def run(self: Any) -> None:
            ran.append(name)
            getattr(super(made, self), name)()

        return run

    parent = resolve(f"background_jobs.base.{base}")
    made: Any = type(
        "Hooked", (parent,), {"job_name": f"hooked_{base.lower()}", **{name: hook(name) for name in HOOKS}}
    )
    arguments = ("plugin",) if base.endswith("Contrib") else ()
    job = bench.start(lambda: made(bench.unit.name, EXPERIMENT, *arguments))
    bench.wait(1.0)
    bench.set(job.job_name, "$state", "sleeping")
    bench.wait(1.0)
    bench.set(job.job_name, "$state", "ready")
    bench.wait(1.0)
    job.clean_up()
    bench.wait(1.0)
    course = ["on_init", "on_init_to_ready", "on_ready", "on_ready_to_sleeping", "on_sleeping", "on_sleeping_to_ready",
              "on_ready", "on_ready_to_disconnected", "on_disconnected"]  # fmt: skip
    assert [name for name in ran if name != "start_passive_listeners"] == course
    assert bench.logged("error") == []


def test_an_automation_of_a_plugin_runs_with_a_duration_and_with_run_every(bench: Bench) -> None:
    from pioreactor.automations import events
    from pioreactor.automations.led.base import LEDAutomationJobContrib

    class Plain(LEDAutomationJobContrib):
        automation_name = "documented_plain"
        published_settings: ClassVar[dict[str, Any]] = {"level": {"datatype": "float", "settable": True, "unit": "%"}}

        def __init__(self, level: str, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.level = float(level)

        def execute(self) -> events.AutomationEvent:
            self.set_led_intensity("B", self.level)
            return events.ChangedLedIntensity(f"B is {self.level}")

    class Every(Plain):
        automation_name = "documented_every"

        def __init__(self, level: str, **kwargs: Any) -> None:
            super().__init__(level, **kwargs)
            self.run_every(0.5, skip_first_run=False)

    for cls, options in ((Plain, {"duration": "0.5"}), (Every, {})):
        before = len(bench.decoded("led_automation/latest_event"))
        job = bench.start(lambda cls=cls, options=options: cls(level="12", **options))  # type: ignore[misc]
        bench.wait(120.0)
        found = bench.decoded("led_automation/latest_event")[before:]
        assert [one["event_name"] for one in found] == ["ChangedLedIntensity"] * len(found)
        assert len(found) >= 4
        job.clean_up()
        bench.wait(1.0)


def test_a_calibration_of_a_plugin_is_saved_used_and_inverted(bench: Bench) -> None:
    from pioreactor import structs
    from pioreactor.calibrations import load_active_calibration

    class Valve(structs.CalibrationBase, kw_only=True, tag="documented_valve"):
        x: str = "turns"
        y: str = "mL/min"

    with context.using(bench.unit.runtime):
        made = Valve(
            calibration_name="v1", calibrated_on_pioreactor_unit="u", created_at=datetime(2030, 1, 1, tzinfo=UTC),
            curve_data_=structs.PolyFitCoefficients(coefficients=[2.0, 0.0]), recorded_data={"x": [0, 1], "y": [0, 2]},
        )  # fmt: skip
        made.save_to_disk_for_device("valve")
        made.set_as_active_calibration_for_device("valve")
        active = load_active_calibration("valve")
        assert active is not None
        assert math.isclose(active.x_to_y(3.0), 6.0)
        assert math.isclose(active.y_to_x(6.0), 3.0)


def test_a_channel_is_called_like_a_type() -> None:
    from pioreactor import types

    assert types.LedChannel("B") == "B"  # type: ignore[operator]


def test_errors_of_plugins_are_constructed_with_a_text() -> None:
    for name in ("HardwareNotFoundError", "CalibrationError", "JobRequiredError"):
        assert str(getattr(exc, name)("reason")) == "reason"
