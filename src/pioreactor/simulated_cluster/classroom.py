"""`pio demo --scenario classroom`: many reactors in one process, at the pace of the clock, and their pages."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from pioreactor.demo.experiment import JOBS, TIMEOUT_S, JobOptions
from pioreactor.demo.plan import CULTURE, LEADER, VIEWER
from pioreactor.exc import PioreactorError, StoppedError
from pioreactor.http.units import Units
from pioreactor.messaging.accounts import Account, make_password
from pioreactor.messaging.broker import Broker
from pioreactor.simulated_cluster.simulated_cluster import SimulatedCluster
from pioreactor.web.serve import serve

EXPERIMENT: Final = "classroom"
_STEP_S: Final = 0.1
"""Real time between two steps of the simulation."""
_LONGEST_STEP_S: Final = 1.0
"""Virtual time of a step: requests wait until it has been computed."""
_LEFT_OUT: Final = "camera"


class Pace:
    """Lets the time of a cluster pass as fast as the clock does, times `speed`; where it cannot follow, slower."""

    def __init__(self, cluster: SimulatedCluster, *, speed: float) -> None:
        self._cluster, self._speed = cluster, speed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pace", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        before_s = time.monotonic()
        due_s = self._cluster.monotonic()
        while not self._stop.wait(_STEP_S):
            now_s = time.monotonic()
            # What could not be computed in time is not made up for.
            due_s = min(due_s + (now_s - before_s) * self._speed, self._cluster.monotonic() + _LONGEST_STEP_S)
            before_s = now_s
            if (left_s := due_s - self._cluster.monotonic()) > 0:
                self._cluster.let_pass(left_s)


@click.command(name="classroom")
@click.option("--reactors", type=int, default=30)
@click.option("--speed", type=float, default=1.0)
@click.option("--host", default="127.0.0.1")
@click.option("--port", type=int, default=4999)
@click.option("--seed", type=int, default=1)
@click.option("--jobs/--no-jobs", default=True)
def classroom(reactors: int, speed: float, host: str, port: int, seed: int, jobs: bool) -> None:
    """Serve the pages of simulated reactors until Ctrl-C; nothing is kept."""
    began_s = time.monotonic()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pio-classroom-")))
        accounts = [Account(LEADER, make_password(), "leader"), Account(VIEWER, make_password(), "viewer")]
        broker = stack.enter_context(Broker(folder / "broker", accounts))
        click.echo(f"Starting {reactors} simulated reactors.", err=True)
        cluster = SimulatedCluster(
            reactors=reactors,
            scenario=CULTURE,
            seed=seed,
            experiment=EXPERIMENT,
            start=datetime.now(UTC),
            live=broker.address(VIEWER),
        )
        stack.callback(cluster.close)
        stack.callback(cluster.mirror_to(broker.address(LEADER)))
        stack.callback(Pace(cluster, speed=speed).close)
        if jobs:
            stack.callback(JobStarter(cluster).close)
        serve(cluster.app, host, port, on_start=lambda taken: click.echo(_welcome(cluster, host, taken, began_s)))
        click.echo("\nStopping.", err=True)


class JobStarter:
    """Starts the jobs on all reactors, one after another, while pages are served already."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._stop = threading.Event()
        self._units = Units(cluster.http, cluster.url_of, token_for=lambda _: cluster.token, pause=self._stop.wait)
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        for job, options in JOBS:
            if job != _LEFT_OUT and not self._stop.is_set():
                self._start(job, options)

    def _start(self, job: str, options: JobOptions) -> None:
        path = f"/api/workers/$broadcast/jobs/run/job_name/{job}/experiments/{EXPERIMENT}"
        try:
            self._units.ask(LEADER, "PATCH", path, json={"options": options}, timeout_s=TIMEOUT_S)
        except PioreactorError as error:
            if not (self._stop.is_set() or isinstance(error, StoppedError)):
                click.echo(f"{job} was not started: {error}", err=True)


def _welcome(cluster: SimulatedCluster, host: str, port: int, began_s: float) -> str:
    return (
        f"\nReady after {time.monotonic() - began_s:.1f} s.\n\n"
        f"  Open        http://{host}:{port}\n"
        f"  Sign in as  pioreactor\n"
        f"  Password    {cluster.password}\n\n"
        f"Jobs are starting. Add a person for each student on the page People. Press Ctrl-C to stop; nothing is kept."
    )
