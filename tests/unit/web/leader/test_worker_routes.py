"""Routes of the leader about workers and their assignment."""

from typing import Any

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response

from .conftest import accepts


def test_the_inventory(leader: Any) -> None:
    client = leader.client
    body = {"pioreactor_unit": "unit7", "model_name": "pioreactor_40ml", "model_version": "1.5"}
    assert client.put("/api/workers", json=body).status_code == 201
    assert client.put("/api/workers", json=body | {"pioreactor_unit": "unit8", "model_version": "9"}).status_code == 404
    for again in (body | {"model_version": "1.0"}, {"pioreactor_unit": "unit7"}):
        kept = client.put("/api/workers", json=again)
        assert (kept.status_code, kept.json()["model_version"], kept.json()["is_active"]) == (200, "1.5", 1)
    for bad in ("10.0.0.1", "localhost", "a b", "$broadcast", ""):
        assert client.put("/api/workers", json={"pioreactor_unit": bad}).status_code == 400, bad

    [row] = client.get("/api/workers").json()
    assert (row["ipv4_address"], row["is_active"], row["model_version"]) == ("10.0.0.7", 1, "1.5")
    assert [row["pioreactor_unit"] for row in client.get("/api/units").json()] == ["leader1", "unit7"]
    assert client.get("/api/workers/unknown").status_code == 404
    assert client.put("/api/workers/unit7/is_active", json={"is_active": 2}).status_code == 400

    leader.add_host("unit7", accepts)
    assert client.put("/api/workers/unit7/is_active", json={"is_active": 0}).status_code == 200
    assert client.get("/api/workers/unit7").json()["is_active"] == 0
    assert leader.result(client.delete("/api/workers/unit7"))["result"]["unit7"]["ok"] is True
    assert client.get("/api/workers").json() == []


def test_the_model_is_set_on_the_unit_which_may_refuse_it(leader: Any) -> None:
    client, kept = leader.client, {"model_name": "pioreactor_20ml", "model_version": "1.5"}
    leader.add_workers("unit1")
    other = {"model_name": "pioreactor_40ml", "model_version": "1.5"}

    def busy(request: Request) -> Response:
        if request.method == "PUT":
            return json_response({"error": "activities run: stirring", "remediation": "Stop them."}, 409)
        return json_response({**kept, "display_name": "My vial"})

    assert client.put("/api/workers/unit1/model", json=other).status_code >= 500, "an absent unit keeps what it has"
    leader.add_host("unit1", busy)
    refused = client.put("/api/workers/unit1/model", json=other)
    assert (refused.status_code, refused.json()["error"]) == (409, "activities run: stirring")
    assert client.get("/api/workers/unit1").json()["model_name"] is None, "nor is it listed"
    assert client.get("/api/workers/unit1/model").json()["display_name"] == "My vial"

    leader.add_host("unit1", lambda request: json_response(request.json))
    assert client.put("/api/workers/unit1/model", json=other).status_code == 200
    assert client.get("/api/workers/unit1").json()["model_name"] == "pioreactor_40ml"
    assert client.put("/api/workers/unit1/reported_model", json=kept).status_code == 200
    assert client.get("/api/workers/unit1").json()["model_name"] == "pioreactor_20ml"
    assert client.put("/api/workers/unit9/reported_model", json=kept).status_code == 404
    assert client.put("/api/workers/unit9/model", json=kept).status_code == 404


def test_the_model_of_a_unit_that_does_not_answer_is_the_listed_one(leader: Any) -> None:
    leader.add_workers("unit1")
    path = "/api/workers/unit1/model"
    assert leader.client.get(path).json() == {"model_name": None, "model_version": None}
    for version, status in (("1.5", 200), ("9", 409)):
        reported = {"model_name": "pioreactor_40ml", "model_version": version}
        leader.client.put("/api/workers/unit1/reported_model", json=reported)
        assert leader.client.get(path).status_code == status
    leader.client.put("/api/workers/unit1/reported_model", json=reported | {"model_version": "1.5"})
    assert leader.client.get(path).json()["reactor_max_fill_volume_ml"] == 33.0


def test_assigning_again_changes_and_publishes_nothing(leader: Any) -> None:
    leader.add_workers("unit1", experiment="exp")
    before = leader.client.get("/api/experiments/exp/workers").json()
    leader.bus.published.clear()
    answer = leader.client.put("/api/experiments/exp/workers", json={"pioreactor_unit": "unit1"})
    assert (answer.status_code, leader.bus.published) == (200, [])
    assert leader.client.get("/api/experiments/exp/workers").json() == before


def test_reassigning_a_worker_publishes_it_and_stops_its_jobs(leader: Any) -> None:
    leader.add_host("unit1", accepts)
    leader.add_workers("unit1", experiment="first")
    leader.client.post("/api/experiments", json={"experiment": "second"})
    leader.bus.published.clear()
    leader.http.asked.clear()

    leader.client.put("/api/experiments/second/workers", json={"pioreactor_unit": "unit1"})

    [announced] = [p for p in leader.bus.published if p[0] == "pioreactor/unit1/$experiment/assignment"]
    assert '"experiment":"second"' in announced[1]
    assert announced[3] is True
    for _ in range(200):
        if leader.http.asked:
            break
        leader.services.unit.tasks.pause(0.01)
    host, request = leader.http.asked[0]
    assert (host, request.path, request.json) == ("unit1.local:80", "/unit_api/jobs/stop", {"experiment": "first"})
    assert leader.client.get("/api/workers/unit1/experiment").json()["experiment"] == "second"
    assert leader.client.get("/api/experiments/first/workers").json() == []
    counts = leader.client.get("/api/experiments/assignment_count").json()
    assert counts == [{"experiment": "second", "worker_count": 1}]
