"""From the payload of a recorded message to the values of a row."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, cast

import msgspec

from pioreactor import structs
from pioreactor.measurements.spec import ColumnKind, ColumnValue, MeasurementSpec, Parser, Rows
from pioreactor.structs.encoding import to_timestamp

_FILLED_BY_THE_WRITER: Final = frozenset({"experiment", "pioreactor_unit"})


def parser_of(spec: MeasurementSpec) -> Parser:
    """Return what turns a message into values by column.

    It raises `ValueError` or `msgspec.DecodeError` for a payload that it cannot read.
    """
    if spec.parse is not None:
        return spec.parse
    if spec.payload is float:
        return _number_parser(spec)
    return _struct_parser(spec)


def _number_parser(spec: MeasurementSpec) -> Parser:
    """Return a parser of a bare number; its moment is the moment it was recorded."""
    [column] = (c.name for c in spec.table.columns if c.name not in _FILLED_BY_THE_WRITER and c.name != "timestamp")
    return lambda _topic, payload: {column: float(payload)}


def _struct_parser(spec: MeasurementSpec) -> Parser:
    decode: Callable[[bytes], object] = msgspec.json.Decoder(cast(type[object], spec.payload)).decode
    fields = {
        name: None for kind in _structs_in(spec.payload) for name in cast(type[msgspec.Struct], kind).__struct_fields__
    }
    columns = [
        (column.name, column.source_field, _CONVERSIONS[column.kind])
        for column in spec.table.columns
        if column.name not in _FILLED_BY_THE_WRITER and column.source_field in fields
    ]

    def parse_struct(_topic: str, payload: bytes) -> Rows:
        reading = decode(payload)
        return {column: convert(getattr(reading, field)) for column, field, convert in columns}

    return parse_struct


def _structs_in(payload: object) -> tuple[object, ...]:
    """Return the members of a union, or the type itself."""
    return tuple(getattr(payload, "__args__", ())) or (payload,)


def _text(value: object) -> ColumnValue:
    if value is None:
        return None
    return to_timestamp(value) if isinstance(value, datetime) else str(value)


def _blob(value: object) -> ColumnValue:
    """Return bytes as base64: the JSON that they are in is read by other programs."""
    if not isinstance(value, bytes):
        return cast(ColumnValue, value)
    from base64 import b64encode  # few processes have bytes to record

    return b64encode(value).decode()


def _integer(value: object) -> ColumnValue:
    return None if value is None else int(cast(str | int, value))


def _real(value: object) -> ColumnValue:
    return None if value is None else float(cast(str | float, value))


_CONVERSIONS: Final[dict[ColumnKind, Callable[[object], ColumnValue]]] = {
    "text": _text,
    "blob": _blob,
    "integer": _integer,
    "real": _real,
}


def parse_log(_topic: str, payload: bytes) -> Rows:
    """Return a row of `logs`: levels are stored in capitals."""
    entry = structs.decode(payload, structs.Log)
    return {
        "timestamp": to_timestamp(entry.timestamp),
        "message": entry.message,
        "source": entry.source,
        "level": entry.level.upper(),
        "task": entry.task,
    }


def parse_vial_variable(column: str) -> Parser:
    """Return a parser of a variable of the vial: an object with its time, or the bare number of earlier versions."""

    def parse_value(_topic: str, payload: bytes) -> Rows:
        reading = structs.decode_bioreactor_value(payload)
        if isinstance(reading, float):
            return {column: reading}
        return {"timestamp": to_timestamp(reading.timestamp), column: reading.value}

    return parse_value


def parse_automation_event(_topic: str, payload: bytes) -> Rows:
    """Return a row of the events of automations; its data are JSON text."""
    event = structs.decode(payload, structs.AutomationEvent)
    data = "" if event.data is None else msgspec.json.encode(event.data).decode()
    row: dict[str, ColumnValue] = {"event_name": event.event_name, "message": event.message, "data": data}
    return row if event.timestamp is None else {"timestamp": to_timestamp(event.timestamp), **row}


_CHANNEL_OF_PIN: Final = {
    "17": "channel_1",
    "13": "channel_2",
    "16": "channel_3",
    "12": "channel_4",
    "18": "channel_5",
}


_PWM_COLUMNS: Final = frozenset(_CHANNEL_OF_PIN.values())


def parse_pwm_duties(topic: str, payload: bytes) -> Rows:
    """Return a row of `pwm_dcs`; no duty at all is stored as a duty of zero on the first channel."""
    if topic.endswith("/dc"):
        return _parse_duties_by_pin(payload)
    duties = structs.decode(payload, structs.PWMDutyCycles)
    columns = {f"channel_{channel}": duty for channel, duty in duties.channels.items()}
    return {"timestamp": to_timestamp(duties.timestamp), **_known_duties(columns)}


def _parse_duties_by_pin(payload: bytes) -> Rows:
    """Return a row of `pwm_dcs` from the payload of earlier versions: duties by GPIO pin, without their time."""
    duties = msgspec.json.decode(payload, type=dict[str, float])
    return _known_duties({_CHANNEL_OF_PIN.get(pin, ""): duty for pin, duty in duties.items()})


def _known_duties(duties: Mapping[str, float]) -> dict[str, ColumnValue]:
    known: dict[str, ColumnValue] = {column: duty for column, duty in duties.items() if column in _PWM_COLUMNS}
    return known or {"channel_1": 0.0}


def parse_profile_run(_topic: str, payload: bytes) -> Rows:
    """Return a row of `experiment_profile_runs`: the payload is the name of the profile."""
    return {"experiment_profile_name": payload.decode("utf-8", "replace")}


def parse_od_blank(topic: str, payload: bytes) -> Rows:
    """Return a row of `od_blanks`: the channel is the last level of the topic."""
    return {"channel": topic.rsplit("/", 1)[-1], "od_reading": float(payload)}
