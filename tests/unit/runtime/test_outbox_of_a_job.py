"""What is recorded is in the journal before anybody hears it, and survives a journal that fails."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.exc import StorageError
from pioreactor.messaging.memory import MemoryBroker
from pioreactor.messaging.ports import Message
from pioreactor.runtime import journaling_publisher as outbox_module
from pioreactor.runtime.journaling_publisher import Outbox, also_record, is_recorded
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
        self.heard: list[tuple[bytes, int]] = []
        self.broker.connect("listener").subscribe("#", self._hear)
        self.outbox = Outbox(self.broker.connect("job"), self.journal, self.clock)

    def _hear(self, message: Message) -> None:
        self.heard.append((message.payload, self.journal.last_seq()))

    def in_journal(self) -> list[bytes]:
        return [entry.payload for entry in self.journal.read(after_seq=0, limit=1000)]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_journal_has_it_before_anybody_hears_it(scene: Scene) -> None:
    scene.outbox.publish(PLAIN, b"500")
    scene.outbox.publish(RECORDED, b"one")
    scene.outbox.publish(RECORDED, b"two")
    assert scene.heard == []
    scene.outbox.flush()
    assert [payload for payload, _ in scene.heard] == [b"500", b"one", b"two"]
    assert all(written == 2 for _, written in scene.heard)
    assert scene.in_journal() == [b"one", b"two"]


def test_repetitions_and_empty_payloads_are_sent_and_not_recorded(scene: Scene) -> None:
    scene.outbox.publish(RECORDED, b"one")
    scene.outbox.publish(RECORDED, b"one", is_repetition=True, retain=True)
    scene.outbox.publish(RECORDED, b"", retain=True)
    scene.outbox.flush()
    assert len(scene.heard) == 3
    assert scene.in_journal() == [b"one"]


def test_moments_are_those_of_publishing_not_of_writing(scene: Scene) -> None:
    scene.journal.is_full = True
    scene.outbox.publish(RECORDED, b"one")
    at = scene.clock.now()
    scene.outbox.flush()
    scene.clock.sleep(60.0)
    scene.journal.is_full = False
    scene.outbox.publish(RECORDED, b"two")
    scene.outbox.flush()
    entries = scene.journal.read(after_seq=0, limit=10)
    assert [entry.payload for entry in entries] == [b"one", b"two"]
    assert entries[0].recorded_at == at


def test_a_journal_that_fails_costs_nothing_once_it_recovers(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.journal.is_full = True
    for number in range(50):
        scene.outbox.publish(RECORDED, str(number).encode())
        scene.outbox.flush()
    assert len(scene.heard) == 50, "live messages do not wait for the disk"
    assert len([record for record in caplog.records if "cannot be written" in record.message]) == 1
    scene.journal.is_full = False
    scene.outbox.flush()
    assert scene.in_journal() == [str(number).encode() for number in range(50)]
    assert scene.outbox.entries_lost == 0


def test_memory_is_bounded_and_what_is_lost_is_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "KEPT_IN_MEMORY", 10)
    scene.journal.is_full = True
    for number in range(25):
        scene.outbox.publish(RECORDED, str(number).encode())
        scene.outbox.flush()
    scene.journal.is_full = False
    scene.outbox.flush()
    assert scene.in_journal() == [str(number).encode() for number in range(15, 25)]
    assert scene.outbox.entries_lost == 15


def test_readings_are_never_lost_without_a_word(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trouble is said when it begins, the first loss when it happens, the number lost at the end; each once."""
    monkeypatch.setattr(outbox_module, "KEPT_IN_MEMORY", 10)
    said: list[str] = []

    def say(words: str) -> None:
        said.append(words)
        scene.outbox.publish(RECORDED, words.encode())  # as a job's logger does

    scene.outbox.say = say
    scene.journal.is_full = True
    for number in range(25):
        scene.outbox.publish(RECORDED, str(number).encode())
        scene.outbox.flush()
    scene.journal.is_full = False
    scene.outbox.flush()
    assert [words.split(":")[0] for words in said[:2]] == [
        "The journal cannot be written",
        "The memory for readings is full as well",
    ]
    assert "Free space on this unit's disk" in said[0]
    assert said[2] == f"The journal can be written again; {scene.outbox.entries_lost} entries were lost."
    assert len(said) == 3


def test_what_is_published_in_one_turn_is_one_commit(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane ends each turn with a flush, so nothing waits for its commit longer than a turn takes."""
    commits: list[int] = []
    append = scene.journal.append
    monkeypatch.setattr(scene.journal, "append", lambda entries: (commits.append(len(entries)), append(entries))[1])
    for number in range(50):
        scene.outbox.publish(RECORDED, str(number).encode())
    scene.outbox.flush()
    scene.outbox.flush()
    assert commits == [50]


def test_what_is_recorded_is_told_by_the_topic() -> None:
    assert is_recorded(RECORDED)
    assert is_recorded("pioreactor/u/e/logs/app/info")
    assert not is_recorded(PLAIN)
    assert not is_recorded("pioreactor/u/_testing_e/od_reading/od1")
    assert not is_recorded("elsewhere/u/e/od_reading/od1")
    assert not is_recorded("pioreactor/u/e/ph_reading/ph_of_outbox_test")
    also_record("pioreactor/+/+/ph_reading/ph_of_outbox_test")
    assert is_recorded("pioreactor/u/e/ph_reading/ph_of_outbox_test")
