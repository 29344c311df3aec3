"""Tests of the publisher that journals recorded messages before it sends them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.exc import StorageError
from pioreactor.measurements import also_record, is_recorded
from pioreactor.messaging.memory import MemoryBroker
from pioreactor.messaging.ports import Message
from pioreactor.runtime import journaling_publisher
from pioreactor.runtime.journaling_publisher import JournalingPublisher
from pioreactor.storage.memory import MemoryJournal

RECORDED = "pioreactor/unit1/exp/od_reading/od1"
PLAIN = "pioreactor/unit1/exp/stirring/target_rpm"


class FailingJournal(MemoryJournal):
    """A journal on a disk that can be full."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = False

    def append(self, entries: Sequence[tuple[str, bytes, datetime]]) -> int:
        if self.is_full:
            raise StorageError("no space left")
        return super().append(entries)


class Scene:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.broker = MemoryBroker(self.clock)
        self.journal = FailingJournal()
        self.received: list[tuple[bytes, int]] = []
        self.broker.connect("listener").subscribe("#", self._on_message)
        self.publisher = JournalingPublisher(self.broker.connect("job"), self.journal, self.clock)

    def _on_message(self, message: Message) -> None:
        self.received.append((message.payload, self.journal.last_seq()))

    def in_journal(self) -> list[bytes]:
        return [entry.payload for entry in self.journal.read(after_seq=0, limit=1000)]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_messages_are_journaled_before_they_are_published(scene: Scene) -> None:
    scene.publisher.publish(PLAIN, b"500")
    scene.publisher.publish(RECORDED, b"one")
    scene.publisher.publish(RECORDED, b"two")
    assert scene.received == []
    scene.publisher.flush()
    assert [payload for payload, _ in scene.received] == [b"500", b"one", b"two"]
    assert all(written == 2 for _, written in scene.received)
    assert scene.in_journal() == [b"one", b"two"]


def test_repetitions_and_empty_payloads_are_sent_and_not_recorded(scene: Scene) -> None:
    scene.publisher.publish(RECORDED, b"one")
    scene.publisher.publish(RECORDED, b"one", is_repetition=True, retain=True)
    scene.publisher.publish(RECORDED, b"", retain=True)
    scene.publisher.flush()
    assert len(scene.received) == 3
    assert scene.in_journal() == [b"one"]


def test_timestamps_are_those_of_publishing(scene: Scene) -> None:
    scene.journal.is_full = True
    scene.publisher.publish(RECORDED, b"one")
    at = scene.clock.now()
    scene.publisher.flush()
    scene.clock.sleep(60.0)
    scene.journal.is_full = False
    scene.publisher.publish(RECORDED, b"two")
    scene.publisher.flush()
    entries = scene.journal.read(after_seq=0, limit=10)
    assert [entry.payload for entry in entries] == [b"one", b"two"]
    assert entries[0].recorded_at == at


def test_entries_are_kept_while_the_journal_fails(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.journal.is_full = True
    for number in range(50):
        scene.publisher.publish(RECORDED, str(number).encode())
        scene.publisher.flush()
    assert len(scene.received) == 50, "live messages do not wait for the disk"
    assert len([record for record in caplog.records if "cannot be written" in record.message]) == 1
    scene.journal.is_full = False
    scene.publisher.flush()
    assert scene.in_journal() == [str(number).encode() for number in range(50)]
    assert scene.publisher.entries_lost == 0


def test_memory_is_bounded_and_losses_are_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journaling_publisher, "MAX_ENTRIES_IN_MEMORY", 10)
    scene.journal.is_full = True
    for number in range(25):
        scene.publisher.publish(RECORDED, str(number).encode())
        scene.publisher.flush()
    scene.journal.is_full = False
    scene.publisher.flush()
    assert scene.in_journal() == [str(number).encode() for number in range(15, 25)]
    assert scene.publisher.entries_lost == 15


def test_each_loss_of_readings_is_logged(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start of a fault, the first loss and the number lost are each logged once."""
    monkeypatch.setattr(journaling_publisher, "MAX_ENTRIES_IN_MEMORY", 10)
    logged: list[str] = []

    def log(message: str) -> None:
        logged.append(message)
        scene.publisher.publish(RECORDED, message.encode())  # as a job's logger does

    scene.publisher.log = log
    scene.journal.is_full = True
    for number in range(25):
        scene.publisher.publish(RECORDED, str(number).encode())
        scene.publisher.flush()
    scene.journal.is_full = False
    scene.publisher.flush()
    assert [message.split(":")[0] for message in logged[:2]] == [
        "The journal cannot be written",
        "The memory for readings is full as well",
    ]
    assert "Free space on this unit's disk" in logged[0]
    assert logged[2] == f"The journal can be written again; {scene.publisher.entries_lost} entries were lost."
    assert len(logged) == 3


def test_one_flush_is_one_commit(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane ends each turn with a flush, so nothing waits for its commit longer than a turn takes."""
    commits: list[int] = []
    append = scene.journal.append

    def counting(entries: Sequence[Any]) -> object:
        commits.append(len(entries))
        return append(entries)

    monkeypatch.setattr(scene.journal, "append", counting)
    for number in range(50):
        scene.publisher.publish(RECORDED, str(number).encode())
    scene.publisher.flush()
    scene.publisher.flush()
    assert commits == [50]


def test_topics_decide_what_is_recorded() -> None:
    assert is_recorded(RECORDED)
    assert is_recorded("pioreactor/u/e/logs/app/info")
    assert not is_recorded(PLAIN)
    assert not is_recorded("pioreactor/u/_testing_e/od_reading/od1")
    assert not is_recorded("elsewhere/u/e/od_reading/od1")
    assert not is_recorded("pioreactor/u/e/ph_reading/ph_of_this_test")
    also_record("pioreactor/+/+/ph_reading/ph_of_this_test")
    assert is_recorded("pioreactor/u/e/ph_reading/ph_of_this_test")
