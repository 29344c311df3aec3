"""How a message or a row that could not be stored is kept, and becomes rows again when it is retried."""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from pioreactor.storage.ports import Row, ValueType

Reader = Callable[[str, bytes, str], Sequence[Row]]
"""Makes rows of (topic, payload, moment it was recorded), or raises what is wrong with the payload."""

MAX_REASON_CHARACTERS: Final = 500


class _Bytes(msgspec.Struct, forbid_unknown_fields=True):
    """Bytes as they stand in a refused row."""

    base64: bytes


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
        values = msgspec.json.decode(payload, type=dict[str, bool | int | float | str | _Bytes | None])
    except (msgspec.DecodeError, RecursionError) as error:
        return [], well_formed(f"what was kept of it cannot be read: {error}")
    if table is None:
        return [], "it belongs to no table"
    given: dict[str, ValueType] = {
        name: value.base64 if isinstance(value, _Bytes) else value for name, value in values.items()
    }
    return [Row(table, given)], None


def _plain(value: ValueType) -> object:
    return {"base64": b64encode(value).decode()} if isinstance(value, bytes) else value
