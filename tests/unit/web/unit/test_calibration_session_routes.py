"""Routes of guided calibrations and estimators."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.unit.web.conftest import AS_CLUSTER, TOKEN, client_of, result_of

import pioreactor.procedures.protocols  # noqa: F401  registers the built-in protocols
from pioreactor.calibrations.sessions import actions
from pioreactor.estimators import store as estimator_store
from pioreactor.estimators.models import ODFusionEstimator
from pioreactor.exc import ActuatorInUseError
from pioreactor.http.addresses import base_url
from pioreactor.http.ports import Response
from pioreactor.http.units import Units
from pioreactor.science.fusion import Observation

SESSIONS = "/unit_api/calibrations/sessions"
Perform = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def pumped(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand in for the hardware; returns what it was told."""
    told: list[dict[str, Any]] = []

    def pump(payload: Any) -> dict[str, Any]:
        told.append(dict(payload))
        return {}

    monkeypatch.setitem(actions._actions, "pump", pump)
    monkeypatch.setitem(actions._actions, "read_aux_voltage", lambda _: {"voltage": 12.0})
    return told


def an_estimator() -> ODFusionEstimator:
    seen = [
        Observation(angle, level, level * factor)
        for angle in ("45", "90", "135")
        for level in (0.1, 0.3, 1.0, 3.0)
        for factor in (0.99, 1.01)
    ]
    return ODFusionEstimator.fitted(
        seen, name="fused", unit="unit1", created_at=datetime(2030, 1, 1, tzinfo=UTC), ir_led_intensity=80.0
    )


def start(worker: Any, **more: Any) -> str:
    body = {"target_device": "media_pump", "protocol_name": "duration_based", **more}
    answer = worker.post(SESSIONS, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["step"]["step_id"] == "intro_confirm_1"
    return str(answer.json()["session"]["session_id"])


class Entered:
    """How a step ended: its task's result, or its error with the status of the error."""

    def __init__(self, worker: Any, answer: Any) -> None:
        task = result_of(worker, answer)
        self.text = str(task)
        self.status_code = 200 if task["status"] == "succeeded" else task["error_status"]
        refused = {name: task.get(key) for name, key in _OF_A_FAILURE.items()}
        self._body = task["result"] if task["status"] == "succeeded" else refused

    def json(self) -> Any:
        return self._body


_OF_A_FAILURE = {"error": "error", "remediation": "remediation", "code": "error_code"}


def enter(worker: Any, session: str, inputs: Any = None, **more: Any) -> Entered:
    """Complete a step and wait for the end of its task."""
    body = {"inputs": inputs or {"confirm": True}, **more}
    return Entered(worker, worker.post(f"{SESSIONS}/{session}/inputs", json=body))


def go_to_prime(worker: Any, session: str) -> None:
    for inputs in ({}, {}, {}, {"name": "mine"}, {"volumes_ml": "1, 2"}, {"hz": 200, "dc": "80"}, {}):
        answer = enter(worker, session, inputs)
        assert answer.status_code == 200, answer.text
    assert answer.json()["step"]["step_id"] == "prime_pump_duration"


def test_protocols_list_their_requirements(worker: Any) -> None:
    found = worker.get("/unit_api/calibration_protocols").json()
    by_id = {one["id"]: one for one in found}
    assert by_id["stirring/dc_based"]["requirements"]
    assert by_id["waste_pump/duration_based"]["description"].startswith("Runs waste_pump")
    fields = {"id", "target_device", "protocol_name", "priority", "title", "description", "requirements"}
    assert set(found[0]) == fields


def test_a_pump_calibration_is_active_after_its_last_step(worker: Any, pumped: list[dict[str, Any]]) -> None:
    session = start(worker)
    go_to_prime(worker, session)
    enter(worker, session, {"duration_s": 15})
    assert pumped == [{"device": "media_pump", "duration_s": 15.0, "hz": 200.0, "dc": 80.0, "session_id": session}]
    enter(worker, session)
    step = enter(worker, session, {"volume_ml": 0.1}).json()["step"]
    assert step["step_id"] == "test_run"
    for number in range(10):
        form = enter(worker, session).json()["step"]
        assert form["step_id"] == "test_volume"
        if number == 3:
            assert [point["x"] for point in form["metadata"]["chart"]["series"][0]["points"]] == [8.0] * 3
            again = enter(worker, session, {"action": "redo_last"}).json()["step"]
            assert again["step_id"] == "test_run"
            enter(worker, session)
        answer = enter(worker, session, {"volume_ml": 0.1 * pumped[-1]["duration_s"]})
    body = answer.json()
    assert (body["step"]["step_id"], body["session"]["status"]) == ("complete", "complete")
    assert body["session"]["result"]["slope_ml_per_s"] == pytest.approx(0.1)
    assert worker.get("/unit_api/active_calibrations").json()["media_pump"]["calibration_name"] == "mine"
    assert enter(worker, session).status_code == 409
    # the name is taken now
    session = start(worker)
    for inputs in ({}, {}, {}, {"name": "mine"}):
        answer = enter(worker, session, inputs)
    assert answer.json()["step"]["step_id"] == "name_overwrite_confirm"
    assert enter(worker, session, {"overwrite": "no"}).json()["step"]["step_id"] == "name_input"


def calibrate(worker: Any, pumped: list[dict[str, Any]], name: str, volume_ml: Callable[[float, int], float]) -> Any:
    """Go through a session of a pump; `volume_ml` says what a run of so many seconds, the nth, moved."""
    session = start(worker)
    taken = False
    for inputs in ({}, {}, {}, {"name": name}):
        taken = enter(worker, session, inputs).json()["step"]["step_id"] == "name_overwrite_confirm"
    if taken:
        enter(worker, session, {"overwrite": "yes"})
    for entered in ({"volumes_ml": "1, 2"}, {}, {}, {"duration_s": 15}, {}, {"volume_ml": volume_ml(1.0, 0)}):
        answer = enter(worker, session, entered)
        assert answer.status_code == 200, answer.text
    for number in range(10):
        enter(worker, session)
        answer = enter(worker, session, {"volume_ml": volume_ml(pumped[-1]["duration_s"], number)})
    return answer


def active(worker: Any) -> Any:
    return worker.get("/unit_api/active_calibrations").json()["media_pump"]


@pytest.mark.parametrize("name", ["mine", "other"])
def test_a_result_five_times_the_active_one_is_saved_and_waits_for_a_second_yes(
    worker: Any, pumped: list[dict[str, Any]], name: str
) -> None:
    first = calibrate(worker, pumped, "mine", lambda seconds, _: 0.1 * seconds).json()["session"]["result"]
    assert [(one["active"], one["judgment"]["doubts"]) for one in first["saved"]] == [(True, [])]
    [saved] = calibrate(worker, pumped, name, lambda seconds, _: 0.5 * seconds).json()["session"]["result"]["saved"]
    assert saved["active"] is False
    assert "of 'mine', the active one" in saved["judgment"]["doubts"][0]
    assert active(worker)["calibration_name"] == "mine"
    assert active(worker)["curve_data_"]["coefficients"][0] == pytest.approx(0.1)
    assert worker.patch(f"/unit_api/active_calibrations/media_pump/{saved['name']}").status_code == 200
    assert active(worker)["curve_data_"]["coefficients"][0] == pytest.approx(0.5)


def test_a_poor_result_is_saved_and_not_active(worker: Any, pumped: list[dict[str, Any]]) -> None:
    poor = calibrate(worker, pumped, "mine", lambda seconds, number: 0.1 * seconds * (0.6 if number % 2 else 1.2))
    [saved] = poor.json()["session"]["result"]["saved"]
    assert (saved["active"], saved["judgment"]["grade"]) == (False, "poor")
    assert worker.get("/unit_api/active_calibrations").json() == {}


def test_a_session_that_contradicts_itself_keeps_the_active_one_and_can_step_back(
    worker: Any, pumped: list[dict[str, Any]]
) -> None:
    calibrate(worker, pumped, "mine", lambda seconds, _: 0.1 * seconds)
    refused = calibrate(worker, pumped, "mine", lambda seconds, number: 1.0 if number else 0.1)
    assert refused.status_code == 409
    assert "contradicts its recorded data; it was not saved" in refused.json()["error"]
    assert "Step back and measure again" in refused.json()["remediation"]
    assert active(worker)["curve_data_"]["coefficients"][0] == pytest.approx(0.1)
    [session] = [one for one in worker.get(SESSIONS).json() if one["status"] == "in_progress"]
    undone = worker.post(f"{SESSIONS}/{session['session_id']}/undo", json={})
    assert undone.json()["step"]["step_id"] == "test_run"


def test_invalid_inputs_fail_the_task_and_change_nothing(worker: Any, pumped: list[dict[str, Any]]) -> None:
    session = start(worker)
    go_to_prime(worker, session)
    before = worker.get(f"{SESSIONS}/{session}").json()
    answer = enter(worker, session, {"duration_s": 2})
    assert answer.status_code == 400
    assert "at least 5" in answer.json()["error"]
    assert worker.get(f"{SESSIONS}/{session}").json() == before
    assert pumped == []


def test_undo_restores_the_previous_step(worker: Any) -> None:
    session = start(worker)
    enter(worker, session)
    answer = worker.post(f"{SESSIONS}/{session}/undo", json={})
    assert answer.json()["step"]["step_id"] == "intro_confirm_1"
    assert worker.post(f"{SESSIONS}/{session}/undo", json={}).status_code == 409


def test_hardware_errors_keep_their_status(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(payload: Any) -> dict[str, Any]:
        raise ActuatorInUseError("the pump is in use", remedy="Wait.")

    monkeypatch.setitem(actions._actions, "pump", refuse)
    session = start(worker)
    go_to_prime(worker, session)
    answer = enter(worker, session, {"duration_s": 15})
    assert answer.status_code == 409
    assert (answer.json()["error"], answer.json()["remediation"]) == ("the pump is in use", "Wait.")
    assert worker.get(f"{SESSIONS}/{session}").json()["step"]["step_id"] == "prime_pump_duration"


def test_a_session_has_one_driver_until_it_is_taken_over(worker: Any) -> None:
    session = start(worker, driver="anna")
    answer = enter(worker, session, driver="ben")
    assert answer.status_code == 409
    assert answer.json()["code"] == "session_in_use"
    assert "anna" in answer.json()["error"]
    answer = enter(worker, session, driver="ben", take_over=True)
    assert answer.json()["driver"] == "ben"
    assert enter(worker, session, driver="anna").status_code == 409


def test_inputs_for_a_former_step_are_refused(worker: Any) -> None:
    session = start(worker)
    assert enter(worker, session, step_id="intro_confirm_1").status_code == 200
    answer = enter(worker, session, step_id="intro_confirm_1")
    assert answer.status_code == 409
    assert "intro_confirm_2" in answer.json()["error"]


def test_a_hardware_step_runs_once_and_can_be_aborted(unit: Any, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    began, may_end = threading.Event(), threading.Event()

    def pump(payload: Any) -> dict[str, Any]:
        began.set()
        may_end.wait(10.0)
        return {}

    monkeypatch.setitem(actions._actions, "pump", pump)
    session = start(worker)
    go_to_prime(worker, session)
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(enter(worker, session, {"duration_s": 15})))
    first.start()
    try:
        assert began.wait(10.0)
        answer = enter(worker, session, {"duration_s": 15})
        assert answer.status_code == 409
        assert "being carried out" in answer.json()["error"]
        monkeypatch.setattr("pioreactor.procedures.protocols.duration_based.ask_to_stop", lambda *_: may_end.set())
        answer = worker.post(f"{SESSIONS}/{session}/abort")
        assert answer.json()["session"]["status"] == "aborted"
    finally:
        may_end.set()
        first.join()
    assert answers[0].status_code == 409
    assert worker.get(f"{SESSIONS}/{session}").json()["session"]["status"] == "aborted"
    assert worker.post(f"{SESSIONS}/{session}/abort").status_code == 200


def test_unknown_sessions_protocols_and_fields(worker: Any) -> None:
    assert worker.get(f"{SESSIONS}/no-such").status_code == 404
    assert worker.post(f"{SESSIONS}/no-such/inputs", json={}).status_code == 404
    assert worker.post(f"{SESSIONS}/no-such/abort").status_code == 404
    assert worker.post(SESSIONS, json={"target_device": "media_pump"}).status_code == 400
    body = {"target_device": "media_pump", "protocol_name": "none"}
    assert worker.post(SESSIONS, json=body).status_code == 404
    assert worker.post(SESSIONS, json={**body, "more": 1}).status_code == 400
    session = start(worker)
    assert [one["session_id"] for one in worker.get(SESSIONS).json()] == [session]


def test_estimators_are_listed_activated_and_deleted(unit: Any, worker: Any) -> None:
    estimator_store.save(unit.runtime, "od_fused", an_estimator())
    listed = worker.get("/unit_api/estimators").json()["od_fused"][0]
    assert (listed["is_active"], listed["judgment"]["doubts"]) == (False, [])
    assert worker.patch("/unit_api/active_estimators/od_fused/fused").status_code == 200
    assert worker.patch("/unit_api/active_estimators/od_fused/other").status_code == 404
    assert worker.get("/unit_api/active_estimators").json()["od_fused"]["estimator_name"] == "fused"
    assert worker.get("/unit_api/estimators/od_fused/fused").json()["angles"] == ["45", "90", "135"]
    assert len(worker.get("/unit_api/estimators/od_fused").json()) == 1
    assert worker.delete("/unit_api/active_estimators/od_fused").status_code == 200
    assert worker.delete("/unit_api/estimators/od_fused/fused").status_code == 200
    assert worker.get("/unit_api/estimators").json() == {}


def test_the_leader_relays_sessions_and_estimators(leader: Any, make_unit: Any) -> None:
    leader.add_workers("unit2")
    with client_of(make_unit("unit2")) as behind:

        def answer(request: Any) -> Response:
            said = behind.request(
                request.method, request.path, json=msgspec.to_builtins(request.json), headers=AS_CLUSTER
            )
            return Response(said.status_code, said.content, {"content-type": "application/json"})

        leader.add_host("unit2", answer)
        path = "/api/workers/unit2/calibrations/sessions"
        body = {"target_device": "media_pump", "protocol_name": "duration_based"}
        started = leader.client.post(path, json=body)
        assert started.status_code == 201, started.text
        session = started.json()["session"]["session_id"]
        moved = leader.client.post(f"{path}/{session}/inputs", json={"inputs": {}})
        assert (moved.status_code, moved.json()["unit"]) == (202, "unit2"), "the unit's own answer"
        results = "/api/workers/{}/task_results/" + moved.json()["task_id"]
        for _ in range(100):
            found = leader.client.get(results.format("unit2"))
            if found.status_code != 202:
                break
        assert (found.status_code, found.json()["status"]) == (200, "succeeded")
        assert found.json()["result"]["step"]["step_id"] == "intro_confirm_2"
        assert leader.client.get(results.format("$broadcast")).status_code == 400
        assert leader.client.get("/api/workers/unit2/task_results/..%2Fjobs").status_code in (400, 404)
        back = leader.client.post(f"{path}/{session}/undo", json={})
        assert back.json()["step"]["step_id"] == "intro_confirm_1"
        assert leader.client.get(f"{path}/{session}").json()["session"]["status"] == "in_progress"
        assert leader.client.post(f"{path}/{session}/abort").json()["session"]["status"] == "aborted"
        late = leader.client.post(f"{path}/{session}/inputs", json={"inputs": {}}).json()["task_id"]
        for _ in range(100):
            found = leader.client.get(f"/api/workers/unit2/task_results/{late}")
            if found.status_code != 202:
                break
        assert (found.json()["status"], found.json()["error_status"]) == ("failed", 409)
        assert leader.client.post("/api/workers/$broadcast/calibrations/sessions", json=body).status_code == 400
        protocols = leader.result(leader.client.get("/api/workers/unit2/calibration_protocols"))
        assert "unit2" in str(protocols["result"])
        assert leader.client.get("/api/workers/unit2/estimators").status_code == 202


def test_estimators_of_another_unit_are_requested_through_the_leader(
    leader: Any, make_unit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader.add_workers("unit2", "unit3")
    unit2, unit3 = make_unit("unit2"), make_unit("unit3")
    estimator_store.save(unit3.runtime, "od_fused", an_estimator())
    monkeypatch.setattr("pioreactor.procedures.protocols.fusion_steps.refuse_unless_ready", lambda _: None)
    unit2.runtime = replace(unit2.runtime, identity=replace(unit2.runtime.identity, leader_hostname="leader1"))
    with client_of(unit2) as worker, client_of(unit3) as other:

        def passing(to: Any) -> Callable[[Any], Response]:
            def answer(request: Any) -> Response:
                said = to.request(request.method, request.path, headers=AS_CLUSTER)
                return Response(said.status_code, said.content, {"content-type": "application/json"})

            return answer

        leader.add_host("unit3", passing(other))
        leader.add_host("leader1", passing(leader.client))
        unit2.others = Units(
            leader.http, lambda unit: base_url(unit, {}), token_for=lambda _: TOKEN, pause=unit2.tasks.pause
        )
        body = {"target_device": "od_fused", "protocol_name": "od_fusion_offset"}
        session = worker.post(SESSIONS, json=body).json()["session"]["session_id"]
        answer = enter(worker, session, {"source_unit": "unit3"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["step"]["step_id"] == "choose_estimator"
        assert answer.json()["step"]["fields"][0]["options"] == ["fused"]
        assert enter(worker, session, {"estimator": "fused"}).json()["step"]["step_id"] == "name_input"
        worker.post(f"{SESSIONS}/{session}/undo", json={})
        worker.post(f"{SESSIONS}/{session}/undo", json={})
        assert enter(worker, session, {"source_unit": "unit9"}).status_code == 400
        assert enter(worker, session, {"source_unit": "x/../y"}).status_code == 400
