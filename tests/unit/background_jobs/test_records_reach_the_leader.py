"""Records reach the leader's database exactly once, although messages are lost, duplicated, late or restored."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from pioreactor import structs, topics
from pioreactor.background_jobs.leader.mqtt_to_db_streaming import (
    MqttToDBStreamer,
    TopicToParserToTable,
    produce_metadata,
    register_source_to_sink,
)
from pioreactor.background_jobs.monitor import Monitor, forwarding
from pioreactor.exc import StorageError
from pioreactor.messaging.memory import RandomFaults
from pioreactor.messaging.ports import Message
from pioreactor.storage.memory import MemoryRecordSink
from pioreactor.storage.ports import Row
from pioreactor.testing.simulation import EXPERIMENT, Bench

Simulated = Callable[..., Bench]


@dataclass
class Sink(MemoryRecordSink):
    """A database that can be full, copied and put back."""

    is_full: bool = False
    commits: int = 0

    def commit(
        self,
        rows: Sequence[Row],
        *,
        progress: tuple[str, str, int] | None = None,
        former_names: Sequence[tuple[str, int]] = (),
    ) -> list[tuple[Row, str]]:
        if self.is_full:
            raise StorageError("the database is locked")
        self.commits += 1
        refused = [(row, "the table says no") for row in rows if row.values.get("event") == "refused"]
        kept = [row for row in rows if row.values.get("event") != "refused"]
        already = progress is not None and progress[2] <= self.progress(progress[0], progress[1])
        super().commit(kept, progress=progress, former_names=former_names)
        return [] if already else refused

    def copy(self) -> tuple[Any, Any]:
        return {table: list(rows) for table, rows in self.rows.items()}, dict(self._progress)

    def put_back(self, copy: tuple[Any, Any]) -> None:
        self.rows, self._progress = {table: list(rows) for table, rows in copy[0].items()}, dict(copy[1])


@dataclass
class Scene:
    bench: Bench
    sink: Sink = field(default_factory=Sink)
    recorded: int = 0

    def writer(self) -> MqttToDBStreamer:
        return self.bench.start(lambda: MqttToDBStreamer("unit1", sink=self.sink))

    def monitor(self) -> Monitor:
        return self.bench.start(lambda: Monitor("unit1"))

    def record(self, count: int, event: str = "add_media") -> None:
        runtime = self.bench.unit.runtime
        entries = []
        for _ in range(count):
            self.recorded += 1
            dose = structs.DosingEvent(
                volume_change=float(self.recorded), event=event, source_of_event="test", timestamp=runtime.clock.now()
            )
            topic = topics.event("unit1", EXPERIMENT, "dosing_events")
            entries.append((topic, structs.encode(dose), runtime.clock.now()))
        runtime.stores.journal().append(entries)

    def volumes(self) -> list[float]:
        return [row["volume_change_ml"] for row in self.sink.rows.get("dosing_events", [])]  # type: ignore[misc]

    def assert_complete(self) -> None:
        assert self.volumes() == [float(number) for number in range(1, self.recorded + 1)]
        journal = self.bench.unit.runtime.stores.journal()
        assert journal.last_seq() - journal.acknowledged_seq() < 20, "a few log lines may be on their way"


@pytest.fixture
def scene(simulated: Simulated) -> Scene:
    return Scene(simulated(scenario="water", calibrated_pumps=False))


@pytest.mark.parametrize("first", ["monitor", "writer"])
def test_records_arrive_in_order_whichever_job_starts_first(scene: Scene, first: str) -> None:
    scene.record(2500)
    getattr(scene, first)()
    scene.bench.wait(30.0)
    getattr(scene, "writer" if first == "monitor" else "monitor")()
    scene.bench.wait(60.0)
    scene.record(10)
    scene.bench.wait(5.0)
    scene.assert_complete()
    assert scene.sink.rows["dosing_events"][0] | {"timestamp": ""} == {
        "experiment": EXPERIMENT,
        "pioreactor_unit": "unit1",
        "timestamp": "",
        "event": "add_media",
        "volume_change_ml": 1.0,
        "source_of_event": "test",
    }
    safe = msgspec.json.decode(
        scene.bench.simulation.broker.retained["pioreactor/unit1/$experiment/monitor/safe_up_to"]
    )
    assert safe["waiting"] < 20


@pytest.mark.parametrize("seed", range(6))
def test_a_link_that_loses_duplicates_and_reorders_loses_no_row(scene: Scene, seed: int) -> None:
    monitor = scene.monitor()
    writer = scene.writer()
    for number, job in enumerate((monitor, writer)):
        faults = RandomFaults(seed=10 * seed + number, lost=0.25, repeated=0.25, delayed=0.5, max_delay_s=15.0)
        job._registration.bus.faults = faults  # type: ignore[attr-defined]
    rng = random.Random(seed)
    for _ in range(20):
        scene.record(rng.randrange(0, 400))
        scene.bench.wait(rng.uniform(0.0, 20.0))
    for job in (monitor, writer):
        job._registration.bus.faults = None  # type: ignore[attr-defined]
    scene.bench.wait(120.0)
    scene.assert_complete()


def test_restarts_of_monitor_writer_and_broker_lose_nothing(scene: Scene) -> None:
    rng = random.Random(5)
    monitor, writer = scene.monitor(), scene.writer()
    for _ in range(12):
        scene.record(rng.randrange(1, 800))
        match rng.randrange(4):
            case 0:
                monitor.clean_up()
                monitor = scene.monitor()
            case 1:
                writer.clean_up()
                writer = scene.writer()
            case 2:
                scene.bench.simulation.broker.stop()
                scene.bench.wait(40.0)
                scene.bench.simulation.broker.start()
            case _:
                scene.bench.wait(1.5)
    scene.bench.wait(120.0)
    scene.assert_complete()


def test_a_restarted_writer_gets_pending_batches_at_once(scene: Scene) -> None:
    """Without waiting until the unit finds that the leader does not respond."""
    scene.monitor()
    scene.bench.wait(20.0)
    scene.record(100)
    scene.bench.wait(2.0)
    assert scene.volumes() == []
    scene.writer()
    scene.bench.wait(1.0)
    assert len(scene.volumes()) == 100
    scene.assert_complete()


def test_batches_lost_by_the_broker_are_resent_at_once(scene: Scene) -> None:
    scene.writer()
    monitor = scene.monitor()
    scene.bench.wait(20.0)
    monitor._registration.bus.faults = RandomFaults(seed=1, lost=1.0)  # type: ignore[attr-defined]
    scene.record(100)
    scene.bench.wait(1.5)
    scene.bench.simulation.broker.stop()
    monitor._registration.bus.faults = None  # type: ignore[attr-defined]
    scene.bench.wait(1.0)
    assert scene.volumes() == []
    scene.bench.simulation.broker.start()
    scene.bench.wait(2.0)
    assert len(scene.volumes()) == 100


def test_a_database_that_is_locked_gets_the_rows_later(scene: Scene) -> None:
    scene.writer()
    scene.monitor()
    scene.sink.is_full = True
    scene.record(700)
    scene.bench.wait(120.0)
    assert scene.volumes() == []
    journal = scene.bench.unit.runtime.stores.journal()
    assert journal.acknowledged_seq() == 0
    assert len(scene.bench.logged("error")) == 1
    sent = [message for message in scene.bench.messages if message.topic == topics.journal_entries("unit1")]
    assert len(sent) < 100, "a unit that waits for a database does not flood the network"
    scene.sink.is_full = False
    scene.bench.wait(60.0)
    scene.assert_complete()


def test_a_restored_leader_gets_missing_records(scene: Scene) -> None:
    scene.writer()
    scene.monitor()
    scene.record(600)
    scene.bench.wait(30.0)
    copy = scene.sink.copy()
    scene.record(900)
    scene.bench.wait(30.0)
    scene.assert_complete()
    scene.sink.put_back(copy)
    assert len(scene.volumes()) == 600
    scene.record(1)
    scene.bench.wait(60.0)
    scene.assert_complete()


def test_a_new_leader_gets_what_the_journal_still_holds(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "TRIM_EVERY_S", 5.0)
    writer = scene.writer()
    scene.monitor()
    scene.record(3000)
    scene.bench.wait(60.0)
    journal = scene.bench.unit.runtime.stores.journal()
    journal.trim(max_bytes=50_000)
    kept = [entry for entry in journal.read(after_seq=0, limit=10**6) if entry.topic.endswith("dosing_events")]
    assert 0 < len(kept) < 3000
    writer.clean_up()
    scene.sink = Sink()
    scene.writer()
    scene.record(1)
    scene.bench.wait(60.0)
    assert scene.volumes() == [float(number) for number in range(3001 - len(kept), 3002)]


def test_a_journal_that_lost_its_tail_is_not_mistaken_for_the_old_one(scene: Scene) -> None:
    """A power cut took the unit's last entries after the leader had them: new ones have the same numbers."""
    scene.writer()
    monitor = scene.monitor()
    scene.record(500)
    scene.bench.wait(30.0)
    monitor.clean_up()
    journal = scene.bench.unit.runtime.stores.journal()
    lost = 40
    del journal._entries[-lost:]  # type: ignore[attr-defined]
    journal._last -= lost  # type: ignore[attr-defined]
    journal._acknowledged = min(journal._acknowledged, journal._last)  # type: ignore[attr-defined]
    scene.monitor()
    scene.bench.wait(5.0)
    before = len(scene.volumes())
    scene.record(100)
    scene.bench.wait(60.0)
    assert scene.volumes()[-100:] == [float(number) for number in range(501, 601)]
    assert len(scene.volumes()) >= before + 100


def test_unreadable_records_are_quarantined_without_blocking(scene: Scene) -> None:
    runtime = scene.bench.unit.runtime
    scene.writer()
    scene.monitor()
    scene.record(3)
    now = runtime.clock.now()
    journal = runtime.stores.journal()
    journal.append(
        [
            (topics.event("unit1", EXPERIMENT, "dosing_events"), b"{not json", now),
            (topics.event("unit1", EXPERIMENT, "bioreactor/current_volume_ml"), b"a lot", now),
            ("somewhere/else", b"x", now),
        ]
    )
    scene.record(1, event="refused")
    scene.record(2)
    scene.bench.wait(30.0)
    assert scene.volumes() == [1.0, 2.0, 3.0, 5.0, 6.0]
    quarantined = scene.sink.rows["quarantined_rows"]
    assert [row["payload"] for row in quarantined] == ["{not json", "a lot", "x"]
    assert quarantined[0]["topic"] == topics.event("unit1", EXPERIMENT, "dosing_events")
    assert len([line for line in scene.bench.logged("warning") if "quarantine" in line]) == 4


def test_invalid_batches_and_acknowledgments_are_skipped(scene: Scene) -> None:
    scene.writer()
    scene.monitor()
    for payload in (b"{", b"[]", b'{"journal_id": 1}', b"\xff", b'{"journal_id":"other","through_seq":99}'):
        scene.bench.bus.publish(topics.journal_entries("unit1"), payload)
        scene.bench.bus.publish(topics.journal_acknowledged("unit1"), payload)
    scene.record(10)
    scene.bench.wait(30.0)
    scene.assert_complete()


def test_a_plugin_stores_its_own_messages(scene: Scene) -> None:
    def parse(topic: str, payload: bytes) -> list[dict[str, Any]]:
        metadata = produce_metadata(topic)
        assert metadata.pioreactor_unit == "unit1"
        assert metadata.rest_of_topic == ["ph_reading", "ph_of_stream_test"]
        return [{"ph": float(payload), "experiment": metadata.experiment}, {"ph": -1.0}]

    register_source_to_sink(TopicToParserToTable("pioreactor/+/+/ph_reading/ph_of_stream_test", parse, "ph_readings"))
    writer = scene.writer()
    scene.monitor()
    writer.publish(f"pioreactor/unit1/{EXPERIMENT}/ph_reading/ph_of_stream_test", "7.2")
    scene.bench.wait(10.0)
    rows = scene.sink.rows["ph_readings"]
    assert [row["ph"] for row in rows] == [7.2, -1.0]
    assert {row["pioreactor_unit"] for row in rows} == {"unit1"}


def test_units_do_not_block_each_other(simulated: Simulated) -> None:
    bench = simulated(scenario="water", calibrated_pumps=False, units=("unit1", "unit2"))
    scene = Scene(bench)
    scene.writer()
    acknowledged: list[Message] = []
    bench.bus.subscribe(topics.journal_acknowledged("unit2"), acknowledged.append)
    scene.monitor()
    bench.start(lambda: Monitor("unit2"), on=bench.simulation.units[1])
    scene.record(300)
    bench.wait(30.0)
    scene.assert_complete()
    said = msgspec.json.decode(acknowledged[-1].payload)
    journal = bench.simulation.units[1].runtime.stores.journal()
    assert said["journal_id"] == journal.journal_id
    assert journal.acknowledged_seq() > 0


def test_the_real_database_takes_the_same_rows(simulated: Simulated, tmp_path: Any) -> None:
    import sqlite3

    from pioreactor.bootstrap.simulated import open_simulation_records

    path = tmp_path / "leader.sqlite"
    bench = simulated(scenario="water", open_records=lambda: open_simulation_records(path))
    scene = Scene(bench)
    writer = bench.start(lambda: MqttToDBStreamer("unit1"))
    scene.monitor()
    scene.record(400)
    bench.wait(30.0)
    writer.clean_up()
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT count(*), max(volume_change_ml) FROM dosing_events").fetchone()
        assert found == (400, 400.0)
        assert connection.execute("SELECT count(*) FROM quarantined_rows").fetchone() == (0,)
    finally:
        connection.close()


# ---- what is promised of the writer --------------------------------------------------------------------------------


def test_nothing_is_acknowledged_before_it_is_committed(scene: Scene) -> None:
    """When each acknowledgment is received, the sink has all that it speaks of."""
    too_early: list[int] = []

    def on_acknowledged(message: Message) -> None:
        said = msgspec.json.decode(message.payload)
        if said["through_seq"] > scene.sink.progress("unit1", said["journal_id"]):
            too_early.append(said["through_seq"])

    scene.bench.bus.subscribe(topics.journal_acknowledged("unit1"), on_acknowledged)
    scene.writer()
    scene.monitor()
    for turn in range(30):
        scene.sink.is_full = turn % 3 == 1
        scene.record(100)
        scene.bench.wait(1.3)
    scene.sink.is_full = False
    scene.bench.wait(30.0)
    assert too_early == []
    scene.assert_complete()


def test_a_database_that_is_back_has_everything_within_two_seconds(scene: Scene) -> None:
    """The writer tries what it kept every second; it does not wait until units repeat it."""
    scene.writer()
    scene.monitor()
    scene.bench.wait(20.0)
    scene.sink.is_full = True
    for _ in range(30):
        scene.record(100)
        scene.bench.wait(1.0)
    scene.sink.is_full = False
    scene.bench.wait(2.0)
    assert len(scene.volumes()) >= 1000, "all that was on its way when the database went"
    scene.bench.wait(4.0)
    scene.assert_complete()
    assert len([line for line in scene.bench.logged("error") if "cannot be written" in line]) == 1


def test_repeated_outages_of_the_database_are_logged_rarely(scene: Scene) -> None:
    scene.writer()
    scene.monitor()
    for turn in range(100):
        scene.sink.is_full = turn % 2 == 0
        scene.record(10)
        scene.bench.wait(3.0)
    scene.sink.is_full = False
    scene.bench.wait(30.0)
    assert len([line for line in scene.bench.logged("error") if "cannot be written" in line]) == 1
    assert len([line for line in scene.bench.logged("info") if "can be written again" in line]) == 1
    scene.assert_complete()


def test_rows_that_are_refused_for_ever_do_not_fill_the_log(scene: Scene) -> None:
    """Each line of the log is a record as well."""
    scene.writer()
    scene.monitor()
    for _ in range(60):
        scene.record(5, event="refused")
        scene.bench.wait(20.0)
    scene.bench.wait(20.0)
    said = [line for line in scene.bench.logged("warning") if "quarantine" in line]
    assert 2 <= len(said) <= 4, said
    assert "more went into quarantine" in said[-1]


def test_a_parser_that_repeats_the_payload_does_not_fill_the_log(scene: Scene) -> None:
    scene.writer()
    scene.monitor()
    runtime = scene.bench.unit.runtime
    volume = topics.event("unit1", EXPERIMENT, "bioreactor/current_volume_ml")
    runtime.stores.journal().append([(volume, b"x" * 400_000, runtime.clock.now())])
    scene.bench.wait(10.0)
    [row] = scene.sink.rows["quarantined_rows"]
    assert len(str(row["reason"])) < 600
    assert row["recorded_at"] is not None
    assert max(len(line) for line in scene.bench.logged("warning")) < 1000


def test_moments_survive_a_day_without_the_leader(scene: Scene) -> None:
    """Also those of messages that carry none of their own."""
    runtime = scene.bench.unit.runtime
    recorded = runtime.clock.now()
    volume = topics.event("unit1", EXPERIMENT, "bioreactor/current_volume_ml")
    runtime.stores.journal().append([(volume, b"14.5", recorded)])
    scene.monitor()
    scene.bench.wait(86_400.0)
    scene.writer()
    scene.bench.wait(60.0)
    found = [row for row in scene.sink.rows["liquid_volumes"] if row["liquid_volume"] == 14.5]
    assert [row["timestamp"] for row in found] == [structs.to_timestamp(recorded)]
