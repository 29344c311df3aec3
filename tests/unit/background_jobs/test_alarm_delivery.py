"""Messages of alarms over long times: a receiver that fails for a day, quiet hours, a clock that is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pioreactor.alarms.changes import Cleared, Key, Raised
from pioreactor.alarms.channels import Channel, QuietHours
from pioreactor.alarms.default_rules import DEFAULT_RULES
from pioreactor.alarms.records import Notice
from pioreactor.background_jobs.leader.alarm_delivery import DeliveryDesk, Outcome
from pioreactor.notifiers.ports import DeliveryError
from pioreactor.storage.leader.alarms import AlarmDatabase
from pioreactor.storage.leader.alarms.rule_table import StoredRule, rules_in_force

RULE = next(rule for rule in DEFAULT_RULES if rule.name == "unit_silent")
KEY = Key("unit_silent", "unit1", "$experiment")


@dataclass
class Hand:
    """A clock that a test moves by hand: monotonic time, and the time of day, which can be set apart from it."""

    monotonic_s: float = 1000.0
    moment: datetime = datetime(2030, 1, 1, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.monotonic_s

    def now(self) -> datetime:
        return self.moment

    def spawn(self, run: Callable[[], None], *, name: str) -> None:
        assert name.startswith("alarms to ")
        run()

    def move(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.moment += timedelta(seconds=seconds)


@dataclass
class Scene:
    database: AlarmDatabase
    clock: Any
    received: list[tuple[datetime, Notice, str]] = field(default_factory=list)
    attempts: int = 0
    error: DeliveryError | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk = DeliveryDesk(
            self.database,
            self.clock,
            open_notifier=lambda _: self,
            post=lambda run: run(),
            on_outcome=self.outcomes.append,
            installation="leader",
        )

    def send(self, notice: Notice, *, delivery_id: str) -> None:
        self.attempts += 1
        if self.error is not None:
            raise self.error
        self.received.append((self.clock.now(), notice, delivery_id))

    def live(self, seconds: float, *, step_s: float = 10.0) -> None:
        for _ in range(int(seconds / step_s)):
            self.clock.move(step_s)
            self.desk.poll(self.clock.now(), shelved=lambda _: False)

    def raise_alarm(self, unit: str = "unit1") -> None:
        self.database.alarms.apply([Raised(KEY._replace(unit=unit), RULE, "nothing was received")])


@pytest.fixture
def scene(new_database: Callable[[], Path]) -> Iterator[Scene]:
    clock = Hand()
    database = AlarmDatabase(new_database(), now=clock.now)
    yield Scene(database, clock)
    database.close()


def test_a_webhook_that_fails_for_a_day_gets_each_message_once(scene: Scene) -> None:
    scene.database.channels.put(Channel(name="chat", kind="webhook"))
    scene.error = DeliveryError("500 Internal Server Error")
    scene.raise_alarm()
    scene.live(86_400.0, step_s=60.0)
    assert 80 < scene.attempts < 130
    scene.raise_alarm("unit2")
    scene.database.alarms.apply([Cleared(KEY)])
    scene.error = None
    scene.live(2000.0)
    assert [notice.title for _, notice, _ in scene.received] == ["Unit is lost (unit1)", "1 alarm: 1 high"]
    assert len({id_ for _, _, id_ in scene.received}) == 2
    assert {one.state for one in scene.database.deliveries.recent()} == {"sent"}


def test_a_thousand_alarms_are_told_in_at_most_three_messages(scene: Scene) -> None:
    scene.database.channels.put(Channel(name="chat", kind="webhook"))
    changes = [Raised(KEY._replace(unit=f"unit{n}"), RULE, "nothing was received") for n in range(1000)]
    for start in range(0, 1000, 100):
        scene.database.alarms.apply(changes[start : start + 100])
        scene.live(10.0, step_s=2.0)
    scene.live(120.0)
    assert 1 <= len(scene.received) <= 3
    assert len({id_ for _, notice, _ in scene.received for id_ in notice.alarm_ids}) == 1000


def test_a_message_that_fails_for_three_days_has_failed(scene: Scene) -> None:
    scene.database.channels.put(Channel(name="chat", kind="webhook"))
    scene.error = DeliveryError("500 Internal Server Error")
    scene.raise_alarm()
    scene.live(4 * 86_400.0, step_s=300.0)
    [delivery] = scene.database.deliveries.recent()
    assert (delivery.state, delivery.attempts) == ("failed", 300)


@pytest.mark.parametrize("step", [timedelta(hours=-30), timedelta(hours=30), timedelta(minutes=-59)])
def test_a_clock_that_steps_in_quiet_hours_delays_no_message_beyond_their_end(scene: Scene, step: timedelta) -> None:
    quiet = QuietHours("22:00", "07:00")
    scene.database.channels.put(Channel(name="chat", kind="webhook", quiet=quiet))
    scene.clock.moment = datetime(2030, 1, 1, 23, tzinfo=UTC)
    scene.raise_alarm()
    scene.live(600.0)
    assert scene.received == []
    scene.clock.moment += step
    scene.live(10 * 3600.0, step_s=60.0)
    [(at, _, _)] = scene.received
    assert not quiet.holds(at)


def test_a_clock_that_steps_back_does_not_delay_the_next_attempt(scene: Scene) -> None:
    scene.database.channels.put(Channel(name="chat", kind="webhook"))
    scene.error = DeliveryError("500 Internal Server Error")
    scene.raise_alarm()
    scene.live(30.0)
    scene.clock.moment -= timedelta(days=1)
    scene.error = None
    scene.live(60.0)
    assert len(scene.received) == 1


def test_one_channel_that_fails_does_not_delay_another(scene: Scene) -> None:
    for name in ("a", "b"):
        scene.database.channels.put(Channel(name=name, kind="webhook"))
    scene.error = DeliveryError("refused", is_final=True)
    scene.raise_alarm()
    scene.live(20.0)
    assert sorted(one.channel for one in scene.database.deliveries.recent()) == ["a", "b"]


def test_the_configuration_changes_a_rule_and_a_person_has_the_last_word() -> None:
    configured = {"unit_silent.after_s": "300", "unit_silent.severity": "critical", "disk.enabled": "0"}
    stored = [StoredRule(rule.name, rule, {}, None) for rule in DEFAULT_RULES if rule.name != "unit_silent"]
    stored.append(StoredRule("unit_silent", RULE, {"severity": "low"}, "ana"))
    found = {one.rule.name: one for one in rules_in_force(stored, configured)}
    assert found["unit_silent"].rule.severity == "low"
    assert getattr(found["unit_silent"].rule.condition, "after_s") == 300.0  # noqa: B009  of one kind of condition only
    assert not found["disk"].rule.enabled
    assert (found["disk"].is_configured, found["unit_silent"].is_changed) == (True, True)
    wrong = {one.rule.name: one for one in rules_in_force(stored, {"disk.severity": "fatal"})}
    assert wrong["disk"].rule.severity == "high"
    assert "[alarms.rules] disk" in str(wrong["disk"].fault)
