"""MQTT payloads of settings and measurements: encoding of values, and parsing of commands by datatype."""

from __future__ import annotations

import msgspec

from pioreactor import structs
from pioreactor.exc import SettingError
from pioreactor.settings.fields import ascii_number

_TRUE = frozenset({"true", "1", "y", "on", "yes", "t"})
_FALSE = frozenset({"false", "0", "n", "off", "no", "f"})
_EXPECTED = {"float": "a number", "integer": "a whole number", "json": "JSON"}
_PARSABLE = frozenset({"string", "float", "integer", "json", "boolean"})


def encode_payload(value: object) -> bytes:
    """Return the payload of a value: text as it is, `True`/`False`, decimal numbers, anything else as JSON."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str | bool | int | float):
        return str(value).encode()
    return structs.encode(value)


def parse_payload(name: str, datatype: str, payload: bytes | str) -> object:
    """Return the typed value of a command for setting `name`; raise `SettingError` if it is not of the datatype."""
    text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else payload
    if datatype not in _PARSABLE:
        raise SettingError(f"{name} holds a {datatype} and cannot be set from outside")
    try:
        if datatype == "float":
            return float(ascii_number(text))
        if datatype == "integer":
            return int(ascii_number(text)) if "." not in text else _whole(float(ascii_number(text)))
        if datatype == "json":
            return msgspec.json.decode(text)
    except (ValueError, OverflowError, RecursionError, msgspec.DecodeError):
        raise SettingError(f"{name} must be {_EXPECTED[datatype]}, not {text[:40]!r}") from None
    if datatype == "boolean":
        lowered = text.strip().lower()
        if lowered not in _TRUE | _FALSE:
            raise SettingError(f"{name} must be true or false, not {text[:40]!r}")
        return lowered in _TRUE
    return text


def _whole(value: float) -> int:
    if value != int(value):
        raise ValueError(value)
    return int(value)
