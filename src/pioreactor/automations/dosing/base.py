"""Base of dosing automations: exchanges of liquid within the limits of the vial, checked by diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from pioreactor import topics
from pioreactor.actions import bioreactor, pump_run_log
from pioreactor.actions.dosing import (
    ALT_MEDIA,
    MEDIA,
    WASTE,
    CutShort,
    Dosed,
    DoseRequest,
    PumpDevice,
    Refused,
    load_pump_rate,
)
from pioreactor.actions.dosing import dose as run_pump
from pioreactor.alarms import AlarmRule, Diagnosis
from pioreactor.automations import events, registry
from pioreactor.automations.base import AutomationJob, AutomationOptions
from pioreactor.automations.diagnostics.dilution_monitor import DilutionMonitor
from pioreactor.automations.diagnostics.dosing_diagnostics import DosingDiagnostics
from pioreactor.automations.diagnostics.overfill_monitor import OverfillMonitor
from pioreactor.automations.diagnostics.ports import (
    Diagnostic,
    GrowthRateEstimated,
    LiquidAdded,
    OpticalDensityRead,
)
from pioreactor.automations.diagnostics.pump_wear_monitor import REFERENCE_GAINS, PumpWearMonitor
from pioreactor.automations.dosing.exchange import Volumes, check_volumes, count_portions, liquid_name, method_name
from pioreactor.automations.dosing.observations import DosingObservations
from pioreactor.automations.dosing.vial import VialProperties
from pioreactor.calibrations import store
from pioreactor.calibrations.conditions import warn_of_differences
from pioreactor.exc import CalibrationMissingError, ConfigurationError, InvalidRequestError, StoppedError, StorageError
from pioreactor.messaging.ports import Message
from pioreactor.states import JobState

WARN_AT_FILL_FRACTION = 0.95
MIN_REPORTED_SHORTFALL_ML = 0.01
COMPOSED_ACTIONS = ("pumps", "circulate_media", "circulate_alt_media")


class DosingOptions(AutomationOptions, total=False):
    """Arguments of the constructor of every dosing automation."""

    alt_media_fraction: float | str | None
    current_volume_ml: float | str | None
    efflux_tube_volume_ml: float | str | None


class DosingAutomationJob(VialProperties, AutomationJob):
    """Base of dosing automations: `execute_io_action` moves liquid, the `latest_…` readings are to decide when."""

    job_name = "dosing_automation"
    kind = "dosing"
    alarm_rules = (
        AlarmRule(
            name="dosing_dilution",
            title="Doses do not dilute as they should",
            condition=Diagnosis(job="dosing_automation", name="dilution"),
            severity="high",
            escalate_after_s=3600.0,
        ),
        AlarmRule(
            name="vial_overfilled",
            title="Vial may be too full",
            condition=Diagnosis(job="dosing_automation", name="overfill"),
            severity="critical",
            escalate_after_s=900.0,
        ),
        AlarmRule(
            name="pump_worn",
            title="Pump may be worn",
            condition=Diagnosis(job="dosing_automation", name="pump_wear"),
        ),
    )
    pumps: ClassVar[tuple[PumpDevice, ...]] = (MEDIA, WASTE)
    """Pumps that must be calibrated and wired for this automation."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if cls.automation_name:
            registry.register("dosing", cls.automation_name, cls)

    def __init__(
        self,
        unit: str | None = None,
        experiment: str | None = None,
        *,
        alt_media_fraction: float | str | None = None,
        current_volume_ml: float | str | None = None,
        efflux_tube_volume_ml: float | str | None = None,
        duration: float | str | None = None,
        skip_first_run: bool | str = False,
        **settings: object,
    ) -> None:
        super().__init__(unit, experiment, duration=duration, skip_first_run=skip_first_run, **settings)
        for message in pump_run_log.close_interrupted_exchange(self, self.job_name):
            self.logger.warning("%s", message)
        now_s = self.runtime.clock.monotonic
        self._diagnostics = DosingDiagnostics(
            self.create_diagnostics(),
            logger=self.logger,
            pause=self.pause_soon,
            report=self.report_diagnosis,
            now_s=now_s,
        )
        self._observations = DosingObservations(self, lambda: self.current_volume_ml, self._diagnostics.observe)
        given = {
            "alt_media_fraction": alt_media_fraction,
            "current_volume_ml": current_volume_ml,
            "efflux_tube_volume_ml": efflux_tube_volume_ml,
        }
        values = {name: float(value) for name, value in given.items() if value is not None}
        state = bioreactor.set_variables(self.runtime, self.experiment, values)
        bioreactor.publish_changes(self.publish, self.unit, self.experiment, state, at=self.runtime.clock.now())
        self._check_pumps()

    def used_pumps(self) -> tuple[PumpDevice, ...]:
        """Return the pumps that must be calibrated and wired with these settings. Hook for subclasses."""
        return self.pumps

    def _check_pumps(self) -> None:
        wired = self.runtime.settings.pwm_channel_of
        for pump in self.used_pumps():
            if pump.role not in wired:
                raise ConfigurationError(
                    f"no PWM channel is named {pump.role}",
                    remedy=f"Name the channel of the {pump.role} pump in [PWM], for example 2={pump.role}.",
                )
            calibration = load_pump_rate(self, pump)
            if calibration is None:
                raise CalibrationMissingError(
                    f"{pump.device} has no active calibration",
                    remedy=f"Run: pio calibrations run --device {pump.device}",
                )
            warn_of_differences(self.logger, self.runtime, pump.device, calibration)

    @property
    def pump_gain(self) -> float:
        """Volume delivered over volume requested, as estimated by `growth_rate_calculating`; 1.0 at first."""
        return self._observations.pump_gain

    @property
    def is_pump_gain_known(self) -> bool:
        return self._observations.is_pump_gain_known

    # ---- moving liquid -------------------------------------------------------------------------------------

    def execute_io_action(self, waste_ml: float = 0.0, **inputs_ml: float) -> Volumes:
        """Add liquids and remove at least as much [mL]; large doses are split. Return the volumes moved.

        `media_ml`, `alt_media_ml`, or any `<name>_ml` for which `add_<name>_to_bioreactor` is defined. Raise
        `InvalidRequestError` if the volumes are invalid.
        """
        check_volumes(waste_ml, inputs_ml, has_method=lambda name: hasattr(self, name))
        requested = {"waste_ml": waste_ml, **inputs_ml}
        moved = Volumes(dict.fromkeys(requested, 0.0))
        pump_run_log.begin_exchange(self.runtime, self.job_name, self.experiment, requested)
        self._publish_event(events.DosingStarted(data=dict(requested)))
        try:
            with self._diagnostics.dose() as is_allowed:
                if is_allowed:
                    self._exchange(waste_ml, inputs_ml, moved)
        finally:
            self._publish_event(events.DosingStopped(data=dict(moved)))
            with suppress(StorageError):
                pump_run_log.end_exchange(self.runtime, self.job_name)
        return moved

    def _exchange(self, waste_ml: float, inputs_ml: dict[str, float], moved: Volumes) -> None:
        """Exchange in portions and add what moved to `moved`, also when it is interrupted."""
        portions = count_portions(sum(inputs_ml.values()), self.runtime.settings.dosing_automation.max_subdose)
        for _ in range(portions):
            portion = {name: volume_ml / portions for name, volume_ml in inputs_ml.items()}
            is_balanced = self._exchange_portion(waste_ml / portions, portion, moved)
            if not is_balanced or self.is_interrupted or self.state != JobState.READY:
                break

    def _exchange_portion(self, waste_ml: float, inputs_ml: dict[str, float], moved: Volumes) -> bool:
        """Exchange one portion and add what moved to `moved`, also when it is interrupted.

        Return whether as much waste was removed as requested: if not, no further portion may add liquid.
        """
        config = self.runtime.settings.dosing_automation
        for name, volume_ml in inputs_ml.items():
            if volume_ml <= 0:
                continue
            if not self.has_room_for(volume_ml):
                return False
            add: Callable[..., float] = getattr(self, method_name(name))  # the documented extension point
            moved[name] += self.move_liquid(f"add_{liquid_name(name)}", add, volume_ml)
            try:
                self.sleep(config.pause_between_subdoses_seconds, pausable=True)
            except StoppedError:
                return False
        if waste_ml > 0:
            removed = self.move_liquid("remove_waste", self.remove_waste_from_bioreactor, waste_ml)
            moved["waste_ml"] += removed
            if removed < waste_ml - MIN_REPORTED_SHORTFALL_ML:
                self.logger.warning(
                    "Only %.2f of %.2f mL of waste were removed. The rest of this dose is not given.", removed, waste_ml
                )
                return False
            extra_ml = waste_ml * config.waste_removal_multiplier
            if extra_ml > 0 and not self.is_interrupted:
                self.move_liquid("remove_waste", self.remove_waste_from_bioreactor, extra_ml)
        return True

    def move_liquid(self, event: str, move: Callable[..., float], volume_ml: float) -> float:
        """Run a pump method and return the volume moved [mL], which is entered into the volume ledger.

        Pump methods of plugins do not update the ledger themselves.
        """
        before = self.vial
        moved_ml = move(**self._pump_arguments(volume_ml))
        if event.startswith("add_") and moved_ml > 0:
            self._diagnostics.observe(LiquidAdded(self.runtime.clock.monotonic(), moved_ml, before.current_volume_ml))
        if moved_ml > 0 and self.vial == before:
            after = bioreactor.record_dose(self.runtime, self.experiment, event, moved_ml)
            bioreactor.publish_changes(
                self.publish, self.unit, self.experiment, after, before, at=self.runtime.clock.now()
            )
        return moved_ml

    def has_room_for(self, volume_ml: float) -> bool:
        """Return whether a volume [mL] may be added; pause dosing if not."""
        volume, full = self.current_volume_ml, self.max_fill_volume_ml
        if volume + volume_ml >= full:
            self.logger.error(
                "Adding %.2f mL to %.2f mL would reach %.1f mL, the maximum volume of this vial. Dosing is paused: "
                "check the waste pump and its tube, correct the volume, then resume.",
                volume_ml, volume, full,
            )  # fmt: skip
            self.pause_soon()
            return False
        if volume + volume_ml >= WARN_AT_FILL_FRACTION * full:
            self.logger.warning("The vial is nearly full: %.2f of %.1f mL.", volume, full)
        return True

    @property
    def _source_of_event(self) -> str:
        return f"{self.job_name}:{self.automation_name}"

    # ---- pumps ---------------------------------------------------------------------------------------------

    def _pump_arguments(self, volume_ml: float) -> dict[str, object]:
        return {
            "unit": self.unit,
            "experiment": self.experiment,
            "ml": volume_ml,
            "source_of_event": self._source_of_event,
            "mqtt_client": self.pub_client,
            "logger": self.logger,
        }

    def add_media_to_bioreactor(
        self,
        unit: str | None = None,  # noqa: ARG002  accepted for callers of the documented signature
        experiment: str | None = None,  # noqa: ARG002
        ml: float | None = None,
        source_of_event: str | None = None,
        *,
        duration: float | None = None,
        **_ignored: object,
    ) -> float:
        """Add media and return the volume moved [mL]. Give `ml` or `duration` [s]; plugins may replace it."""
        return self._pump(MEDIA, ml, duration, source_of_event)

    def add_alt_media_to_bioreactor(
        self,
        unit: str | None = None,  # noqa: ARG002  accepted for callers of the documented signature
        experiment: str | None = None,  # noqa: ARG002
        ml: float | None = None,
        source_of_event: str | None = None,
        *,
        duration: float | None = None,
        **_ignored: object,
    ) -> float:
        """Add alternative media, return the volume moved [mL]. Give `ml` or `duration` [s]; plugins may replace it."""
        return self._pump(ALT_MEDIA, ml, duration, source_of_event)

    def remove_waste_from_bioreactor(
        self,
        unit: str | None = None,  # noqa: ARG002  accepted for callers of the documented signature
        experiment: str | None = None,  # noqa: ARG002
        ml: float | None = None,
        source_of_event: str | None = None,
        *,
        duration: float | None = None,
        **_ignored: object,
    ) -> float:
        """Remove waste and return the volume requested [mL]. Give `ml` or `duration` [s]; plugins may replace it."""
        return self._pump(WASTE, ml, duration, source_of_event)

    def _pump(
        self, pump: PumpDevice, volume_ml: float | None, duration_s: float | None, source_of_event: str | None
    ) -> float:
        if (volume_ml is None) == (duration_s is None):
            raise InvalidRequestError(f"the {pump.role} pump needs either ml or duration")
        source = source_of_event if source_of_event is not None else self._source_of_event
        request = DoseRequest(volume_ml=volume_ml, duration_s=duration_s, source_of_event=source)
        outcome = run_pump(self, pump, request, load_pump_rate(self, pump))
        match outcome:
            case Refused(reason, message):
                self.logger.error("The %s pump did not run: %s (%s).", pump.role, message, reason)
            case CutShort(moved_ml, requested_ml, why):
                requested = "" if requested_ml is None else f" of {requested_ml:.2f}"
                self.logger.warning("The %s pump moved %.2f%s mL: %s.", pump.role, moved_ml, requested, why)
            case Dosed():
                pass
        return outcome.volume_ml

    def _publish_event(self, event: events.AutomationEvent) -> None:
        self.latest_event = event.to_struct(self.runtime.clock.now())

    def _enter(self, state: JobState) -> None:
        super()._enter(state)
        if state in (JobState.SLEEPING, JobState.DISCONNECTED):
            self._stop_pump_actions()

    def _stop_pump_actions(self) -> None:
        """Stop pump actions that were started separately: all pumps stop when dosing is paused."""
        for action in (MEDIA.event, ALT_MEDIA.event, WASTE.event, *COMPOSED_ACTIONS):
            topic = topics.set_setting(self.unit, self.experiment, action, "state")
            self.publish(topic, JobState.DISCONNECTED)

    # ---- diagnostics ---------------------------------------------------------------------------------------

    def create_diagnostics(self) -> list[Diagnostic]:
        """Return the diagnostics of doses, called once by the constructor. Subclasses may add to them."""
        adding = [pump for pump in self.used_pumps() if pump.adds_liquid]
        sources = " and ".join(pump.role.replace("_", " ") for pump in adding)
        diagnostics: list[Diagnostic] = [DilutionMonitor(sources), OverfillMonitor()]
        if len(adding) == 1:  # The estimated gain cannot be attributed to one of several pumps.
            device = adding[0].device
            diagnostics.append(
                PumpWearMonitor(
                    sources,
                    gains=self.runtime.stores.persistent(REFERENCE_GAINS),
                    key=(self.experiment, device),
                    calibration_name=lambda: store.active_name(self.runtime, device),
                )
            )
        return diagnostics

    def on_sleeping_to_ready(self) -> None:
        """Reset the diagnostics: the tubes may have been repaired."""
        self._diagnostics.reset()

    def _subscribe_to_readings(self) -> None:
        super()._subscribe_to_readings()
        self._observations.subscribe()

    def _set_ods(self, message: Message) -> None:
        super()._set_ods(message)
        ods = self.latest_od
        if ods:
            self._diagnostics.observe(OpticalDensityRead(self._observations.monotonic_time(self._od.at), ods[min(ods)]))

    def _set_growth_rate(self, message: Message) -> None:
        super()._set_growth_rate(message)
        at_s = self._observations.monotonic_time(self._growth_rate.at)
        self._diagnostics.observe(GrowthRateEstimated(at_s, self.latest_growth_rate))


class DosingAutomationJobContrib(DosingAutomationJob):
    """Base of dosing automations of plugins; those that name their `pumps` do not start while one is not set up."""

    def _check_pumps(self) -> None:
        try:
            super()._check_pumps()
        except (ConfigurationError, CalibrationMissingError) as error:
            if type(self).pumps is not DosingAutomationJob.pumps:
                raise
            self.logger.warning("%s. %s", error, error.remedy)  # it may use other pumps; a dose would tell
