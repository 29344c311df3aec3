"""Context manager for actions: short operations that are registered, published and stopped like a job."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from pioreactor import topics
from pioreactor.exc import NotActiveWorkerError, StoppedError
from pioreactor.jobs.clients import PublishingClient
from pioreactor.jobs.command_inbox import Command, CommandInbox
from pioreactor.jobs.registration import Registration
from pioreactor.runtime import context, signals
from pioreactor.runtime.context import Runtime
from pioreactor.states import JobState
from pioreactor.types import UNIVERSAL_EXPERIMENT


class managed_lifecycle:  # noqa: N801  the documented name that plugins import
    """Registers an action under a name for the length of a block; `$state/set disconnected` or a signal ends it.

    `exit_event` is set on a stop request; `sleep` raises `StoppedError` then.
    """

    is_long_running = False

    def __init__(
        self,
        unit: str,
        experiment: str,
        name: str,
        *,
        ignore_is_active_state: bool = False,
        exclusive: bool = False,
        source: str = "app",
        mqtt_client: object = None,  # noqa: ARG002  accepted for callers of the documented signature
        exit_on_mqtt_disconnect: bool = False,  # noqa: ARG002
        mqtt_client_kwargs: Mapping[str, object] | None = None,  # noqa: ARG002
        job_source: str | None = None,  # noqa: ARG002
    ) -> None:
        self.runtime: Runtime = context.current()
        if not ignore_is_active_state and not self.runtime.identity.is_active():
            raise NotActiveWorkerError(f"{unit} is not an active worker, {name} does not start")
        self.unit = unit
        self.experiment = experiment
        self.name = name
        self._source = source
        self._exclusive = exclusive
        self._registration: Registration | None = None
        self._state = JobState.INIT
        self.exit_event = self.runtime.clock.signal()

    # ---- the block ---------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        registration = Registration(
            self.runtime,
            unit=self.unit,
            experiment=self.experiment,
            job_name=self.name,
            source=self._source,
            is_long_running=self.is_long_running,
            exclusive=self._exclusive,
            keyed_by_id=self.is_long_running,
        )
        self._registration = registration
        self.job_id = registration.job_id
        self.job_key = registration.key
        self.logger = registration.logger
        self.mqtt_client = PublishingClient(self.publish, registration.bus)
        inbox = CommandInbox(registration, self._on_command)
        for unit in (self.unit, "$broadcast"):
            for experiment in (self.experiment, UNIVERSAL_EXPERIMENT):
                inbox.subscribe(topics.set_setting(unit, experiment, registration.key, "state"))
        signals.stop_on_signal(self.runtime, self)
        for state in (JobState.INIT, JobState.READY):
            self._enter_state(state)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, StoppedError):
            self.logger.error("%s", error)
        self._enter_state(JobState.DISCONNECTED)
        self.registration.close()
        signals.unregister(self)

    # ---- what the action uses ----------------------------------------------------------------------------

    @property
    def registration(self) -> Registration:
        """Return the registration; raise `RuntimeError` outside the block."""
        if self._registration is None:
            raise RuntimeError(f"{self.name} has not been entered")
        return self._registration

    @property
    def owner(self) -> str:
        return self.registration.owner

    @property
    def state(self) -> JobState:
        return self._state

    @property
    def stopping(self) -> bool:
        return self.exit_event.is_set()

    @property
    def pausing(self) -> bool:
        return False

    def sleep(self, duration_s: float, *, pausable: bool = False) -> None:  # noqa: ARG002  an action has no pause
        """Wait `duration_s` [s]; raise `StoppedError` on a stop request."""
        self.registration.flush()
        if self.exit_event.wait(duration_s):
            raise StoppedError(f"{self.name} was asked to stop")

    def publish(self, topic: str, payload: object = None, qos: int = 1, retain: bool = False) -> None:
        self.registration.publish(topic, payload, qos=qos, retain=retain)
        self.registration.flush()

    def publish_setting(self, name: str, value: object, *, retain: bool = True) -> None:
        """Publish a value below the action's name and store it for `pio jobs info`."""
        self.registration.publish_setting(name, value, retain=retain)
        self.registration.flush()

    def clean_up(self) -> None:
        """Request a stop; the block cleans up."""
        self.exit_event.set()

    def block_until_disconnected(self) -> None:
        self.exit_event.wait()

    def _enter_state(self, state: JobState) -> None:
        self._state = state
        self.registration.publish_setting("state", state)
        self.logger.log(logging.DEBUG, "%s.", state.capitalize())
        self.registration.flush()

    def _on_command(self, command: Command) -> None:
        if command.text == JobState.DISCONNECTED:
            command.answer("accepted", value=JobState.DISCONNECTED)
            self.exit_event.set()
        else:
            command.answer("refused", f"the state of {self.name} can be set to disconnected only", value=self._state)


class long_running_managed_lifecycle(managed_lifecycle):  # noqa: N801  the documented name
    """An action that "kill all" leaves alone and of which several may run; its key is `<name>/<job id>`."""

    is_long_running = True
