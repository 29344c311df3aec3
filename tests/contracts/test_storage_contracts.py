"""Both adapters of storage keep the same promises."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pioreactor.storage.memory import MemoryJournal, MemoryKeyValues, MemoryUnitStores
from pioreactor.storage.paths import Paths
from pioreactor.storage.ports import KeyValues, UnitStores
from pioreactor.storage.sqlite.journal import SqliteJournal
from pioreactor.storage.sqlite.stores import SqliteUnitStores
from pioreactor.testing.contracts.storage import DEAD_PID, JournalContract, KeyValuesContract, UnitStoresContract


class TestSqliteKeyValues(KeyValuesContract):
    @pytest.fixture
    def caches(self, tmp_path: Path) -> Iterator[tuple[KeyValues, KeyValues]]:
        paths = Paths.below(tmp_path)
        ours, theirs = SqliteUnitStores(paths), SqliteUnitStores(paths)
        yield ours.persistent("cache"), theirs.persistent("cache")
        ours.close()
        theirs.close()


class TestMemoryKeyValues(KeyValuesContract):
    @pytest.fixture
    def caches(self) -> tuple[KeyValues, KeyValues]:
        cache = MemoryKeyValues()
        return cache, cache


class TestSqliteUnitStores(UnitStoresContract):
    pid = os.getpid()

    @pytest.fixture
    def stores(self, tmp_path: Path) -> Iterator[UnitStores]:
        stores = SqliteUnitStores(Paths.below(tmp_path), journal_synchronous="OFF")
        yield stores
        stores.close()


class TestMemoryUnitStores(UnitStoresContract):
    pid = 100

    @pytest.fixture
    def stores(self) -> UnitStores:
        return MemoryUnitStores(alive=lambda pid, _: pid != DEAD_PID)


class TestSqliteJournal(JournalContract):
    @pytest.fixture
    def journal(self, tmp_path: Path) -> Iterator[SqliteJournal]:
        journal = SqliteJournal(tmp_path / "journal.sqlite", synchronous="OFF")
        yield journal
        journal.close()


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def journal(self) -> MemoryJournal:
        return MemoryJournal()
