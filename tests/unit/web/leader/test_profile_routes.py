"""Routes of the leader about experiment profiles."""

from typing import Any

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response


def test_profiles(leader: Any) -> None:
    client = leader.client
    good = 'version: "1.0"\nexperiment_profile_name: demo\n'
    assert client.post("/api/experiment_profiles", json={"filename": "a.yaml", "body": good}).status_code == 200
    assert client.post("/api/experiment_profiles", json={"filename": "a.yaml", "body": good}).status_code == 409
    for name in ("../a.yaml", "a.txt", ".a.yaml", "a/b.yaml"):
        assert client.post("/api/experiment_profiles", json={"filename": name, "body": good}).status_code == 400, name
    assert client.post("/api/experiment_profiles", json={"filename": "b.yaml", "body": "[1"}).status_code == 400
    assert client.patch("/api/experiment_profiles/a.yaml", json={"body": good + "metadata: {}\n"}).status_code == 200
    assert client.get("/api/experiment_profiles/a.yaml").text.endswith("metadata: {}\n")
    [row] = client.get("/api/experiment_profiles").json()
    assert (row["file"], row["experimentProfile"]["experiment_profile_name"]) == ("a.yaml", "demo")
    assert client.get("/api/experiments/exp/experiment_profiles/running").json() == []
    assert client.get("/api/experiments/exp/experiment_profiles/recent").json() == []
    assert client.delete("/api/experiment_profiles/a.yaml").status_code == 200
    assert client.get("/api/experiment_profiles/a.yaml").status_code == 404


def test_a_profile_is_verified_before_it_is_stored(leader: Any) -> None:
    client = leader.client
    body = (
        'version: "1.0"\nexperiment_profile_name: demo\ncommon: {jobs: {stirring: {actions: ['
        "{type: stop, t: 2h}, {type: start, t: 0, options: {target_rpm: 400}}%s]}}}\n"
    )
    preview = client.post("/api/experiment_profiles/verify", json={"body": body % ""}).json()
    assert preview["ok"] and preview["diagnostics"] == []
    assert [(step["at_s"], step["words"]) for step in preview["steps"]] == [
        (0.0, "start stirring target_rpm 400"),
        (7200.0, "stop stirring"),
    ]
    bad = body % ", {type: update, t: soon}"
    preview = client.post("/api/experiment_profiles/verify", json={"body": bad}).json()
    assert (preview["ok"], preview["steps"]) == (False, [])
    refused = client.post("/api/experiment_profiles", json={"filename": "a.yaml", "body": bad})
    assert refused.status_code == 400
    [found] = refused.json()["diagnostics"]
    assert (found["code"], found["path"]) == ("time.invalid", "common.jobs.stirring.actions[2].t")
    assert client.get("/api/experiment_profiles").json() == []


def test_a_profile_is_compared_with_the_jobs_of_the_cluster(leader: Any) -> None:
    body = (
        'version: "1.0"\nexperiment_profile_name: demo\n'
        "pioreactors: {absent: {jobs: {stiring: {actions: [{type: start, t: 0}]}}}}\n"
    )
    found = leader.client.post("/api/experiment_profiles/verify", json={"body": body}).json()["diagnostics"]
    assert [(one["code"], one["line"], one["column"]) for one in found] == [
        ("unit.unknown", 3, 15),
        ("job.unknown", 3, 31),
    ]
    # A profile may be written before its unit is added; it is refused when it is started.
    saved = leader.client.post("/api/experiment_profiles", json={"filename": "later.yaml", "body": body})
    assert saved.status_code == 200


def test_units_are_asked_what_they_can_run(leader: Any) -> None:
    def answer(request: Request) -> Response:
        return json_response([{"job_name": "stirring"}, {"job_name": "dosing_automation", "automation_name": "pulse"}])

    leader.add_host("unit1", answer)
    leader.add_workers("unit1")
    body = (
        'version: "1.0"\nexperiment_profile_name: demo\npioreactors: {unit1: {jobs: {'
        "bubbler: {actions: [{type: start, t: 0}]}, "
        "dosing_automation: {actions: [{type: start, t: 0, options: {automation_name: pulse}}]}}}}\n"
    )
    verdict = leader.client.post("/api/experiment_profiles/verify", json={"body": body}).json()
    assert [(one["code"], one["severity"], one["line"]) for one in verdict["diagnostics"]] == [
        ("job.unknown", "error", 3)
    ]
    assert not verdict["ok"]
    leader.http.hosts.clear()
    verdict = leader.client.post("/api/experiment_profiles/verify", json={"body": body}).json()
    assert verdict["ok"], "a unit that does not answer may have the plugin"
