"""What reaches the writer and the journal though it should not: copies, namesakes, sizes, sequences, failures."""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pioreactor import topics
from pioreactor.background_jobs.leader.mqtt_to_db_streaming import (
    DUPLICATE_NAME_AFTER_S,
    MAX_BATCH_BYTES,
    MAX_QUARANTINED_CHARACTERS,
    MAX_SEQ,
    MqttToDBStreamer,
)
from pioreactor.background_jobs.monitor import forwarding
from pioreactor.background_jobs.monitor.forwarding import JournalForwarder
from pioreactor.clock.virtual import VirtualClock
from pioreactor.exc import StorageError
from pioreactor.messaging.ports import Message
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.memory import MemoryJournal, MemoryRecordSink
from pioreactor.storage.ports import Row
from pioreactor.storage.sqlite.journal import SqliteJournal
from pioreactor.structs.journal import JournalAcknowledgment, JournalBatch, JournalRecord
from pioreactor.testing.simulation import Bench, simulated_bench

AT = datetime(2030, 1, 1, tzinfo=UTC)
RPM_TOPIC = "pioreactor/unit1/simulation/stirring/measured_rpm"


def rpm(number: int) -> bytes:
    return b'{"measured_rpm":%d.0,"timestamp":"2030-01-01T00:00:00.000Z"}' % number


@pytest.fixture
def sink() -> MemoryRecordSink:
    return MemoryRecordSink()


@pytest.fixture
def bench(sink: MemoryRecordSink) -> Iterator[Bench]:
    with simulated_bench(open_records=lambda: sink) as built:
        yield built


def start_writer(bench: Bench) -> MqttToDBStreamer:
    job = bench.start(lambda: MqttToDBStreamer("unit1"))
    bench.wait(1.0)
    return job


def send(bench: Bench, journal_id: str, follows: int, seqs: list[int], *, payload: str | None = None) -> None:
    records = [
        JournalRecord(seq, RPM_TOPIC, payload if payload is not None else rpm(seq).decode(), "2030-01-01T00:00:00.000Z")
        for seq in seqs
    ]
    batch = JournalBatch(journal_id, follows, records)
    bench.bus.publish(topics.journal_entries("unit1"), msgspec.json.encode(batch))
    bench.wait(1.0)


def written(sink: MemoryRecordSink) -> list[object]:
    return [row["measured_rpm"] for row in sink.rows.get("stirring_rates", [])]


@pytest.mark.parametrize(
    ("follows", "seqs"),
    [(-1, [0, 1]), (5, [5, 6]), (0, [1, 3]), (0, [1, 1]), (0, [2, 1]), (MAX_SEQ, [MAX_SEQ + 1])],
)
def test_records_that_do_not_follow_one_another_are_left_out(
    bench: Bench, sink: MemoryRecordSink, follows: int, seqs: list[int]
) -> None:
    start_writer(bench)
    send(bench, "a", follows, seqs)
    assert written(sink) == []
    assert sink.progress("unit1", "a") == 0
    send(bench, "a", 0, [1, 2])
    assert written(sink) == [1, 2]


DEEP = b'{"journal_id":"a","follows":0,"records":[],"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff" * 100, b"[" * 10_000, b'{"journal_id":1}', DEEP])
def test_what_is_no_batch_is_left_out(bench: Bench, sink: MemoryRecordSink, payload: bytes) -> None:
    start_writer(bench)
    bench.bus.publish(topics.journal_entries("unit1"), payload)
    bench.wait(1.0)
    assert any("cannot be read and is skipped" in words for words in bench.logged("warning"))
    assert bench.logged("error") == []
    send(bench, "a", 0, [1])
    assert written(sink) == [1]


def test_a_batch_of_hostile_size_is_not_read(bench: Bench, sink: MemoryRecordSink) -> None:
    start_writer(bench)
    send(bench, "a", 0, [1], payload=" " * MAX_BATCH_BYTES)
    assert sink.progress("unit1", "a") == 0
    assert any("cannot be read and is skipped: it has 16 MB" in words for words in bench.logged("warning"))


def test_an_unreadable_message_is_kept_apart_in_part_and_holds_up_nobody(bench: Bench, sink: MemoryRecordSink) -> None:
    start_writer(bench)
    send(bench, "a", 0, [1, 2], payload="x" * (3 * MAX_QUARANTINED_CHARACTERS))
    send(bench, "a", 2, [3])
    assert [len(str(row["payload"])) for row in sink.rows["quarantined_rows"]] == 2 * [MAX_QUARANTINED_CHARACTERS]
    assert written(sink) == [3]


def test_two_machines_of_one_name_are_noticed_and_both_are_recorded(bench: Bench, sink: MemoryRecordSink) -> None:
    start_writer(bench)
    for turn in range(3):
        send(bench, "a", turn, [turn + 1])
        send(bench, "b", turn, [turn + 1])
        bench.wait(DUPLICATE_NAME_AFTER_S / 2)
    assert sorted(map(float, written(sink))) == [1, 1, 2, 2, 3, 3]  # type: ignore[arg-type]
    said = [words for words in bench.logged("error") if "Two machines have the name unit1" in words]
    assert len(said) == 1


def test_a_journal_that_is_replaced_is_no_namesake(bench: Bench) -> None:
    start_writer(bench)
    send(bench, "a", 0, [1])
    send(bench, "b", 0, [1])
    send(bench, "a", 1, [2])  # it was under way while its unit was started again
    send(bench, "b", 1, [2])
    bench.wait(2 * DUPLICATE_NAME_AFTER_S)
    send(bench, "b", 2, [3])
    assert not [words for words in bench.logged("error") if "Two machines" in words]


# ---- the forwarder -------------------------------------------------------------------------------------------------


def forwarder(journal: MemoryJournal, sent: list[JournalBatch]) -> JournalForwarder:
    def publish(_topic: str, payload: bytes) -> None:
        sent.append(msgspec.json.decode(payload, type=JournalBatch))

    return JournalForwarder(journal, VirtualClock(), publish, unit="unit1", max_bytes=1_000_000)


def test_large_records_travel_in_small_batches_and_none_is_left_out() -> None:
    journal, sent = MemoryJournal(), list[JournalBatch]()
    journal.append([(RPM_TOPIC, b"x" * 200_000, AT) for _ in range(11)])
    forwarder(journal, sent).poll()
    assert [record.seq for batch in sent for record in batch.records] == list(range(1, 12))
    assert all(len(batch.records) <= 2 for batch in sent)
    assert all(batch.follows == batch.records[0].seq - 1 for batch in sent)


def test_a_backlog_leaves_room_for_what_is_said_live() -> None:
    journal, sent, clock = MemoryJournal(), list[tuple[float, int]](), VirtualClock()
    journal.append([(RPM_TOPIC, rpm(n), AT) for n in range(50_000)])

    def publish(_topic: str, payload: bytes) -> None:
        sent.append((clock.monotonic(), len(payload)))
        batch = msgspec.json.decode(payload, type=JournalBatch)
        acknowledged.append(batch.records[-1].seq)

    acknowledged: list[int] = []
    rate = 100_000.0
    forward = JournalForwarder(journal, clock, publish, unit="unit1", max_bytes=10**9, bytes_per_s=rate)
    while journal.acknowledged_seq() < 50_000:
        forward.poll()
        while acknowledged:
            said = JournalAcknowledgment(journal.journal_id, acknowledged.pop(0))
            forward.on_acknowledgment(Message("t", msgspec.json.encode(said)))
        clock.sleep(0.5)
    total, took_s = sum(size for _, size in sent), clock.monotonic()
    assert took_s > 20
    largest = max(size for _, size in sent)
    assert total <= rate * (took_s + forwarding.BURST_S) + largest
    assert total >= 0.9 * rate * took_s, "and no slower than it may"


def test_a_record_too_large_to_travel_is_cut_and_does_not_block_the_journal() -> None:
    journal, sent = MemoryJournal(), list[JournalBatch]()
    journal.append([(RPM_TOPIC, b"x" * (forwarding.MAX_RECORD_BYTES + 5), AT), (RPM_TOPIC, rpm(2), AT)])
    forwarder(journal, sent).poll()
    assert [len(record.payload) for batch in sent for record in batch.records] == [
        forwarding.MAX_RECORD_BYTES,
        len(rpm(2)),
    ]


def test_an_acknowledgment_of_another_journal_or_of_nonsense_changes_nothing() -> None:
    journal, sent = MemoryJournal("mine"), list[JournalBatch]()
    journal.append([(RPM_TOPIC, rpm(1), AT)])
    forward = forwarder(journal, sent)
    forward.poll()
    for payload in (b"{", msgspec.json.encode(JournalAcknowledgment("other", 1))):
        forward.on_acknowledgment(Message("t", payload))
    assert journal.acknowledged_seq() == 0


# ---- copies of a journal -------------------------------------------------------------------------------------------


def entries(first: int, count: int, *, year: int = 2030) -> list[tuple[str, bytes, datetime]]:
    at = AT.replace(year=year)
    return [(RPM_TOPIC, rpm(n), at + timedelta(seconds=n)) for n in range(first, first + count)]


def test_a_restored_journal_takes_a_new_id_before_its_numbers_mean_something_else(tmp_path: Path) -> None:
    """Otherwise entries 6 to 8 of the restored one would be taken for those that the leader has already."""
    path, backup = tmp_path / "journal.sqlite", tmp_path / "backup"
    journal = SqliteJournal(path)
    journal.append(entries(1, 5))
    journal.acknowledge(5)
    born = journal.journal_id
    journal.close()
    shutil.copy(path, backup)
    journal = SqliteJournal(path)
    assert (journal.journal_id, journal.recovered) == (born, None)
    journal.append(entries(6, 3))
    journal.close()

    shutil.copy(backup, tmp_path / "new")
    (tmp_path / "new").replace(path)
    restored = SqliteJournal(path)
    restored.append(entries(106, 5))
    assert restored.journal_id != born
    assert restored.recovered is not None and "copy" in restored.recovered
    assert restored.acknowledged_seq() == 5
    assert [entry.payload for entry in restored.read(after_seq=5, limit=10)] == [rpm(n) for n in range(106, 111)]
    again = restored.journal_id
    restored.close()
    assert SqliteJournal(path).journal_id == again


def deliver(bench: Bench, journal: SqliteJournal) -> None:
    """Send to the writer and process its acknowledgment, as the monitor does."""
    forward = JournalForwarder(
        journal, bench.simulation.clock, bench.bus.publish, unit="unit1", max_bytes=10**9, bytes_per_s=1e9
    )
    for _ in range(5):
        forward.poll()
        bench.wait(1.0)
        acknowledged = bench.simulation.broker.retained.get(topics.journal_acknowledged("unit1"))
        if acknowledged is not None:
            forward.on_acknowledgment(Message("t", acknowledged))


def put_back(path: Path, content: bytes) -> None:
    """Give a file older content in the same place of the disk, as when a card is written from its image."""
    Path(f"{path}-wal").unlink(missing_ok=True)
    Path(f"{path}-shm").unlink(missing_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("appended_before_the_acknowledgment", [2, 100])
@pytest.mark.parametrize("way", ["a file is copied back", "the card is written from its image"])
def test_of_an_older_journal_nothing_is_lost_or_stored_twice(
    bench: Bench, sink: MemoryRecordSink, tmp_path: Path, way: str, appended_before_the_acknowledgment: int
) -> None:
    """The copy has entries that the leader has although the copy does not know it, and then continues separately."""
    start_writer(bench)
    path, boots = tmp_path / "journal.sqlite", iter("ABC")
    boot = next(boots)
    journal = SqliteJournal(path, boot=lambda: boot)
    journal.append(entries(1, 8))
    journal.close()
    image = path.read_bytes()
    journal.append(entries(9, 4))
    deliver(bench, journal)
    assert journal.acknowledged_seq() == 12
    journal.close()

    boot = next(boots)
    if way == "a file is copied back":
        (tmp_path / "new").write_bytes(image)
        (tmp_path / "new").replace(path)
    else:
        put_back(path, image)
    restored = SqliteJournal(path, boot=lambda: boot)
    restored.append(entries(1009, appended_before_the_acknowledgment))
    assert restored.acknowledged_seq() == 0
    deliver(bench, restored)
    restored.append(entries(2000, 1))
    deliver(bench, restored)
    new = [*range(1009, 1009 + appended_before_the_acknowledgment), 2000]
    assert written(sink) == [*range(1, 13), *new]
    assert restored.acknowledged_seq() == restored.last_seq() == 8 + len(new)
    restored.close()


def test_an_older_copy_whose_name_the_leader_never_heard_is_known_again(
    bench: Bench, sink: MemoryRecordSink, tmp_path: Path
) -> None:
    """What it holds was delivered under a later name. Found by seed 347 of `bench.chaos`."""
    start_writer(bench)
    path = tmp_path / "journal.sqlite"
    boot = "A"
    journal = SqliteJournal(path, boot=lambda: boot)
    journal.append(entries(1, 5))
    journal.close()
    image = path.read_bytes()
    boot = "B"
    journal.append(entries(6, 1))
    deliver(bench, journal)
    journal.close()
    put_back(path, image)
    boot = "C"
    restored = SqliteJournal(path, boot=lambda: boot)
    restored.append(entries(1006, 2))
    deliver(bench, restored)
    restored.close()
    assert written(sink) == [1, 2, 3, 4, 5, 6, 1006, 1007]


def test_starts_of_the_computer_cost_no_repetition(bench: Bench, sink: MemoryRecordSink, tmp_path: Path) -> None:
    start_writer(bench)
    ids = set()
    for start in range(20):
        journal = SqliteJournal(tmp_path / "journal.sqlite", boot=lambda start=start: f"boot {start}")  # type: ignore[misc]
        journal.append(entries(10 * start, 3))
        if start % 4 == 3:
            deliver(bench, journal)
        ids.add(journal.journal_id)
        journal.close()
    assert len(ids) == 20
    assert written(sink) == [10 * start + n for start in range(20) for n in range(3)]


def test_years_between_clocks_do_not_change_order_or_moments(bench: Bench, sink: MemoryRecordSink) -> None:
    start_writer(bench)
    journal, sent = MemoryJournal("clocks"), list[JournalBatch]()
    for n, year in enumerate((2030, 1999, 2041), start=1):
        journal.append(entries(n, 1, year=year))
    forwarder(journal, sent).poll()
    bench.bus.publish(topics.journal_entries("unit1"), msgspec.json.encode(sent[0]))
    bench.wait(1.0)
    assert written(sink) == [1, 2, 3]


# ---- the database --------------------------------------------------------------------------------------------------


def test_a_locked_database_takes_nothing_by_halves_and_everything_later(tmp_path: Path) -> None:
    sink = SqliteRecordSink(tmp_path / "leader.sqlite")
    sink._connection.execute("PRAGMA busy_timeout=10")
    with simulated_bench(open_records=lambda: sink) as bench:
        start_writer(bench)
        other = sqlite3.connect(tmp_path / "leader.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        send(bench, "a", 0, [1, 2])
        assert sink.progress("unit1", "a") == 0
        assert any("The database cannot be written" in words for words in bench.logged("error"))
        other.execute("ROLLBACK")
        send(bench, "a", 0, [1, 2])
        assert other.execute("SELECT count(*) FROM stirring_rates").fetchone() == (2,)
        assert sink.progress("unit1", "a") == 2
        other.close()


def test_a_full_disk_raises_and_what_was_committed_stays(tmp_path: Path) -> None:
    sink = SqliteRecordSink(tmp_path / "leader.sqlite")
    pages = sink._connection.execute("PRAGMA page_count").fetchone()[0]
    sink._connection.execute(f"PRAGMA max_page_count={pages + 2}")
    with simulated_bench(open_records=lambda: sink) as bench:
        job = start_writer(bench)
        seq = 0
        while not job._is_failing:
            send(bench, "a", seq, list(range(seq + 1, seq + 201)))
            seq += 200
            assert seq < 20_000
        had = sink.progress("unit1", "a")
        assert had == seq - 200
        with pytest.raises(StorageError):
            sink.commit([Row("logs", {"message": "x" * 100_000, "source": "app", "level": "INFO"})])
        sink._connection.execute("PRAGMA max_page_count=1000000")
        send(bench, "a", had, list(range(had + 1, had + 201)))
        count = sink._connection.execute("SELECT count(*), count(DISTINCT measured_rpm) FROM stirring_rates").fetchone()
        assert count == (seq, seq)
