"""The AsyncAPI document: every MQTT topic with its payload, from topics, structs and the settings that jobs declare."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import msgspec

from pioreactor import measurements, structs, topics
from pioreactor.automations import registry
from pioreactor.jobs.published_attribute import AnyAttribute
from pioreactor.jobs.settings import Setting
from pioreactor.states import JobState
from pioreactor.structs.alarm_payloads import AlarmHeartbeat, AlarmSummary
from pioreactor.structs.commands import CommandAnnouncement, CommandAnswer
from pioreactor.structs.journal import JournalAcknowledgment, JournalBatch
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.web.catalog import Declared, DeclaredCatalog
from pioreactor.web.ports import Kind

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_UNIT, _EXPERIMENT, _JOB = "{unit}", "{experiment}", "{job}"
_PARAMETERS: Final = {
    "unit": "Name of the sending or, in commands, of the receiving unit; `$broadcast` stands for all units.",
    "experiment": "Name of the experiment, `$experiment` for topics of the cluster.",
    "job": "Name of the job; of an action that may run several times, its number follows as a level of its own.",
    "setting": "Name of the setting; `$state` for the state.",
    "variable": "Name of the variable, such as current_volume_ml.",
    "source": "Job that logged the message, such as stirring.",
    "level": "debug, info, notice, warning, error or critical.",
    "channel": "Number of the photodiode channel.",
    "target": "Controlled variable, such as growth_rate.",
}
JsonSchema = Mapping[str, object]
_NUMBER: Final = {"type": "number"}
_SCHEMA_OF_DATATYPE: Final[Mapping[str, JsonSchema]] = {
    "float": _NUMBER,
    "integer": {"type": "integer"},
    "string": {"type": "string"},
    "boolean": {"type": "string", "enum": ["True", "False"]},
    "json": {"description": "JSON."},
}


@dataclass(frozen=True)
class _Channel:
    """One kind of topic. `payload` is a struct, or a JSON schema. Units receive commands and send everything else."""

    name: str
    address: str
    summary: str
    payload: type | JsonSchema
    qos: int
    retain: bool
    is_command: bool = False


def _own_channels() -> Iterator[_Channel]:
    """Yield topics that are neither published by a job's class nor recorded."""
    u, e = _UNIT, _EXPERIMENT
    states = {"type": "string", "enum": [state.value for state in JobState]}
    yield _Channel("state", topics.state(u, e, _JOB), "State of a job or an action.", states, 1, True)
    requested = {"type": "string", "enum": [JobState.READY, JobState.SLEEPING, JobState.DISCONNECTED]}
    yield _Channel("state.set", topics.set_setting(u, e, _JOB, "state"), "Requests a state.", requested, 1, False, True)
    command = topics.set_setting(u, e, _JOB, "{setting}")
    text = "Announces the command that follows on `…/set`, whose answer is expected; a plain command needs none."
    yield _Channel("command", topics.announcement(command), text, CommandAnnouncement, 1, False, True)
    answer = topics.command_answer(u, e, _JOB, "{setting}")
    yield _Channel("command.answer", answer, "The answer to an announced command.", CommandAnswer, 1, False)
    yield from _channels_of_alarms()
    leds = topics.setting(u, e, "leds", "intensity")
    yield _Channel("leds.intensity", leds, "Intensity of every LED [%].", structs.LEDsIntensity, 0, True)
    vial = topics.bioreactor(u, e, "{variable}")
    yield _Channel(
        "bioreactor", vial, "A variable of the vial, such as its volume [mL].", structs.BioreactorValue, 1, True
    )
    pid = topics.pid_log(u, e, "{target}")
    yield _Channel("pid_log", pid, "Inner values of a PID controller of a plugin.", {"type": "object"}, 0, False)
    for kind in KINDS:
        running = topics.setting(u, e, f"{kind}_automation", "automation_name")
        yield _Channel(
            f"{kind}_automation.automation_name",
            running,
            "Name of the running automation.",
            {"type": "string"},
            1,
            True,
        )
    yield from _channels_of_actions()
    yield from _channels_of_the_cluster()


def _channels_of_alarms() -> Iterator[_Channel]:
    u, e = _UNIT, _EXPERIMENT
    sentences = {"type": "object", "additionalProperties": {"type": "string"}}
    text = "Diagnoses of a job: name and sentence of what is wrong; `monitor` reports those of the machine."
    yield _Channel("diagnoses", topics.setting(u, e, _JOB, "diagnoses"), text, sentences, 1, True)
    text = "Alarm rules that a job declares, as a JSON list."
    yield _Channel("alarm_rules", topics.setting(u, e, _JOB, "alarm_rules"), text, {"type": "array"}, 1, True)
    text = "Sign of life of the alarm engine on the leader, every 10 s."
    yield _Channel("alarms.heartbeat", topics.alarm_heartbeat(u), text, AlarmHeartbeat, 0, False)
    text = "Numbers of open alarms by severity, from the leader."
    yield _Channel("alarms.summary", topics.alarm_summary(u), text, AlarmSummary, 1, True)


def _channels_of_actions() -> Iterator[_Channel]:
    tests = topics.setting(_UNIT, UNIVERSAL_EXPERIMENT, "self_test", "{setting}")
    text = "Result of a self-test: `test_…` and `all_tests_passed` are 1 or 0, `failures` has message and remedy."
    yield _Channel("self_test", tests, text, {}, 1, True)
    progress = {"type": "number", "minimum": 0, "maximum": 100}
    for action in ("od_blank", "stirring_calibration"):
        topic = topics.setting(_UNIT, _EXPERIMENT, action, "percent_progress")
        yield _Channel(f"{action}.percent_progress", topic, "Share that is done [%].", progress, 1, True)
    by_channel = {"type": "object", "additionalProperties": _NUMBER}
    for name, what in (("means", "Mean"), ("variances", "Variance")):
        topic = topics.setting(_UNIT, _EXPERIMENT, "od_blank", name)
        yield _Channel(f"od_blank.{name}", topic, f"{what} of each channel's blank readings.", by_channel, 1, True)


def _channels_of_the_cluster() -> Iterator[_Channel]:
    u = _UNIT
    assigned = {
        "type": "object",
        "properties": {
            "pioreactor_unit": {"type": "string"},
            "experiment": {"type": ["string", "null"]},
            "assigned_at": {"type": ["string", "null"]},
            "updated_at": {"type": "string", "format": "date-time"},
        },
    }
    summary = "The experiment a unit belongs to, from the leader."
    yield _Channel("assignment", topics.assignment(u), summary, assigned, 0, True, True)
    anything: JsonSchema = {}
    blink = topics.setting(u, _EXPERIMENT, "monitor", "flicker_led_response_okay")
    yield _Channel("monitor.flicker_led_response_okay", blink, "Requests to blink the LED.", anything, 1, False, True)
    code = topics.setting(u, _EXPERIMENT, "monitor", "flicker_led_with_error_code")
    number = {"type": "integer", "minimum": 1}
    yield _Channel("monitor.flicker_led_with_error_code", code, "Requests to blink a code.", number, 1, False, True)
    batch = "Consecutive entries of a unit's journal, for the leader's database."
    yield _Channel("journal.entries", topics.journal_entries(u), batch, JournalBatch, 1, False)
    committed = "Entries of a unit's journal that the leader has committed."
    acknowledged = topics.journal_acknowledged(u)
    yield _Channel("journal.acknowledged", acknowledged, committed, JournalAcknowledgment, 1, True, True)


def _channels_of_a_job(job: str, published: Mapping[str, AnyAttribute], experiment: str) -> Iterator[_Channel]:
    for name, setting in sorted(published.items()):
        label = setting.label if setting.label is not None else name.replace("_", " ").capitalize()
        text = f"{label}{f' [{setting.unit}]' if setting.unit is not None else ''}"
        payload = _payload(setting)
        yield _Channel(f"{job}.{name}", topics.setting(_UNIT, experiment, job, name), text, payload, 1, True)
        if setting.settable:
            address = topics.set_setting(_UNIT, experiment, job, name)
            yield _Channel(f"{job}.{name}.set", address, f"Requests a value: {text}", payload, 1, False, True)


def _channels_of_measurements(described: Sequence[_Channel]) -> Iterator[_Channel]:
    """Yield the recorded topics that no job and no other channel describes."""
    filters = [re.sub(r"{\w+}", "+", channel.address) for channel in described]
    for spec in measurements.BUILT_IN:
        for topic in spec.topics:
            if any(topics.matches(known, topics.event(_UNIT, _EXPERIMENT, topic)) for known in filters):
                continue
            name = ".".join(level for level in topic.split("/") if level not in ("+", "#"))
            address = topics.event(_UNIT, _EXPERIMENT, spec.address if spec.address is not None else topic)
            payload = _payload_of_measurement(spec.payload)
            yield _Channel(name, address, spec.description, payload, spec.qos, spec.retain)


def _payload_of_measurement(declared: object) -> type | JsonSchema:
    if isinstance(declared, type) and issubclass(declared, msgspec.Struct):
        return declared
    return msgspec.json.schema(declared)


def _payload(setting: AnyAttribute) -> type | JsonSchema:
    if setting.datatype not in _SCHEMA_OF_DATATYPE:
        struct: type = getattr(structs, setting.datatype)
        return struct
    schema = dict(_SCHEMA_OF_DATATYPE[setting.datatype])
    if not isinstance(setting, Setting):
        return schema
    bounds = {"minimum": setting.ge, "maximum": setting.le}
    schema |= {k: v for k, v in bounds.items() if v is not None}
    if setting.choices is not None:
        schema["enum"] = list(setting.choices)
    return schema


def _published_by_job(declared: Sequence[Declared]) -> dict[str, dict[str, AnyAttribute]]:
    """Return the published attributes of each job; one that hosts automations has those of all of them."""
    found: dict[str, dict[str, AnyAttribute]] = {}
    for one in declared:
        found.setdefault(one.job_name, {}).update(one.published)
    return found


def channels() -> list[_Channel]:
    """Return every kind of topic, without those of plugins."""
    catalog = DeclaredCatalog(Path())
    automations = [one for kind in KINDS for one in catalog.automations(kind)]
    ours = [one for one in automations if any(one.automation_name in names for names in registry.BUILT_IN.values())]
    declared = [*catalog.jobs(), *ours]
    found = list(_own_channels())
    for job, published in sorted(_published_by_job(declared).items()):
        found += _channels_of_a_job(job, published, UNIVERSAL_EXPERIMENT if job == "monitor" else _EXPERIMENT)
    return [*found, *_channels_of_measurements(found)]


def render() -> str:
    """Return the document as it is committed (AsyncAPI 3.0, JSON)."""
    found = channels()
    types = sorted({one.payload for one in found if isinstance(one.payload, type)}, key=lambda type_: type_.__name__)
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(types, schemas, strict=True))
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pioreactor",
            "version": "see /unit_api/versions/app",
            "description": "Messages that the units of a cluster send and receive over MQTT 3.1.1. An empty retained "
            "payload means that there is no value. Actions and plugins have settings besides those that are listed.",
        },
        "channels": {one.name: _described(one, schema_of) for one in found},
        "operations": {
            f"{'receive' if one.is_command else 'send'}.{one.name}": {
                "action": "receive" if one.is_command else "send",
                "channel": {"$ref": f"#/channels/{one.name}"},
                "bindings": {"mqtt": {"qos": one.qos, "retain": one.retain}},
            }
            for one in found
        },
        "components": {"schemas": components},
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _described(channel: _Channel, schema_of: Mapping[type, JsonSchema]) -> dict[str, object]:
    if isinstance(channel.payload, type):
        is_json, schema = True, schema_of[channel.payload]
    else:
        is_json, schema = channel.payload.get("type") == "object", channel.payload
    return {
        "address": channel.address,
        "summary": channel.summary,
        "parameters": {
            name: {"description": text} for name, text in _PARAMETERS.items() if f"{{{name}}}" in channel.address
        },
        "messages": {
            "payload": {
                "contentType": "application/json" if is_json else "text/plain",
                "payload": dict(schema),
            }
        },
    }
