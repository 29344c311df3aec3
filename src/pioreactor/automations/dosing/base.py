"""What dosing automations share: exchanging volumes safely, in portions small enough for the vial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pioreactor import topics
from pioreactor.actions import bioreactor
from pioreactor.actions.accounting import VialState
from pioreactor.actions.dosing import (
    ALT_MEDIA,
    MEDIA,
    WASTE,
    CutShort,
    Dosed,
    DoseRequest,
    PumpDevice,
    Refused,
    rate_of,
)
from pioreactor.actions.dosing import dose as run_pump
from pioreactor.automations import events, registry
from pioreactor.automations.base import AutomationJob
from pioreactor.exc import CalibrationMissingError, ConfigurationError, InvalidRequestError, StoppedError
from pioreactor.states import JobState

TOLERANCE_ML = 1e-9
WARN_AT_FRACTION_OF_FULL = 0.95
COMPOSED_ACTIONS = ("pumps", "circulate_media", "circulate_alt_media")


class Volumes(dict[str, float]):
    """Volumes moved by name [mL]; names that are missing are 0, and two add up."""

    def __missing__(self, name: str) -> float:
        return 0.0

    def __add__(self, other: dict[str, float]) -> Volumes:
        return Volumes({name: self[name] + other.get(name, 0.0) for name in {**self, **other}})


class DosingAutomationJob(AutomationJob):
    """Base of dosing automations: `execute_io_action` moves liquid, `latest_…` readings say when to."""

    job_name = "dosing_automation"
    kind = "dosing"
    pumps: ClassVar[tuple[PumpDevice, ...]] = (MEDIA, WASTE)
    """Pumps that must be calibrated and wired for this automation."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
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
        **kwargs: Any,
    ) -> None:
        super().__init__(unit, experiment, **kwargs)
        given = {
            "alt_media_fraction": alt_media_fraction,
            "current_volume_ml": current_volume_ml,
            "efflux_tube_volume_ml": efflux_tube_volume_ml,
        }
        values = {name: float(value) for name, value in given.items() if value is not None}
        state = bioreactor.set_variables(self.runtime, self.experiment, values)
        bioreactor.announce(self.publish, self.unit, self.experiment, state)
        self._check_pumps()

    def _check_pumps(self) -> None:
        wired = self.runtime.settings.pwm_channel_of
        for pump in self.pumps:
            if pump.role not in wired:
                raise ConfigurationError(
                    f"no PWM channel is named {pump.role}",
                    remedy=f"Name the channel of the {pump.role} pump in [PWM], for example 2={pump.role}.",
                )
            if rate_of(self, pump) is None:
                raise CalibrationMissingError(
                    f"{pump.device} has no active calibration",
                    remedy=f"Run: pio calibrations run --device {pump.device}",
                )

    # ---- the vial ------------------------------------------------------------------------------------------

    @property
    def vial(self) -> VialState:
        """The vial as the books have it."""
        return bioreactor.vial_state(self.runtime, self.experiment)

    @property
    def current_volume_ml(self) -> float:
        return self.vial.current_volume_ml

    @property
    def alt_media_fraction(self) -> float:
        return self.vial.alt_media_fraction

    @property
    def efflux_tube_volume_ml(self) -> float:
        return self.vial.efflux_tube_volume_ml

    @property
    def max_fill_volume_ml(self) -> float:
        return self.runtime.model().reactor_max_fill_volume_ml

    # ---- moving liquid -------------------------------------------------------------------------------------

    def execute_io_action(self, waste_ml: float = 0.0, **inputs_ml: float) -> Volumes:
        """Add liquids and remove at least as much [mL]; large doses are split. Return what moved.

        `media_ml`, `alt_media_ml`, or any `<name>_ml` for which `add_<name>_to_bioreactor` is defined.
        """
        self._check_request(waste_ml, inputs_ml)
        requested = {"waste_ml": waste_ml, **inputs_ml}
        self._say(events.DosingStarted(data=requested))
        moved = self._exchange(waste_ml, inputs_ml)
        self._say(events.DosingStopped(data=dict(moved)))
        return moved

    def _check_request(self, waste_ml: float, inputs_ml: dict[str, float]) -> None:
        for name, volume_ml in inputs_ml.items():
            if not name.endswith("_ml"):
                raise InvalidRequestError(f"{name} is no volume: its name must end in _ml")
            if not hasattr(self, self._adder(name)):
                raise InvalidRequestError(f"there is no {self._adder(name)} on {type(self).__name__}")
            if not volume_ml >= 0:
                raise InvalidRequestError(f"{name} must be at least 0, not {volume_ml}")
        total = sum(inputs_ml.values())
        if not waste_ml >= total - TOLERANCE_ML:
            raise InvalidRequestError(f"{waste_ml:g} mL out for {total:g} mL in would fill the vial")

    @staticmethod
    def _adder(name: str) -> str:
        return f"add_{name.removesuffix('_ml')}_to_bioreactor"

    def _exchange(self, waste_ml: float, inputs_ml: dict[str, float]) -> Volumes:
        config = self.runtime.settings.dosing_automation
        total = sum(inputs_ml.values())
        parts = 1
        while total / parts > config.max_subdose + TOLERANCE_ML:
            parts *= 2
        moved = Volumes({"waste_ml": 0.0, **dict.fromkeys(inputs_ml, 0.0)})
        for _ in range(parts):
            portion = {name: volume_ml / parts for name, volume_ml in inputs_ml.items()}
            self._exchange_portion(waste_ml / parts, portion, moved)
            if self._lane.stopping or self._lane.pausing or self.state != JobState.READY:
                break
        return moved

    def _exchange_portion(self, waste_ml: float, inputs_ml: dict[str, float], moved: Volumes) -> None:
        """Do one portion and add what moved to `moved`, also when a stop or a pause comes in between."""
        config = self.runtime.settings.dosing_automation
        for name, volume_ml in inputs_ml.items():
            if volume_ml <= 0:
                continue
            if not self._has_room_for(volume_ml):
                return
            add: Callable[..., float] = getattr(self, self._adder(name))  # named after the documented extension point
            moved[name] += self._accounted(f"add_{name.removesuffix('_ml')}", add, volume_ml)
            try:
                self.sleep(config.pause_between_subdoses_seconds, pausable=True)
            except StoppedError:
                return
        if waste_ml > 0:
            removed = self._accounted("remove_waste", self.remove_waste_from_bioreactor, waste_ml)
            moved["waste_ml"] += removed
            if removed < waste_ml - 0.01:
                self.logger.warning("Only %.2f of %.2f mL of waste were removed.", removed, waste_ml)
            extra_ml = waste_ml * config.waste_removal_multiplier
            if extra_ml > 0 and not (self._lane.pausing or self._lane.stopping):
                self._accounted("remove_waste", self.remove_waste_from_bioreactor, extra_ml)

    def _accounted(self, event: str, move: Callable[..., float], volume_ml: float) -> float:
        """Move liquid; what a plugin's own pump moved is entered into the books, which it does not know of."""
        before = self.vial
        moved_ml = move(**self._pump_arguments(volume_ml))
        if moved_ml > 0 and self.vial == before:
            after = bioreactor.record_dose(self.runtime, self.experiment, event, moved_ml)
            bioreactor.announce(self.publish, self.unit, self.experiment, after, before)
        return moved_ml

    def _has_room_for(self, volume_ml: float) -> bool:
        volume, full = self.current_volume_ml, self.max_fill_volume_ml
        if volume + volume_ml >= full:
            self.logger.error(
                "Adding %.2f mL to %.2f mL would reach %.1f mL, the most this vial may hold. Dosing is paused; check "
                "the waste pump and its tube, then correct the volume and resume.",
                volume_ml, volume, full,
            )  # fmt: skip
            self._lane.request_pause()
            self._lane.post(lambda: self._move(JobState.SLEEPING))
            return False
        if volume + volume_ml >= WARN_AT_FRACTION_OF_FULL * full:
            self.logger.warning("The vial holds nearly as much as it may: %.2f of %.1f mL.", volume, full)
        return True

    def _pump_arguments(self, volume_ml: float) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "experiment": self.experiment,
            "ml": volume_ml,
            "source_of_event": f"{self.job_name}:{self.automation_name}",
            "mqtt_client": self.pub_client,
            "logger": self.logger,
        }

    def add_media_to_bioreactor(self, ml: float, source_of_event: str, **_ignored: Any) -> float:
        """Add media and return what moved [mL]. Plugins may replace it."""
        return self._pump(MEDIA, ml, source_of_event)

    def add_alt_media_to_bioreactor(self, ml: float, source_of_event: str, **_ignored: Any) -> float:
        return self._pump(ALT_MEDIA, ml, source_of_event)

    def remove_waste_from_bioreactor(self, ml: float, source_of_event: str, **_ignored: Any) -> float:
        return self._pump(WASTE, ml, source_of_event)

    def _pump(self, pump: PumpDevice, volume_ml: float, source_of_event: str) -> float:
        request = DoseRequest(volume_ml=volume_ml, source_of_event=source_of_event)
        outcome = run_pump(self, pump, request, rate_of(self, pump))
        match outcome:
            case Refused(reason, message):
                self.logger.error("The %s pump did not run: %s (%s).", pump.role, message, reason)
            case CutShort(moved_ml, wanted_ml, why):
                wanted = "" if wanted_ml is None else f" of {wanted_ml:.2f}"
                self.logger.warning("The %s pump moved %.2f%s mL: %s.", pump.role, moved_ml, wanted, why)
            case Dosed():
                pass
        return outcome.volume_ml

    def _say(self, event: events.AutomationEvent) -> None:
        self.latest_event = event.on_the_wire()

    def _enter(self, state: JobState) -> None:
        super()._enter(state)
        if state in (JobState.SLEEPING, JobState.DISCONNECTED):
            self._stop_pumps_elsewhere()

    def _stop_pumps_elsewhere(self) -> None:
        """Stop pump actions that somebody started by hand: who pauses dosing wants still pumps."""
        for action in (MEDIA.event, ALT_MEDIA.event, WASTE.event, *COMPOSED_ACTIONS):
            topic = topics.set_setting(self.unit, self.experiment, action, "state")
            self.publish(topic, JobState.DISCONNECTED)


class DosingAutomationJobContrib(DosingAutomationJob):
    """Base of dosing automations of plugins."""
