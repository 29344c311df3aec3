"""Status of the journal: published, and logged when records wait."""

from tests.unit.background_jobs.monitor.conftest import Watched

from pioreactor import structs
from pioreactor.background_jobs.leader.mqtt_to_db_streaming import MqttToDBStreamer
from pioreactor.storage.memory import MemoryRecordSink

READING = "pioreactor/unit1/simulation/stirring/measured_rpm"


def record(watched: Watched, count: int) -> None:
    runtime = watched.bench.unit.runtime
    now = runtime.clock.now()
    payload = structs.encode(structs.MeasuredRPM(measured_rpm=500.0, timestamp=now))
    runtime.stores.journal().append([(READING, payload, now)] * count)


def test_waiting_records_are_logged_once_and_again_when_sent(watched: Watched) -> None:
    watched.start()
    record(watched, 3)
    since = structs.to_timestamp(watched.bench.unit.runtime.clock.now())
    watched.bench.wait(50)
    assert not watched.said("have waited for the leader")
    watched.bench.wait(200)
    assert len(watched.said("have waited for the leader", "warning")) == 1
    safety = watched.published("safe_up_to")[-1]
    assert safety["waiting"] >= 3
    assert safety["timestamp"] <= since
    watched.bench.start(lambda: MqttToDBStreamer("unit1", sink=MemoryRecordSink()))
    watched.bench.wait(120)
    assert watched.said("The leader has caught up", "info")
    safety = watched.published("safe_up_to")[-1]
    assert safety["acknowledged_seq"] >= 3
    assert safety["timestamp"] > since


def test_a_busy_unit_whose_leader_keeps_up_logs_nothing(watched: Watched) -> None:
    watched.start()
    watched.bench.start(lambda: MqttToDBStreamer("unit1", sink=MemoryRecordSink()))
    for _ in range(300):
        record(watched, 1)
        watched.bench.wait(0.4)
    assert not watched.said("have waited")
    assert len(watched.published("safe_up_to")) < 12


def test_recovery_of_a_damaged_journal_is_logged_once(watched: Watched) -> None:
    sentence = "The journal was damaged; 3 entries were saved."
    watched.bench.unit.runtime.stores.journal().recovered = sentence  # type: ignore[misc]
    watched.start()
    watched.bench.wait(30)
    assert len(watched.said(sentence, "warning")) == 1
