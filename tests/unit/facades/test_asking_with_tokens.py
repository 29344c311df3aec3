"""The tokens that plugins' requests to other units carry."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pioreactor import pubsub
from pioreactor.bootstrap import process
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.http.ports import Response
from pioreactor.identity.unit_tokens import WorkerTokens, replace_token
from pioreactor.runtime import context

CONFIG = "[cluster.addresses]\nu2=10.0.0.7\nu3=10.0.0.8:8080\n"


class Web:
    def __init__(self) -> None:
        self.headers: list[Mapping[str, str]] = []

    def request(self, method: str, url: str, *, headers: Mapping[str, str], **_: Any) -> Response:
        self.headers.append(headers)
        return Response(200, b"{}")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    made = Web()
    monkeypatch.setattr(process, "http_client", lambda *_: made)
    return made


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Any]:
    yield build_simulation(units=("u1", "u2"), config=CONFIG, data_root=tmp_path)


def test_a_leader_sends_each_unit_the_token_of_that_unit(web: Web, simulation: Any) -> None:
    runtime = simulation.units[0].runtime
    tokens = WorkerTokens(runtime.paths.secrets)
    runtime.paths.secrets.mkdir(parents=True)
    tokens.prepare()
    expected = [tokens.ensure("u2"), tokens.ensure("u3"), tokens.ensure("u4")]
    with context.using(runtime):
        for address in ("10.0.0.7", "10.0.0.8:8080", "u4.local"):
            pubsub.post_into(address, "/unit_api/ph")
    assert web.headers == [{"Authorization": f"Bearer {token}"} for token in expected]


def test_a_worker_sends_its_token_to_its_leader_only(web: Web, simulation: Any) -> None:
    runtime = simulation.units[1].runtime
    replace_token(runtime.paths.secrets, "mine")
    with context.using(runtime):
        pubsub.get_from_leader("/api/workers")
        pubsub.post_into("10.0.0.8:8080", "/unit_api/ph")
    assert web.headers == [{"Authorization": "Bearer mine"}, {}]
