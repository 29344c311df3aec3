"""How keys and values are stored, the same in every adapter."""

import json
from functools import lru_cache

from pioreactor.exc import InvalidRequestError
from pioreactor.storage.ports import KeyType, ValueType

LARGEST_INTEGER = 2**63 - 1


@lru_cache(maxsize=1024, typed=True)
def stored_key(key: KeyType) -> str | int:
    """Return the key as stored: tuples as JSON arrays, the rest as it is."""
    return json.dumps(key) if isinstance(key, tuple) else key


def key_from_stored(stored: str | int) -> KeyType:
    """Return the key; a text that is a JSON array of texts and integers was a tuple."""
    if not isinstance(stored, str) or not stored.startswith("["):
        return stored
    try:
        parts = json.loads(stored)
    except ValueError:
        return stored
    if all(isinstance(part, str | int) for part in parts):
        return tuple(parts)
    return stored


def stored_value(value: ValueType) -> ValueType:
    """Return the value as it comes back: booleans are 0 or 1, NaN is None.

    Raise `InvalidRequestError` for what SQLite cannot hold (other types, integers beyond 64 bits).
    """
    if value is None or isinstance(value, str | bytes):
        return value
    if isinstance(value, float):
        return value if value == value else None
    if isinstance(value, int):
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise InvalidRequestError(f"{value} is too large to be stored")
        return int(value)
    raise InvalidRequestError(f"a {type(value).__name__} cannot be stored; give text, a number or bytes")
