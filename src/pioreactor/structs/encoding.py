"""JSON encoding and decoding of payloads; timestamps are ISO 8601, UTC, milliseconds, `Z`."""

from datetime import UTC, datetime
from functools import lru_cache
from types import NoneType
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_PLAIN = frozenset({str, float, int, bool, bytes, NoneType})
"""Types that JSON has: most values of a message."""


class JSONPrintedStruct(msgspec.Struct):
    """A struct whose `str` is its JSON."""

    def __str__(self) -> str:
        return encode(self).decode()


def to_timestamp(moment: datetime) -> str:
    """Return `2026-11-22T08:50:37.895Z`; a naive time is taken as UTC."""
    if moment.tzinfo not in (None, UTC):
        moment = moment.astimezone(UTC)
    return _text_of(moment)


@lru_cache(maxsize=64)
def _text_of(moment: datetime) -> str:
    """Format a UTC time. Cached: many messages have the same timestamp."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def from_timestamp(text: str) -> datetime:
    """Return an aware datetime; any number of fractional digits and any offset are accepted, naive means UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _fix(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_timestamp(value)
    if isinstance(value, dict):
        return {key: inner if type(inner) in _PLAIN else _fix(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_fix(inner) for inner in value]
    return value


def encode(value: Any) -> bytes:
    """Return compact JSON with timestamps in milliseconds."""
    return msgspec.json.encode(_fix(msgspec.to_builtins(value, builtin_types=(datetime, bytes))))


def decode(payload: bytes | str, type_: type[T]) -> T:
    """Return a typed value; raise `msgspec.DecodeError` (or its subclass `ValidationError`) for any other payload."""
    return msgspec.json.decode(payload, type=type_)
