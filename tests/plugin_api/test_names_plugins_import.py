"""Every name that public plugins import is there, and importing one does nothing else."""

import subprocess
import sys
from importlib import import_module

import pytest

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.runtime import context

NAMES = """
config.config config.ConfigParserMod config.leader_hostname config.leader_address config.get_config
whoami.get_unit_name whoami.get_assigned_experiment_name whoami.UNIVERSAL_EXPERIMENT whoami.UNIVERSAL_IDENTIFIER
whoami.get_latest_experiment_name whoami.get_testing_experiment_name whoami.is_testing_env whoami.NO_EXPERIMENT
whoami.am_I_leader whoami.get_pioreactor_model whoami.get_latest_testing_experiment_name
utils.timing utils.timing.RepeatedTimer utils.timing.current_utc_datetime utils.timing.current_utc_timestamp
utils.timing.current_utc_datestamp utils.timing.to_iso_format
utils.pwm.PWM utils.is_pio_job_running utils.managed_lifecycle utils.clamp utils.local_persistent_storage
utils.local_intermittent_storage utils.SummableDict utils.networking.resolve_to_address utils.networking.get_ip
utils.streaming_calculations.PID utils.streaming_calculations.ExponentialMovingAverage utils.mock.MockTMP1075
utils.mock.MockI2C utils.temps.TMP1075 utils.whoami utils.whoami.get_unit_name utils.whoami.is_testing_env
utils.whoami.get_assigned_experiment_name utils.whoami.get_pioreactor_model utils.local_persistant_storage
utils.JobManager utils.publish_ready_to_disconnected_state utils.splines.spline_fit utils.adcs.ADC
utils.sqlite_worker utils.sqlite_worker.Sqlite3Worker
cli.run.run
background_jobs.leader.mqtt_to_db_streaming.TopicToParserToTable
background_jobs.leader.mqtt_to_db_streaming.register_source_to_sink
background_jobs.leader.mqtt_to_db_streaming.produce_metadata
background_jobs.base.BackgroundJob background_jobs.base.BackgroundJobContrib
background_jobs.base.LongRunningBackgroundJob background_jobs.base.LongRunningBackgroundJobContrib
background_jobs.base.BackgroundJobWithDodging background_jobs.base.BackgroundJobWithDodgingContrib
background_jobs.monitor.Monitor background_jobs.od_reading.start_od_reading background_jobs.od_reading.ODReader
background_jobs.stirring.start_stirring background_jobs.dosing_control.DosingController
background_jobs.subjobs.dosing_automation.DosingAutomationContrib
background_jobs.temperature_automation.TemperatureAutomationJob
background_jobs.temperature_automation.start_temperature_automation
background_jobs.dosing_automation.start_dosing_automation background_jobs.led_automation.start_led_automation
types types.MQTTMessage types.MQTTMessagePayload types.LedChannel types.PdChannel types.PwmChannel types.Unit
types.Experiment types.PublishableSetting
structs structs.CalibrationBase structs.DosingEvent structs.PolyFitCoefficients structs.Temperature
structs.GrowthRate structs.ODFiltered structs.ODReadings structs.RawODReading structs.ODFused structs.MeasuredRPM
structs.EstimatorBase
states.JobState error_codes error_codes.PCB_TEMPERATURE_TOO_HIGH
exc exc.HardwareNotFoundError exc.CalibrationError exc.JobRequiredError exc.PWMError
automations.events automations.events.AutomationEvent automations.events.NoEvent automations.events.DilutionEvent
automations.events.UpdatedHeaterDC automations.events.ChangedLedIntensity automations.events.AddAltMediaEvent
automations.DosingAutomationJobContrib automations.base.AutomationJob
automations.dosing.base.DosingAutomationJobContrib automations.dosing.Turbidostat
automations.dosing.turbidostat.Turbidostat automations.led.base.LEDAutomationJobContrib
automations.led.base.LEDAutomationJob automations.temperature.base.TemperatureAutomationJobContrib
automations.temperature.thermostat.Thermostat
hardware hardware.PWM_TO_PIN hardware.SCL hardware.SDA hardware.TEMP hardware.HEATER_PWM_TO_PIN
hardware.ADC_CHANNEL_FUNCS hardware.get_pwm_to_pin_map hardware.get_scl_pin hardware.get_sda_pin
hardware.get_temp_address hardware.is_i2c_device_present hardware.is_HAT_present hardware.is_heating_pcb_present
hardware.get_heater_pwm_channel hardware.get_layered_mod_config
logging.create_logger logging.CustomLogger
pubsub pubsub.publish pubsub.subscribe pubsub.subscribe_and_callback pubsub.create_client pubsub.QOS
pubsub.QOS.AT_LEAST_ONCE pubsub.get_from pubsub.post_into pubsub.get_from_leader pubsub.post_into_leader
mureq.post mureq.get mureq.basic_auth
cluster_management.get_workers_in_inventory plugin_management.get_plugins
actions.led_intensity actions.led_intensity.led_intensity actions.led_intensity.ALL_LED_CHANNELS
actions.led_intensity.change_leds_intensities_temporarily actions.pump.add_media actions.pump.add_alt_media
actions.pump.remove_waste actions.pump.PWMPump actions.pumps.registered_pumps
calibrations.load_active_calibration calibrations.CalibrationProtocol calibrations.registry.CalibrationProtocol
calibrations.session_flow.SessionStep calibrations.session_flow.StepRegistry calibrations.session_flow.fields
calibrations.session_flow.steps calibrations.session_flow.SessionContext
calibrations.session_flow.run_session_in_cli calibrations.session_flow.fields.float calibrations.session_flow.steps.info
calibrations.utils calibrations.utils.linspace calibrations.utils.plot_data calibrations.utils.curve_to_functional_form
calibrations.utils.crunch_data_and_confirm_with_user actions.self_test.register_self_tests cli.calibrations.calibration
estimators.ESTIMATOR_PATH web.plugin_registry.register_api_route web.plugin_registry.register_unit_api_route
web.plugin_registry.register_mcp_tool web.config.huey.task web.tasks.register_calibration_action
automations.temperature.thermostat.Thermostat.MAX_TARGET_TEMP
calibrations.structured_session.CalibrationSession calibrations.structured_session.utc_iso_timestamp
""".split()  # noqa: SIM905  a list this long is read more easily so


@pytest.fixture(scope="module")
def runtime() -> context.Runtime:
    return build_simulation().units[0].runtime


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_imported(name: str, runtime: context.Runtime) -> None:
    with context.using(runtime):
        parts, found = name.split("."), import_module("pioreactor")
        for number, part in enumerate(parts):
            if hasattr(found, part):
                found = getattr(found, part)
            else:
                found = import_module("pioreactor." + ".".join(parts[: number + 1]))
        assert found is not None


def test_importing_reads_nothing_and_costs_no_heavy_library() -> None:
    modules = sorted({name.rsplit(".", 1)[0] if name.rsplit(".", 1)[-1][0].isupper() else name for name in NAMES})
    plain = [m for m in modules if m in ("pubsub", "mureq", "hardware", "whoami", "config", "logging", "utils.timing")]
    code = "import sys; " + "; ".join(f"import pioreactor.{module}" for module in plain)
    code += "; print(sorted({'numpy', 'litestar', 'sqlalchemy', 'rich', 'paho', 'yaml', 'sqlite3'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert shown.stdout == "[]\n"
