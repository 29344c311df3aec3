"""Routes of the leader about jobs of units, with units on an in-memory network."""

from typing import Any

import pytest

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response
from pioreactor.structs.commands import CommandAnnouncement, CommandAnswer
from pioreactor.structs.encoding import encode

from .conftest import accepts


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
    }, "the unit knows its model"
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


def test_a_start_that_every_unit_refuses_is_a_failed_task(leader: Any) -> None:
    def refuses(request: Request) -> Response:
        if request.path.startswith("/unit_api/task_results/"):
            return json_response({"status": "failed", "error": "no option --volum", "error_status": 409})
        return accepts(request)

    leader.add_host("unit1", refuses)
    leader.add_host("unit2", refuses)
    leader.add_workers("unit1", "unit2", experiment="exp")
    path = "/api/workers/{}/jobs/run/job_name/dosing_automation/experiments/exp"

    one = leader.result(leader.client.patch(path.format("unit1")))
    assert (one["status"], one["error"], one["error_status"]) == ("failed", "no option --volum", 409)
    assert one["result"]["unit1"]["ok"] is False
    both = leader.result(leader.client.patch(path.format("$broadcast")))
    assert (both["status"], both["error"]) == ("failed", "unit1: no option --volum; unit2: no option --volum")


def test_a_write_names_the_unit_that_it_is_for(leader: Any) -> None:
    leader.add_host("unit1", accepts)
    leader.add_workers("unit1", experiment="exp")
    leader.http.asked.clear()
    leader.result(leader.client.patch("/api/workers/unit1/jobs/run/job_name/stirring/experiments/exp"))
    assert {request.headers["X-Pioreactor-Target"] for _, request in leader.http.asked} == {"unit1"}


def test_settings_of_automations_are_checked_like_those_of_jobs(leader: Any) -> None:
    running: dict[str, object] = {"settings": {"automation_name": "turbidostat", "target_biomass": 1}}
    leader.add_host("unit1", lambda _: json_response(running))
    leader.add_host("unit2", lambda _: json_response({"error": "not running", "status": 404}, 404))
    leader.add_workers("unit1", "unit2", "unit3", experiment="exp")
    path = "/api/workers/{}/jobs/update/job_name/dosing_automation/experiments/exp"
    leader.bus.published.clear()

    for unit in ("unit1", "unit3"):  # unit3 cannot be reached
        for settings in ({"target_biomass": -1}, {"target_biomass": "x"}, {"volume": 1}, {"$state": "lost"}):
            refused = leader.client.patch(path.format(unit), json={"settings": settings})
            assert refused.status_code == 400, (unit, settings, refused.text)
    assert "at least 0" in leader.client.patch(path.format("unit1"), json={"settings": {"target_biomass": -1}}).text
    assert leader.client.patch(path.format("unit2"), json={"settings": {"target_biomass": 2}}).status_code == 404
    assert leader.bus.published == []

    assert leader.client.patch(path.format("unit1"), json={"settings": {"target_biomass": 2}}).status_code == 202
    assert leader.bus.published == [("pioreactor/unit1/exp/dosing_automation/target_biomass/set", "2", 1, False)]


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


UPDATE = "/api/workers/{}/jobs/update/job_name/stirring/experiments/exp"


def refuses(topic: str, announcement: CommandAnnouncement) -> CommandAnswer:
    return CommandAnswer(announcement.id, "refused", announcement.expires_at, "the motor is off; it stays 300")


def test_the_answer_of_the_job_is_the_result_of_the_request(leader: Any) -> None:
    leader.add_workers("unit1", experiment="exp")
    change = {"settings": {"target_rpm": 400}}
    done = leader.result(leader.client.patch(UPDATE.format("unit1"), json=change))
    assert done["status"] == "succeeded"
    assert done["result"]["unit1"]["value"]["settings"]["target_rpm"]["value"] == "400"

    leader.bus.answer = refuses
    refused = leader.result(leader.client.patch(UPDATE.format("unit1"), json=change))
    assert (refused["status"], refused["error_status"]) == ("failed", 409)
    assert refused["error"] == "the motor is off; it stays 300"


def test_a_command_that_nobody_answers_is_a_failure_and_has_a_deadline(
    leader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pioreactor.web.leader.jobs.DEADLINE_S", 0.3)
    announced: list[CommandAnnouncement] = []
    leader.add_workers("unit1", experiment="exp")
    leader.bus.answer = lambda topic, announcement: announced.append(announcement)
    before = leader.services.unit.clock.now()
    silent = leader.result(leader.client.patch(UPDATE.format("unit1"), json={"settings": {"target_rpm": 400}}))
    assert (silent["status"], silent["error_status"]) == ("failed", 504)
    assert "no answer within 0.3 s; target_rpm will not be changed later" in silent["error"]
    assert (announced[0].expires_at - before).total_seconds() == pytest.approx(0.3, abs=0.2)


def test_a_job_that_does_not_run_is_told_at_once_and_left_out_of_a_broadcast(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", experiment="exp")

    def on_subscription(topic_filter: str) -> None:
        states = {"unit1": b"ready", "unit2": b"disconnected"}
        unit = topic_filter.split("/")[1]
        if topic_filter.endswith("/stirring/$state") and unit in states:
            leader.bus.send(topic_filter, states[unit], retain=True)

    leader.bus.on_subscription = on_subscription
    leader.bus.answer = lambda topic, announcement: None
    one = leader.result(leader.client.patch(UPDATE.format("unit2"), json={"settings": {"target_rpm": 400}}))
    assert (one["status"], one["error"], one["error_status"]) == ("failed", "stirring is not running on unit2", 404)

    def of_unit1(topic: str, announcement: CommandAnnouncement) -> None:
        answer = CommandAnswer(announcement.id, "accepted", announcement.expires_at)
        leader.bus.send(topic.replace("$broadcast", "unit1").removesuffix("command") + "answer", encode(answer))

    leader.bus.answer = of_unit1
    every = leader.result(leader.client.patch(UPDATE.format("$broadcast"), json={"settings": {"target_rpm": 400}}))
    assert (every["status"], list(every["result"])) == ("succeeded", ["unit1"])


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
