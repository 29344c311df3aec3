"""What temperature automations share: the culture's temperature, a guarded heater, and a watch over its board."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pioreactor import error_codes, structs
from pioreactor.actions import bioreactor
from pioreactor.actions.pwm import publish_duties
from pioreactor.automations import events, registry
from pioreactor.automations.base import AutomationJob
from pioreactor.automations.temperature.heater import GuardedHeater
from pioreactor.automations.temperature.heater_monitor import READ_EVERY_S, BoardReading, BoardWatch
from pioreactor.automations.temperature.observer_store import CACHE, ObserverMemory
from pioreactor.automations.temperature.state_estimation import Observation
from pioreactor.devices.guard import HeatingLimits
from pioreactor.exc import HardwareError, HardwareNotFoundError, StoppedError
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.published_attribute import Status
from pioreactor.science.temperature.observer import LiquidObserver
from pioreactor.science.temperature.plant import plant_of
from pioreactor.states import JobState

HEATER_HZ: Final = 16.0
"""Slow enough for the MOSFET's gate, fast against the board's 4 s."""
PUBLISH_EVERY_S: Final = 30.0
HALF_A_LOOK_S: Final = READ_EVERY_S / 2
SHOW_DUTY_STEP: Final = 1.0
"""Between two publications of the temperature, the duty is published when it has moved so far [%]."""
UNWATCHED_S: Final = 60.0
PAUSED: Final = "paused"
UNWATCHED: Final = "unwatched"


class TemperatureAutomationJob(AutomationJob):
    """Base of temperature automations. `execute` is run every `INFERENCE_EVERY_N_SECONDS`; `update_heater` heats.

    The heater is off while the job sleeps, once it ends, and after any error in `execute`.
    """

    job_name = "temperature_automation"
    kind = "temperature"

    MAX_TEMP_TO_REDUCE_HEATING: float = 78.0
    MAX_TEMP_TO_DISABLE_HEATING: float = 80.0
    MAX_TEMP_TO_SHUTDOWN: float = 85.0
    """Of the heater board [°C]. An instance has those of its reactor's model; a subclass may lower them."""
    INFERENCE_EVERY_N_SECONDS: float = 30.0
    """How often `execute` is run. A temperature is published at least every 30 s."""

    temperature = Measurement[structs.Temperature](unit="℃", label="Temperature", quantity="temperature")
    heater_duty_cycle = Status(0.0, unit="%", label="Heater duty cycle", display=False)

    latest_temperature: float | None = None
    previous_temperature: float | None = None
    latest_temperature_at: datetime | None = None

    _heater: GuardedHeater | None = None
    _watch: BoardWatch | None = None
    _is_powering_off = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.automation_name:
            registry.register("temperature", cls.automation_name, cls)

    def __init__(self, unit: str | None = None, experiment: str | None = None, **kwargs: Any) -> None:
        super().__init__(unit, experiment, **kwargs)
        self._has_trigger = True
        rig = self.runtime.open_rig()
        if not rig.is_heating_pcb_present():
            raise HardwareNotFoundError(
                "the heater board does not answer", remedy="Check that the heater board's ribbon cable is plugged in."
            )
        clock = self.runtime.clock
        self._thermometer = rig.thermometer()
        self._nominal = plant_of(self.runtime.model().model_version)
        self._set_limits()
        self._heard_until_s = clock.monotonic()
        self._next_publication_s = self._next_inference_s = clock.monotonic()
        self._observation = Observation(
            self._nominal,
            lambda: bioreactor.vial_state(self.runtime, self.experiment),
            ObserverMemory(self.runtime.stores.volatile(CACHE), clock, self.experiment),
        )
        self._heater = GuardedHeater(rig.pwm("heating", owner=self.owner, hz=HEATER_HZ), clock)

    def _set_limits(self) -> None:
        model = self.runtime.model()

        def lower(name: str, of_model: float) -> float:
            own: float = getattr(type(self), name)  # a plugin overrides the documented constant
            return of_model if own == getattr(TemperatureAutomationJob, name) else min(own, of_model)

        self.MAX_TEMP_TO_REDUCE_HEATING = lower("MAX_TEMP_TO_REDUCE_HEATING", model.max_temp_to_reduce_heating)
        self.MAX_TEMP_TO_DISABLE_HEATING = lower("MAX_TEMP_TO_DISABLE_HEATING", model.max_temp_to_disable_heating)
        self.MAX_TEMP_TO_SHUTDOWN = lower("MAX_TEMP_TO_SHUTDOWN", model.max_temp_to_shutdown)

    def _become_ready(self) -> None:
        self._watch = BoardWatch(
            clock=self.runtime.clock,
            thermometer=self._thermometer,
            heater=self.heater,
            limits=HeatingLimits(
                self.MAX_TEMP_TO_REDUCE_HEATING, self.MAX_TEMP_TO_DISABLE_HEATING, self.MAX_TEMP_TO_SHUTDOWN
            ),
            nominal=self._nominal,
            watched=self,
        )
        self.every(UNWATCHED_S / 2, self._watch_the_watch)
        super()._become_ready()
        self._watch.start()

    # ---- the heater ----------------------------------------------------------------------------------------

    @property
    def heater(self) -> GuardedHeater:
        """Return the heater; an error before it is opened."""
        if self._heater is None:
            raise HardwareError("the heater is not open yet")
        return self._heater

    def update_heater(self, new_duty_cycle: float) -> bool:
        """Heat with this duty [%], bounded to 0–100. Return False when safety allows less at the moment."""
        wanted = min(max(float(new_duty_cycle), 0.0), 100.0)
        given = self.heater.heat(wanted)
        self._show_duty()
        return given == wanted

    def update_heater_with_delta(self, delta_duty_cycle: float) -> bool:
        """Change the duty by this [%]."""
        return self.update_heater(self.heater.duty_percent + delta_duty_cycle)

    def turn_off_heater(self) -> None:
        """Switch the heater off."""
        self.heater.off()
        self._show_duty()

    def _show_duty(self) -> None:
        """Publish the duty; whoever calls has written the heater before."""
        duty = round(self.heater.duty_percent, 2)
        if duty != self.heater_duty_cycle:
            self.heater_duty_cycle = duty
            publish_duties(self)

    # ---- temperatures --------------------------------------------------------------------------------------

    def read_external_temperature(self) -> float:
        """Return what the thermometer on the heater board shows [°C]; not the culture's temperature."""
        return self._thermometer.read_celsius()

    def infer_temperature(self) -> float:
        """Return the culture's temperature [°C]. Plugins may replace it; control follows what it says."""
        return self.observer.liquid_celsius

    @property
    def observer(self) -> LiquidObserver:
        """Return what infers the culture's temperature; an error before the first reading."""
        return self._observation.observer

    @property
    def current_volume_ml(self) -> float:
        return self._observation.vial.current_volume_ml

    def on_board_reading(self) -> None:
        """React to each reading of the heater board, about every 5 s. Subclasses that control fast define it."""

    def _watch_the_watch(self) -> None:
        """Heat only while somebody looks at the board."""
        assert self._watch is not None
        if self.runtime.clock.monotonic() - self._watch.looked_at_s <= UNWATCHED_S:
            self.heater.allow(UNWATCHED)
        elif UNWATCHED not in self.heater.prohibitions:
            self.heater.forbid(UNWATCHED)
            self._show_duty()
            self.logger.error("Nobody watches the heater board; the heater is off. Restart the automation.")

    # ---- what the watch says ---------------------------------------------------------------------------------

    def is_leaving(self) -> bool:
        return self._lane.stopping or self._lane.pausing

    def heard_until_s(self) -> float:
        return self._heard_until_s

    def hear_board(self, reading: BoardReading) -> None:
        self._lane.post(lambda: self._take_reading(reading))

    def hear_trouble(self, sentence: str, *, serious: bool) -> None:
        if serious:
            self.logger.error("%s", sentence)
            self._lane.post(lambda: self.blink_error_code(error_codes.PCB_TEMPERATURE_TOO_HIGH))
        else:
            self.logger.warning("%s", sentence)
        self._lane.post(self._show_duty)

    def power_off(self, sentence: str) -> None:
        """Power the computer off, which takes the heater's supply with it."""
        if self._is_powering_off:
            return
        self._is_powering_off = True
        self.logger.critical("%s The unit powers off.", sentence)
        try:
            if not self.runtime.computer.power_off():
                self.logger.critical("A reactor without hardware of its own is not powered off; its heater stays off.")
        except OSError as error:
            self.logger.critical("The unit cannot be powered off (%s). Pull its plug.", error)

    # ---- a reading -----------------------------------------------------------------------------------------

    def _take_reading(self, reading: BoardReading) -> None:
        self._heard_until_s = reading.at_s
        try:
            self._observation.take(reading)
            if self.state == JobState.READY and reading.is_trusted:
                self.on_board_reading()
                self._publish_if_due(reading.at_s)
            self._observation.keep(self.heater.duty_percent)
        except StoppedError:
            raise
        except Exception as error:  # a plugin's code may raise anything; the heater must not stay as it was
            self.turn_off_heater()
            self.logger.error("%s", error, exc_info=True)
            self.latest_event = events.ErrorOccurred(str(error)).to_struct()

    def _publish_if_due(self, at_s: float) -> None:
        if at_s >= self._next_publication_s:
            self._next_publication_s = at_s + min(PUBLISH_EVERY_S, self.INFERENCE_EVERY_N_SECONDS) - HALF_A_LOOK_S
            self._publish_temperature()
        elif abs(self.heater.duty_percent - self.heater_duty_cycle) >= SHOW_DUTY_STEP:
            self._show_duty()
        if at_s >= self._next_inference_s:
            self._next_inference_s = at_s + self.INFERENCE_EVERY_N_SECONDS - HALF_A_LOOK_S
            self.run_once()

    def _publish_temperature(self) -> None:
        now = self.runtime.clock.now()
        self.previous_temperature = self.latest_temperature
        self.latest_temperature = round(self.infer_temperature(), 2)
        self.latest_temperature_at = now
        self._show_duty()
        self.temperature = structs.Temperature(temperature=self.latest_temperature, timestamp=now)

    def _execute_safely(self) -> events.AutomationEvent | None:
        event = super()._execute_safely()
        if isinstance(event, events.ErrorOccurred):
            self.turn_off_heater()
        return event

    # ---- lifecycle: the heater first -------------------------------------------------------------------------

    def _move(self, target: JobState) -> None:
        if target == JobState.SLEEPING and self._heater is not None:
            self._heater.forbid(PAUSED)
            self._show_duty()
        if target == JobState.READY and self._heater is not None:
            self._heater.allow(PAUSED)
        super()._move(target)

    def clean_up(self) -> None:
        """End the job; the heater is off before anything else happens, even when the job's code hangs."""
        if self._heater is not None:
            self._heater.release()
        super().clean_up()

    def _end(self) -> None:
        try:
            if self._heater is not None:
                self._heater.release()
                self._observation.leave()
                if not self._ending:
                    self._show_duty()
            if self._watch is not None:
                self._watch.stop()
        finally:
            super()._end()


class TemperatureAutomationJobContrib(TemperatureAutomationJob):
    """Base of temperature automations of plugins.

    Many change the duty step by step and are tuned for this time between runs, so it is kept; it may be overridden.
    """

    INFERENCE_EVERY_N_SECONDS: float = 200.0
