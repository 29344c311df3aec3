"""Starts and interrupts jobs of a simulated unit: its processes are of virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pioreactor import topics
from pioreactor.bootstrap.simulated import SimulatedUnit
from pioreactor.messaging.ports import Message
from pioreactor.simulated_cluster.job_command import Ended, OpenCli, alone, run_command, runtime_for
from pioreactor.states import JobState
from pioreactor.web.request_bodies import RunJob
from pioreactor.web.unit.job_launcher import JobFailedError, JobLauncher, arguments_of

if TYPE_CHECKING:
    from pioreactor.simulated_cluster.simulation_thread import SimulationThread

_READY_TIMEOUT_S = 15.0
_POLL_S = 0.05
_STARTED = (JobState.READY.encode(), JobState.SLEEPING.encode())


@dataclass
class SimulatedJobLauncher(JobLauncher):
    """Starts jobs as processes of a simulated unit."""

    unit: SimulatedUnit = field(kw_only=True)
    thread: SimulationThread = field(kw_only=True)
    open_cli: OpenCli = field(default=alone, kw_only=True)

    def launch(self, job: str, request: RunJob) -> str:
        """Start the job; return "ok" once it is ready, has ended without an error, or runs for 15 s of virtual time.

        Raise `JobFailedError` if it ends with an error before that.
        """
        self.thread.wait(lambda: start_job(self.unit, job, request, self.open_cli))
        return "ok"


def start_job(unit: SimulatedUnit, job: str, request: RunJob, open_cli: OpenCli = alone) -> None:
    """Start a job, and return once it is ready, has ended without an error, or runs for 15 s of virtual time.

    Call it on the thread of virtual time. Raise `JobFailedError` if the job ends with an error before that.
    """
    ended, ready = list[Ended](), list[bool]()

    def on_state(message: Message) -> None:
        if not message.retain and message.payload in _STARTED:
            ready.append(True)

    bus = unit.runtime.buses.connect("launcher")
    for name in (job, f"{job}/+"):
        bus.subscribe(topics.state(unit.name, "+", name), on_state)
    arguments = arguments_of(job, request)
    unit.run(
        lambda: ended.append(run_command(arguments, open_cli)),
        name=job,
        alter=lambda known: runtime_for(known, request),
    )
    until_s = unit.clock.monotonic() + _READY_TIMEOUT_S
    while not ready and not ended and unit.clock.monotonic() < until_s:
        unit.clock.sleep(_POLL_S)
    bus.close()
    if ended and ended[0].error:
        raise JobFailedError(f"{job} did not start: {ended[0].error}", remedy=ended[0].remedy)


def interrupter(unit: SimulatedUnit, thread: SimulationThread) -> Callable[[int], None]:
    """Return what asks the jobs of a process to end, as SIGINT does."""

    def interrupt(pid: int) -> None:
        bus = unit.runtime.buses.connect("interrupt")
        for job in unit.stores.jobs().running():
            if job.pid == pid:
                topic = topics.set_setting(job.unit, job.experiment, job.job_name, "state")
                bus.publish(topic, JobState.DISCONNECTED.encode())
        bus.close()

    return lambda pid: thread.call(lambda: interrupt(pid))
