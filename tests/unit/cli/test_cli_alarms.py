"""`pio alarms`: what the panel can do about alarms, in a terminal."""

import json
from typing import Any

import pytest

from pioreactor.alarms.changes import Key, Raised
from pioreactor.alarms.default_rules import DEFAULT_RULES
from pioreactor.storage.leader.alarms import AlarmDatabase
from pioreactor.storage.leader.migrate import upgrade

RULE = next(rule for rule in DEFAULT_RULES if rule.name == "job_lost")


@pytest.fixture
def database(desk: Any) -> AlarmDatabase:
    upgrade(desk.runtime.paths.database)
    opened = AlarmDatabase(desk.runtime.paths.database, now=desk.runtime.clock.now)
    opened.alarms.apply([Raised(Key("job_lost", "unit1", "exp"), RULE, "stirring: lost")])
    return opened


def test_alarms_are_listed_acknowledged_and_shelved(desk: Any, database: AlarmDatabase) -> None:
    assert "stirring: lost" in desk.pio("alarms", "list").out
    assert desk.pio("alarms", "acknowledge", "1", "--note", "on my way").out.startswith("1 is acknowledged")
    assert desk.pio("alarms", "acknowledge", "1").status == 1
    [alarm] = json.loads(desk.pio("alarms", "list", "--json").out)
    assert (alarm["note"], alarm["acknowledged_by"].endswith("(command line)")) == ("on my way", True)
    assert "is shelved until" in desk.pio("alarms", "shelve", "1", "--hours", "2").out
    assert desk.pio("alarms", "shelve", "1", "--hours", "0").status == 2
    assert "1 is acknowledged" in desk.pio("alarms", "unshelve", "1").out
    shown = desk.pio("alarms", "show", "1").out
    assert "on my way" in shown
    assert json.loads(desk.pio("alarms", "show", "1", "--json").out)["events"][0]["event"] == "raised"
    database.close()


def test_rules_are_changed_and_reset(desk: Any, database: AlarmDatabase) -> None:
    assert "unit_silent" in desk.pio("alarms", "rules").out
    assert desk.pio("alarms", "rule", "unit_silent", "after_s=600", "severity=critical").status == 0
    rules = {one["rule"]["name"]: one["rule"] for one in json.loads(desk.pio("alarms", "rules", "--json").out)}
    assert (rules["unit_silent"]["condition"]["after_s"], rules["unit_silent"]["severity"]) == (600, "critical")
    assert desk.pio("alarms", "rule", "unit_silent", "after_s=-1").status == 1
    assert desk.pio("alarms", "rule", "unit_silent", "nonsense").status == 1
    assert desk.pio("alarms", "reset-rule", "unit_silent", "--yes").status == 0
    database.close()


def test_a_channel_is_made_shown_masked_and_tried(desk: Any, database: AlarmDatabase, monkeypatch: Any) -> None:
    monkeypatch.setattr("pioreactor.cli.commands.alarms._TEST_WAIT_S", 0.0)
    made = desk.pio("alarms", "channel", "chat", "kind=slack", "lowest=low", "url=https://hooks.example/T0/secret")
    assert made.status == 0, made.err
    assert desk.pio("alarms", "channel", "chat", 'quiet={"start": "22:00", "end": "07:00"}').status == 0
    listed = desk.pio("alarms", "channels", "--json").out
    assert "secret" not in listed
    assert json.loads(listed)[0]["quiet"]["start"] == "22:00"
    assert "22:00–07:00" in desk.pio("alarms", "channels").out
    tried = desk.pio("alarms", "test", "chat")
    assert (tried.status, "engine does not run" in tried.err) == (1, True)
    assert "queued" in desk.pio("alarms", "deliveries").out
    assert json.loads(desk.pio("alarms", "deliveries", "--json").out)[0]["channel"] == "chat"
    assert desk.pio("alarms", "channel", "mail", "kind=email", "host=h").status == 1
    assert desk.pio("alarms", "remove-channel", "chat", "--yes").status == 0
    assert desk.pio("alarms", "channels").out.startswith("There is no channel")
    database.close()
