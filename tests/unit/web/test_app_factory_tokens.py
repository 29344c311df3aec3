"""A leader and a worker as they are composed, with their tokens on disk."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from pioreactor.audit.command_spool import report
from pioreactor.bootstrap import build_runtime
from pioreactor.exc import ConfigurationError
from pioreactor.http.loopback import LoopbackHttp, Request
from pioreactor.http.ports import Response
from pioreactor.identity.unit_tokens import WorkerTokens, read_token, replace_token
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.paths import Paths
from pioreactor.structs.audit import AuditedChange
from pioreactor.web.app_factory import compose

CONFIG = "[cluster.topology]\nleader_hostname=leader1\nleader_address=leader1\n"


def runtime_of(name: str, tmp_path: Path) -> Runtime:
    paths = Paths.below(tmp_path / name)
    paths.dot_pioreactor.mkdir(parents=True)
    paths.global_config.write_text(CONFIG)
    environment = {
        "HOSTNAME": name,
        "DOT_PIOREACTOR": str(paths.dot_pioreactor),
        "RUN_PIOREACTOR": str(paths.run_pioreactor),
    }
    return build_runtime(environment, quiet=True, handles_signals=False)


def passing(client: Any) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        found = client.request(request.method, request.path, json=request.json, headers=dict(request.headers))
        return Response(found.status_code, found.content, {k.lower(): v for k, v in found.headers.items()})

    return answer


class Cluster:
    """A leader and the workers unit1 and unit2, of which each has its server."""

    def __init__(self, tmp_path: Path, stack: ExitStack) -> None:
        self._tmp_path, self._stack = tmp_path, stack
        self.http = LoopbackHttp()
        self.runtimes = {name: runtime_of(name, tmp_path) for name in ("leader1", "unit1", "unit2")}
        self.database = LeaderDatabase.open(tmp_path / "leader.sqlite")
        stack.callback(self.database.close)
        for unit in ("unit1", "unit2"):
            self.database.workers.add(unit, model_name=None, model_version=None)

    def serve(self, name: str) -> Any:
        database = self.database if name == "leader1" else None
        app: Any = compose(self.runtimes[name], http=self.http, environment={}, database=database)
        client = self._stack.enter_context(TestClient(app))
        self.http.hosts[f"{name}.local:80"] = passing(client)
        return client

    def secrets(self, name: str) -> Path:
        return self.runtimes[name].paths.secrets


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


@contextmanager
def with_token(client: Any, token: str | None) -> Iterator[Any]:
    client.headers["Authorization"] = f"Bearer {token}"
    yield client
    client.headers.pop("Authorization")


def result_of(client: Any, path: str) -> Any:
    from tests.unit.web.conftest import result_of as wait

    return wait(client, client.get(path))


def test_a_cluster_that_shared_a_token_continues_with_one_for_each_unit(cluster: Cluster) -> None:
    for name in cluster.runtimes:
        replace_token(cluster.secrets(name), "shared-by-all")
    first, second = cluster.serve("unit1"), cluster.serve("unit2")
    leader = cluster.serve("leader1")

    with with_token(leader, read_token(cluster.secrets("leader1"))):
        answers = result_of(leader, "/api/units/$broadcast/versions/app")["result"]
        assert [answers[unit]["ok"] for unit in ("unit1", "unit2")] == [True, True]
    tokens = {name: read_token(cluster.secrets(name)) for name in cluster.runtimes}
    assert len({*tokens.values(), "shared-by-all"}) == 4
    assert WorkerTokens(cluster.secrets("leader1")).shared() is None

    for client, unit in ((first, "unit1"), (second, "unit2")):
        for name, token in tokens.items():
            with with_token(client, token):
                expected = 200 if name == unit else 401
                assert client.get("/unit_api/jobs/running").status_code == expected, (unit, name)
        with with_token(client, "shared-by-all"):
            assert client.get("/unit_api/jobs/running").status_code == 401
    for token, status in ((tokens["unit1"], 200), ("shared-by-all", 401)):
        with with_token(leader, token):
            assert leader.get("/api/workers/unit1").status_code == status
    with with_token(leader, tokens["unit1"]):
        assert leader.post("/api/workers/unit2/jobs/stop/experiments/x").status_code == 403
        assert leader.get("/auth/me").json() == {"username": "unit1", "kind": "unit", "rights": None}


def test_a_worker_tells_its_leader_what_is_typed_on_it(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pioreactor.audit.command_spool._POLL_S", 0.02)
    cluster.serve("leader1")
    replace_token(cluster.secrets("unit1"), WorkerTokens(cluster.secrets("leader1")).ensure("unit1"))
    cluster.http.hosts["leader1:80"] = cluster.http.hosts["leader1.local:80"]
    worker = cluster.serve("unit1")
    assert worker.get("/unit_api/jobs/running").status_code == 401
    found: list[AuditedChange] = []
    spool = cluster.runtimes["unit1"].paths.audit_spool
    report(spool, ["kill", "--all-jobs"], account="lab", status=0, sent_at="2026-11-29T12:00:00Z")
    for _ in range(200):
        found = [entry.change for entry in cluster.database.audit.all()]
        if found:
            break
        threading.Event().wait(0.05)
    assert [(each.unit, each.actor, each.summary) for each in found] == [("unit1", "lab", "pio kill --all-jobs")]


def test_a_worker_without_a_token_says_how_to_get_one(cluster: Cluster) -> None:
    with pytest.raises(ConfigurationError, match="no token") as refused:
        cluster.serve("unit1")
    assert "pio workers token unit1" in str(refused.value.remedy)


def test_a_new_cluster_shares_no_token(cluster: Cluster) -> None:
    cluster.serve("leader1")
    assert WorkerTokens(cluster.secrets("leader1")).shared() is None
    assert read_token(cluster.secrets("leader1")) is not None
