"""What every adapter of storage must do. Provide the fixture that each class names."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pioreactor.exc import InvalidRequestError, JobPresentError
from pioreactor.storage.ports import Journal, KeyType, KeyValues, RecordSink, Row, UnitStores, ValueType

MOMENT = datetime(2026, 11, 22, 8, 50, 37, 895000, tzinfo=UTC)
Stored = Callable[[str], list[dict[str, ValueType]]]
DEAD_PID = 2**22 + 7
"""Beyond the kernel's largest process number."""


class KeyValuesContract:
    """Provide `caches`: two `KeyValues` that show the same cache."""

    @pytest.mark.parametrize("key", ["plain", 17, ("exp", "volume"), ("exp", 3), "[not json", '["exp", {}]', "", "é"])
    def test_keys_come_back_as_given(self, caches: tuple[KeyValues, KeyValues], key: KeyType) -> None:
        first, second = caches
        first.set(key, "there")
        assert second.get(key) == "there"
        assert second.items() == [(key, "there")]

    @pytest.mark.parametrize("value", ["text", "1", 3, 2.5, b"\x00bytes", None, float("inf"), -(2**62)])
    def test_values_keep_their_type(self, caches: tuple[KeyValues, KeyValues], value: ValueType) -> None:
        caches[0].set("key", value)
        found = caches[1].get("key", "default")
        assert found == value
        assert type(found) is type(value)

    def test_booleans_become_integers_and_nan_becomes_none(self, caches: tuple[KeyValues, KeyValues]) -> None:
        caches[0].set("flag", True)
        caches[0].set("nan", float("nan"))
        assert caches[1].items() == [("flag", 1), ("nan", None)]
        assert type(caches[1].get("flag")) is int

    @pytest.mark.parametrize("value", [2**70, {"a": 1}, [1]])
    def test_what_cannot_be_stored_is_refused(self, caches: tuple[KeyValues, KeyValues], value: Any) -> None:
        with pytest.raises(InvalidRequestError):
            caches[0].set("key", value)
        assert caches[0].items() == []

    def test_a_number_and_its_text_are_two_keys(self, caches: tuple[KeyValues, KeyValues]) -> None:
        caches[0].set(1, "number")
        caches[0].set("1", "text")
        assert (caches[0].get(1), caches[0].get("1")) == ("number", "text")

    def test_absent_gives_the_default(self, caches: tuple[KeyValues, KeyValues]) -> None:
        assert caches[0].get("nothing") is None
        assert caches[0].get("nothing", 0) == 0
        assert caches[0].pop("nothing", 1.5) == 1.5

    def test_set_replaces_and_keeps_the_place(self, caches: tuple[KeyValues, KeyValues]) -> None:
        for key, value in (("a", 1), ("b", 2), ("a", 3)):
            caches[0].set(key, value)
        assert caches[1].items() == [("a", 3), ("b", 2)]

    def test_set_if_absent_says_who_won(self, caches: tuple[KeyValues, KeyValues]) -> None:
        assert caches[0].set_if_absent("lock", 0)
        assert not caches[1].set_if_absent("lock", 1)
        assert caches[1].get("lock") == 0

    def test_pop_takes_out(self, caches: tuple[KeyValues, KeyValues]) -> None:
        caches[0].set("key", 0)
        assert caches[1].pop("key", 9) == 0
        assert caches[0].get("key") is None

    def test_a_transaction_happens_as_a_whole(self, caches: tuple[KeyValues, KeyValues]) -> None:
        with caches[0].transaction() as held:
            held.set("volume", float(held.get("volume", 14.0) or 0.0) + 1.0)
            held.set("count", 1)
        assert caches[1].items() == [("volume", 15.0), ("count", 1)]

    def test_a_broken_transaction_happens_not_at_all(self, caches: tuple[KeyValues, KeyValues]) -> None:
        caches[0].set("volume", 14.0)
        with pytest.raises(ZeroDivisionError), caches[0].transaction() as held:
            held.set("volume", 99.0)
            held.set("other", 1)
            raise ZeroDivisionError
        assert caches[1].items() == [("volume", 14.0)]
        caches[1].set("volume", 15.0)

    def test_an_inner_transaction_joins_the_outer_one(self, caches: tuple[KeyValues, KeyValues]) -> None:
        with pytest.raises(ZeroDivisionError), caches[0].transaction() as outer:
            with outer.transaction() as inner:
                inner.set("inner", 1)
            raise ZeroDivisionError
        assert caches[1].items() == []


class UnitStoresContract:
    """Provide `stores`, and override `pid` and `kill` where liveness can be arranged otherwise."""

    pid: int
    """The number of a process that lives as long as the test."""

    def test_caches_are_listed_by_name(self, stores: UnitStores) -> None:
        stores.volatile("leds").set("A", 1.0)
        stores.persistent("bioreactor").set(("exp", "volume"), 1.0)
        stores.persistent("leds").set("A", 1.0)
        assert [name for name in stores.cache_names() if name in ("leds", "bioreactor")] == ["bioreactor", "leds"]

    def register(self, stores: UnitStores, job_name: str, **changed: Any) -> int:
        given: dict[str, Any] = {
            "unit": "unit1",
            "experiment": "exp",
            "job_name": job_name,
            "job_source": "user",
            "leader": "leader",
            "pid": self.pid,
            "is_long_running": False,
            "started_at": "2026-11-22T08:00:00.000Z",
            "exclusive": True,
        }
        return stores.jobs().register(**(given | changed))

    def test_caches_of_different_names_and_kinds_are_apart(self, stores: UnitStores) -> None:
        stores.volatile("leds").set("A", 1)
        stores.persistent("leds").set("A", 2)
        stores.volatile("pwm_dc").set("A", 3)
        found = (stores.volatile("leds"), stores.persistent("leds"), stores.volatile("pwm_dc"))
        assert [cache.items() for cache in found] == [[("A", 1)], [("A", 2)], [("A", 3)]]

    def test_a_registered_job_runs_until_it_is_finished(self, stores: UnitStores) -> None:
        job_id = self.register(stores, "stirring")
        assert [job.job_id for job in stores.jobs().running(job_name="stirring")] == [job_id]
        stores.jobs().finish(job_id, ended_at="2026-11-22T09:00:00.000Z")
        stores.jobs().finish(job_id, ended_at="2026-11-22T10:00:00.000Z")
        assert stores.jobs().running() == []
        ended = stores.jobs().get(job_id)
        assert ended is not None
        assert (ended.is_running, ended.ended_at) == (False, "2026-11-22T09:00:00.000Z")

    def test_a_second_of_the_same_name_is_refused_in_any_experiment(self, stores: UnitStores) -> None:
        self.register(stores, "stirring")
        with pytest.raises(JobPresentError):
            self.register(stores, "stirring", experiment="another")
        assert len(stores.jobs().history()) == 1

    def test_not_exclusive_jobs_stand_side_by_side(self, stores: UnitStores) -> None:
        first = self.register(stores, "add_media", exclusive=False)
        second = self.register(stores, "add_media", exclusive=False)
        assert [job.job_id for job in stores.jobs().running()] == [second, first]

    def test_the_row_of_a_dead_process_does_not_block_a_new_job(self, stores: UnitStores) -> None:
        stale = self.register(stores, "stirring", pid=DEAD_PID)
        assert stores.jobs().running() == []
        ended = stores.jobs().get(stale)
        assert ended is not None
        assert not ended.is_running
        assert ended.ended_at is not None
        self.register(stores, "stirring")

    def test_running_is_narrowed_by_every_given_word(self, stores: UnitStores) -> None:
        a = self.register(stores, "a", started_at="2026-11-22T08:00:02.000Z")
        b = self.register(stores, "b", experiment="other", job_source="experiment_profile/1")
        jobs = stores.jobs()
        assert [job.job_id for job in jobs.running()] == [a, b]
        assert [job.job_id for job in jobs.running(experiment="other")] == [b]
        assert [job.job_id for job in jobs.running(job_source="experiment_profile/1")] == [b]
        assert [job.job_id for job in jobs.running(job_id=a)] == [a]
        assert jobs.running(job_id=a, experiment="other") == []

    def test_history_is_newest_first_and_limited(self, stores: UnitStores) -> None:
        ids = [self.register(stores, f"job{n}") for n in range(3)]
        assert [job.job_id for job in stores.jobs().history(limit=2)] == [ids[2], ids[1]]

    def test_settings_are_remembered_replaced_and_forgotten(self, stores: UnitStores) -> None:
        job_id = self.register(stores, "stirring")
        for name, value in (("target_rpm", 500.0), ("duty", 0.0), ("target_rpm", 0), ("gone", "x"), ("gone", None)):
            stores.jobs().set_setting(job_id, name, value, at="2026-11-22T08:00:00.000Z")
        assert stores.jobs().settings(job_id) == {"target_rpm": 0, "duty": 0.0}
        assert stores.jobs().settings(job_id + 1) == {}

    def test_purge_leaves_nothing(self, stores: UnitStores) -> None:
        job_id = self.register(stores, "stirring")
        stores.jobs().set_setting(job_id, "target_rpm", 1, at="2026-11-22T08:00:00.000Z")
        stores.jobs().purge(job_id)
        assert stores.jobs().get(job_id) is None
        assert stores.jobs().settings(job_id) == {}

    def test_ids_are_never_used_again(self, stores: UnitStores) -> None:
        first = self.register(stores, "stirring")
        stores.jobs().purge(first)
        assert self.register(stores, "stirring") > first

    def test_closing_twice_is_harmless(self, stores: UnitStores) -> None:
        stores.journal().append([("t", b"", MOMENT)])
        stores.close()
        stores.close()


class JournalContract:
    """Provide `journal`, empty."""

    @staticmethod
    def fill(journal: Journal, count: int, *, size_bytes: int = 10) -> None:
        journal.append([(f"topic/{n}", b"x" * size_bytes, MOMENT + timedelta(milliseconds=n)) for n in range(count)])

    def test_an_empty_journal(self, journal: Journal) -> None:
        assert (journal.last_seq(), journal.acknowledged_seq()) == (0, 0)
        assert journal.read(after_seq=0, limit=10) == []
        assert journal.append([]) == 0
        assert journal.trim(max_bytes=0) == 0
        assert journal.journal_id == journal.journal_id != ""

    def test_entries_are_numbered_from_one_without_gaps(self, journal: Journal) -> None:
        assert journal.append([("a", b"1", MOMENT), ("b", b"\x00\xff", MOMENT)]) == 2
        assert journal.append([("c", b"", MOMENT)]) == 3
        found = journal.read(after_seq=0, limit=10)
        assert [(entry.seq, entry.topic, entry.payload) for entry in found] == [
            (1, "a", b"1"),
            (2, "b", b"\x00\xff"),
            (3, "c", b""),
        ]

    def test_moments_are_aware_and_kept_to_the_millisecond(self, journal: Journal) -> None:
        journal.append([("a", b"", MOMENT + timedelta(microseconds=999))])
        (entry,) = journal.read(after_seq=0, limit=1)
        assert entry.recorded_at == MOMENT
        assert entry.recorded_at.tzinfo is not None

    def test_reading_goes_on_where_it_stopped(self, journal: Journal) -> None:
        self.fill(journal, 5)
        assert [entry.seq for entry in journal.read(after_seq=1, limit=2)] == [2, 3]
        assert [entry.seq for entry in journal.read(after_seq=3, limit=9)] == [4, 5]
        assert journal.read(after_seq=5, limit=9) == []

    def test_acknowledging_follows_the_leader_in_both_directions(self, journal: Journal) -> None:
        self.fill(journal, 5)
        journal.acknowledge(4)
        assert journal.acknowledged_seq() == 4
        journal.acknowledge(2)
        assert journal.acknowledged_seq() == 2

    def test_only_acknowledged_entries_are_trimmed(self, journal: Journal) -> None:
        self.fill(journal, 5)
        assert journal.trim(max_bytes=0) == 0
        journal.acknowledge(3)
        assert journal.trim(max_bytes=0) == 3
        assert [entry.seq for entry in journal.read(after_seq=0, limit=9)] == [4, 5]

    def test_a_leader_that_lost_everything_is_sent_what_is_left(self, journal: Journal) -> None:
        self.fill(journal, 5)
        journal.acknowledge(3)
        journal.trim(max_bytes=0)
        journal.acknowledge(0)
        assert journal.acknowledged_seq() == 0
        assert [entry.seq for entry in journal.read(after_seq=0, limit=9)] == [4, 5]
        assert journal.trim(max_bytes=0) == 0
        assert journal.last_seq() == 5

    def test_numbers_go_on_after_everything_was_trimmed(self, journal: Journal) -> None:
        self.fill(journal, 3)
        journal.acknowledge(3)
        journal.trim(max_bytes=0)
        assert journal.last_seq() == 3
        assert journal.append([("d", b"", MOMENT)]) == 4
        assert [entry.seq for entry in journal.read(after_seq=3, limit=9)] == [4]

    def test_a_budget_that_holds_drops_nothing(self, journal: Journal) -> None:
        self.fill(journal, 100)
        journal.acknowledge(100)
        assert journal.trim(max_bytes=10_000_000) == 0

    def test_trimming_drops_the_oldest_until_the_budget_holds(self, journal: Journal) -> None:
        self.fill(journal, 1000, size_bytes=1000)
        journal.acknowledge(1000)
        dropped = journal.trim(max_bytes=500_000)
        assert 400 <= dropped <= 900
        assert journal.read(after_seq=0, limit=1)[0].seq == dropped + 1

    def test_a_leader_that_has_more_than_we_wrote_gives_the_journal_a_new_id(self, journal: Journal) -> None:
        self.fill(journal, 2)
        before = journal.journal_id
        journal.acknowledge(7)
        assert journal.journal_id != before
        assert journal.acknowledged_seq() == 0
        assert len(journal.read(after_seq=0, limit=9)) == 2


class RecordSinkContract:
    """Provide `sink`, empty and strict about the leader's tables; and `stored`, which returns a table's rows of it."""

    @staticmethod
    def rpm(value: float | None, at: int = 0) -> Row:
        moment = f"2026-11-22T08:00:{at:02d}.000Z"
        return Row(
            "stirring_rates",
            {"experiment": "exp", "pioreactor_unit": "unit1", "timestamp": moment, "measured_rpm": value},
        )

    @staticmethod
    def temperature(value: float, at: int = 0) -> Row:
        moment = f"2026-11-22T08:00:{at:02d}.000Z"
        return Row(
            "temperature_readings",
            {"experiment": "exp", "pioreactor_unit": "unit1", "timestamp": moment, "temperature_c": value},
        )

    def test_rows_of_several_tables_are_stored(self, sink: RecordSink, stored: Stored) -> None:
        assert sink.commit([self.rpm(500.0), self.temperature(30.0), self.rpm(501.0, 1)]) == []
        assert [row["measured_rpm"] for row in stored("stirring_rates")] == [500.0, 501.0]
        assert [row["temperature_c"] for row in stored("temperature_readings")] == [30.0]

    def test_progress_is_kept_per_unit_and_journal(self, sink: RecordSink) -> None:
        assert sink.progress("unit1", "j1") == 0
        sink.commit([self.rpm(500.0)], progress=("unit1", "j1", 10))
        sink.commit([], progress=("unit2", "j1", 3))
        sink.commit([], progress=("unit1", "j1", 12))
        assert [sink.progress(*who) for who in (("unit1", "j1"), ("unit2", "j1"), ("unit1", "j2"))] == [12, 3, 0]

    def test_commits_that_are_made_together_are_all_stored(self, sink: RecordSink, stored: Stored) -> None:
        with sink.together():
            sink.commit([self.rpm(500.0)], progress=("unit1", "j1", 10))
            sink.commit([self.rpm(501.0, 1)], progress=("unit2", "j1", 3))
        assert [row["measured_rpm"] for row in stored("stirring_rates")] == [500.0, 501.0]
        assert [sink.progress(unit, "j1") for unit in ("unit1", "unit2")] == [10, 3]

    def test_what_is_there_already_is_ignored(self, sink: RecordSink, stored: Stored) -> None:
        for through_seq in (10, 10, 9):
            assert sink.commit([self.rpm(500.0)], progress=("unit1", "j1", through_seq)) == []
        assert len(stored("stirring_rates")) == 1
        assert sink.progress("unit1", "j1") == 10

    def test_progress_holds_for_former_names_up_to_their_last_entries(self, sink: RecordSink) -> None:
        sink.commit([self.rpm(500.0)], progress=("unit1", "j1", 10))
        sink.commit([self.rpm(501.0)], progress=("unit1", "j3", 14), former_names=[("j1", 9), ("j2", 12)])
        assert [sink.progress("unit1", name) for name in ("j1", "j2", "j3")] == [10, 12, 14]
        assert sink.progress("unit2", "j2") == 0

    def test_a_new_journal_of_the_same_unit_begins_anew(self, sink: RecordSink, stored: Stored) -> None:
        sink.commit([self.rpm(500.0)], progress=("unit1", "j1", 10))
        sink.commit([self.rpm(501.0, 1)], progress=("unit1", "j2", 1))
        assert len(stored("stirring_rates")) == 2

    def test_a_bad_row_costs_only_itself(self, sink: RecordSink, stored: Stored) -> None:
        bad = [
            Row("no_such_table", {"a": 1}),
            Row("stirring_rates", {"experiment": "exp", "rpm; DROP TABLE logs": 1}),
            self.rpm(None, 2),
        ]
        rows = [self.rpm(500.0), *bad, self.rpm(501.0, 1), self.temperature(30.0)]
        refused = sink.commit(rows, progress=("unit1", "j1", 6))
        assert [row for row, _ in refused] == bad
        assert all(reason for _, reason in refused)
        assert [row["measured_rpm"] for row in stored("stirring_rates")] == [500.0, 501.0]
        assert len(stored("temperature_readings")) == 1
        assert sink.progress("unit1", "j1") == 6
