"""Base classes of jobs: published settings, a lifecycle, and one lane on which all of a job's code runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self, cast

from pioreactor import structs, topics
from pioreactor.exc import (
    HookFailedError,
    IllegalTransitionError,
    NotActiveWorkerError,
    PioreactorError,
    SettingError,
    StoppedError,
)
from pioreactor.jobs import restart_policy
from pioreactor.jobs.alarm_reports import AlarmReports
from pioreactor.jobs.clients import PublishingClient
from pioreactor.jobs.command_inbox import Command, CommandInbox
from pioreactor.jobs.lifecycle import Lifecycle, LifecycleHooks
from pioreactor.jobs.published_attribute import AnyAttribute
from pioreactor.jobs.registration import Registration
from pioreactor.jobs.settings import AnySetting, Setting, check_initial_values, declare
from pioreactor.jobs.start_option import constructor_arguments
from pioreactor.jobs.state_publisher import StatePublisher
from pioreactor.messaging.ports import Message
from pioreactor.runtime import context, signals
from pioreactor.runtime.lane import Lane, LaneTimer, current_lane
from pioreactor.states import JobState
from pioreactor.structs.commands import deed
from pioreactor.types import PublishableSetting

log = logging.getLogger(__name__)

SECONDS_FOR_A_LANE_TO_END = 5.0


class JobType(type):
    """Metaclass that starts a job after its whole constructor ran, and cleans up when the constructor fails."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        before = current_lane()
        job: BackgroundJob | None = None
        try:
            job = cls.__new__(cls, *args, **kwargs)  # type: ignore[arg-type]
            job.__init__(*args, **kwargs)
            job._become_ready()
        except BaseException as error:
            if job is not None:
                job._abandon_construction(error)
            raise
        finally:
            Lane.restore_current(before)
        return job


class BackgroundJob(LifecycleHooks, AlarmReports, metaclass=JobType):
    """A job of this unit. Subclasses declare settings and react in hooks, callbacks and timers.

    All of these run on the job's lane, one after another, so no locks are needed. A wait on the lane
    (`self.sleep`) raises `StoppedError` when the job is asked to stop; a block that switched an output on
    switches it off again.
    """

    INIT = JobState.INIT
    READY = JobState.READY
    SLEEPING = JobState.SLEEPING
    DISCONNECTED = JobState.DISCONNECTED
    LOST = JobState.LOST

    def __init__(self, unit: str, experiment: str, source: str = "app") -> None:
        runtime = context.current()
        self.check_name()
        self.unit = unit
        self.experiment = experiment
        self.runtime = runtime
        if self.needs_active_worker and not runtime.identity.is_active():
            raise NotActiveWorkerError(f"{unit} is not an active worker, {self.job_name} does not start")
        self._lane = Lane(
            runtime.clock,
            self.job_name,
            at_start=lambda: context.use(runtime),
            after_turn=lambda: self._registration.flush(),
            on_error=self._log_error,
        )
        self._lane.make_current()
        self._ended = runtime.clock.signal()
        self._argv = restart_policy.run_argv.get()
        self._ending = False
        self._started_by = self.runtime.requested_by
        self._construction_failed = False
        self._registration = Registration(
            runtime,
            unit=unit,
            experiment=experiment,
            job_name=self.job_name,
            source=source,
            is_long_running=self.is_long_running,
        )
        self.job_id = self._registration.job_id
        self.logger = self._registration.logger
        self._registration.after_log = self._flush_if_elsewhere
        self.pub_client = self.sub_client = PublishingClient(self.publish, self._registration.bus)
        self._lifecycle = Lifecycle(self._run_hook, self._enter)
        self._state_publisher = StatePublisher(
            self._registration, self._lane, state=lambda: self.state, republish=self._republish_all
        )
        self._registration.publish_setting("state", JobState.INIT)
        self._registration.flush()
        signals.stop_on_signal(runtime, self)
        self._run_hook("on_init")

    # ---- interface for subclasses ------------------------------------------------------------------------

    @property
    def state(self) -> JobState:
        return self._lifecycle.state

    @property
    def owner(self) -> str:
        """Return the name under which this job owns outputs."""
        return self._registration.owner

    def set_state(self, new_state: str) -> None:
        """Change the state; raise `IllegalTransitionError` for a transition the lifecycle does not have."""
        target = JobState(new_state)
        if target == JobState.DISCONNECTED:
            self.clean_up()
            return
        if target == JobState.SLEEPING:
            self._lane.request_pause()
        self._lane.call(lambda: self._move(target))

    @property
    def is_interrupted(self) -> bool:
        """Whether a stop or a pause has been requested, which takes effect once the present callback returns."""
        return self._lane.stopping or self._lane.pausing

    def run_soon(self, run: Callable[[], None]) -> None:
        """Run something on the lane, after what is already queued. May be called from any thread."""
        self._lane.post(run)

    def pause_soon(self) -> None:
        """Interrupt pausable waits now, and move to SLEEPING once the present callback returns."""
        self._lane.request_pause()
        self._lane.post(lambda: self._move(JobState.SLEEPING))

    def sleep(self, duration_s: float, *, pausable: bool = False) -> None:
        """Wait on the lane for `duration_s` [s]; raise `StoppedError` as soon as the job is asked to stop."""
        self._lane.sleep(duration_s, pausable=pausable)

    def every(self, interval_s: float, run: Callable[[], None], *, first_after_s: float | None = None) -> LaneTimer:
        """Call `run` on the lane every `interval_s` [s]."""
        return self._lane.every(interval_s, run, first_after_s=first_after_s)

    def later(self, delay_s: float, run: Callable[[], None]) -> LaneTimer:
        """Call `run` on the lane once, after `delay_s` [s]."""
        return self._lane.later(delay_s, run)

    def publish(self, topic: str, payload: object, qos: int = 1, retain: bool = False) -> None:
        """Publish a payload on any topic. Never blocks, and never raises because the broker is unreachable."""
        self._registration.publish(topic, payload, qos=qos, retain=retain)
        self._flush_if_elsewhere()

    def subscribe_and_callback(
        self,
        callback: Callable[[Message], None],
        subscriptions: str | Sequence[str],
        allow_retained: bool = True,
        qos: int = 1,
    ) -> None:
        """Call back on the lane for each message; `allow_retained=False` skips retained messages."""

        def receive(message: Message) -> None:
            if allow_retained or not message.retain:
                self._lane.post(lambda: callback(message))

        for topic_filter in [subscriptions] if isinstance(subscriptions, str) else subscriptions:
            self._registration.subscribe(topic_filter, receive, qos=qos)

    def apply(self, name: str, value: object) -> None:
        """Change a setting as a command over MQTT does; raise `SettingError` if the value is not acceptable."""
        setting = self.settings().get(name)
        if setting is None:
            raise SettingError(f"{self.job_name} has no setting {name} that can be set")
        checked = setting.on_unit(self.runtime.model).check(value)
        self._lane.call(lambda: self._apply(setting, checked))

    def add_to_published_settings(self, name: str, properties: PublishableSetting) -> None:
        """Publish one more attribute of this job's class from now on."""
        value = self.__dict__.pop(name, None)
        declare(type(self), name, cast(Mapping[str, object], properties))
        type(self).published_settings = {**type(self).published_settings, name: properties}
        if value is not None:
            setattr(self, name, value)

    def blink_error_code(self, error_code: int) -> None:
        """Have the unit's LED blink a code (`pioreactor.error_codes`)."""
        self.publish(topics.monitor(self.unit, "flicker_led_with_error_code"), error_code)

    def start_passive_listeners(self) -> None:
        """Subscribe to messages. Hook for subclasses, which call it; defined here for those that call `super()`."""

    def block_until_disconnected(self) -> None:
        """Block until the job has ended; a signal to the process ends it."""
        try:
            self._ended.wait()
        except (KeyboardInterrupt, SystemExit):
            self.clean_up()
            raise

    def clean_up(self) -> None:
        """End the job: outputs off first, then final messages, registry and connections. Idempotent."""
        self._lane.request_stop()
        if self._lane.is_current():
            return
        task = self._lane.task
        if task is None or not task.join(SECONDS_FOR_A_LANE_TO_END):
            # The lane never started, or user code blocks it: the caller ends the job instead.
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.clean_up()

    # ---- start from the command line ---------------------------------------------------------------------

    @classmethod
    def from_options(cls, **options: object) -> Self:
        """Construct the job on this unit with the options of `pio run`; None means that an option was not given."""
        with ExitStack() as undo:
            job = cls(**constructor_arguments(cls))
            undo.callback(job.clean_up)
            for name in (name for name, value in options.items() if value is not None):
                job.apply(name, options[name])
            undo.pop_all()
        return job

    @classmethod
    def run_from_options(cls, **options: object) -> str | None:
        """Run the job as `pio run` does until it has ended; return what is to be printed then."""
        with cls.from_options(**options) as job:
            job.block_until_disconnected()
        return None

    # ---- implementation ----------------------------------------------------------------------------------

    def _become_ready(self) -> None:
        check_initial_values(self, self.runtime.model)
        for name, attribute in self.published().items():
            value = attribute.value_of(self)
            if value is not None and name not in self._registration.published:
                self._publish_attribute(attribute, value)
        self._publish_reports()
        self._subscribe_to_commands()
        if self.state == JobState.INIT and not self._lane.stopping:
            self._move(JobState.SLEEPING if self.runtime.starts_sleeping else JobState.READY)
        self._registration.flush()
        self._lane.start(self._end)

    def _subscribe_to_commands(self) -> None:
        inbox = CommandInbox(self._registration, self._on_command)
        for command_filter in topics.set_filters(self.unit, self.experiment, self.job_name):
            inbox.subscribe(command_filter)
        self._state_publisher.start()

    def _on_command(self, command: Command) -> None:
        """Hand a command to the lane: stop, pause and plain values overtake the queue, what has a setter waits."""
        if command.name == "state" and command.text == JobState.DISCONNECTED:
            command.answer("accepted", value=JobState.DISCONNECTED)
            self._lane.request_stop()
            return
        if command.name == "state" and command.text == JobState.SLEEPING:
            self._lane.request_pause()
        is_plain_value = command.name != "state" and not hasattr(self, f"set_{command.name}")
        if self._lane.is_busy and not (is_plain_value and self._lane.is_sleeping):
            command.answer("deferred", f"{self.job_name} is busy and does it next")
        post = self._lane.post_for_waits if is_plain_value else self._lane.post
        post(lambda: self._carry_out(command))

    def _carry_out(self, command: Command) -> None:
        """Carry out a command on the lane, and answer it."""
        if command.name not in ("state", *self.published()):
            command.answer("refused", f"{self.job_name} has no setting {command.name}")
            return
        before = getattr(self, command.name)
        try:
            command.carry_out(lambda: self._set(command), before=before)
        except (SettingError, IllegalTransitionError) as error:
            self.logger.warning("Refused: %s.", error)

    def _set_state(self, requested: str) -> JobState:
        if requested not in (JobState.READY, JobState.SLEEPING):
            raise SettingError(f"the state can be set to ready, sleeping or disconnected, not {requested[:40]!r}")
        self._move(JobState(requested))
        return self.state

    def _set(self, command: Command) -> object:
        if command.name == "state":
            before, state = self.state, self._set_state(command.text)
            if command.requested_by and state != before:
                changed = "paused" if state == JobState.SLEEPING else "resumed"
                self.logger.info("%s", deed(command.requested_by, f"{changed} {self.job_name} on {self.unit}"))
            return state
        setting = self.published().get(command.name)
        if not isinstance(setting, Setting):
            raise SettingError(f"{command.name} is read-only")
        before = getattr(self, setting.name)
        try:
            self._apply(setting, setting.on_unit(self.runtime.model).decode(command.payload))
        except SettingError as error:
            self._publish_attribute(setting, before)
            raise SettingError(f"{error}; it stays {before}", remedy=error.remedy) from error
        values = f"{setting.value_text(before, with_unit=False)} → {setting.value_text(getattr(self, setting.name))}"
        self.logger.info("%s", deed(command.requested_by, f"set {setting.in_words()} {values} on {self.unit}"))
        return getattr(self, setting.name)

    def _apply(self, setting: AnySetting, value: object) -> None:
        bounded = setting.clamped(value)
        if bounded != value:
            self.logger.warning("%s of %g is out of range; using %g.", setting.name, value, bounded)
        setter = getattr(self, f"set_{setting.name}", None)  # the documented hook of plugins
        if setter is not None:
            setter(bounded)
        else:
            setattr(self, setting.name, bounded)

    def _republish_all(self) -> None:
        self._state_publisher.publish()
        self._publish_reports()
        for name, attribute in self.published().items():
            value = attribute.value_of(self)
            if value is not None:
                self._registration.publish_setting(name, value, is_repetition=True)

    def _publish_attribute(self, attribute: AnyAttribute, value: object) -> None:
        if "_registration" not in self.__dict__:
            return  # A value assigned before the constructor registered the job is published when the job is ready.
        self._registration.publish_setting(attribute.name, value)
        self._flush_if_elsewhere()

    def _flush_if_elsewhere(self) -> None:
        if not self._lane.is_current():
            self._registration.flush()

    def _log_error(self, error: Exception) -> None:
        self.logger.error("Error in %s: %s", type(self).__name__, error, exc_info=error)

    def _move(self, target: JobState) -> None:
        if target == JobState.READY:
            self._lane.end_pause()
        try:
            self._lifecycle.to(target)
        except HookFailedError:
            if self.state == JobState.SLEEPING:
                self._pause_again()
            raise

    def _pause_again(self) -> None:
        """Switch off what a failed resumption switched on; the job stays paused."""
        self._lane.request_pause()
        self._run_hook("on_ready_to_sleeping")
        self._run_hook("on_sleeping")
        self._state_publisher.publish()

    def _enter(self, state: JobState) -> None:
        self._state_publisher.publish(state)
        if self._argv and state != JobState.DISCONNECTED and not self.is_long_running:
            when = (structs.to_timestamp(self.runtime.clock.now()), state, self.runtime.job_source)
            requested = restart_policy.DesiredJob(self.job_name, self.experiment, self._argv, *when)
            restart_policy.store(self.logger, lambda: restart_policy.record_desired(self.runtime, requested))
        level = logging.INFO if state in (JobState.READY, JobState.DISCONNECTED) else logging.DEBUG
        by = self._started_by if state == JobState.READY else ""
        self._started_by = self._started_by if state == JobState.INIT else ""
        self.logger.log(level, "%s", deed(by, f"started {self.job_name} on {self.unit}" if by else state))

    def _run_hook(self, name: str) -> None:
        """Run a documented hook; raise what keeps a job from becoming ready, and log any other error."""
        try:
            getattr(self, name)()
        except StoppedError:
            log.debug("%s of %s was interrupted by a stop", name, self.job_name)
        except Exception as error:  # an error in a hook of a plugin must not keep a job from pausing or stopping
            if name.endswith(("_ready", "_init")):
                raise HookFailedError.of(error, job=self.job_name, hook=name) from error
            if self._construction_failed and isinstance(error, AttributeError):
                # The constructor failed before it created what the hook cleans up.
                log.debug("%s of %s, whose constructor failed: %s", name, self.job_name, error)
            else:
                self.logger.exception("Error in %s.%s.", type(self).__name__, name)

    def _end(self) -> None:
        """Shut down once, whichever thread comes first."""
        if self._ending:
            return
        self._ending = True
        self._state_publisher.close()
        began = self.state != JobState.INIT
        try:
            self._lifecycle.to(JobState.DISCONNECTED)
            if began and not signals.computer_is_shutting_down() and not self.is_long_running:
                restart_policy.store(self.logger, lambda: restart_policy.remove_desired(self.runtime, self.job_name))
            self._publish_final()
            self._publish_reports(is_end=True)
            for name, attribute in self.published().items():
                if not attribute.persist and attribute.value_of(self) is not None:
                    self._registration.publish_setting(name, None)
        finally:
            self._registration.close()
            signals.unregister(self)
            self._ended.set()

    def _publish_final(self) -> None:
        """Publish final messages. For bases in the framework: the hooks belong to plugins."""

    def _abandon_construction(self, error: BaseException) -> None:
        """Clean up after a failed constructor: outputs go off as in any other stop."""
        if "_registration" not in self.__dict__:
            return
        if not isinstance(error, StoppedError | SystemExit | KeyboardInterrupt):
            # The message of a PioreactorError is complete; anything else is a bug and needs its traceback.
            bug = error.__cause__ if isinstance(error, HookFailedError) else error
            self.logger.error("%s", error, exc_info=None if isinstance(bug, PioreactorError) else bug)
        self._construction_failed = True
        self.clean_up()


class LongRunningBackgroundJob(BackgroundJob):
    """A job that `pio kill --all-jobs` does not stop, such as the monitor."""

    needs_active_worker = False
    is_long_running = True


class BackgroundJobContrib(BackgroundJob):
    """Base of jobs in plugins."""

    needs_active_worker = False

    def __init__(self, unit: str, experiment: str, plugin_name: str) -> None:
        super().__init__(unit, experiment, source=plugin_name)


class LongRunningBackgroundJobContrib(LongRunningBackgroundJob, BackgroundJobContrib):
    """Base of jobs in plugins that `pio kill --all-jobs` does not stop."""
