"""What dosing automations share: exchanging volumes safely, in portions small enough for the vial."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from pioreactor import topics
from pioreactor.actions import bioreactor
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
from pioreactor.actions.volume_tracking import VialState
from pioreactor.automations import events, registry
from pioreactor.automations.base import AutomationJob
from pioreactor.automations.diagnostics.dilution_monitor import DilutionMonitor, Verdict
from pioreactor.automations.diagnostics.overfill_monitor import Excess, OverfillMonitor
from pioreactor.automations.diagnostics.pump_wear_monitor import FirstGain, judge
from pioreactor.calibrations import store
from pioreactor.exc import CalibrationMissingError, ConfigurationError, InvalidRequestError, StoppedError
from pioreactor.messaging.ports import Message
from pioreactor.states import JobState
from pioreactor.structs.readings import MeasuredRPM, Temperature

TOLERANCE_ML = 1e-9
WARN_AT_FRACTION_OF_FULL = 0.95
OLDEST_READING_S = 3600.0
"""A reading whose time stamp is older, or in the future, counts as new: somebody stepped the clock."""
MIN_GAIN, GREATEST_GAIN = 0.5, 2.0
"""Estimates of the pump's gain outside of these come from something else than the pump."""
GAIN_IS_KNOWN_SD = 0.07
"""The estimate starts from 1 ± 0.1; once it is so sure, doses have taught it something."""
FIRST_GAINS = "first_pump_gains"
WEAR_EVERY_S = 60.0
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
        self._watch = DilutionMonitor()
        self._fill = OverfillMonitor()
        self._celsius: float | None = None
        self._stirring: dict[str, float] = {}
        """The last `duty_cycle` [%] and `target_rpm` of the stirrer."""
        self._fall = self._added_s = 0.0
        self._doubts_doses = self._doubts_waste = False
        self._pump_gain = 1.0
        """Volume delivered over volume announced, as `growth_rate_calculating` estimates it."""
        self._knows_pump_gain = False
        self._wear_looked_s = -math.inf
        super().__init__(unit, experiment, **kwargs)
        given = {
            "alt_media_fraction": alt_media_fraction,
            "current_volume_ml": current_volume_ml,
            "efflux_tube_volume_ml": efflux_tube_volume_ml,
        }
        values = {name: float(value) for name, value in given.items() if value is not None}
        state = bioreactor.set_variables(self.runtime, self.experiment, values)
        bioreactor.publish_changes(self.publish, self.unit, self.experiment, state)
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

    @property
    def is_od_calibrated(self) -> bool:
        """Whether a photodiode's angle has an active calibration."""
        calibrated = self.runtime.stores.persistent("active_calibrations").items()
        devices = {f"od{angle}" for angle in self.runtime.settings.photodiodes.values() if angle != "REF"}
        return any(device in devices for device, _ in calibrated)

    # ---- moving liquid -------------------------------------------------------------------------------------

    def execute_io_action(self, waste_ml: float = 0.0, **inputs_ml: float) -> Volumes:
        """Add liquids and remove at least as much [mL]; large doses are split. Return what moved.

        `media_ml`, `alt_media_ml`, or any `<name>_ml` for which `add_<name>_to_bioreactor` is defined.
        """
        self._check_request(waste_ml, inputs_ml)
        requested = {"waste_ml": waste_ml, **inputs_ml}
        self._say(events.DosingStarted(data=requested))
        with self._watched_dose() as goes_on:
            nothing = Volumes(dict.fromkeys(requested, 0.0))
            moved = self._exchange(waste_ml, inputs_ml) if goes_on else nothing
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
        if event.startswith("add_") and moved_ml > 0:
            self._fall += math.log1p(moved_ml / max(before.current_volume_ml, 1.0))
            self._fill.added(moved_ml)
            self._added_s = self.runtime.clock.monotonic()
        if moved_ml > 0 and self.vial == before:
            after = bioreactor.record_dose(self.runtime, self.experiment, event, moved_ml)
            bioreactor.publish_changes(self.publish, self.unit, self.experiment, after, before)
        return moved_ml

    # ---- whether doses act ---------------------------------------------------------------------------------

    @contextmanager
    def _watched_dose(self) -> Iterator[bool]:
        """Compare what a dose does with what it should do; yield False when the doses before it did nothing."""
        begun_s = self.runtime.clock.monotonic()
        self._watch.dose_begins(begun_s)
        verdict = self._watch.verdict
        if verdict is Verdict.NO_EFFECT:
            self._pause_useless_dosing()
            yield False
            return
        if not self._may_waste_be_flowing():
            yield False
            return
        if verdict is Verdict.NEVER_SEEN and not self._doubts_doses:
            self._doubts_doses = True
            self.logger.warning(
                "No effect of doses on optical density has been seen so far. See whether media flows; in a blank, or "
                "with a photodiode that hardly responds at this density, none is to be expected."
            )
        fading = self._watch.take_fading()
        if fading is not None:
            self.logger.warning(
                "Doses dilute %.0f %% less than they did: the pump or its tube is worn, or the vial holds more than "
                "the books say. Look at the vial's level and the waste tube, then calibrate the pump again.",
                100 * (1 - fading),
            )
        self._fall = 0.0
        try:
            yield True
        finally:
            self._watch.dose_ended(begun_s, self._added_s, self._fall)

    def _pause_useless_dosing(self) -> None:
        effect, _ = self._watch.effect_of_last()
        bottles = " and ".join(pump.role.replace("_", " ") for pump in self.pumps if pump.adds_liquid)
        self.logger.error(
            "The last doses had %.0f %% of the effect they should have on optical density. Dosing is paused: see "
            "whether the %s bottle is empty, its tube is clogged or loose, or the pump does not turn; then resume.",
            100 * max(effect, 0.0), bottles,
        )  # fmt: skip
        self._lane.request_pause()
        self._lane.post(lambda: self._move(JobState.SLEEPING))

    def _may_waste_be_flowing(self) -> bool:
        """Pause dosing when the stirrer says that the vial fills up."""
        excess = self._fill.excess
        if excess is None or not excess.is_doubtful:
            return True
        if excess.is_sure:
            self._pause_filling_vial(excess)
            return False
        if not self._doubts_waste:
            self._doubts_waste = True
            self.logger.warning(
                "The stirrer needs %.1f %% more power than a while ago: the vial may hold about %.1f mL more than the "
                "books say. See whether waste flows.", 100 * excess.load, excess.volume_ml,
            )  # fmt: skip
        return True

    def _pause_filling_vial(self, excess: Excess) -> None:
        self.logger.error(
            "The vial seems to hold about %.1f mL more than the books say: the stirrer needs %.1f %% more power than "
            "before the last doses. Dosing is paused: see whether the waste tube is blocked or loose, or its pump does "
            "not turn; correct the vial's volume, then resume.", excess.volume_ml, 100 * excess.load,
        )  # fmt: skip
        self._lane.request_pause()
        self._lane.post(lambda: self._move(JobState.SLEEPING))

    def on_sleeping_to_ready(self) -> None:
        """Look at the tubes with fresh eyes: somebody had the time to mend them."""
        self._watch.forget()
        self._fill.forget()
        self._doubts_doses = self._doubts_waste = False

    def _set_ods(self, message: Message) -> None:
        super()._set_ods(message)
        ods = self.latest_od
        if ods:
            self._watch.reading(self._moment_of(self._od.at), ods[min(ods)])

    def _listen_to_readings(self) -> None:
        super()._listen_to_readings()
        for job, name, hear, retained in (
            ("growth_rate_calculating", "estimate", self._hear_estimate, False),
            ("stirring", "duty_cycle", self._hear_stirring, True),
            ("stirring", "target_rpm", self._hear_stirring, True),
            ("stirring", "measured_rpm", self._hear_speed, False),
            ("temperature_automation", "temperature", self._hear_temperature, True),
        ):
            topic = topics.setting(self.unit, self.experiment, job, name)
            self.subscribe_and_callback(self._carefully(hear), topic, allow_retained=retained)

    def _hear_stirring(self, message: Message) -> None:
        self._stirring[message.topic.rsplit("/", 1)[1]] = float(message.payload)

    def _hear_speed(self, message: Message) -> None:
        """Take in a speed that was measured at the last duty: the stirrer corrects the duty afterwards."""
        measured = msgspec.json.decode(message.payload, type=MeasuredRPM)
        duty, target = self._stirring.get("duty_cycle"), self._stirring.get("target_rpm")
        if duty is None or not target or measured.measured_rpm <= 0:
            return
        self._fill.reading(
            self._moment_of(measured.timestamp),
            duty_percent=duty,
            rpm=measured.measured_rpm,
            target_rpm=target,
            volume_ml=self.current_volume_ml,
            celsius=self._celsius,
        )

    def _hear_temperature(self, message: Message) -> None:
        self._celsius = msgspec.json.decode(message.payload, type=Temperature).temperature

    def _hear_estimate(self, message: Message) -> None:
        estimate = msgspec.json.decode(message.payload, type=dict[str, Any])
        gain, sd = estimate.get("pump_gain"), estimate.get("pump_gain_sd")
        if isinstance(gain, int | float) and MIN_GAIN <= gain <= GREATEST_GAIN:
            self._pump_gain = float(gain)
            self._knows_pump_gain = isinstance(sd, int | float) and sd < GAIN_IS_KNOWN_SD
            od = estimate.get("od_filtered")
            if isinstance(sd, int | float) and isinstance(od, int | float) and od > 0:
                self._look_for_wear(float(gain), float(sd), math.log(od))

    def _look_for_wear(self, gain: float, sd: float, level: float) -> None:
        """Say once for each calibration when its pump delivers less than at first; of several none can be named."""
        adding = [pump for pump in self.pumps if pump.adds_liquid]
        now_s = self.runtime.clock.monotonic()
        if len(adding) != 1 or now_s - self._wear_looked_s < WEAR_EVERY_S:
            return
        self._wear_looked_s = now_s
        (pump,) = adding
        gains, key = self.runtime.stores.persistent(FIRST_GAINS), (self.experiment, pump.device)
        stored = gains.get(key)
        try:
            first = msgspec.json.decode(stored, type=FirstGain) if isinstance(stored, str | bytes) else None
        except msgspec.DecodeError:
            first = None  # damaged: it is found again
        calibration = store.active_name(self.runtime, pump.device)
        if calibration is None:
            return
        known, lost = judge(first, calibration, gain, sd, level)
        if known is not None and known != first:
            gains.set(key, msgspec.json.encode(known).decode())
        if lost is not None:
            self.logger.warning(
                "The %s pump delivers about %.0f %% less than when calibration %r was new here; calibrate it again.",
                pump.role.replace("_", " "), 100 * lost, calibration,
            )  # fmt: skip

    def _set_growth_rate(self, message: Message) -> None:
        super()._set_growth_rate(message)
        self._watch.growth(self._moment_of(self._growth_rate.at), self.latest_growth_rate)

    def _moment_of(self, at: datetime | None) -> float:
        """Return the monotonic moment [s] of a time stamp: a message may have waited while pumps ran."""
        clock = self.runtime.clock
        age_s = 0.0 if at is None else (clock.now() - at).total_seconds()
        return clock.monotonic() - (age_s if 0 <= age_s <= OLDEST_READING_S else 0.0)

    # ---- limits and pumps ----------------------------------------------------------------------------------

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
        self.latest_event = event.to_struct()

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
