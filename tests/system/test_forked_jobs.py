"""The fork server among real processes: jobs of the panel come from it, and neither's death takes the other along."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.experiment import start_experiment
from pioreactor.demo.plan import DemoPlan
from pioreactor.processes.liveness import is_alive, job_processes
from pioreactor.testing.ports import free_ports

WORKER = "worker1"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until(happened: Callable[[], bool], cluster: DemoCluster) -> None:
    until_s = time.monotonic() + 30.0
    while not happened():
        assert time.monotonic() < until_s
        cluster.check_services()
        time.sleep(0.1)


@pytest.mark.system
def test_jobs_of_the_panel_are_forked_and_survive_the_server(tmp_path: Path) -> None:
    cluster = DemoCluster(DemoPlan(tmp_path, workers=1, port=free_ports(2)), log=lambda _: None)
    paths = cluster.paths(WORKER)
    paths.dot_pioreactor.mkdir(parents=True)
    paths.local_config.write_text("[jobs]\nuse_fork_server=1\n")

    def jobs() -> dict[str, int]:
        return {name: pid for pid, name in job_processes(paths.dot_pioreactor).items()}

    try:
        cluster.start()
        cluster.start_boot_services()
        server = next(service for service in cluster.services if service.name.startswith("fork_server"))
        wait_until(paths.fork_server.exists, cluster)
        start_experiment(cluster, jobs=(("stirring", {}),))
        first = jobs()["stirring"]
        assert server.process is not None
        assert parent_of(first) == server.process.pid

        os.kill(server.process.pid, signal.SIGKILL)
        killed = server.process
        wait_until(lambda: server.process is not killed, cluster)
        assert is_alive(first, None)

        os.kill(first, signal.SIGKILL)
        wait_until(lambda: "switched off" in paths.log_file.read_text(), cluster)
    finally:
        cluster.stop()
    assert jobs() == {}
