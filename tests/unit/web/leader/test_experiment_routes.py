"""Routes of the leader about experiments and labels."""

from typing import Any

from tests.unit.web.conftest import ON_BOTH_DATABASES

from pioreactor.http.loopback import json_response

from .conftest import accepts


@ON_BOTH_DATABASES
def test_experiments_from_creation_to_deletion(leader: Any) -> None:
    client = leader.client
    made = client.post("/api/experiments", json={"experiment": "first", "description": "d", "tags": ["a", "A ", "b"]})
    assert made.status_code == 201
    assert made.json()["tags"] == ["a", "b"]
    assert client.post("/api/experiments", json={"experiment": "first"}).status_code == 409
    for bad in ("", "current", "_testing_x", "a/b", "a#b", "x" * 200):
        assert client.post("/api/experiments", json={"experiment": bad}).status_code == 400, bad

    changed = client.patch("/api/experiments/first", json={"description": None})
    assert (changed.json()["description"], changed.json()["tags"]) == (None, ["a", "b"])
    assert client.patch("/api/experiments/first", json={}).status_code == 400
    assert client.get("/api/experiments/latest").json()["experiment"] == "first"
    assert client.get("/api/experiments/nowhere").status_code == 404

    leader.add_host("unit1", accepts)
    leader.add_workers("unit1")
    client.put("/api/experiments/first/workers", json={"pioreactor_unit": "unit1"})
    deleted = leader.result(client.delete("/api/experiments/first"))
    assert deleted["status"] == "succeeded", deleted
    assert client.get("/api/experiments").json() == []
    assert client.get("/api/workers/unit1/experiment").status_code == 404
    assert client.delete("/api/experiments/first").status_code == 404


def test_an_experiment_is_renamed_once_it_has_ended(leader: Any) -> None:
    client = leader.client
    client.post("/api/experiments", json={"experiment": "first", "description": "d"})
    leader.add_host("unit1", accepts)
    leader.add_workers("unit1")
    client.put("/api/experiments/first/workers", json={"pioreactor_unit": "unit1"})
    refused = client.post("/api/experiments/first/rename", json={"experiment": "second"})
    assert (refused.status_code, refused.json()["remediation"]) == (409, "End the experiment, then rename it.")
    leader.result(client.delete("/api/experiments/first/workers"))
    assert client.post("/api/experiments/first/rename", json={"experiment": "a/b"}).status_code == 400
    assert client.post("/api/experiments/nowhere/rename", json={"experiment": "x"}).status_code == 404
    renamed = leader.result(client.post("/api/experiments/first/rename", json={"experiment": " second "}))
    assert (renamed["status"], renamed["result"]["experiment"]) == ("succeeded", "second")
    assert [(one["experiment"], one["description"]) for one in client.get("/api/experiments").json()] == [
        ("second", "d")
    ]


def test_units_rename_what_they_keep_before_the_leader_does(leader: Any) -> None:
    """A unit that took part and does not answer may hold records under the old name: nothing is renamed."""
    client, refusal = leader.client, json_response({"error": "unit1 holds records", "status": 409}, 409)
    client.post("/api/experiments", json={"experiment": "first"})
    leader.add_workers("unit1", "unit2")
    client.put("/api/experiments/first/workers", json={"pioreactor_unit": "unit1"})
    client.delete("/api/experiments/first/workers")

    def rename() -> Any:
        return leader.result(client.post("/api/experiments/first/rename", json={"experiment": "second"}))

    def asked_to_rename(unit: str) -> list[object]:
        sent = [request for host, request in leader.http.asked if host == f"{unit}.local:80"]
        return [request.json for request in sent if request.path.endswith("/rename")]

    leader.http.hosts.clear()
    silent = rename()
    assert silent["status"] == "failed"
    assert "'first' is not renamed, because of unit1" in silent["error"]
    leader.add_host("unit1", lambda _: refusal)
    assert "unit1 holds records" in rename()["error"]
    assert [one["experiment"] for one in client.get("/api/experiments").json()] == ["first"]

    leader.add_host("unit1", accepts)
    leader.http.asked.clear()
    assert rename()["status"] == "succeeded"
    assert asked_to_rename("unit1") == [
        {"experiment": "second", "check_only": True},
        {"experiment": "second", "check_only": False},
    ]
    assert [one["experiment"] for one in client.get("/api/experiments").json()] == ["second"]
    client.post("/api/experiments", json={"experiment": "third"})
    leader.http.asked.clear()
    taken = leader.result(client.post("/api/experiments/second/rename", json={"experiment": "third"}))
    assert (taken["status"], asked_to_rename("unit1")) == ("failed", [])


@ON_BOTH_DATABASES
def test_labels(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", experiment="exp")
    path = "/api/experiments/exp/unit_labels"
    assert leader.client.put(path, json={"unit": "unit1", "label": " left "}).json() == {"unit1": "left"}
    assert leader.client.put(path, json={"unit": "unit2", "label": "left"}).status_code == 409
    assert leader.client.get("/api/experiments/current/unit_labels").json() == {"unit1": "left"}
    assert leader.client.patch(path, json={"unit": "unit1", "label": ""}).json() == {}
