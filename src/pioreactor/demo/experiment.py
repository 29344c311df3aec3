"""The experiment of a demo: created and started through the leader's API, as the pages do it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pioreactor.bootstrap import build_runtime
from pioreactor.bootstrap.process import http_client
from pioreactor.calibrations.defaults import install_simulated
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.history import bring_history
from pioreactor.demo.plan import LEADER
from pioreactor.exc import PioreactorError
from pioreactor.http.fanout import UnitRefusedError
from pioreactor.http.units import Units
from pioreactor.identity.unit_tokens import ensure_token

TIMEOUT_S: Final = 30.0

JobOptions = Mapping[str, str | float]
Jobs = Sequence[tuple[str, JobOptions]]
"""Names of jobs and the options they start with."""

JOBS: Final[Jobs] = (
    ("stirring", {"target_rpm": 500}),
    ("od_reading", {}),
    ("growth_rate_calculating", {}),
    ("temperature_automation", {"automation_name": "thermostat", "target_temperature": 37}),
    ("dosing_automation", {"automation_name": "turbidostat", "target_biomass": 1.0, "exchange_volume_ml": 1.0}),
    ("camera", {}),
)


class _LeaderApi:
    """The leader's API, tolerating what exists from an earlier start."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._cluster = cluster
        token = ensure_token(cluster.paths(LEADER).secrets)
        self._units = Units(http_client(), cluster.plan.url_of, token_for=lambda _: token, pause=_pause)

    def request(self, method: str, path: str, body: object = None) -> object:
        # A service may end while the demo starts; it is restarted as later.
        self._cluster.check_services()
        answer: object = self._units.ask(LEADER, method, path, json=body, timeout_s=TIMEOUT_S)
        return answer

    def create(self, method: str, path: str, body: object) -> None:
        """Request something to be created; that it exists already is no error."""
        try:
            self.request(method, path, body)
        except UnitRefusedError as error:
            if error.answered_status != 409:
                raise


def start_experiment(cluster: DemoCluster, *, jobs: Jobs, before_jobs: Callable[[], None] = lambda: None) -> None:
    """Register workers, create and assign the experiment, start jobs (or resume those of an earlier start).

    `before_jobs` is called once the inventory exists.
    """
    leader = _LeaderApi(cluster)
    plan = cluster.plan
    model = dict(zip(("model_name", "model_version"), plan.model, strict=True))
    for worker in plan.worker_names:
        leader.create("PUT", "/api/workers", {"pioreactor_unit": worker, **model})
        leader.create("PUT", f"/api/workers/{worker}/model", model)
        _calibrate(cluster, worker)
    if plan.has_history:
        bring_history(cluster)
    leader.create("POST", "/api/experiments", {"experiment": plan.experiment, "description": "Simulated."})
    for worker in plan.worker_names:
        leader.create("PUT", f"/api/experiments/{plan.experiment}/workers", {"pioreactor_unit": worker})
    before_jobs()
    resumed = cluster.resume()
    for line in resumed:
        cluster.log(f"Resuming {line}")
    for job, options in jobs if not resumed else ():
        cluster.log(f"Starting {job}.")
        _start_on_all_workers(cluster, leader, job, options)


def _start_on_all_workers(cluster: DemoCluster, leader: _LeaderApi, job: str, options: JobOptions) -> None:
    path = f"/api/workers/$broadcast/jobs/run/job_name/{job}/experiments/{cluster.plan.experiment}"
    try:
        answers = leader.request("PATCH", path, {"options": options})
    except PioreactorError as error:
        cluster.log(f"  {job}: {error}")
        return
    for unit, answer in answers.items() if isinstance(answers, dict) else ():
        if isinstance(answer, dict) and not answer.get("ok", True):
            cluster.log(f"  {job} on {unit}: {answer.get('error', {}).get('message', answer)}")


def _calibrate(cluster: DemoCluster, worker: str) -> None:
    """Install the calibrations of the simulated pumps."""
    runtime = build_runtime(cluster.environment(worker), quiet=True, handles_signals=False)
    try:
        install_simulated(runtime)
    finally:
        runtime.stores.close()


def _pause(duration_s: float) -> bool:
    time.sleep(duration_s)
    return False
