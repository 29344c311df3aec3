"""Routes of the leader that are generated from those of a unit."""

from typing import Any
from urllib.parse import unquote

import pytest
from litestar import get, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response
from pioreactor.web.leader import relayed_routes
from pioreactor.web.route_declarations import PATCH_OR_POST, relay_of, relayed


def answering(value: object, status: int = 200) -> Any:
    return lambda request: json_response(value, status)


def test_method_path_and_body_are_relayed_to_one_unit(leader: Any) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return json_response({"status": "success"})

    leader.add_host("unit1", answer)
    leader.add_workers("unit1", experiment="exp")
    body = {"calibration_data": "x: 1", "set_as_active": True}
    for method, path, sent in [
        ("DELETE", "calibrations/stirring/my cal (2)", None),
        ("PATCH", "active_estimators/od_fused/x", None),
        ("POST", "calibrations/stirring", body),
    ]:
        asked.clear()
        result = leader.result(leader.client.request(method, f"/api/workers/unit1/{path}", json=sent))
        assert result["result"] == {"unit1": {"ok": True, "unit": "unit1", "value": {"status": "success"}}}
        [request] = asked
        assert (request.method, unquote(request.path), request.json) == (method, f"/unit_api/{path}", sent)
        assert request.headers["Authorization"].startswith("Bearer ")


def test_broadcast_is_relayed_to_all_workers(leader: Any) -> None:
    for unit in ("unit1", "unit2"):
        leader.add_host(unit, answering({"stirring": []}))
    leader.add_workers("unit1", "unit2", "unit3")
    result = leader.result(leader.client.get("/api/workers/$broadcast/calibrations"))["result"]
    assert [result[unit]["ok"] for unit in ("unit1", "unit2", "unit3")] == [True, True, False]


def test_a_route_of_an_experiment_is_relayed_to_its_workers_only(leader: Any) -> None:
    leader.add_host("unit1", answering({"settings": {}}))
    leader.add_workers("unit1", experiment="exp")
    leader.add_workers("unit2")
    path = "jobs/settings/job_name/stirring/experiments/exp"
    result = leader.result(leader.client.get(f"/api/workers/$broadcast/{path}"))["result"]
    assert list(result) == ["unit1"]
    assert leader.client.get(f"/api/workers/unit2/{path}").status_code >= 400


def test_a_waiting_route_returns_the_units_response(leader: Any) -> None:
    leader.add_host("unit1", answering({"session": {}, "step": {}, "driver": None}, 201))
    leader.add_workers("unit1")
    body = {"target_device": "od", "protocol_name": "standards"}
    path = "/api/workers/unit1/calibrations/sessions"
    answer = leader.client.post(path, json=body)
    assert (answer.status_code, answer.json()["driver"]) == (201, None)
    assert leader.client.post(path.replace("unit1", "$broadcast"), json=body).status_code == 400

    leader.add_host("unit1", answering({"error": "The step changed.", "status": 409, "remediation": "Reload."}, 409))
    refused = leader.client.post(path, json=body)
    assert (refused.status_code, refused.json()["error"]) == (409, "The step changed.")
    leader.add_host("unit1", lambda request: Response(200, b"{", {"content-type": "application/json"}))
    assert leader.client.post(path, json=body).status_code == 502


@pytest.mark.parametrize(
    "path", ["calibrations/A B", "calibrations/stirring/..%2fx", "estimators/od/.hidden", "calibrations/sessions/x"]
)
def test_invalid_names_are_not_relayed(leader: Any, path: str) -> None:
    leader.add_host("unit1", answering({}))
    leader.add_workers("unit1")
    leader.http.asked.clear()
    assert leader.client.get(f"/api/workers/unit1/{path}").status_code in (400, 404)
    assert leader.client.get("/api/workers/unit9/calibrations").status_code == 400
    assert leader.http.asked == []


def test_generated_routes_have_the_units_description_and_body(leader: Any) -> None:
    paths = leader.client.get("/api/schema/openapi.json").json()["paths"]
    own = paths["/unit_api/calibrations/{device}"]["post"]
    generated = paths["/api/workers/{unit}/calibrations/{device}"]["post"]
    assert generated["requestBody"] == own["requestBody"]
    assert generated["description"].startswith(own["description"])
    assert "$broadcast" in generated["description"]
    assert generated["tags"] == ["calibrations"]


def declared(handler: HTTPRouteHandler) -> HTTPRouteHandler:
    return relayed_routes._route(handler, "tests", {})


def test_a_route_that_cannot_be_relayed_is_refused_at_start() -> None:
    @relayed()
    @get("/readings/{name:str}")
    async def with_a_query(name: FromPath[str], lookback: FromQuery[float] = 1.0) -> str:
        return f"{name}{lookback}"

    @relayed()
    @get("/readings/{unheard_of:str}")
    async def with_an_unchecked_name(unheard_of: FromPath[str]) -> str:
        return unheard_of

    @relayed()
    @route("/readings", http_method=PATCH_OR_POST, status_code=200)
    async def with_two_methods() -> None:
        return None

    @relayed(target="experiment")
    @get("/readings")
    async def of_no_experiment() -> None:
        return None

    for handler in (with_a_query, with_an_unchecked_name, with_two_methods, of_no_experiment):
        assert relay_of(handler) is not None
        with pytest.raises(ValueError, match="relayed"):
            declared(handler)
