"""Named caches: one table of keys and values each (spec core §0.5)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pioreactor.exc import InvalidRequestError
from pioreactor.storage.key_value_encoding import key_from_stored, stored_key, stored_value
from pioreactor.storage.ports import KeyType, SqlRow, ValueType
from pioreactor.storage.sqlite.shared_connection import SharedConnection

_NAME = re.compile(r"[A-Za-z0-9_]+")


def cache_names(connection: SharedConnection) -> list[str]:
    """Return the names of the caches in a file."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 6) = 'cache_'")
    return [str(name).removeprefix("cache_") for (name,) in rows]


class SqliteKeyValues:
    """One cache in a shared file; processes and threads see each other's changes at once."""

    def __init__(self, connection: SharedConnection, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise InvalidRequestError(f"{name!r} cannot name a cache; use letters, digits and underscores")
        self._connection = connection
        self._table = f"cache_{name}"

    def get(self, key: KeyType, default: ValueType = None) -> ValueType:
        rows = self._ready().execute(f"SELECT value FROM {self._table} WHERE key = ?", (stored_key(key),))
        return self._value(rows, default)

    def set(self, key: KeyType, value: ValueType) -> None:
        self._ready().execute(
            f"INSERT INTO {self._table} (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (stored_key(key), stored_value(value)),
        )

    def set_if_absent(self, key: KeyType, value: ValueType) -> bool:
        rows = self._ready().execute(
            f"INSERT OR IGNORE INTO {self._table} (key, value) VALUES (?, ?) RETURNING 1",
            (stored_key(key), stored_value(value)),
        )
        return bool(rows)

    def pop(self, key: KeyType, default: ValueType = None) -> ValueType:
        rows = self._ready().execute(f"DELETE FROM {self._table} WHERE key = ? RETURNING value", (stored_key(key),))
        return self._value(rows, default)

    def items(self) -> list[tuple[KeyType, ValueType]]:
        rows = self._ready().execute(f"SELECT key, value FROM {self._table} ORDER BY rowid")
        return [(key_from_stored(key), value) for key, value in rows]

    @contextmanager
    def transaction(self) -> Iterator["SqliteKeyValues"]:
        self._ready()
        with self._connection.transaction():
            yield self

    def _ready(self) -> SharedConnection:
        self._connection.once(self._table, f"CREATE TABLE IF NOT EXISTS {self._table} (key PRIMARY KEY, value BLOB)")
        return self._connection

    @staticmethod
    def _value(rows: list[SqlRow], default: ValueType) -> ValueType:
        return rows[0][0] if rows else default
