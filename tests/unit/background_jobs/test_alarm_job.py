"""Alarms of a cluster in virtual time: from a reactor's fault to the message in a person's hands, once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from pioreactor import structs, topics
from pioreactor.alarms.channels import Channel
from pioreactor.alarms.records import Notice
from pioreactor.background_jobs.leader.alarm_job import AlarmJob
from pioreactor.background_jobs.stirring.job import start_stirring
from pioreactor.exc import StorageError
from pioreactor.notifiers.ports import DeliveryError
from pioreactor.storage.leader.alarms import AlarmDatabase
from pioreactor.structs.alarm_payloads import AlarmSummary
from pioreactor.structs.events import Log
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.twin.faults import Fault

Simulated = Callable[..., Bench]


@dataclass
class Inbox:
    """A notifier that keeps what it gets, can be out of order, and can hang."""

    bench: Bench
    received: list[tuple[datetime, Notice, str]] = field(default_factory=list)
    attempts: int = 0
    error: DeliveryError | None = None
    hangs: bool = False

    def send(self, notice: Notice, *, delivery_id: str) -> None:
        clock = self.bench.unit.runtime.clock
        self.attempts += 1
        while self.hangs:
            clock.sleep(1.0)
        if self.error is not None:
            raise self.error
        self.received.append((clock.now(), notice, delivery_id))

    @property
    def titles(self) -> list[str]:
        return [notice.title for _, notice, _ in self.received]


@dataclass
class Scene:
    bench: Bench
    path: Path
    inbox: Inbox
    job: AlarmJob | None = None

    def start(self) -> AlarmJob:
        self.job = self.bench.start(lambda: AlarmJob(self.bench.unit.name))
        return self.job

    def open(self) -> AlarmDatabase:
        return AlarmDatabase(self.path, now=self.bench.unit.runtime.clock.now)

    def channel(self, **fields: object) -> None:
        channel = msgspec.convert({"name": "mail", "kind": "email", "lowest": "medium", **fields}, Channel)
        database = self.open()
        database.channels.put(channel)
        database.close()

    def states(self) -> list[tuple[str, str]]:
        database = self.open()
        found = [(one.rule, one.state) for one in database.alarms.history()]
        database.close()
        return sorted(found)

    def log(self, message: str, level: str = "error", unit: str = "unit1") -> None:
        entry = Log(message, level, "app", "dosing_automation", self.bench.unit.runtime.clock.now())
        self.bench.bus.publish(topics.log(unit, EXPERIMENT, "app", level), structs.encode(entry))


@pytest.fixture
def scene(simulated: Simulated, new_database: Callable[[], Path]) -> Scene:
    bench = simulated(scenario="water", calibrated_pumps=False)
    path = new_database()
    inbox = Inbox(bench)
    unit = bench.unit
    unit.runtime = replace(
        unit.runtime,
        open_alarms=lambda: AlarmDatabase(path, now=unit.runtime.clock.now),
        open_notifier=lambda channel, bus: inbox,
    )
    database = AlarmDatabase(path, now=unit.runtime.clock.now)
    # Tests that have no monitor would otherwise receive of it.
    database.rules.change("unit_silent", {"enabled": False}, username="test")
    database.close()
    return Scene(bench, path, inbox)


def test_a_stalled_stir_bar_is_told_within_seconds_and_so_is_its_end(scene: Scene) -> None:
    scene.channel()
    scene.start()
    clock = scene.bench.unit.runtime.clock
    scene.bench.start(lambda: start_stirring(500))
    scene.bench.wait(60.0)
    assert scene.inbox.titles == []
    scene.bench.unit.world.inject(Fault("stalled_fan", start_s=clock.monotonic(), end_s=clock.monotonic() + 90.0))
    scene.bench.wait(85.0)
    [(_, notice, _)] = scene.inbox.received
    assert notice.title == "Stir bar does not turn (unit1)"
    scene.bench.wait(60.0)
    assert scene.inbox.titles[-1] == "Cleared: Stir bar does not turn (unit1)"
    assert scene.states() == [("stirring_stalled", "cleared")]


def test_an_alarm_is_told_once_and_stays_after_a_restart(scene: Scene) -> None:
    scene.channel()
    scene.start()
    scene.bench.wait(5.0)
    scene.log("The pump is stuck.")
    scene.bench.wait(10.0)
    assert scene.inbox.titles == ["Error in the log (unit1)"]
    assert "The pump is stuck." in scene.inbox.received[0][1].text
    assert scene.job is not None
    scene.job.clean_up()
    scene.start()
    scene.bench.wait(30.0)
    assert scene.states() == [("log_error", "unacknowledged")]
    assert len(scene.inbox.received) == 1
    retained = scene.bench.simulation.broker.retained[topics.alarm_summary("unit1")]
    assert msgspec.json.decode(retained, type=AlarmSummary).open == {"medium": 1}


def test_a_leader_that_stops_in_the_middle_of_a_delivery_sends_it_no_second_time_and_says_so(scene: Scene) -> None:
    scene.channel()
    job = scene.start()
    scene.inbox.hangs = True
    scene.bench.wait(5.0)
    scene.log("The pump is stuck.")
    scene.bench.wait(10.0)
    assert scene.inbox.attempts == 1
    job.clean_up()
    scene.inbox.hangs = False
    scene.inbox.error = DeliveryError("the connection was cut")
    scene.bench.wait(2.0)
    scene.inbox.error = None
    scene.start()
    scene.bench.wait(60.0)
    database = scene.open()
    [delivery] = database.deliveries.recent()
    database.close()
    assert (delivery.state, scene.inbox.attempts) == ("failed", 1)
    assert "may have arrived" in str(delivery.error)


def test_a_message_that_waits_when_the_leader_stops_is_sent_afterwards(scene: Scene) -> None:
    scene.channel()
    scene.inbox.error = DeliveryError("the server is away")
    job = scene.start()
    scene.bench.wait(5.0)
    scene.log("The pump is stuck.")
    scene.bench.wait(10.0)
    job.clean_up()
    scene.inbox.error = None
    scene.start()
    scene.bench.wait(30.0)
    assert scene.inbox.titles == ["Error in the log (unit1)"]


def test_a_refusal_is_seen_as_an_alarm_of_its_own(scene: Scene) -> None:
    scene.channel()
    scene.start()
    scene.inbox.error = DeliveryError("550 no one of that name", is_final=True)
    scene.bench.wait(5.0)
    scene.log("The pump is stuck.")
    scene.bench.wait(30.0)
    assert ("alarm_delivery_failed", "unacknowledged") in scene.states()


def test_a_shelved_alarm_is_not_told_again_until_it_is_back(scene: Scene) -> None:
    scene.channel(tells_clearing=False)
    scene.start()
    scene.bench.wait(5.0)
    scene.log("The pump is stuck.")
    scene.bench.wait(10.0)
    database = scene.open()
    [alarm] = database.alarms.open()
    database.alarms.shelve(alarm.id, hours=0.5, username="ana", note="being repaired")
    assert database.alarms.get(alarm.id).state == "shelved"
    for _ in range(6):
        scene.bench.wait(290.0)
        scene.log("The pump is stuck.")
    assert len(scene.inbox.received) == 1
    scene.bench.wait(120.0)
    assert scene.inbox.titles[-1] == "Still there: Error in the log (unit1)"
    database.close()


def test_an_alarm_that_was_acknowledged_is_history_once_it_is_cleared(scene: Scene) -> None:
    scene.start()
    scene.bench.wait(5.0)
    scene.log("The pump is stuck.")
    scene.bench.wait(5.0)
    database = scene.open()
    [alarm] = database.alarms.open()
    [done] = database.alarms.acknowledge([alarm.id], username="ana", note="I look at it")
    assert (done.state, done.acknowledged_by, done.note) == ("acknowledged", "ana", "I look at it")
    scene.bench.wait(700.0)
    assert database.alarms.open() == []
    assert [event.event for event in database.alarms.events(alarm.id)] == ["raised", "acknowledged", "cleared"]
    database.close()


def test_rules_that_jobs_declare_can_be_changed_and_take_effect_at_once(scene: Scene) -> None:
    scene.start()
    scene.bench.start(lambda: start_stirring(500))
    scene.bench.wait(10.0)
    database = scene.open()
    assert "stirring_stalled" in {rule.name for rule in database.rules.all()}
    database.rules.change(
        "too_fast",
        {
            "title": "Too fast",
            "severity": "low",
            "condition": {"type": "limit", "topic": "stirring/measured_rpm", "field": "measured_rpm", "above": 400},
        },
        username="ana",
    )
    scene.bench.wait(60.0)
    assert [one.rule for one in database.alarms.open()] == ["too_fast"]
    database.rules.change("too_fast", {"above": 900}, username="ana")
    scene.bench.wait(60.0)
    assert [one.state for one in database.alarms.open()] == ["cleared"]
    database.close()


def test_a_database_that_is_locked_for_a_while_loses_no_alarm(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    job = scene.start()
    scene.bench.wait(5.0)
    with monkeypatch.context() as patch:

        def fail(_: object) -> None:
            raise StorageError("the database is locked")

        patch.setattr(job._database.alarms, "apply", fail)
        scene.log("The pump is stuck.")
        with suppress(StorageError):
            scene.bench.wait(30.0)
    scene.bench.wait(5.0)
    assert scene.states() == 2 * [("log_error", "unacknowledged")], "the pump's, and that of the database"


def test_rules_of_the_configuration_and_the_address_of_the_panel_take_effect_without_a_restart(scene: Scene) -> None:
    scene.channel()
    scene.start()
    scene.bench.wait(5.0)
    config = scene.bench.unit.runtime.paths.global_config
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("[alarms]\nlink = http://lab.example.org\n[alarms.rules]\nlog_error.severity = critical\n")
    scene.bench.wait(5.0)
    scene.log("The pump is stuck.")
    scene.bench.wait(10.0)
    [(_, notice, _)] = scene.inbox.received
    assert (notice.severity, notice.link.startswith("http://lab.example.org")) == ("critical", True)
    config.write_text("[alarms.rules]\nlog_error.enabled = false\n")
    scene.bench.wait(5.0)
    assert scene.states() == [("log_error", "cleared")]
