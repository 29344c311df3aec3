"""The unit's caches as dictionaries: `with local_persistent_storage("ph") as cache: cache["1"] = 7`."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

from pioreactor.calibrations.former import FORMER_CACHES, cached_calibrations
from pioreactor.runtime.context import current
from pioreactor.storage.ports import KeyType, KeyValues, ValueType

_ABSENT = "\0absent"


class Cache(MutableMapping[KeyType, ValueType]):
    """One cache. Keys are text, numbers or tuples of them; values text, numbers, bytes or None."""

    def __init__(self, store: KeyValues) -> None:
        self._store = store

    def __getitem__(self, key: KeyType) -> ValueType:
        value = self._store.get(key, _ABSENT)
        if value == _ABSENT:
            raise KeyError(key)
        return value

    def __setitem__(self, key: KeyType, value: ValueType) -> None:
        self._store.set(key, value)

    def __delitem__(self, key: KeyType) -> None:
        self[key]
        self._store.pop(key)

    def __iter__(self) -> Iterator[KeyType]:
        return iter([key for key, _ in self._store.items()])

    def __len__(self) -> int:
        return len(self._store.items())

    def iterkeys(self) -> Iterator[KeyType]:
        return iter(self)

    def empty(self) -> None:
        """Forget everything in it."""
        for key in list(self):
            self._store.pop(key)


@contextmanager
def local_intermittent_storage(cache_name: str) -> Iterator[Cache]:
    """Open a cache that is empty after a reboot."""
    yield Cache(current().stores.volatile(cache_name))


@contextmanager
def local_persistent_storage(cache_name: str) -> Iterator[Cache]:
    """Open a cache that outlives reboots."""
    store = current().stores.persistent(cache_name)
    if cache_name in FORMER_CACHES:
        for key, value in cached_calibrations(cache_name).items():
            store.set(key, value)
    yield Cache(store)
