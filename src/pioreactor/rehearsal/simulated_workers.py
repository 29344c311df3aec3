"""The cluster that a rehearsed profile runs on: simulated units, without web servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from pioreactor import topics
from pioreactor.bootstrap.simulated import SimulatedUnit, Simulation
from pioreactor.exc import ConflictError, JobNotRunningError, PioreactorError
from pioreactor.simulated_cluster.job_processes import start_job
from pioreactor.states import JobState
from pioreactor.structs import encode
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.web.request_bodies import RunJob

_END_TIMEOUT_S = 20.0
_POLL_S = 0.5


@dataclass
class SimulatedWorkers:
    """`Cluster` over simulated units in virtual time.

    Each start and each change of a job is told to `on_start`, with the error if a start fails.
    """

    simulation: Simulation
    experiment: str
    source: str
    on_start: Callable[[str, str, PioreactorError | None], None]

    def active_workers(self) -> list[str]:
        return [unit.name for unit in self.simulation.units]

    def start(
        self, unit: str, job: str, *, options: Mapping[str, object], args: Sequence[str], overrides: Mapping[str, str]
    ) -> None:
        configured = [(f"{job}.config", key, value) for key, value in overrides.items()]
        fields = {"options": options, "args": args, "env": {"JOB_SOURCE": self.source}, "config_overrides": configured}
        request = msgspec.convert(fields, RunJob)
        try:
            start_job(self.simulation.unit(unit), job, request)
        except PioreactorError as error:
            self.on_start(unit, job, error)
            raise
        self.on_start(unit, job, None)

    def set(self, unit: str, job: str, settings: Mapping[str, object]) -> None:
        for name, value in settings.items():
            payload = value.encode() if isinstance(value, str) else encode(value)
            self.on_start(unit, job, None)
            self._publish(unit, job, name, payload)

    def stop(self, unit: str, job: str) -> None:
        if not self.is_running(unit, job):
            raise JobNotRunningError(f"{job} is not running on {unit}")
        self._publish(unit, job, "$state", JobState.DISCONNECTED.encode())
        clock = self.simulation.clock
        until_s = clock.monotonic() + _END_TIMEOUT_S
        while clock.monotonic() < until_s:
            if not self.is_running(unit, job):
                return
            clock.sleep(_POLL_S)
        raise ConflictError(f"{job} of {unit} does not end")

    def is_running(self, unit: str, job: str) -> bool:
        return bool(self._unit(unit).stores.jobs().running(job_name=job))

    def last_published(self, unit: str, job: str, setting: str) -> bytes | None:
        experiment = UNIVERSAL_EXPERIMENT if job == "monitor" else self.experiment
        topic = topics.setting(unit, experiment, job, setting.removeprefix("$"))
        return self.simulation.broker.retained.get(topic) or None

    def log(self, unit: str, message: str, level: str) -> None:
        """A profile's messages change nothing in a simulation."""

    def label(self, unit: str, label: str) -> None:
        """Labels change nothing in a simulation."""

    def stop_jobs_of(self, source: str, units: Sequence[str]) -> None:
        for unit in units:
            for job in self._unit(unit).stores.jobs().running(job_source=source):
                self._publish(unit, job.job_name, "$state", JobState.DISCONNECTED.encode())

    def _unit(self, name: str) -> SimulatedUnit:
        return self.simulation.unit(name)

    def _publish(self, unit: str, job: str, setting: str, payload: bytes) -> None:
        bus = self._unit(unit).runtime.buses.connect("rehearsal")
        bus.publish(topics.set_setting(unit, self.experiment, job, setting.removeprefix("$")), payload)
        bus.close()
