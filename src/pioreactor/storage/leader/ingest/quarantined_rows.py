"""How a message or a row that could not be stored is kept, and becomes rows again when it is retried."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pioreactor.storage.ports import Row, ValueType

Reader = Callable[[str, bytes, str], Sequence[Row]]
"""Makes rows of (topic, payload, moment it was recorded), or raises what is wrong with the payload."""

MAX_REASON_CHARACTERS: Final = 500
_BYTES: Final = "base64"


@dataclass(frozen=True, slots=True)
class Retried:
    """How a retry of one quarantined row ended; `reason` is None where it was stored, and says why it was not."""

    id: int
    rows: int
    reason: str | None


def well_formed(words: object) -> str:
    """Return a text that can be stored: of moderate length, and without halves of characters."""
    return str(words)[:MAX_REASON_CHARACTERS].encode("utf-8", "replace").decode()


def described(row: Row) -> str:
    """Return a refused row as JSON; bytes are `{"base64": …}`."""
    values = {str(name): _plain(value) for name, value in row.values.items()}
    try:
        return json.dumps(values, default=str)
    except (TypeError, ValueError, RecursionError):
        return json.dumps({name: str(value) for name, value in values.items()})


def rows_again(
    topic: str | None, table: str | None, payload: str, recorded_at: str | None, *, read: Reader
) -> tuple[Sequence[Row], str | None]:
    """Return the rows of a quarantined row, or why there are none."""
    if topic is None:
        return _row_again(table, payload)
    if recorded_at is None:
        return [], "the moment at which it was recorded is not known"
    try:
        rows = read(topic, payload.encode(), recorded_at)
    except Exception as error:  # noqa: BLE001  a plugin's parser may raise anything
        return [], well_formed(f"{type(error).__name__}: {error}")
    return (rows, None) if rows else ([], f"nothing here reads {topic}: is its plugin installed?")


def _row_again(table: str | None, payload: str) -> tuple[Sequence[Row], str | None]:
    try:
        values = msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        return [], well_formed(f"what was kept of it cannot be read: {error}")
    if table is None:
        return [], "it belongs to no table"
    return [Row(table, {name: _value(value) for name, value in values.items()})], None


def _plain(value: Any) -> Any:
    return {_BYTES: b64encode(value).decode()} if isinstance(value, bytes) else value


def _value(value: Any) -> ValueType:
    if isinstance(value, dict) and list(value) == [_BYTES] and isinstance(value[_BYTES], str):
        return b64decode(value[_BYTES])
    plain: ValueType = value
    return plain
