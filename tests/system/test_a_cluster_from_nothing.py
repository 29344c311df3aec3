"""Machines with nothing on them become a cluster that runs an experiment."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.network_cut.netns import missing_requirement, run_in_namespaces

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder with a short path, for sockets."""
    with tempfile.TemporaryDirectory(prefix="pio-lab-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def test_a_leader_and_three_workers_from_nothing_to_an_experiment(folder: Path) -> None:
    fault = missing_requirement()
    assert fault is None, f"network namespaces need root and `apt-get install util-linux iproute2`: {fault}"
    report = folder / "report.json"
    arguments = ["--data", str(folder), "--json", str(report)]
    process = run_in_namespaces("tests.system.cluster_of_machines", arguments, cwd=Path(__file__).parents[2])
    try:
        assert process.wait(200) == 0
    finally:
        process.kill()
        process.wait()
    seen = json.loads(report.read_text())
    assert seen["init"]["url"] == "https://10.88.0.1"
    assert max(*seen["joined_s"], seen["key"]["joined_s"], seen["password"]["joined_s"]) <= 60
    assert "authorized_keys" in seen["key"]["refused"]
    assert "services of worker2 were not started" in seen["key"]["added"], "this machine has no systemd"
    assert "root@10.88.0.5 refuses the password" in seen["password"]["refused"]
    assert seen["password"]["told"] == [], "the password is written nowhere"
    assert "name is taken" in seen["impostor"]
    assert len(seen["wrong_codes"]) == 4
    assert all("wrong" in error for error in seen["wrong_codes"])
    assert seen["experiment"]["units"] == ["worker1", "worker2", "worker3"]
    assert seen["status"] == {"leader1": 0, "worker1": 0, "worker2": 0, "worker3": 0}
    second = seen["second_leader"]
    assert "worker3" in seen["second_leader_sees"], "it is found by both leaders, and the code decides"
    assert "wrong" in seen["second_leader_without_code"]
    assert "no worker waits at 10.88.0.2" in second["adds"]
    assert "worker1 belongs to the cluster of leader1" in second["joins_again"]
    assert "pio cluster leave" in second["joins_again"]
    assert second["answers_its_token"].endswith("401"), second["answers_its_token"]
    assert (second["inventory"], second["rows"], second["leaders"]) == ([], 0, ["leader1"])
    assert "removed worker1" in seen["leave"]["said"]
    assert seen["leave"]["inventory"] == ["worker2", "worker3"]
    assert seen["removed"]["asks"] == 1
    for gone in ("leave", "removed"):
        name = {"leave": "worker1", "removed": "worker2"}[gone]
        assert name not in seen[gone]["accounts"]
        assert name not in seen[gone]["tokens"]
    assert seen["removed"]["inventory"] == ["worker3"]
