"""Alarms over HTTP: acknowledged by a name, the same for everyone, and channels whose secrets never come back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pioreactor.alarms.changes import Cleared, Key, Raised
from pioreactor.alarms.channel_fields import MASK
from pioreactor.alarms.default_rules import DEFAULT_RULES
from pioreactor.http.loopback import Request
from pioreactor.http.ports import Response
from pioreactor.identity import people
from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets
from pioreactor.structs.rights import Rights
from pioreactor.web.leader.leader_watch_handout import LeaderWatchHandout

RULE = next(rule for rule in DEFAULT_RULES if rule.name == "job_lost")
KEY = Key("job_lost", "unit1", "exp")


@pytest.fixture
def open_alarm(leader: Any) -> int:
    """An alarm, and a person who is signed in."""
    leader.services.database.alarms.alarms.apply([Raised(KEY, RULE, "stirring: lost")])
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    return int(leader.client.get("/api/alarms").json()[0]["id"])


def test_an_alarm_is_acknowledged_by_a_person_with_a_note_once(leader: Any, open_alarm: int) -> None:
    body = {"ids": [open_alarm], "note": "I look at it"}
    [alarm] = leader.client.post("/api/alarms/acknowledge", json=body).json()
    assert (alarm["state"], alarm["acknowledged_by"], alarm["note"]) == ("acknowledged", "pioreactor", "I look at it")
    assert leader.client.post("/api/alarms/acknowledge", json=body).status_code == 409
    leader.services.database.alarms.alarms.apply([Cleared(KEY)])
    assert leader.client.get("/api/alarms").json() == []
    assert leader.client.get("/api/alarms/history", params={"unit": "unit1"}).json()[0]["state"] == "closed"
    assert leader.client.get("/api/alarms/history", params={"unit": "unit2"}).json() == []
    life = leader.client.get(f"/api/alarms/by_id/{open_alarm}").json()["events"]
    assert [event["event"] for event in life] == ["raised", "acknowledged", "cleared"]


def test_an_alarm_is_shelved_for_a_time_and_taken_back(leader: Any, open_alarm: int) -> None:
    path = f"/api/alarms/by_id/{open_alarm}"
    for hours in (0, -1, 721, "soon", None):
        assert leader.client.post(f"{path}/shelve", json={"hours": hours}).status_code == 400
    assert leader.client.post(f"{path}/shelve", json={"hours": 2}).json()["state"] == "shelved"
    assert leader.client.post(f"{path}/unshelve").json()["state"] == "unacknowledged"
    assert leader.client.post(f"{path}/unshelve").status_code == 409


def test_rules_are_listed_changed_and_reset(leader: Any) -> None:
    rules = {one["rule"]["name"]: one for one in leader.client.get("/api/alarms/rules").json()}
    assert not rules["unit_silent"]["is_changed"]
    changed = leader.client.patch("/api/alarms/rules/unit_silent", json={"after_s": 600, "severity": "critical"}).json()
    assert (changed["rule"]["condition"]["after_s"], changed["rule"]["severity"]) == (600, "critical")
    assert changed["declared"]["severity"] == "high"
    for bad in ({"after_s": -1}, {"severity": "fatal"}, {"nothing": 1}, {"title": "x" * 1000}):
        answer = leader.client.patch("/api/alarms/rules/unit_silent", json=bad)
        assert answer.status_code == 400, bad
    assert leader.client.delete("/api/alarms/rules/unit_silent").status_code == 200
    assert leader.client.delete("/api/alarms/rules/unknown").status_code == 404


def test_a_rule_of_a_person_is_made_and_deleted(leader: Any) -> None:
    condition = {"type": "limit", "topic": "temperature_automation/temperature", "field": "temperature", "above": 39}
    made = leader.client.patch("/api/alarms/rules/too_warm", json={"title": "Too warm", "condition": condition})
    assert made.status_code == 200, made.text
    assert made.json()["declared"] is None
    assert leader.client.delete("/api/alarms/rules/too_warm").status_code == 200
    assert "too_warm" not in leader.client.get("/api/alarms/rules").text


def test_the_secrets_of_a_channel_are_stored_apart_and_never_shown(leader: Any) -> None:
    options = {"host": "mail.example.org", "sender": "a@b.c", "recipients": "d@e.f", "password": "tr0ub4dor"}
    path = "/api/alarms/channels/mail"
    made = leader.client.put(path, json={"kind": "email", "options": options})
    assert made.status_code == 200, made.text
    assert made.json()["options"]["password"] == MASK
    changed = leader.client.put(path, json={"lowest": "low", "options": {"host": "other", "password": MASK}}).json()
    assert (changed["options"]["host"], changed["options"]["sender"], changed["lowest"]) == ("other", "a@b.c", "low")
    secrets = ChannelSecrets(leader.services.unit.paths.secrets)
    assert secrets.of("mail") == {"password": "tr0ub4dor"}
    assert (leader.services.unit.paths.secrets / "alarm_channels.json").stat().st_mode & 0o777 == 0o600
    assert "tr0ub4dor" not in leader.client.get("/api/alarms/channels").text
    assert b"tr0ub4dor" not in leader.services.database.path.read_bytes()
    assert leader.client.delete(path).status_code == 200
    assert secrets.of("mail") == {}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "carrier_pigeon"},
        {"kind": "slack"},
        {"kind": "slack", "options": {"url": "https://a/b\nHost: c"}},
        {"kind": "slack", "options": {"url": "x" * 5000}},
        {"kind": "slack", "options": {"url": "https://a/b", "more": "1"}},
        {"kind": "slack", "options": {"url": 5}},
        {"kind": "slack", "options": []},
        {"kind": "slack", "options": {"url": "https://a/b"}, "quiet": {"start": "25:00", "end": "07:00"}},
        {"kind": "slack", "options": {"url": "https://a/b"}, "lowest": "fatal"},
        {"kind": "email", "options": {"host": "h", "sender": "a", "recipients": "b", "security": "maybe"}},
    ],
)
def test_a_channel_that_cannot_be_is_refused(leader: Any, body: dict[str, object]) -> None:
    assert leader.client.put("/api/alarms/channels/chat", json=body).status_code == 400
    assert leader.client.get("/api/alarms/channels").json()["channels"] == []


def test_a_test_message_is_queued_and_can_be_followed(leader: Any) -> None:
    assert leader.client.post("/api/alarms/channels/chat/test").status_code == 404
    leader.client.put("/api/alarms/channels/chat", json={"kind": "slack", "options": {"url": "https://a/b"}})
    id_ = leader.client.post("/api/alarms/channels/chat/test").json()["delivery_id"]
    assert leader.client.get(f"/api/alarms/deliveries/{id_}").json()["state"] == "queued"
    assert [one["id"] for one in leader.client.get("/api/alarms/deliveries").json()] == [id_]
    assert leader.client.get("/api/alarms/deliveries/999").status_code == 404


def test_the_first_two_workers_get_what_they_need_to_report_a_dead_leader(leader: Any) -> None:
    got: dict[str, list[dict[str, Any]]] = {}

    def answer_of(unit: str) -> Any:
        def answer(request: Request) -> Response:
            if request.method == "PUT" and request.path.endswith("leader_watch"):
                got.setdefault(unit, []).append(msgspec.convert(request.json, dict[str, Any]))
                return Response(204, b"", {})
            return Response(200, b"{}", {})

        return answer

    for unit in ("unit1", "unit2", "unit3"):
        leader.add_host(unit, answer_of(unit))
    leader.add_workers("unit1", "unit2", "unit3")
    handout = LeaderWatchHandout(leader.services)
    handout.poll()
    assert got == {}
    slack = {"kind": "slack", "options": {"url": "https://a/b"}}
    leader.client.put("/api/alarms/channels/chat", json=slack)
    leader.client.put("/api/alarms/channels/bus", json={"kind": "mqtt", "options": {}})
    handout.poll()
    handout.poll()
    assert {unit: len(bodies) for unit, bodies in got.items()} == {"unit1": 1, "unit2": 1}
    assert [one["name"] for one in got["unit1"][0]["channels"]] == ["chat"]
    assert (got["unit2"][0]["rank"], got["unit2"][0]["secrets"]) == (1, {"chat": {"url": "https://a/b"}})
    leader.client.delete("/api/alarms/channels/chat")
    handout.poll()
    assert got["unit1"][1]["channels"] == []


@pytest.mark.parametrize(("units", "status"), [(("unit1",), 200), (("unit2",), 403), (None, 200)])
def test_people_acknowledge_and_shelve_alarms_of_their_units(
    leader: Any, open_alarm: int, units: tuple[str, ...] | None, status: int
) -> None:
    people.add(leader.services.database.people, "ana", "0123456789", Rights("operator", units))
    leader.client.post("/auth/sign-in", json={"username": "ana", "password": "0123456789"})
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    shelved = leader.client.post(f"/api/alarms/by_id/{open_alarm}/shelve", json={"hours": 1})
    assert shelved.status_code == status
    assert leader.client.post("/api/alarms/acknowledge", json={"ids": [open_alarm]}).status_code == status


def test_whatever_a_rule_can_be_about_is_listed_and_makes_a_rule(leader: Any, open_alarm: int) -> None:
    """A person builds rules from this list alone: each kind, with each of its fields, has to be accepted."""
    found = leader.client.get("/api/alarms/conditions").json()
    assert {"topic": "stirring/measured_rpm", "field": "measured_rpm", "unit": "RPM"}.items() <= next(
        one for one in found["numbers"] if one["topic"] == "stirring/measured_rpm"
    ).items()
    examples = {"topic": "od_reading/od1", "job": "stirring", "name": "stalled", "above": 2.0, "above_per_h": 1.0}
    for kind in found["kinds"]:
        assert kind["help"], kind
        condition = {field["name"]: examples.get(field["name"], field["default"]) for field in kind["fields"]}
        body = {"title": "A rule", "condition": {"type": kind["type"], **condition}}
        made = leader.client.patch(f"/api/alarms/rules/of_{kind['type']}", json=body)
        assert made.status_code == 200, (kind, made.text)
        assert set(made.json()["rule"]["condition"]) == {"type", *condition}
