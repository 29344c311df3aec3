"""Routes and tasks that plugins add to the server."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from pioreactor.web import plugin_registry
from pioreactor.web.config import _pool, huey


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    before = list(plugin_registry._routes), dict(plugin_registry.mcp_tools)
    yield
    plugin_registry._routes[:] = before[0]
    plugin_registry.mcp_tools.clear()
    plugin_registry.mcp_tools.update(before[1])


def test_routes_answer_with_what_their_functions_return() -> None:
    @plugin_registry.register_api_route("/ph/<unit>")
    def ph(unit: str) -> dict[str, object]:
        return {"unit": unit, "ph": 7.0}

    @plugin_registry.register_api_route("/ph/<unit>/<int:number>", methods=["POST", "patch"])
    def change(unit: str, number: int, json: dict[str, float]) -> tuple[dict[str, object], int]:
        return {"unit": unit, "number": number, "to": json["ph"]}, 201

    plugin_registry.register_unit_api_route("/own", lambda: [1, 2])
    with TestClient(Litestar([plugin_registry.routes("/api")], logging_config=None)) as client:
        assert client.get("/ph/u1").json() == {"unit": "u1", "ph": 7.0}
        answer = client.post("/ph/u1/3", json={"ph": 6.5})
        assert (answer.status_code, answer.json()) == (201, {"unit": "u1", "number": 3, "to": 6.5})
        assert client.patch("/ph/u1/3", json={"ph": 6.5}).status_code == 201
        assert client.delete("/ph/u1/3").status_code == 405
        assert client.get("/own").status_code == 404
    with TestClient(Litestar([plugin_registry.routes("/unit_api")], logging_config=None)) as client:
        assert client.get("/own").json() == [1, 2]


@pytest.mark.parametrize(("rule", "methods"), [("ph", ["GET"]), ("/ph", ["SHOUT"])])
def test_a_route_that_cannot_be_is_refused_when_the_plugin_is_loaded(rule: str, methods: list[str]) -> None:
    with pytest.raises(ValueError, match="route"):
        plugin_registry.register_api_route(rule, lambda: None, methods=methods)


def test_tools_are_kept_by_name() -> None:
    @plugin_registry.register_mcp_tool(name="read_ph")
    def read() -> float:
        return 7.0

    assert plugin_registry.mcp_tools["read_ph"] is read


def test_a_task_runs_beside_its_caller() -> None:
    @huey.task()
    def double(x: int) -> int:
        return 2 * x

    assert double(4).get(blocking=True, timeout=10) == 8
    assert double.call_local(5) == 10  # type: ignore[attr-defined]
    _pool().shutdown()
    _pool.cache_clear()
