"""Routes of the leader about workers and their assignment."""

from typing import Any

from .conftest import accepts


def test_the_inventory(leader: Any) -> None:
    client = leader.client
    body = {"pioreactor_unit": "unit7", "model_name": "pioreactor_40ml", "model_version": "1.5"}
    assert client.put("/api/workers", json=body).status_code == 201
    assert client.put("/api/workers", json=body | {"model_version": "9"}).status_code == 404
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
