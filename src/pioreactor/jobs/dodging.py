"""Base of jobs that pause their actuator while optical density is read (OD dodging)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from pioreactor import topics
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting
from pioreactor.messaging.ports import Message
from pioreactor.runtime.lane import LaneTimer
from pioreactor.settings.fields import quantity
from pioreactor.states import JobState

OD_READING_DURATION_S = 1.0
"""Duration of one OD reading, including LED switching [s]."""
SCHEDULE_CACHE = "od_reading_schedule"
RUNNING_STATES = frozenset({JobState.READY.encode(), JobState.SLEEPING.encode(), JobState.INIT.encode()})


class ODSchedule(msgspec.Struct, frozen=True):
    """Schedule of OD readings on the monotonic clock, which all processes of a unit share and no clock step affects."""

    first_monotonic_s: float
    interval_s: float

    def seconds_to_next(self, now_s: float) -> float:
        """Return the time to the start of the next reading [s], in (0, interval]."""
        return self.interval_s - (now_s - self.first_monotonic_s) % self.interval_s


class DodgingDelays(msgspec.Struct, frozen=True):
    """Keys of the section of any job that dodges."""

    pre_delay_duration: Annotated[float, quantity("pause this long before an OD reading", unit="s", ge=0)] = 1.5
    post_delay_duration: Annotated[float, quantity("stay paused this long after it", unit="s", ge=0)] = 0.5


class BackgroundJobWithDodging(BackgroundJob):
    """A job that runs one action before each OD reading and another after it while dodging is enabled.

    Subclasses define `action_to_do_before_od_reading` and `action_to_do_after_od_reading`, and may define
    `initialize_dodging_operation` and `initialize_continuous_operation`. The delays come from the config section
    `[<job_name>.config]`: `pre_delay_duration`, `post_delay_duration` [s], `enable_dodging_od`.
    """

    _dodge_timer: LaneTimer | None = None
    _od_reading_is_running = False
    _is_continuous = False

    enable_dodging_od = Setting(False, label="Dodge OD readings", help="keep still during OD readings")
    currently_dodging_od = Status(False, label="Dodging OD readings at present")

    def __init__(self, unit: str, experiment: str, source: str = "app", enable_dodging_od: bool | None = None) -> None:
        super().__init__(unit, experiment, source=source)
        raw, section = self.runtime.settings.raw, f"{self.job_name}.config"
        delays = self.runtime.settings.section(section, DodgingDelays)
        self.pre_delay_s, self.post_delay_s = delays.pre_delay_duration, delays.post_delay_duration
        configured = raw.getboolean(section, "enable_dodging_od", fallback=False)
        self.__dict__["enable_dodging_od"] = configured if enable_dodging_od is None else enable_dodging_od

    def action_to_do_before_od_reading(self) -> None:
        """Pause the actuator. Hook for subclasses."""

    def action_to_do_after_od_reading(self) -> None:
        """Resume the actuator. Hook for subclasses."""

    def initialize_dodging_operation(self) -> None:
        """Prepare to change from continuous operation to dodging. Hook for subclasses."""

    def initialize_continuous_operation(self) -> None:
        """Prepare to change from dodging to continuous operation. Hook for subclasses."""

    def _become_ready(self) -> None:
        self._od_reading_is_running = bool(self.runtime.stores.jobs().running(job_name="od_reading"))
        self.subscribe_and_callback(
            self._on_od_reading_state, topics.state(self.unit, self.experiment, "od_reading"), allow_retained=False
        )
        super()._become_ready()

    def _enter(self, state: JobState) -> None:
        """Select the operation again after a pause, whichever hooks a subclass defines."""
        super()._enter(state)
        self._cancel_dodging()
        if state == JobState.READY:
            self._is_continuous = False
            self._lane.post(self._select_operation)

    def set_enable_dodging_od(self, enable: bool) -> None:
        self.enable_dodging_od = enable
        self._select_operation()

    def _on_od_reading_state(self, message: Message) -> None:
        self._od_reading_is_running = message.payload in RUNNING_STATES
        if message.payload != JobState.INIT.encode():
            self._select_operation()

    def _select_operation(self) -> None:
        """Dodge while dodging is enabled and OD is read; a paused job selects its operation when it resumes."""
        if self.state != JobState.READY:
            return
        self._cancel_dodging()
        schedule = self._schedule() if self.enable_dodging_od and self._od_reading_is_running else None
        if schedule is None:
            if self.currently_dodging_od:
                self.currently_dodging_od = False
            if not self._is_continuous:
                self._is_continuous = True
                self.initialize_continuous_operation()
            return
        self._is_continuous = False
        if not self.currently_dodging_od:
            self.currently_dodging_od = True
            self.initialize_dodging_operation()
        self._wait_for_next_reading(schedule)

    def _schedule(self) -> ODSchedule | None:
        stored = self.runtime.stores.volatile(SCHEDULE_CACHE).get("schedule")
        if not isinstance(stored, str | bytes):
            self.logger.debug("No OD reading yet; dodging starts with the first one.")
            self._dodge_timer = self.later(OD_READING_DURATION_S, self._select_operation)
            return None
        schedule = msgspec.json.decode(stored, type=ODSchedule)
        if schedule.interval_s - OD_READING_DURATION_S <= self.pre_delay_s + self.post_delay_s:
            self.logger.error(
                "OD is read every %g s, which is too often for dodging with delays of %g s before and %g s after.",
                schedule.interval_s,
                self.pre_delay_s,
                self.post_delay_s,
            )
            return None
        return schedule

    def _wait_for_next_reading(self, schedule: ODSchedule) -> None:
        to_next_s = schedule.seconds_to_next(self.runtime.clock.monotonic())
        if to_next_s < self.pre_delay_s:
            to_next_s += schedule.interval_s
        self._dodge_timer = self.later(to_next_s - self.pre_delay_s, lambda: self._prepare_for_reading(schedule))

    def _prepare_for_reading(self, schedule: ODSchedule) -> None:
        if self.state != JobState.READY:
            return
        self.action_to_do_before_od_reading()
        to_reading_s = schedule.seconds_to_next(self.runtime.clock.monotonic())
        if to_reading_s > self.pre_delay_s:
            to_reading_s = 0.0
        resume_after_s = to_reading_s + OD_READING_DURATION_S + self.post_delay_s
        self._dodge_timer = self.later(resume_after_s, lambda: self._resume_after_reading(schedule))

    def _resume_after_reading(self, schedule: ODSchedule) -> None:
        if self.state != JobState.READY:
            return
        self.action_to_do_after_od_reading()
        current = self._schedule()
        if current != schedule:
            self._select_operation()
        else:
            self._wait_for_next_reading(schedule)

    def _cancel_dodging(self) -> None:
        if self._dodge_timer is not None:
            self._dodge_timer.cancel()
            self._dodge_timer = None


class BackgroundJobWithDodgingContrib(BackgroundJobWithDodging):
    """Base of dodging jobs in plugins."""

    needs_active_worker = False

    def __init__(self, unit: str, experiment: str, plugin_name: str, enable_dodging_od: bool | None = None) -> None:
        super().__init__(unit, experiment, source=plugin_name, enable_dodging_od=enable_dodging_od)
