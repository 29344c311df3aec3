"""The experiment that a demo shows: made and started through the leader's API, as the pages do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from pioreactor.cluster.demo_cluster import LEADER, DemoCluster
from pioreactor.exc import PioreactorError
from pioreactor.http.fanout import UnitRefusedError

Starts = Sequence[tuple[str, dict[str, Any]]]
"""Names of jobs and the options they start with."""

JOBS: Starts = (
    ("stirring", {"target_rpm": 500}),
    ("od_reading", {}),
    ("growth_rate_calculating", {}),
    ("temperature_automation", {"automation_name": "thermostat", "target_temperature": 37}),
    ("dosing_automation", {"automation_name": "turbidostat", "target_biomass": 1.0, "exchange_volume_ml": 1.0}),
)
PUMPS = ("media_pump", "alt_media_pump", "waste_pump")


class _Leader:
    """The leader's API, for which it is fine that a thing exists from an earlier start."""

    def __init__(self, cluster: DemoCluster) -> None:
        from pioreactor.cli.cli_context import CliContext

        self._cluster = cluster
        self._cli = CliContext(cluster.environment(LEADER))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        # What dies while a demo starts comes back as it does later.
        self._cluster.check_services()
        return self._cli.ask(LEADER, method, path, json=body, timeout_s=30.0)

    def make(self, method: str, path: str, body: Any) -> None:
        try:
            self.ask(method, path, body)
        except UnitRefusedError as error:
            if error.answered_status != 409:
                raise


def begin_experiment(cluster: DemoCluster, *, jobs: Starts, between: Callable[[], None]) -> None:
    """Register workers, create and assign the experiment, start jobs. What exists from an earlier start is kept.

    `between` is called once the inventory is there and before jobs start.
    """
    leader = _Leader(cluster)
    experiment = cluster.plan.experiment
    for worker in cluster.plan.worker_names:
        model = dict(zip(("model_name", "model_version"), cluster.plan.model, strict=True))
        leader.make("PUT", "/api/workers", {"pioreactor_unit": worker, **model})
        leader.ask("PUT", f"/api/workers/{worker}/model", model)
        _calibrate(cluster, worker)
    leader.make("POST", "/api/experiments", {"experiment": experiment, "description": "Simulated."})
    for worker in cluster.plan.worker_names:
        leader.make("PUT", f"/api/experiments/{experiment}/workers", {"pioreactor_unit": worker})
    between()
    resumed = cluster.resume()
    for sentence in resumed:
        click.echo(f"Resuming {sentence}", err=True)
    for job, options in jobs if not resumed else ():
        click.echo(f"Starting {job}.", err=True)
        _start_everywhere(leader, experiment, job, options)


def _start_everywhere(leader: _Leader, experiment: str, job: str, options: dict[str, Any]) -> None:
    path = f"/api/workers/$broadcast/jobs/run/job_name/{job}/experiments/{experiment}"
    try:
        answers = leader.ask("PATCH", path, {"options": options})
    except PioreactorError as error:
        click.echo(f"  {job}: {error}", err=True)
        return
    for unit, answer in answers.items() if isinstance(answers, dict) else ():
        if isinstance(answer, dict) and not answer.get("ok", True):
            click.echo(f"  {job} on {unit}: {answer.get('error', {}).get('message', answer)}", err=True)


def _calibrate(cluster: DemoCluster, worker: str) -> None:
    """Give the simulated pumps their calibrations, as their maker would."""
    from pioreactor.bootstrap import build_runtime
    from pioreactor.calibrations.defaults import install_simulated

    runtime = build_runtime(cluster.environment(worker), quiet=True, handles_signals=False)
    try:
        install_simulated(runtime)
    finally:
        runtime.stores.close()
