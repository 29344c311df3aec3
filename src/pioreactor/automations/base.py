"""Base of automations: latest readings, triggers, events, and a record of the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, TypedDict

import msgspec

from pioreactor import structs, topics
from pioreactor.automations import events
from pioreactor.automations.latest_readings import LatestReading, ReadingPart, Signal
from pioreactor.automations.signal_monitor import CHECK_EVERY_S, SignalMonitor
from pioreactor.exc import JobRequiredError, SettingError, StoppedError
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.published_attribute import AnyAttribute, Publisher, Status
from pioreactor.messaging.ports import Message
from pioreactor.runtime import context
from pioreactor.runtime.lane import LaneTimer
from pioreactor.states import JobState
from pioreactor.structs.commands import deed
from pioreactor.structs.readings import ODByChannel

SECONDS_PER_MINUTE = 60.0
LAST_RUN_CACHE = "automation_runs"


class AutomationOptions(TypedDict, total=False):
    """Arguments of the constructor of every automation, as automations hand them on."""

    unit: str | None
    experiment: str | None
    skip_first_run: bool | str


class _LatestEvent(Status[structs.AutomationEvent | None]):
    """The event that was published last. Plugins assign what `execute` returned."""

    def __set__(self, job: Publisher, value: structs.AutomationEvent | events.AutomationEvent | None) -> None:
        super().__set__(job, value.to_struct() if isinstance(value, events.AutomationEvent) else value)


class AutomationJob(BackgroundJob):
    """Job that runs `execute` on a trigger: every `duration` [min], or on a message.

    A subclass calls `run_every` in its constructor or reacts to messages. One with a `duration` that does neither is
    run every `duration`.
    """

    automation_name: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    """dosing, led or temperature."""

    _has_begun = False

    latest_event = _LatestEvent(datatype="AutomationEvent", display=False)

    def __init__(
        self,
        unit: str | None = None,
        experiment: str | None = None,
        *,
        duration: float | str | None = None,
        skip_first_run: bool | str = False,
        **settings: object,
    ) -> None:
        runtime = context.current()
        super().__init__(*runtime.place(unit, experiment))
        self._registration.publish_setting("automation_name", self.automation_name)
        self._timer: LaneTimer | None = None
        self._has_trigger = False
        self._last_run_s: float | None = None
        self._recorded_since = runtime.clock.now()
        self._recorded_settings: dict[str, object] = {}
        self._run_pending = False
        self._reported_lack = ""
        """The missing reading that was reported last, so that each is reported once."""
        self._signal_monitor = SignalMonitor(
            now_s=runtime.clock.monotonic,
            logger=self.logger,
            pause=self._pause_without_signal,
            resume=lambda: self._move(JobState.READY),
        )
        self.skip_first_run = str(skip_first_run).lower() in ("1", "true", "yes", "on")
        if duration is not None:
            declared = self.settings().get("duration")
            self.duration: float = declared.parse(duration) if declared is not None else float(duration)
        self._set_at_start(settings)
        clock = runtime.clock.monotonic
        self._od = LatestReading[ODByChannel]("optical density", "od_reading", clock, _is_any_positive)
        self._od_fused = LatestReading[float]("fused optical density", "od_reading", clock, _is_positive)
        self._normalized_od = LatestReading[float]("normalized OD", "growth_rate_calculating", clock)
        self._growth_rate = LatestReading[float]("the growth rate", "growth_rate_calculating", clock)

    def _set_at_start(self, options: Mapping[str, object]) -> None:
        """Set declared settings for which the class's own constructor has no argument."""
        for name, value in options.items():
            declared = self.settings().get(name)
            if declared is None:
                raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument {name!r}")
            setattr(self, name, declared.parse(value))

    def execute(self) -> events.AutomationEvent | None:
        """Decide and act once. Hook for subclasses."""
        return None

    def signals(self) -> Sequence[Signal]:
        """Return the readings without which it is paused. Hook for subclasses."""
        return ()

    def expect_od(self) -> None:
        """Expect readings as often as they are configured; the first estimates follow those that normalize OD."""
        settings = self.runtime.settings
        interval_s = 1.0 / settings.od_reading.samples_per_second
        until_normalized_s = interval_s * settings.growth_rate_calculating.samples_for_od_statistics
        for reading in (self._od, self._od_fused):
            reading.expect(interval_s)
        for estimate in (self._normalized_od, self._growth_rate):
            estimate.expect(interval_s, until_normalized_s)

    # ---- triggers ----------------------------------------------------------------------------------------

    def run_every(
        self, duration_minutes: float, skip_first_run: bool | None = None, run_after_seconds: float | None = None
    ) -> None:
        """Run `execute` every `duration_minutes`; first after `run_after_seconds` (0), or after a whole duration."""
        if not duration_minutes > 0:
            raise ValueError(f"the duration must be above 0 minutes, not {duration_minutes}")
        self._has_trigger = True
        period_s = duration_minutes * SECONDS_PER_MINUTE
        skip = self.skip_first_run if skip_first_run is None else skip_first_run
        first_s = period_s if skip else run_after_seconds if run_after_seconds is not None else 0.0
        self._set_timer(period_s, max(first_s, self._remaining_delay_s(period_s)))

    def _remaining_delay_s(self, period_s: float) -> float:
        """Return how long to wait so that a run shortly before a power cut is not repeated shortly after it [s]."""
        if not self.runtime.is_resumed:
            return 0.0
        stored = self.runtime.stores.persistent(LAST_RUN_CACHE).get((self.experiment, self.automation_name))
        if not isinstance(stored, int | float):
            return 0.0
        since_s = self.runtime.clock.now().timestamp() - float(stored)
        return max(0.0, period_s - since_s) if since_s >= 0 else period_s

    def _set_timer(self, period_s: float, first_after_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.every(period_s, self._run_if_ready, first_after_s=first_after_s)

    def set_duration(self, duration: float) -> None:
        """Change the time between runs [min], counted from the last run."""
        requested = float(duration)
        if not requested > 0:
            raise SettingError(f"the duration must be above 0 minutes, not {requested:g}")
        self.duration = requested
        if self._timer is None:
            return
        period_s = self.duration * SECONDS_PER_MINUTE
        now_s = self.runtime.clock.monotonic()
        since_s = now_s - self._last_run_s if self._last_run_s is not None else 0.0
        self._set_timer(period_s, max(0.0, period_s - since_s))

    def run_once(self, timeout: float = 60.0) -> events.AutomationEvent | None:  # noqa: ARG002  lanes never overlap
        """Run `execute` now and publish its event. Errors become an `ErrorOccurred` event."""
        if self.state != JobState.READY:
            return None
        self._last_run_s = self.runtime.clock.monotonic()
        if self._timer is not None:
            runs = self.runtime.stores.persistent(LAST_RUN_CACHE)
            runs.set((self.experiment, self.automation_name), self.runtime.clock.now().timestamp())
        event = self._execute_safely()
        if event is not None:
            self.latest_event = event.to_struct(self.runtime.clock.now())
        return event

    def _execute_safely(self) -> events.AutomationEvent | None:
        try:
            event = self.execute()
            self._reported_lack = ""
            return event
        except StoppedError:
            return None
        except JobRequiredError as error:
            if str(error) != self._reported_lack:
                self._reported_lack = str(error)
                self.logger.warning("%s. %s", error, error.remedy if error.remedy else "")
            return events.ErrorOccurred(str(error))
        except Exception as error:  # code of plugins may raise anything; the automation continues
            self.logger.error("%s", error, exc_info=True)
            return events.ErrorOccurred(str(error))

    def _run_if_ready(self) -> None:
        if self.state == JobState.READY:
            self.run_once()

    def trigger_run_once_from_event(self) -> None:
        """Run soon after a message; several triggers before the run count as one."""
        self._has_trigger = True
        if not self._run_pending:
            self._run_pending = True
            self._lane.post(self._run_pending_once)

    def _run_pending_once(self) -> None:
        self._run_pending = False
        self._run_if_ready()

    # ---- readings ----------------------------------------------------------------------------------------

    latest_normalized_od = ReadingPart[float]("_normalized_od", "latest")
    previous_normalized_od = ReadingPart[float]("_normalized_od", "previous")
    latest_normalized_od_at = ReadingPart[datetime | None]("_normalized_od", "at")
    latest_growth_rate = ReadingPart[float]("_growth_rate", "latest")
    previous_growth_rate = ReadingPart[float]("_growth_rate", "previous")
    latest_growth_rate_at = ReadingPart[datetime | None]("_growth_rate", "at")
    latest_od_fused = ReadingPart[float]("_od_fused", "latest")
    previous_od_fused = ReadingPart[float]("_od_fused", "previous")
    latest_od_fused_at = ReadingPart[datetime | None]("_od_fused", "at")
    latest_od = ReadingPart[ODByChannel]("_od", "latest")
    """OD by photodiode channel."""
    previous_od = ReadingPart[ODByChannel]("_od", "previous")
    latest_od_at = ReadingPart[datetime | None]("_od", "at")
    _latest_normalized_od = ReadingPart[float]("_normalized_od", "latest")
    _latest_growth_rate = ReadingPart[float]("_growth_rate", "latest")
    """Former names, to which plugins assign."""

    @property
    def most_stale_time(self) -> datetime | None:
        """Time of the older one of normalized OD and growth rate; None before both are known."""
        times = (self.latest_normalized_od_at, self.latest_growth_rate_at)
        return None if None in times else min(at for at in times if at is not None)

    def _become_ready(self) -> None:
        if (
            not self._has_trigger
            and getattr(self, "duration", None)
            and type(self).execute is not AutomationJob.execute
        ):
            self.run_every(self.duration)
        self._subscribe_to_readings()
        self.every(CHECK_EVERY_S, lambda: self._signal_monitor.check(self.state, self.signals()))
        self._recorded_settings = self._settable_values()
        self._has_begun = True
        self._started_by = ""  # what is logged next names the person, and the values
        super()._become_ready()
        self.run_soon(self._log_start)

    def _log_start(self) -> None:
        values = [f"{one.in_words()} {one.value_text(getattr(self, one.name))}" for one in self.settings().values()]
        described = f": {', '.join(values)}" if values else ""
        what = f"started {self.automation_name} on {self.unit}{described}"
        self.logger.info("%s", deed(self.runtime.requested_by, what))

    def _pause_without_signal(self, message: str) -> None:
        self.latest_event = events.ErrorOccurred(message).to_struct()
        self.pause_soon()

    def _enter(self, state: JobState) -> None:
        super()._enter(state)
        if state == JobState.READY:
            self._signal_monitor.on_ready()

    def _set_state(self, requested: str) -> JobState:
        self._signal_monitor.forget()
        return super()._set_state(requested)

    def _subscribe_to_readings(self) -> None:
        self.subscribe_to_setting("growth_rate_calculating", "od_filtered", self._set_od_filtered)
        self.subscribe_to_setting("growth_rate_calculating", "growth_rate", self._set_growth_rate)
        self.subscribe_to_setting("od_reading", "ods", self._set_ods)
        self.subscribe_to_setting("od_reading", "od_fused", self._set_od_fused)

    def subscribe_to_setting(
        self, job_name: str, setting: str, on_message: Callable[[Message], None], *, allow_retained: bool = False
    ) -> None:
        """Call back on the lane for each value that a job of this unit publishes; invalid messages are logged."""

        def guarded(message: Message) -> None:
            if not message.payload:
                return
            try:
                on_message(message)
            except msgspec.DecodeError as error:
                self.logger.warning("Skipped an invalid message on %s: %s.", message.topic, error)

        topic = topics.setting(self.unit, self.experiment, job_name, setting)
        self.subscribe_and_callback(guarded, topic, allow_retained=allow_retained)

    def _set_growth_rate(self, message: Message) -> None:
        reading = structs.decode(message.payload, structs.GrowthRate)
        self._growth_rate.update(reading.growth_rate, reading.timestamp)

    def _set_od_filtered(self, message: Message) -> None:
        reading = structs.decode(message.payload, structs.ODFiltered)
        self._normalized_od.update(reading.od_filtered, reading.timestamp)
        self.on_new_biomass("normalized_od")

    def _set_ods(self, message: Message) -> None:
        readings = structs.decode(message.payload, structs.ODReadings)
        self._od.update(
            ODByChannel({channel: reading.od for channel, reading in readings.ods.items()}), readings.timestamp
        )
        self.on_new_biomass("od")

    def _set_od_fused(self, message: Message) -> None:
        reading = structs.decode(message.payload, structs.ODFused)
        self._od_fused.update(reading.od_fused, reading.timestamp)
        self.on_new_biomass("od_fused")

    def on_new_biomass(self, signal: str) -> None:
        """React to a new reading of `normalized_od`, `od` or `od_fused`. Hook for subclasses."""

    # ---- the record of settings --------------------------------------------------------------------------

    def _settable_values(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.settings()}

    def _publish_attribute(self, attribute: AnyAttribute, value: object) -> None:
        super()._publish_attribute(attribute, value)
        if self._has_begun and attribute.settable and self._recorded_settings.get(attribute.name, value) != value:
            self._record_settings()

    def _record_settings(self) -> None:
        """Publish the settings that were valid until now, with the interval in which they were."""
        now = self.runtime.clock.now()
        record = structs.AutomationSettings(
            pioreactor_unit=self.unit,
            experiment=self.experiment,
            started_at=self._recorded_since,
            ended_at=now,
            automation_name=self.automation_name,
            settings=msgspec.json.encode({**self._recorded_settings, "state": str(self.state)}),
        )
        name = f"{self.kind}_automation_settings"
        self._registration.publish_setting(name, record, retain=False)
        self._recorded_since = now
        self._recorded_settings = self._settable_values()

    def _republish_all(self) -> None:
        super()._republish_all()
        self._registration.publish_setting("automation_name", self.automation_name, is_repetition=True)

    def _publish_final(self) -> None:
        if self._has_begun:
            self._record_settings()
        self._registration.publish_setting("automation_name", None)


def _is_positive(value: float) -> bool:
    return value > 0


def _is_any_positive(ods: ODByChannel) -> bool:
    return any(od > 0 for od in ods.values())
