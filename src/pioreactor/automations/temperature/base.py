"""Base of temperature automations: temperature of the culture, guarded heater, and monitor of the heater board."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pioreactor import error_codes, structs
from pioreactor.actions import bioreactor
from pioreactor.actions.pwm import publish_duties
from pioreactor.alarms import AlarmRule, Diagnosis, MissingData
from pioreactor.automations import events, registry
from pioreactor.automations.base import AutomationJob
from pioreactor.automations.temperature.heater import GuardedHeater
from pioreactor.automations.temperature.heater_monitor import READ_EVERY_S, BoardMonitor, BoardReading
from pioreactor.automations.temperature.observer_store import CACHE, ObserverStore
from pioreactor.automations.temperature.state_estimation import StateEstimation
from pioreactor.devices.guard import HeatingLimits
from pioreactor.exc import HardwareError, HardwareNotFoundError, StoppedError
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.published_attribute import Status
from pioreactor.science.temperature.observer import LiquidObserver
from pioreactor.science.temperature.plant import plant_of
from pioreactor.states import JobState

HEATER_HZ: Final = 16.0
"""Slow enough for the gate of the MOSFET, fast compared to the board's time constant of 4 s."""
PUBLISH_EVERY_S: Final = 30.0
HALF_A_READING_S: Final = READ_EVERY_S / 2
PUBLISHED_DUTY_STEP: Final = 1.0
"""Change of the duty that is published between two publications of the temperature [%]."""
MONITOR_TIMEOUT_S: Final = 60.0
PAUSED: Final = "paused"
UNMONITORED: Final = "unwatched"
HEATER: Final = "heater"
"""Name of the diagnosis of the heater and its thermometer."""
_LIMITS: Final = {
    "MAX_TEMP_TO_REDUCE_HEATING": 78.0, "MAX_TEMP_TO_DISABLE_HEATING": 80.0, "MAX_TEMP_TO_SHUTDOWN": 85.0
}  # fmt: skip


class TemperatureAutomationJob(AutomationJob):
    """Base of temperature automations. `execute` is run every `INFERENCE_EVERY_N_SECONDS`; `update_heater` heats.

    The heater is off while the job sleeps, once it ends, and after any error in `execute`.
    """

    job_name = "temperature_automation"
    kind = "temperature"

    MAX_TEMP_TO_REDUCE_HEATING: float = _LIMITS["MAX_TEMP_TO_REDUCE_HEATING"]
    MAX_TEMP_TO_DISABLE_HEATING: float = _LIMITS["MAX_TEMP_TO_DISABLE_HEATING"]
    MAX_TEMP_TO_SHUTDOWN: float = _LIMITS["MAX_TEMP_TO_SHUTDOWN"]
    """Limits of the heater board [°C]. An instance has those of its reactor's model; a subclass may lower them."""
    INFERENCE_EVERY_N_SECONDS: float = 30.0
    """Interval of `execute` [s]. A temperature is published at least every 30 s."""

    temperature = Measurement[structs.Temperature](unit="℃", label="Temperature", quantity="temperature")
    alarm_rules = (
        AlarmRule(
            name="temperature_missing",
            title="No temperature",
            condition=MissingData(topic="temperature_automation/temperature", after_s=900.0),
            severity="high",
            escalate_after_s=3600.0,
            remedy="Look at the log of the unit.",
        ),
        AlarmRule(
            name="heater_fault",
            title="Heater is off because of a fault",
            condition=Diagnosis(job="temperature_automation", name=HEATER),
            severity="high",
            off_delay_s=900.0,
        ),
    )
    heater_duty_cycle = Status(0.0, unit="%", label="Heater duty cycle", display=False)

    latest_temperature: float | None = None
    previous_temperature: float | None = None
    latest_temperature_at: datetime | None = None

    _heater: GuardedHeater | None = None
    _board_monitor: BoardMonitor | None = None
    _is_powering_off = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.automation_name:
            registry.register("temperature", cls.automation_name, cls)

    def __init__(
        self,
        unit: str | None = None,
        experiment: str | None = None,
        *,
        duration: float | str | None = None,
        skip_first_run: bool | str = False,
        **settings: object,
    ) -> None:
        super().__init__(unit, experiment, duration=duration, skip_first_run=skip_first_run, **settings)
        self._has_trigger = True
        rig = self.runtime.open_rig()
        if not rig.is_heating_pcb_present():
            raise HardwareNotFoundError(
                "the heater board does not respond", remedy="Check that the heater board's ribbon cable is plugged in."
            )
        clock = self.runtime.clock
        self._thermometer = rig.thermometer()
        self._nominal = plant_of(self.runtime.model().model_version)
        self._set_limits()
        self._processed_until_s = clock.monotonic()
        self._next_publication_s = self._next_inference_s = clock.monotonic()
        self._estimation = StateEstimation(
            self._nominal,
            lambda: bioreactor.vial_state(self.runtime, self.experiment),
            ObserverStore(self.runtime.stores.volatile(CACHE), clock, self.experiment),
        )
        self._heater = GuardedHeater(rig.pwm("heating", owner=self.owner, hz=HEATER_HZ), clock)

    def _set_limits(self) -> None:
        model = self.runtime.model()

        def lower(name: str, of_model: float) -> float:
            own: float = getattr(type(self), name)  # a plugin overrides the documented constant
            if own > max(of_model, _LIMITS[name]):
                self.logger.warning(
                    "A plugin raises %s to %g °C; it stays at %g °C, the limit of this reactor's model.",
                    name,
                    own,
                    of_model,
                )
            return of_model if own == _LIMITS[name] else min(own, of_model)

        self.MAX_TEMP_TO_REDUCE_HEATING = lower("MAX_TEMP_TO_REDUCE_HEATING", model.max_temp_to_reduce_heating)
        self.MAX_TEMP_TO_DISABLE_HEATING = lower("MAX_TEMP_TO_DISABLE_HEATING", model.max_temp_to_disable_heating)
        self.MAX_TEMP_TO_SHUTDOWN = lower("MAX_TEMP_TO_SHUTDOWN", model.max_temp_to_shutdown)

    def _become_ready(self) -> None:
        self._board_monitor = BoardMonitor(
            clock=self.runtime.clock,
            thermometer=self._thermometer,
            heater=self.heater,
            limits=HeatingLimits(
                self.MAX_TEMP_TO_REDUCE_HEATING, self.MAX_TEMP_TO_DISABLE_HEATING, self.MAX_TEMP_TO_SHUTDOWN
            ),
            nominal=self._nominal,
            automation=self,
        )
        self.every(MONITOR_TIMEOUT_S / 2, self._check_monitor)
        super()._become_ready()
        self._board_monitor.start()

    # ---- the heater --------------------------------------------------------------------------------------

    @property
    def heater(self) -> GuardedHeater:
        """Return the heater; raise `HardwareError` before it is opened."""
        if self._heater is None:
            raise HardwareError("the heater is not open yet")
        return self._heater

    def update_heater(self, new_duty_cycle: float) -> bool:
        """Set the duty [%], clamped to 0–100. Return False if safety allows less at the moment."""
        requested = min(max(float(new_duty_cycle), 0.0), 100.0)
        applied = self.heater.heat(requested)
        self._publish_duty()
        return applied == requested

    def update_heater_with_delta(self, delta_duty_cycle: float) -> bool:
        """Change the duty by `delta_duty_cycle` [%]."""
        return self.update_heater(self.heater.duty_percent + delta_duty_cycle)

    def turn_off_heater(self) -> None:
        """Switch the heater off."""
        self.heater.off()
        self._publish_duty()

    def _publish_duty(self) -> None:
        """Publish the duty after it was written to the heater."""
        duty = round(self.heater.duty_percent, 2)
        if duty != self.heater_duty_cycle:
            self.heater_duty_cycle = duty
            publish_duties(self)

    # ---- temperatures ------------------------------------------------------------------------------------

    def read_external_temperature(self) -> float:
        """Return the temperature of the heater board [°C], which is not that of the culture."""
        return self._thermometer.read_celsius()

    def infer_temperature(self) -> float:
        """Return the temperature of the culture [°C]. Plugins may override it; the control uses its result."""
        return self.observer.liquid_celsius

    @property
    def observer(self) -> LiquidObserver:
        """Return the observer of the culture's temperature; raise `HardwareError` before the first reading."""
        return self._estimation.observer

    @property
    def current_volume_ml(self) -> float:
        return self._estimation.vial.current_volume_ml

    def on_board_reading(self) -> None:
        """React to each reading of the heater board, about every 5 s. Hook for subclasses."""

    def _check_monitor(self) -> None:
        """Switch the heater off when the board monitor has stopped."""
        assert self._board_monitor is not None
        if self.runtime.clock.monotonic() - self._board_monitor.checked_at_s <= MONITOR_TIMEOUT_S:
            self.heater.allow(UNMONITORED)
        elif UNMONITORED not in self.heater.prohibitions:
            self.heater.forbid(UNMONITORED)
            self._publish_duty()
            self.logger.error("Heater control stopped responding; the heater was switched off. Restart the automation.")

    # ---- callbacks of the board monitor ------------------------------------------------------------------

    def is_stop_requested(self) -> bool:
        return self._lane.stopping or self._lane.pausing

    def processed_until_s(self) -> float:
        return self._processed_until_s

    def on_board_reading_taken(self, reading: BoardReading) -> None:
        self._lane.post(lambda: self._process_reading(reading))

    def on_fault(self, message: str, *, serious: bool) -> None:
        if serious:
            self.logger.error("%s", message)
            self._lane.post(lambda: self.blink_error_code(error_codes.PCB_TEMPERATURE_TOO_HIGH))
            self._lane.post(lambda: self.report_diagnosis(HEATER, message))
        else:
            self.logger.warning("%s", message)
        self._lane.post(self._publish_duty)

    def power_off(self, message: str) -> None:
        """Power the computer off, which cuts the supply of the heater."""
        if self._is_powering_off:
            return
        self._is_powering_off = True
        self.logger.critical("%s Powering the unit off.", message)
        try:
            if not self.runtime.computer.power_off():
                self.logger.critical("A simulated reactor is not powered off; its heater stays off.")
        except OSError as error:
            self.logger.critical("The unit cannot be powered off (%s). Unplug it.", error)

    # ---- a reading ---------------------------------------------------------------------------------------

    def _process_reading(self, reading: BoardReading) -> None:
        self._processed_until_s = reading.at_s
        if self.heater.prohibitions <= {PAUSED}:
            self.report_diagnosis(HEATER, None)
        try:
            self._estimation.update(reading)
            if self.state == JobState.READY and reading.is_trusted:
                self.on_board_reading()
                self._publish_if_due(reading.at_s)
            self._estimation.store(self.heater.duty_percent)
        except StoppedError:
            raise
        except Exception as error:  # code of plugins may raise anything; the heater must not stay on
            self.turn_off_heater()
            self.logger.error("%s", error, exc_info=True)
            self.latest_event = events.ErrorOccurred(str(error)).to_struct(self.runtime.clock.now())

    def _publish_if_due(self, at_s: float) -> None:
        if at_s >= self._next_publication_s:
            self._next_publication_s = at_s + min(PUBLISH_EVERY_S, self.INFERENCE_EVERY_N_SECONDS) - HALF_A_READING_S
            self._publish_temperature()
        elif abs(self.heater.duty_percent - self.heater_duty_cycle) >= PUBLISHED_DUTY_STEP:
            self._publish_duty()
        if at_s >= self._next_inference_s:
            self._next_inference_s = at_s + self.INFERENCE_EVERY_N_SECONDS - HALF_A_READING_S
            self.run_once()

    def _publish_temperature(self) -> None:
        now = self.runtime.clock.now()
        self.previous_temperature = self.latest_temperature
        self.latest_temperature = round(self.infer_temperature(), 2)
        self.latest_temperature_at = now
        self._publish_duty()
        self.temperature = structs.Temperature(temperature=self.latest_temperature, timestamp=now)

    def _execute_safely(self) -> events.AutomationEvent | None:
        event = super()._execute_safely()
        if isinstance(event, events.ErrorOccurred):
            self.turn_off_heater()
        return event

    # ---- lifecycle ---------------------------------------------------------------------------------------

    def _move(self, target: JobState) -> None:
        if target == JobState.SLEEPING:
            self._forbid_heat()
        if target == JobState.READY and self._heater is not None:
            self._heater.allow(PAUSED)
        super()._move(target)

    def _pause_again(self) -> None:
        self._forbid_heat()
        super()._pause_again()

    def _forbid_heat(self) -> None:
        if self._heater is not None:
            self._heater.forbid(PAUSED)
            self._publish_duty()

    def clean_up(self) -> None:
        """End the job. The heater is switched off first, even if the job's code hangs."""
        if self._heater is not None:
            self._heater.release()
        super().clean_up()

    def _end(self) -> None:
        try:
            if self._heater is not None:
                self._heater.release()
                self._estimation.store_heater_off()
                if not self._ending:
                    self._publish_duty()
            if self._board_monitor is not None:
                self._board_monitor.stop()
        finally:
            super()._end()


class TemperatureAutomationJobContrib(TemperatureAutomationJob):
    """Base of temperature automations of plugins.

    Many change the duty step by step and are tuned for this interval; a subclass may override it.
    """

    INFERENCE_EVERY_N_SECONDS: float = 200.0
