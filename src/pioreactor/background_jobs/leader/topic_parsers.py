"""From a recorded message to rows of the leader's database (spec §11)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from pioreactor import structs, topics
from pioreactor.runtime.journaling_publisher import also_record
from pioreactor.storage.ports import Row, ValueType

Parsed = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Parser = Callable[[str, bytes], Parsed]

PIN_TO_CHANNEL = {"17": "channel_1", "13": "channel_2", "16": "channel_3", "12": "channel_4", "18": "channel_5"}


@dataclass(frozen=True)
class Metadata:
    """What a topic says about its message."""

    pioreactor_unit: str
    experiment: str
    rest_of_topic: list[str]


@dataclass(frozen=True)
class TopicToParserToTable:
    """Which topics go through which parser into which table. `parser(topic, payload)` gives rows, or None for none."""

    topic: str | Sequence[str]
    parser: Parser
    table: str

    @property
    def filters(self) -> tuple[str, ...]:
        return (self.topic,) if isinstance(self.topic, str) else tuple(self.topic)


def produce_metadata(topic: str) -> Metadata:
    """Return unit, experiment and the rest of a topic; raise `ValueError` for a topic that is none of ours."""
    parts = topics.parse(topic)
    if parts is None:
        raise ValueError(f"{topic!r} is not a topic of a unit and an experiment")
    return Metadata(parts.unit, parts.experiment, list(parts.rest))


def _reading(type_: type[Any], columns: Mapping[str, str]) -> Parser:
    """Return a parser of one struct: its timestamp, and its fields under the names of columns."""

    def parse(_topic: str, payload: bytes) -> Parsed:
        reading = structs.decode(payload, type_)
        row = {column: getattr(reading, field) for column, field in columns.items()}
        return {"timestamp": structs.to_timestamp(reading.timestamp), **row}

    return parse


def _od(_topic: str, payload: bytes) -> Parsed:
    reading = msgspec.json.decode(payload, type=structs.ODReading | structs.CalibratedODReading)
    return {
        "timestamp": structs.to_timestamp(reading.timestamp),
        "od_reading": reading.od,
        "angle": int(reading.angle),
        "channel": int(reading.channel),
    }


def _raw_od(_topic: str, payload: bytes) -> Parsed:
    reading = structs.decode(payload, structs.ODReading)
    row = {"od_reading": reading.od, "channel": int(reading.channel)}
    return {"timestamp": structs.to_timestamp(reading.timestamp), **row}


def _number(column: str) -> Parser:
    """Return a parser of a bare number; its moment is the moment it was recorded."""

    def parse(_topic: str, payload: bytes) -> Parsed:
        return {column: float(payload)}

    return parse


def _log(_topic: str, payload: bytes) -> Parsed:
    entry = structs.decode(payload, structs.Log)
    return {
        "timestamp": structs.to_timestamp(entry.timestamp),
        "message": entry.message,
        "source": entry.source,
        "level": entry.level.upper(),
        "task": entry.task,
    }


def _automation_settings(_topic: str, payload: bytes) -> Parsed:
    record = structs.decode(payload, structs.AutomationSettings)
    return {
        "started_at": structs.to_timestamp(record.started_at),
        "ended_at": None if record.ended_at is None else structs.to_timestamp(record.ended_at),
        "automation_name": record.automation_name,
        "settings": base64.b64encode(record.settings).decode(),
    }


def _automation_event(_topic: str, payload: bytes) -> Parsed:
    event = structs.decode(payload, structs.AutomationEvent)
    data = "" if event.data is None else msgspec.json.encode(event.data).decode()
    return {"event_name": event.event_name, "message": event.message, "data": data}


def _pwm_duties(_topic: str, payload: bytes) -> Parsed:
    duties = msgspec.json.decode(payload, type=dict[str, float])
    return {PIN_TO_CHANNEL[pin]: duty for pin, duty in duties.items() if pin in PIN_TO_CHANNEL} or {"channel_1": 0.0}


def _profile_run(_topic: str, payload: bytes) -> Parsed:
    return {"experiment_profile_name": payload.decode("utf-8", "replace")}


def _blank(topic: str, payload: bytes) -> Parsed:
    return {"channel": topic.rsplit("/", 1)[-1], "od_reading": float(payload)}


def _dosing(_topic: str, payload: bytes) -> Parsed:
    event = structs.decode(payload, structs.DosingEvent)
    return {
        "timestamp": structs.to_timestamp(event.timestamp),
        "event": event.event,
        "volume_change_ml": event.volume_change,
        "source_of_event": event.source_of_event,
    }


def _any(rest: str) -> str:
    return topics.of_any_unit(rest)


BUILT_IN: tuple[TopicToParserToTable, ...] = (
    TopicToParserToTable([_any(f"od_reading/od{c}") for c in (1, 2, 3, 4)], _od, "od_readings"),
    TopicToParserToTable([_any(f"od_reading/raw_od{c}") for c in (1, 2, 3, 4)], _raw_od, "raw_od_readings"),
    TopicToParserToTable(
        _any("od_reading/od_fused"), _reading(structs.ODFused, {"od_reading": "od_fused"}), "od_readings_fused"
    ),
    TopicToParserToTable(
        _any("od_reading/relative_intensity_of_ir_led"),
        _reading(structs.RelativeIntensity, {"relative_intensity": "relative_intensity_of_ir_led"}),
        "ir_led_intensities",
    ),
    TopicToParserToTable(
        _any("growth_rate_calculating/od_filtered"),
        _reading(structs.ODFiltered, {"normalized_od_reading": "od_filtered"}),
        "od_readings_filtered",
    ),
    TopicToParserToTable(
        _any("growth_rate_calculating/growth_rate"),
        _reading(structs.GrowthRate, {"rate": "growth_rate"}),
        "growth_rates",
    ),
    TopicToParserToTable(_any("dosing_events"), _dosing, "dosing_events"),
    TopicToParserToTable(
        _any("led_change_events"),
        _reading(
            structs.LEDChangeEvent,
            {"channel": "channel", "intensity": "intensity", "source_of_event": "source_of_event"},
        ),
        "led_change_events",
    ),
    TopicToParserToTable(
        _any("temperature_automation/temperature"),
        _reading(structs.Temperature, {"temperature_c": "temperature"}),
        "temperature_readings",
    ),
    TopicToParserToTable(_any("bioreactor/alt_media_fraction"), _number("alt_media_fraction"), "alt_media_fractions"),
    TopicToParserToTable(_any("bioreactor/current_volume_ml"), _number("liquid_volume"), "liquid_volumes"),
    TopicToParserToTable(_any("logs/#"), _log, "logs"),
    *(
        TopicToParserToTable(
            _any(f"{kind}_automation/{kind}_automation_settings"), _automation_settings, f"{kind}_automation_settings"
        )
        for kind in ("dosing", "led", "temperature")
    ),
    *(
        TopicToParserToTable(_any(f"{kind}_automation/latest_event"), _automation_event, f"{kind}_automation_events")
        for kind in ("dosing", "led", "temperature")
    ),
    TopicToParserToTable(
        _any("stirring/measured_rpm"),
        _reading(structs.MeasuredRPM, {"measured_rpm": "measured_rpm"}),
        "stirring_rates",
    ),
    TopicToParserToTable(_any("od_blank/mean/+"), _blank, "od_blanks"),
    TopicToParserToTable(_any("pwms/dc"), _pwm_duties, "pwm_dcs"),
    TopicToParserToTable(_any("experiment_profile/+/experiment_profile_name"), _profile_run, "experiment_profile_runs"),
)

_registered: list[TopicToParserToTable] = []
WITHOUT_TIMESTAMP = {f"{kind}_automation_settings" for kind in ("dosing", "led", "temperature")}
WITHOUT_UNIT = {"experiment_profile_runs"}


def register_source_to_sink(source: TopicToParserToTable | Sequence[TopicToParserToTable]) -> None:
    """Store a plugin's messages in a table of the leader's database."""
    sources = [source] if isinstance(source, TopicToParserToTable) else list(source)
    _route_of.cache_clear()
    for one in sources:
        _registered.append(one)
        for topic_filter in one.filters:
            also_record(topic_filter)


def sources() -> tuple[TopicToParserToTable, ...]:
    """Return what is stored: ours, and what plugins registered."""
    return (*BUILT_IN, *_registered)


def _sources_of(topic: str) -> tuple[TopicToParserToTable, ...]:
    return tuple(s for s in sources() if any(topics.matches(known, topic) for known in s.filters))


@lru_cache(maxsize=1024)
def _route_of(topic: str) -> tuple[Metadata, tuple[TopicToParserToTable, ...]]:
    """Return what a topic says, and who reads it: nobody reads tests. The same topics come all the time."""
    metadata = produce_metadata(topic)
    return metadata, () if topics.is_testing(metadata.experiment) else _sources_of(topic)


def rows_of(topic: str, payload: bytes, recorded_at: str) -> list[Row]:
    """Return the rows of one recorded message; raise whatever its parser raises for a payload it cannot read."""
    metadata, known = _route_of(topic)
    rows: list[Row] = []
    for source in known:
        parsed = source.parser(topic, payload)
        several = [parsed] if isinstance(parsed, Mapping) else parsed if parsed is not None else []
        rows += [_complete(source.table, dict(one), metadata, recorded_at) for one in several]
    return rows


def _complete(table: str, values: dict[str, Any], metadata: Metadata, recorded_at: str) -> Row:
    row: dict[str, ValueType] = {"experiment": metadata.experiment}
    if table not in WITHOUT_UNIT:
        row["pioreactor_unit"] = metadata.pioreactor_unit
    if table in WITHOUT_UNIT:
        row["started_at"] = recorded_at
    elif table not in WITHOUT_TIMESTAMP:
        row["timestamp"] = recorded_at
    return Row(table, {**row, **values})
