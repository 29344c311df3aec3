"""Changes that are asked of the leader's API and what the audit trail says of them."""

from typing import Any

import msgspec
import pytest

from pioreactor.exc import StorageError
from pioreactor.http.loopback import json_response
from pioreactor.identity import people
from pioreactor.structs.audit import AuditEntry
from pioreactor.structs.rights import Rights

SECRET = "correct-horse-battery"


@pytest.fixture
def manager(leader: Any) -> Any:
    """The leader, with the first person signed in."""
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    return leader


def trail(leader: Any) -> list[AuditEntry]:
    return list(leader.services.database.audit.all())


def newest(leader: Any) -> Any:
    entry = trail(leader)[-1]
    return entry.change, msgspec.json.decode(entry.change.details)


def test_a_change_is_recorded_with_who_and_what(manager: Any) -> None:
    manager.add_workers("unit1", experiment="e")
    answer = manager.client.patch(
        "/api/experiments/e", json={"description": "medium B"}, headers={"X-Pioreactor-Reason": "bottle%20changed"}
    )
    change, details = newest(manager)
    assert (change.actor_kind, change.actor, change.outcome, change.experiment) == ("person", "pioreactor", "done", "e")
    assert change.reason == "bottle changed"
    assert change.request_id == answer.headers["x-request-id"] != ""
    assert details == {
        "request": {"description": "medium B"},
        "before": {"description": None},
        "after": {"description": "medium B"},
    }
    assert "description medium B" in change.summary


def test_reading_is_not_recorded(manager: Any) -> None:
    before = len(trail(manager))
    for path in ("/api/workers", "/api/experiments", "/auth/me", "/api/audit"):
        assert manager.client.get(path).status_code == 200
    manager.client.post("/api/experiment_profiles/verify", json={"body": "experiment_profile_name: x"})
    assert len(trail(manager)) == before


def test_a_sign_in_is_recorded_and_a_failed_one_too_without_passwords(leader: Any) -> None:
    leader.client.headers.pop("Authorization")
    leader.client.post("/auth/sign-in", json={"username": "eve", "password": SECRET})
    leader.client.post("/auth/sign-in", json={"username": "pioreactor", "password": leader.password})
    failed, entered = (entry.change for entry in trail(leader))
    assert (failed.actor_kind, failed.actor, failed.outcome) == ("none", "eve", "refused")
    assert (entered.actor_kind, entered.actor, entered.outcome) == ("person", "pioreactor", "done")
    stored = msgspec.json.encode(trail(leader)).decode()
    assert SECRET not in stored
    assert leader.password not in stored


def test_no_secret_reaches_the_trail(manager: Any) -> None:
    client = manager.client
    client.put("/auth/people", json={"username": "mia", "password": SECRET})
    client.patch("/auth/password", json={"present": manager.password, "new": SECRET})
    token = client.post("/auth/tokens", json={"name": "plots"}).json()["token"]
    stored = msgspec.json.encode(trail(manager)).decode()
    assert [secret for secret in (SECRET, manager.password, token) if secret in stored] == []


def test_a_refusal_for_want_of_rights_is_recorded(manager: Any) -> None:
    manager.add_workers("unit1", "unit2")
    people.add(manager.services.database.people, "ana", "0123456789", Rights("operator", units=("unit1",)))
    manager.client.post("/auth/sign-in", json={"username": "ana", "password": "0123456789"})
    assert manager.client.post("/api/workers/unit2/blink").status_code == 403
    change, _ = newest(manager)
    assert (change.actor, change.outcome, change.unit) == ("ana", "refused", "unit2")


def test_a_program_is_recorded_by_its_token(manager: Any) -> None:
    made = manager.client.post("/auth/tokens", json={"name": "nightly"}).json()
    manager.client.cookies.clear()
    manager.client.headers["Authorization"] = f"Bearer {made['token']}"
    manager.client.post("/api/experiments", json={"experiment": "new"})
    change, _ = newest(manager)
    assert (change.actor_kind, change.actor, change.token) == ("token", "pioreactor", "nightly")


def test_rights_are_recorded_before_and_after(manager: Any) -> None:
    people.add(manager.services.database.people, "ana", "0123456789")
    manager.client.patch("/auth/people/ana", json={"role": "operator", "units": ["unit1"]})
    _, details = newest(manager)
    assert (details["before"]["role"], details["after"]["role"], details["after"]["units"]) == (
        *("viewer", "operator"),
        ["unit1"],
    )


def test_a_setting_is_recorded_when_asked_for_and_when_done(manager: Any) -> None:
    manager.add_workers("unit1", experiment="e")
    path = "/api/workers/unit1/jobs/update/job_name/stirring/experiments/e"
    result = manager.result(manager.client.patch(path, json={"settings": {"target_rpm": 400}}))
    assert result["status"] == "succeeded", result
    done, asked = sorted((entry.change for entry in trail(manager)[-2:]), key=lambda change: change.action)
    assert asked.summary == "set target_rpm 400 of stirring on unit1"
    assert done.action == "setting_changed"
    assert done.actor == asked.actor == "pioreactor"
    assert done.request_id == asked.request_id
    assert done.summary == "stirring on unit1: target_rpm 400"


def test_what_is_started_says_who_asked(manager: Any) -> None:
    manager.add_workers("unit1", experiment="e")
    manager.add_host("unit1", lambda _: json_response("ok"))
    path = "/api/workers/unit1/jobs/run/job_name/stirring/experiments/e"
    manager.result(manager.client.post(path, json={"options": {"rpm": 1}}))
    [sent] = [request for _, request in manager.http.asked if "/jobs/run/" in request.path]
    assert sent.json["env"]["REQUESTED_BY"] == "pioreactor"
    change, _ = newest(manager)
    assert change.summary == "start stirring on unit1 with rpm 1"


def test_people_cannot_say_that_another_asked(manager: Any) -> None:
    manager.add_workers("unit1", experiment="e")
    path = "/api/workers/unit1/jobs/run/job_name/stirring/experiments/e"
    assert manager.client.post(path, json={"env": {"REQUESTED_BY": "mia"}}).status_code == 400


def test_a_change_is_answered_when_it_cannot_be_recorded(
    manager: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(type(manager.services.database.audit), "append", lambda *_: full(None))
    assert manager.client.post("/api/experiments", json={"experiment": "new"}).status_code == 201
    assert "missing in the audit trail" in caplog.text


def test_the_trail_is_read_filtered_verified_and_exported(manager: Any) -> None:
    manager.add_workers("unit1", "unit2", experiment="e")
    manager.client.post("/api/workers/unit2/blink")
    page = manager.client.get("/api/audit", params={"unit": "unit2", "limit": 1}).json()
    assert [entry["change"]["unit"] for entry in page["entries"]] == ["unit2"]
    assert "pioreactor" in page["actors"]
    first = page["entries"][0]["id"]
    assert all(e["id"] < first for e in manager.client.get("/api/audit", params={"before": first}).json()["entries"])
    assert manager.client.get("/api/audit", params={"text": "no such % thing_"}).json()["entries"] == []
    assert manager.client.get("/api/audit", params={"limit": 0}).status_code == 400
    verdict = manager.result(manager.client.post("/api/audit/verify"))["result"]
    assert (verdict["fault"], verdict["entries"]) == (None, len(trail(manager)))
    for changed, fault in ((False, None), (True, "exported")):
        head = {"head_id": 1, "head_hash": "0" * 64 if changed else trail(manager)[0].hash}
        verdict = manager.result(manager.client.post("/api/audit/verify", params=head))["result"]
        assert (fault or "") in (verdict["fault"] or "") and (verdict["fault"] is None) == (fault is None)
    lines = manager.client.get("/api/audit/export").text.splitlines()
    assert len(lines) == len(trail(manager)) + len(manager.services.database.audit.heads()) + 1


def typed(*texts: str, id_: str = "a") -> dict[str, object]:
    command = {"account": "lab", "at": "2026-11-29T12:00:00Z", "status": 0}
    return {"commands": [{"id": f"{id_}{n}", "text": text, **command} for n, text in enumerate(texts)]}


AS_UNIT1 = {"Authorization": "Bearer the-token-of-unit1"}


def test_what_was_typed_on_a_worker_is_recorded_once(leader: Any) -> None:
    leader.add_workers("unit1")
    before = len(trail(leader))
    body = typed("pio kill --all-jobs", "pio config set \x1b[2J")
    for _ in range(2):
        answer = leader.client.post("/api/units/unit1/typed_commands", json=body, headers=AS_UNIT1)
        assert answer.status_code == 204, answer.text
    first, second = (entry.change for entry in trail(leader)[before:])
    assert (first.actor_kind, first.actor, first.unit, first.summary) == (
        *("account", "lab"),
        *("unit1", "pio kill --all-jobs"),
    )
    assert first.sent_at == "2026-11-29T12:00:00Z"
    assert second.summary.isprintable()


def test_a_worker_cannot_tell_what_was_typed_on_another(leader: Any) -> None:
    leader.add_workers("unit1", "unit2")
    answer = leader.client.post("/api/units/unit2/typed_commands", json=typed("pio kill"), headers=AS_UNIT1)
    assert answer.status_code == 403
    change, _ = newest(leader)
    assert (change.actor_kind, change.actor, change.outcome, change.unit) == ("unit", "unit1", "refused", "unit2")


def test_people_cannot_tell_what_was_typed(manager: Any) -> None:
    assert manager.client.post("/api/units/unit1/typed_commands", json=typed("pio kill")).status_code == 403


@pytest.mark.parametrize("text", ["x" * 301, None])
def test_commands_beyond_their_bounds_are_refused(leader: Any, text: str | None) -> None:
    leader.add_workers("unit1")
    body = typed(text) if text is not None else typed(*["x"] * 201)
    assert leader.client.post("/api/units/unit1/typed_commands", json=body, headers=AS_UNIT1).status_code == 400


def test_entries_stay_when_their_experiment_is_renamed_and_deleted(manager: Any) -> None:
    client = manager.client
    client.post("/api/experiments", json={"experiment": "old"})
    client.patch("/api/experiments/old", json={"description": "x"})
    client.post("/api/experiments/old/rename", json={"experiment": "new"})
    client.delete("/api/experiments/new")
    verdict = manager.result(client.post("/api/audit/verify"))["result"]
    assert verdict["fault"] is None
    assert "old" in {entry.change.experiment for entry in trail(manager)}


@pytest.mark.parametrize("body", [b"{", b"\x00" * 100, b'{"experiment": "' + b"x" * 100_000 + b'"}'])
def test_hostile_bodies_are_refused_as_before(manager: Any, body: bytes) -> None:
    answer = manager.client.post("/api/experiments", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_a_summary_is_the_first_clause_of_what_the_route_does(manager: Any) -> None:
    manager.client.put("/auth/people", json={"username": "mia", "password": SECRET})
    change, _ = newest(manager)
    assert change.summary.startswith("add a person who may sign in (username mia, password ***")
