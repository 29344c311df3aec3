"""Questions that plugins ask other units over HTTP."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pioreactor import cluster_management, mureq, pubsub
from pioreactor.bootstrap import process
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.exc import UnitUnreachableError
from pioreactor.http.ports import Response
from pioreactor.runtime import context
from pioreactor.utils.networking import get_ip, resolve_to_address


class Web:
    """Every unit's server, as far as this test goes."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any, Mapping[str, str], float]] = []
        self.answers: dict[str, Response] = {}

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 5.0,
    ) -> Response:
        self.asked.append((method, url, json, dict(headers or {}), timeout_s))
        for path, answer in self.answers.items():
            if url.endswith(path):
                return answer
        raise UnitUnreachableError(f"{url} cannot be reached")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Web]:
    made = Web()
    monkeypatch.setattr(process, "http_client", lambda: made)
    config = "[cluster.addresses]\nu2=10.0.0.7\nu3=10.0.0.8:8080\n"
    runtime = build_simulation(units=("u1", "u2"), config=config, data_root=tmp_path).units[0].runtime
    runtime.paths.secrets.mkdir(parents=True)
    (runtime.paths.secrets / process.TOKEN_FILE).write_text("the token\n")
    with context.using(runtime):
        yield made


def test_a_unit_is_asked_with_the_clusters_token(web: Web) -> None:
    web.answers["/unit_api/ph"] = Response(200, b'{"ph": 7}')
    answer = pubsub.post_into(resolve_to_address("u3"), "/unit_api/ph", json={"a": 1}, timeout=3)
    assert (answer.ok, answer.status_code, answer.json()) == (True, 200, {"ph": 7})
    answer.raise_for_status()
    ((method, url, json, headers, timeout_s),) = web.asked
    assert (method, url, json, timeout_s) == ("POST", "http://10.0.0.8:8080/unit_api/ph", {"a": 1}, 3)
    assert headers == {"Authorization": "Bearer the token"}


def test_addresses_get_the_configured_port_and_a_local_name(web: Web) -> None:
    assert resolve_to_address("u9") == "u9.local"
    assert pubsub.create_webserver_path("u9.local", "api/x").endswith("/api/x")
    assert pubsub.create_webserver_path("10.0.0.8:8080", "/x") == "http://10.0.0.8:8080/x"
    assert get_ip()


def test_the_leader_is_asked_for_its_workers(web: Web) -> None:
    web.answers["/api/workers"] = Response(
        200, b'[{"pioreactor_unit": "u1", "is_active": 1}, {"pioreactor_unit": "u2", "is_active": 0}]'
    )
    assert cluster_management.get_workers_in_inventory() == ("u1", "u2")
    assert cluster_management.get_active_workers_in_inventory() == ("u1",)
    assert web.asked[0][1].startswith("http://localhost")


def test_failures_are_told_apart(web: Web) -> None:
    web.answers["/api/workers"] = Response(500, b"broken")
    with pytest.raises(mureq.HTTPErrorStatus, match="500"):
        cluster_management.get_workers_in_inventory()
    with pytest.raises(mureq.HTTPException):
        pubsub.get_from("u9.local", "/api/none")
    assert not pubsub.get_from_leader("/api/workers").ok


def test_a_foreign_server_is_sent_what_the_plugin_gives_and_no_token(web: Web) -> None:
    web.answers["example.invalid/hook"] = Response(204)
    headers = {"Authorization": mureq.basic_auth("ada", "pass word")}
    assert mureq.post("https://example.invalid/hook", json={"od": 1.0}, headers=headers).status_code == 204
    assert web.asked[0][3] == {"Authorization": "Basic YWRhOnBhc3Mgd29yZA=="}
