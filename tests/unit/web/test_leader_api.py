"""The leader's API, with units on an in-memory network."""

from pathlib import Path
from typing import Any

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.ports import Row
from pioreactor.structs.encoding import to_timestamp


def accepts(request: Request) -> Response:
    """Respond like a unit that starts a task and has finished it at once."""
    if request.path.startswith("/unit_api/task_results/"):
        return json_response({"status": "succeeded", "result": "ok"})
    return json_response(
        {"unit": "u", "task_id": "1", "result_url_path": "/unit_api/task_results/1", "status": "accepted"}, 202
    )


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


def test_a_job_is_started_on_each_worker_with_its_own_environment(leader: Any) -> None:
    for unit in ("unit1", "unit2", "unit3"):
        leader.add_host(unit, accepts)
    leader.add_workers("unit1", "unit2", experiment="exp")
    leader.add_workers("unit3")
    leader.client.put("/api/workers/unit1/model", json={"model_name": "pioreactor_20ml", "model_version": "1.1"})
    leader.http.asked.clear()

    path = "/api/workers/$broadcast/jobs/run/job_name/stirring/experiments/exp"
    answer = leader.client.patch(path, json={"options": {"target_rpm": 400}, "env": {"JOB_SOURCE": "ui"}})
    result = leader.result(answer)["result"]

    assert result == {unit: {"ok": True, "unit": unit, "value": "ok"} for unit in ("unit1", "unit2")}
    sent = {host: request for host, request in leader.http.asked if request.method == "PATCH"}
    assert set(sent) == {"unit1.local:80", "unit2.local:80"}
    assert sent["unit1.local:80"].json["env"] == {
        "JOB_SOURCE": "ui",
        "EXPERIMENT": "exp",
        "HOSTNAME": "unit1",
        "ACTIVE": "1",
        "MODEL_NAME": "pioreactor_20ml",
        "MODEL_VERSION": "1.1",
    }
    assert "MODEL_NAME" not in sent["unit2.local:80"].json["env"]
    assert sent["unit1.local:80"].headers["Authorization"].startswith("Bearer ")


def test_an_unreachable_worker_does_not_affect_the_others(leader: Any) -> None:
    leader.add_host("unit1", accepts)
    leader.add_workers("unit1", "unit2", experiment="exp")

    path = "/api/units/$broadcast/jobs/run/job_name/stirring/experiments/exp"
    result = leader.result(leader.client.post(path))["result"]

    assert result["unit1"]["ok"] is True
    assert (result["unit2"]["ok"], result["unit2"]["retryable"]) == (False, True)
    assert result["unit2"]["error"]["kind"] == "connection_error"


def test_errors_of_units_keep_message_and_remedy(leader: Any) -> None:
    def dies(request: Request) -> Response:
        if request.path.startswith("/unit_api/task_results/"):
            body = {"status": "failed", "error": "no calibration", "cause": "x", "remediation": "Calibrate."}
            return json_response(body)
        return accepts(request)

    leader.add_host("unit1", dies)
    leader.add_host("unit2", lambda request: json_response({"error": "too soon", "status": 429}, 429))
    leader.add_workers("unit1", "unit2", experiment="exp")
    path = "/api/workers/$broadcast/jobs/run/job_name/stirring/experiments/exp"
    result = leader.result(leader.client.patch(path))["result"]

    assert result["unit1"]["error"] == {
        "kind": "task_failed",
        "message": "no calibration",
        "cause": "x",
        "remediation": "Calibrate.",
    }
    assert (result["unit2"]["status_code"], result["unit2"]["error"]["message"]) == (429, "too soon")


def test_jobs_start_only_on_active_workers_of_the_experiment(leader: Any) -> None:
    leader.add_workers("unit1", experiment="exp")
    run = "/api/workers/{}/jobs/run/job_name/stirring/experiments/{}"
    assert leader.client.patch(run.format("unit1", "other")).status_code == 404
    assert leader.client.patch(run.format("unit9", "exp")).status_code == 400
    assert leader.client.patch(run.format("a+b", "exp")).status_code == 400
    assert leader.client.patch(run.format("unit1", "a+b")).status_code == 400
    leader.client.put("/api/workers/unit1/is_active", json={"is_active": 0})
    assert leader.client.patch(run.format("unit1", "exp")).status_code == 404


def test_stopping_falls_back_to_mqtt_for_an_unreachable_unit(leader: Any) -> None:
    leader.add_workers("unit1", experiment="exp")
    leader.bus.published.clear()

    path = "/api/workers/unit1/jobs/stop/job_name/stirring/experiments/exp"
    result = leader.result(leader.client.post(path))["result"]

    assert result["unit1"]["ok"] is False
    assert leader.bus.published[-1][:2] == ("pioreactor/unit1/exp/stirring/$state/set", "disconnected")


def test_settings_are_validated_and_published(leader: Any) -> None:
    leader.add_workers("unit1", experiment="exp")
    leader.bus.published.clear()
    path = "/api/workers/unit1/jobs/update/job_name/stirring/experiments/exp"

    too_fast = leader.client.patch(path, json={"settings": {"target_rpm": 9000}})
    assert too_fast.status_code == 400
    assert "between 0 and 1500 RPM" in too_fast.json()["error"]
    assert leader.client.patch(path, json={"settings": {"measured_rpm": 1}}).status_code == 400
    assert leader.client.patch(path, json={"settings": {"a/b": 1}}).status_code == 400
    assert leader.client.patch(path, json={"settings": {"unknown": 1}}).status_code == 400
    assert leader.bus.published == []

    assert leader.client.patch(path, json={"settings": {"target_rpm": 400, "$state": "sleeping"}}).status_code == 202
    assert leader.bus.published == [
        ("pioreactor/unit1/exp/stirring/target_rpm/set", "400", 1, False),
        ("pioreactor/unit1/exp/stirring/$state/set", "sleeping", 1, False),
    ]
    leader.bus.connected = False
    assert leader.client.patch(path, json={"settings": {"target_rpm": 400}}).status_code == 503


def test_readings_and_logs(leader: Any) -> None:
    leader.add_workers("unit1", experiment="exp")
    at = to_timestamp(leader.services.unit.clock.now())
    common = {"experiment": "exp", "pioreactor_unit": "unit1", "timestamp": at}
    sink = SqliteRecordSink(leader.services.database.path)
    sink.commit(
        [
            Row("od_readings", {**common, "od_reading": 0.5, "angle": 90, "channel": 2}),
            Row("logs", {**common, "message": "hello", "source": "app", "level": "INFO", "task": "stirring"}),
            Row("logs", {**common, "message": "detail", "source": "app", "level": "DEBUG", "task": "stirring"}),
        ]
    )
    sink.close()

    client = leader.client
    series = client.get("/api/experiments/exp/time_series/od_readings").json()
    assert series == {"series": ["unit1-2"], "data": [[{"x": at, "y": 0.5}]]}
    assert client.get("/api/workers/unit1/experiments/exp/time_series/od_readings").json() == series
    generic = client.get("/api/experiments/exp/time_series/od_readings/od_reading?lookback=1").json()
    assert generic["data"] == [[{"x": at, "y": 0.5}]]
    assert client.get("/api/experiments/exp/time_series/od_readings?target_points=0").status_code == 400
    assert client.get("/api/experiments/exp/time_series/od_readings?lookback=x").status_code == 400
    assert client.get("/api/experiments/exp/time_series/nothing").status_code == 404
    assert client.get("/api/experiments/exp/media_rates").json() == {"all": {"mediaRate": 0.0, "altMediaRate": 0.0}}

    for path in ("logs", "experiments/exp/logs", "experiments/exp/recent_logs", "units/unit1/logs"):
        assert [row["message"] for row in client.get(f"/api/{path}").json()] == ["hello"], path
    assert len(client.get("/api/logs?min_level=DEBUG").json()) == 2
    assert client.get("/api/logs?min_level=LOUD").status_code == 400
    assert client.get("/api/units/unit1/system_logs").json() == []


def test_log_entries_cannot_inject_topic_levels(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", experiment="exp")
    leader.bus.published.clear()
    path = "/api/workers/{}/experiments/exp/logs"
    body = {"message": "fed by hand", "source": "user", "level": "info", "timestamp": "2026-11-22T12:00:00Z"}

    assert leader.client.post(path.format("$broadcast"), json=body).status_code == 202
    assert [p[0] for p in leader.bus.published] == [
        "pioreactor/unit1/exp/logs/ui/info",
        "pioreactor/unit2/exp/logs/ui/info",
    ]
    journal = leader.services.unit.stores.journal()
    kept = [entry.topic for entry in journal.read(after_seq=0, limit=99) if "/exp/" in entry.topic]
    assert kept == [p[0] for p in leader.bus.published], "the database receives it, with or without a broker"
    for wrong in ({"source_": "a/b"}, {"level": "LOUD"}, {"timestamp": "yesterday"}):
        assert leader.client.post(path.format("unit1"), json=body | wrong).status_code == 400, wrong


def test_the_shared_configuration_is_saved_and_sent_to_reachable_workers(leader: Any) -> None:
    leader.add_workers("unit1", "unit2")
    leader.add_host("unit1", lambda request: json_response({"status": "success"}))
    code = "[cluster.topology]\nleader_hostname=leader1\nleader_address=10.0.0.1\n[mqtt]\nusername=x\n"

    saved = leader.client.patch("/api/config/shared", json={"code": code})
    assert saved.status_code == 200
    units = saved.json()["units"]
    assert (units["unit1"]["ok"], units["unit2"]["ok"]) == (True, False)
    assert leader.client.get("/api/config/shared").text == code
    assert [row["data"] for row in leader.client.get("/api/config/shared/history").json()] == [code]

    refused = leader.client.patch("/api/config/shared", json={"code": "[mqtt]\n"})
    assert refused.status_code == 400
    assert leader.client.get("/api/config/shared").text == code


def test_a_units_own_configuration_is_saved_by_the_unit(leader: Any) -> None:
    leader.add_workers("unit1")

    def unit(request: Request) -> Response:
        if request.method == "GET":
            return Response(200, b"[stirring.config]\n", {"content-type": "text/plain"})
        if request.json == {"code": "bad"}:
            return json_response({"error": "bad file", "status": 400}, 400)
        return json_response({"status": "success"})

    leader.add_host("unit1", unit)
    client = leader.client
    assert client.get("/api/config/units/unit1/specific").text == "[stirring.config]\n"
    assert client.patch("/api/config/units/unit1/specific", json={"code": "[a]\n"}).status_code == 200
    assert [row["data"] for row in client.get("/api/config/units/unit1/specific/history").json()] == ["[a]\n"]
    refused = client.patch("/api/config/units/unit1/specific", json={"code": "bad"})
    assert refused.status_code == 400
    assert refused.json()["error"] == "bad file"


def test_labels(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", experiment="exp")
    path = "/api/experiments/exp/unit_labels"
    assert leader.client.put(path, json={"unit": "unit1", "label": " left "}).json() == {"unit1": "left"}
    assert leader.client.put(path, json={"unit": "unit2", "label": "left"}).status_code == 409
    assert leader.client.get("/api/experiments/current/unit_labels").json() == {"unit1": "left"}
    assert leader.client.patch(path, json={"unit": "unit1", "label": ""}).json() == {}


def test_a_result_path_outside_of_task_results_is_refused(leader: Any) -> None:
    def liar(request: Request) -> Response:
        return json_response({"task_id": "1", "result_url_path": "@evil.example/x", "status": "accepted"}, 202)

    leader.add_host("unit1", liar)
    leader.add_workers("unit1", experiment="exp")
    leader.http.asked.clear()
    path = "/api/workers/unit1/jobs/run/job_name/stirring/experiments/exp"
    result = leader.result(leader.client.patch(path))["result"]
    assert result["unit1"]["error"]["kind"] == "invalid_response"
    assert len(leader.http.asked) == 1


def test_a_leader_that_is_not_a_worker_runs_its_own_jobs(leader: Any) -> None:
    leader.add_host("leader1", accepts)
    path = "/api/workers/leader1/jobs/run/job_name/experiment_profile/experiments/exp"
    body = {"args": ["execute", "demo.yaml", "exp"]}
    result = leader.result(leader.client.patch(path, json=body))["result"]
    assert result["leader1"]["ok"] is True


def test_large_responses_are_compressed(leader: Any) -> None:
    answer = leader.client.get("/api/schema/openapi.json")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["openapi"]


def test_quarantined_records_are_listed_retried_and_discarded(leader: Any, tmp_path: Path) -> None:
    client, topic = leader.client, "pioreactor/unit1/exp/bioreactor/current_volume_ml"
    sink = SqliteRecordSink(tmp_path / "leader.sqlite")
    at = "2030-01-01T00:00:00.000Z"
    kept = {"received_at": at, "recorded_at": at, "pioreactor_unit": "unit1", "topic": topic, "reason": "?"}
    sink.commit([Row("quarantined_rows", {**kept, "payload": text}) for text in ("14.5", "x" * 500, "y")])
    sink.close()
    found = client.get("/api/quarantine").json()
    assert (found["total"], [row["id"] for row in found["rows"]]) == (3, [3, 2, 1])
    assert len(found["rows"][1]["payload"]) == 200
    assert client.get("/api/quarantine?limit=0").json() == {"total": 3, "rows": []}
    assert client.get("/api/quarantine?skip=-1").status_code == 400
    assert len(client.get("/api/quarantine/2").json()["payload"]) == 500
    assert client.get("/api/quarantine/9").status_code == 404

    tried = leader.result(client.post("/api/quarantine/retry", json={"ids": [1, 2]}))
    assert (tried["result"]["stored"], tried["result"]["failed"]) == (1, 1)
    assert "ValueError" in tried["result"]["reasons"]["2"]
    assert leader.result(client.post("/api/quarantine/retry", json={}))["result"]["failed"] == 2

    assert client.delete("/api/quarantine/2").status_code == 200
    assert client.delete("/api/quarantine/2").status_code == 404
    assert client.get("/api/quarantine").json()["total"] == 1
    client.headers.pop("Authorization")
    for answer in (client.get("/api/quarantine"), client.delete("/api/quarantine/3")):
        assert answer.status_code == 401
