"""Home Assistant: what is announced, withdrawn and commanded, seen from the broker."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pioreactor import measurements
from pioreactor.identity import access_tokens
from pioreactor.messaging.ports import Message
from pioreactor.models import load_models
from pioreactor.settings.load import load_settings
from pioreactor.settings.schema import Settings
from pioreactor.settings.sections import AuditSettings, HomeAssistantSettings
from pioreactor.storage.leader.repositories.audit import AuditFilter
from pioreactor.structs.rights import Rights
from pioreactor.web.catalog import DeclaredCatalog
from pioreactor.web.leader.home_assistant.discovery import DiscoveredUnit, DiscoveryPublisher, discovery_messages
from pioreactor.web.leader.home_assistant.entities import entities_of
from pioreactor.web.leader.home_assistant.routes import HomeAssistantCommands

READS = HomeAssistantSettings(enabled=True)
COMMAND = "pioreactor/leader1/$experiment/home_assistant/unit1/stirring/target_rpm/set"
ALLOWED: Mapping[str, set[str]] = {
    "sensor": {"state_class", "device_class", "unit_of_measurement", "value_template", "options"},
    "binary_sensor": {"payload_on", "payload_off"},
    "number": {"min", "max", "step", "mode", "unit_of_measurement", "command_topic", "qos"},
    "switch": {"payload_on", "payload_off", "command_topic", "qos"},
    "select": {"options", "command_topic", "qos"},
}
"""Fields of Home Assistant's schema that each component may have besides the common ones."""
COMMON = {"name", "unique_id", "state_topic", "device", "origin", "availability", "availability_mode"} | {
    "enabled_by_default",
    "entity_category",
}


@cache
def all_messages(*, may_be_commanded: bool) -> dict[str, dict[str, Any]]:
    """Everything that our own jobs and recorded quantities declare."""
    model = load_models(None)[0]
    unit = DiscoveredUnit("unit1", "batch 3", model, may_be_commanded)
    entities = entities_of(DeclaredCatalog(Path("no plugins")), measurements.all_specs())
    found = discovery_messages([unit], entities, leader="leader1")
    return {topic: json.loads(payload) for topic, payload in found.items()}


@pytest.mark.parametrize("may_be_commanded", [False, True])
def test_each_message_keeps_the_schema(may_be_commanded: bool) -> None:
    messages = all_messages(may_be_commanded=may_be_commanded)
    assert len(messages) > 35
    assert len({config["unique_id"] for config in messages.values()}) == len(messages)
    for topic, config in messages.items():
        prefix, component, node, object_id, last = topic.split("/")
        assert (prefix, last) == ("homeassistant", "config")
        assert not (node + object_id).replace("_", "").replace("-", "").strip("abcdefghijklmnopqrstuvwxyz0123456789")
        assert set(config) <= COMMON | ALLOWED[component], topic
        assert {"name", "unique_id", "state_topic", "device", "origin"} <= set(config)
        assert config["device"]["identifiers"] and not set("+#") & set(config["state_topic"])
        is_command = component in ("number", "switch", "select")
        assert ("command_topic" in config) == is_command and (may_be_commanded or not is_command), topic
        if component == "number":
            assert config["min"] < config["max"] and config["step"] >= 0.001
        if config.get("device_class") == "enum":
            assert "state_class" not in config and "unit_of_measurement" not in config


def test_quantities_and_settings_have_units_bounds_and_availability() -> None:
    messages = all_messages(may_be_commanded=True)
    od = messages["homeassistant/sensor/pioreactor_unit1/od_reading_od1_od/config"]
    assert od["state_topic"] == "pioreactor/unit1/batch 3/od_reading/od1"
    assert od["value_template"] == "{{ value_json.od if value_json is defined else none }}"
    assert od["unit_of_measurement"] == "OD"
    assert [one["topic"] for one in od["availability"]] == [
        "pioreactor/unit1/$experiment/monitor/$state",
        "pioreactor/unit1/batch 3/od_reading/$state",
    ]
    rpm = messages["homeassistant/number/pioreactor_unit1/stirring_target_rpm/config"]
    assert (rpm["min"], rpm["unit_of_measurement"], rpm["command_topic"]) == (0.0, "RPM", COMMAND)
    temperature = messages[
        "homeassistant/sensor/pioreactor_unit1/temperature_automation_temperature_temperature/config"
    ]
    assert (temperature["device_class"], temperature["unit_of_measurement"]) == ("temperature", "°C")


def announced(leader: Any) -> dict[str, str]:
    """What the broker would keep."""
    kept = {topic: payload for topic, payload, _, retain in leader.bus.published if retain}
    return {topic: payload for topic, payload in kept.items() if topic.startswith("homeassistant/") and payload}


def test_units_are_announced_and_withdrawn(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", experiment="exp")
    settings = [READS]
    publisher = DiscoveryPublisher(leader.services, lambda: settings[0])
    publisher.subscribe()
    leader.bus.send("homeassistant/sensor/pioreactor_gone/x/config", b"{}", retain=True)
    leader.bus.send("homeassistant/sensor/kitchen/x/config", b"{}", retain=True)
    publisher.poll()
    assert ("homeassistant/sensor/pioreactor_gone/x/config", "", 1, True) in leader.bus.published
    assert {topic.split("/")[2] for topic in announced(leader)} == {
        "pioreactor_unit1",
        "pioreactor_unit2",
        "pioreactor_cluster",
    }
    assert all(
        "/exp/" in json.loads(text)["state_topic"] for topic, text in announced(leader).items() if "rpm" in topic
    )
    before = len(leader.bus.published)
    publisher.poll()
    assert len(leader.bus.published) == before, "nothing has changed"

    leader.client.delete("/api/workers/unit2")
    publisher.poll()
    assert not [topic for topic in announced(leader) if "unit2" in topic]
    leader.bus.send("homeassistant/status", b"online")
    publisher.poll()
    assert len(leader.bus.published) > before + 10, "Home Assistant has started"
    settings[0] = HomeAssistantSettings()
    publisher.poll()
    assert announced(leader) == {}
    assert not any("kitchen" in topic for topic, *_ in leader.bus.published)


def in_force(read: HomeAssistantSettings, audit: AuditSettings | None = None) -> Settings:
    return replace(load_settings(), home_assistant=read, audit=audit if audit is not None else AuditSettings())


def entries_of(leader: Any) -> list[Any]:
    page = leader.services.database.audit.page(AuditFilter(), limit=50)
    return [one.change for one in page if "Home Assistant" in one.change.summary]


def test_commands_are_those_of_a_token(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", experiment="exp")
    people = leader.services.database.people
    now = leader.services.unit.clock.now()
    made = access_tokens.create(
        people, name="ha", username="pioreactor", now=now, rights=Rights("operator", units=("unit1",))
    )
    settings, audit = [READS], [AuditSettings()]
    commands = HomeAssistantCommands(leader.services, lambda: in_force(settings[0], audit[0]))

    def ask(topic: str, value: bytes) -> Any:
        """Return what was sent to jobs, and the record of it."""
        before = len(leader.bus.published)
        commands.handle(Message(topic, value, 1, False))
        return leader.bus.published[before:], entries_of(leader)[0]

    sent, entry = ask(COMMAND, b"400")
    assert (sent, entry.outcome, entry.actor_kind) == ([], "refused", "none")

    settings[0] = HomeAssistantSettings(enabled=True, token=made.id)
    sent, entry = ask(COMMAND, b"400")
    assert sent == [("pioreactor/unit1/exp/stirring/target_rpm/set", "400", 1, False)]
    assert (entry.outcome, entry.actor, entry.token) == ("done", "pioreactor", "ha")
    for asked in ("reason_required", "signature_required"):
        audit[0] = AuditSettings(**{asked: "update_on_units"})
        sent, entry = ask(COMMAND, b"400")
        assert (sent, entry.outcome) == ([], "refused")
        assert "which Home Assistant cannot give" in entry.details
    audit[0] = AuditSettings(reason_required="run_on_units")
    for topic, value, outcome in (
        (COMMAND, b"9000", "failed"),
        (COMMAND, b"4" * 5000, "failed"),
        (COMMAND, b"\xff\x00", "failed"),
        (COMMAND.replace("unit1", "unit2"), b"400", "refused"),
        (COMMAND.replace("unit1", "unit9"), b"400", "failed"),
        (COMMAND.replace("target_rpm", "measured_rpm"), b"400", "refused"),
        (COMMAND.replace("target_rpm", "state"), b"disconnected", "refused"),
    ):
        sent, entry = ask(topic, value)
        assert (sent, entry.outcome) == ([], outcome), (topic, value)

    publisher = DiscoveryPublisher(leader.services, lambda: settings[0])
    publisher.poll()
    numbers = [topic for topic in announced(leader) if topic.startswith("homeassistant/number/")]
    assert "homeassistant/number/pioreactor_unit1/stirring_target_rpm/config" in numbers
    assert not [topic for topic in numbers if "unit2" in topic]
    access_tokens.revoke(people, made.id)
    publisher.poll()
    assert "homeassistant/sensor/pioreactor_unit1/stirring_target_rpm/config" in announced(leader)
    assert not [topic for topic in announced(leader) if topic.startswith("homeassistant/number/")]
    sent, entry = ask(COMMAND, b"400")
    assert (sent, entry.outcome) == ([], "refused")


def test_a_command_that_the_broker_kept_is_not_carried_out(leader: Any) -> None:
    HomeAssistantCommands(leader.services, lambda: in_force(READS)).subscribe()
    leader.bus.send(COMMAND, b"400", retain=True)
    assert entries_of(leader) == []


def test_a_signed_in_manager_switches_it(leader: Any) -> None:
    assert leader.client.put("/api/home_assistant", json={}).status_code == 403, "a unit may not"
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    sent = leader.client.put("/api/home_assistant", json={})
    assert sent.status_code == 200, sent.text
    answer = sent.json()
    assert (answer["enabled"], answer["token"], answer["commands_by"]) == (True, None, None)
    assert leader.client.put("/api/home_assistant", json={"token": "none"}).status_code == 404
    assert leader.client.get("/api/home_assistant").json()["enabled"] is True
    [alarms] = leader.client.get("/api/home_assistant/entities").json().values()
    assert alarms["name"] == "Open alarms"
    assert leader.client.delete("/api/home_assistant").json()["enabled"] is False
