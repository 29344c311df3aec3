"""Alarms are raised, cleared, escalated and suppressed as their rules say, in virtual time."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pioreactor.alarms.alarm_engine import FORGET_AFTER_S, AlarmEngine
from pioreactor.alarms.changes import Cleared, Escalated, Key, Raised, Unshelved
from pioreactor.alarms.condition_types import (
    Condition,
    Diagnosis,
    JobState,
    Limit,
    LogEntry,
    MissingData,
    RateOfChange,
    RecordsWaiting,
    UnitSilent,
)
from pioreactor.alarms.default_rules import DEFAULT_RULES
from pioreactor.alarms.interest import topic_of
from pioreactor.alarms.observation_types import (
    Diagnosed,
    Logged,
    Measured,
    Observation,
    RecordsStatus,
    Source,
    StateChanged,
)
from pioreactor.alarms.rules import AlarmRule, changed, from_text, rule_of
from pioreactor.exc import InvalidRequestError
from pioreactor.job_catalog import JOBS

HERE = Source("unit1", "exp")
OF_UNIT = Source("unit1", "$experiment")
TOPIC = "temperature_automation/temperature"
HOT = Limit(topic=TOPIC, field="temperature", above=39.0, hysteresis=0.5)


def rule(condition: Condition, **fields: object) -> AlarmRule:
    values = {"name": "it", "title": "It", "off_delay_s": 0.0, **fields}
    return msgspec.structs.replace(AlarmRule(name="it", title="It", condition=condition), **values)


class Scene:
    def __init__(self, *rules: AlarmRule, units: tuple[str, ...] = ("unit1", "unit2")) -> None:
        self.engine = AlarmEngine()
        self.engine.use(rules)
        self.at_s = 1000.0
        self.engine.expect(units, self.at_s)
        self.said: list[str] = []

    def see(self, *observations: Observation) -> None:
        for one in observations:
            self.engine.observe(one, self.at_s)
        self.wait(0.0)

    def wait(self, seconds: float) -> None:
        self.at_s += seconds
        for change in self.engine.tick(self.at_s):
            self.said.append(f"{type(change).__name__.lower()} {change.key.unit or change.key.experiment or 'cluster'}")

    def temperature(self, celsius: float, source: Source = HERE) -> None:
        self.see(Measured(source, TOPIC, {"temperature": celsius}))


def test_a_limit_has_hysteresis() -> None:
    scene = Scene(rule(HOT))
    for celsius in (39.0, 39.1, 38.8, 39.2, 38.6):
        scene.temperature(celsius)
    assert scene.said == ["raised unit1"]
    scene.temperature(38.4)
    assert scene.said == ["raised unit1", "cleared unit1"]


def test_a_limit_has_a_lower_side() -> None:
    scene = Scene(rule(Limit(topic=TOPIC, field="temperature", below=20.0, hysteresis=1.0)))
    for celsius in (19.9, 20.5, 21.1):
        scene.temperature(celsius)
    assert scene.said == ["raised unit1", "cleared unit1"]


def test_a_delay_ignores_what_lasts_shorter() -> None:
    scene = Scene(rule(HOT, delay_s=30.0))
    scene.temperature(40.0)
    scene.wait(29.0)
    scene.temperature(37.0)
    scene.wait(60.0)
    assert scene.said == []
    scene.temperature(40.0)
    scene.wait(30.0)
    assert scene.said == ["raised unit1"]


def test_an_off_delay_keeps_an_alarm_that_flutters() -> None:
    scene = Scene(rule(HOT, off_delay_s=20.0))
    for celsius in (40.0, 37.0, 40.0, 37.0):
        scene.temperature(celsius)
        scene.wait(10.0)
    assert scene.said == ["raised unit1"]
    scene.wait(15.0)
    assert scene.said == ["raised unit1", "cleared unit1"]


def test_a_value_of_a_job_that_was_paused_is_no_alarm() -> None:
    scene = Scene(rule(HOT))
    scene.temperature(40.0)
    scene.see(StateChanged(HERE, "temperature_automation", "sleeping"))
    assert scene.said == ["raised unit1", "cleared unit1"]


def test_a_rate_is_taken_over_its_window() -> None:
    fast = RateOfChange(topic="growth_rate_calculating/od_filtered", field="od", above_per_h=1.0, window_s=600.0)
    scene = Scene(rule(fast))
    for minute in range(20):
        scene.see(Measured(HERE, fast.topic, {"od": 0.5 + minute * (0.01 if minute < 12 else 0.05)}))
        scene.wait(60.0)
    assert scene.said == ["raised unit1"]


def test_data_are_missing_only_while_their_job_is_ready() -> None:
    scene = Scene(rule(MissingData(topic="od_reading/od1", after_s=60.0)))
    scene.see(Measured(HERE, "od_reading/od1", {"od": 1.0}))
    scene.wait(1000.0)
    assert scene.said == []
    scene.see(StateChanged(HERE, "od_reading", "ready"))
    scene.wait(59.0)
    assert scene.said == []
    scene.wait(2.0)
    assert scene.said == ["raised unit1"]
    scene.see(StateChanged(HERE, "od_reading", "disconnected"))
    assert scene.said[-1] == "cleared unit1"


def test_diagnosis_state_and_records() -> None:
    scene = Scene(
        rule(Diagnosis(job="stirring", name="stalled")),
        rule(JobState(), name="lost"),
        rule(RecordsWaiting(after_s=100.0), name="records"),
    )
    scene.see(Diagnosed(HERE, "stirring", {"stalled": "The bar does not turn."}))
    scene.see(StateChanged(HERE, "stirring", "lost"))
    assert scene.said == ["raised unit1", "raised unit1", "cleared unit1"], "a job that is lost diagnoses nothing"
    scene.see(StateChanged(HERE, "stirring", "ready"))
    scene.said.clear()
    scene.see(RecordsStatus(OF_UNIT, waiting=5, oldest_age_s=40.0))
    scene.wait(59.0)
    assert scene.said == []
    scene.wait(1.0)
    assert scene.said == ["raised unit1"]
    scene.see(RecordsStatus(OF_UNIT, waiting=0, oldest_age_s=0.0))
    assert scene.said == ["raised unit1", "cleared unit1"]


def test_a_unit_that_is_never_heard_is_silent_and_what_follows_from_it_is_suppressed() -> None:
    scene = Scene(rule(UnitSilent(after_s=100.0)), rule(JobState(), name="lost"))
    scene.see(RecordsStatus(Source("unit2", "$experiment"), 0, 0.0))
    scene.wait(60.0)
    scene.see(RecordsStatus(Source("unit2", "$experiment"), 0, 0.0))
    scene.wait(41.0)
    assert scene.said == ["raised unit1"]
    scene.see(StateChanged(HERE, "stirring", "lost"))
    assert scene.said == ["raised unit1"]
    assert scene.engine.suppressed == {Key("lost", "unit1", "exp")}


def test_a_last_will_that_is_corrected_is_no_alarm() -> None:
    scene = Scene(rule(UnitSilent()))
    scene.see(StateChanged(OF_UNIT, "monitor", "lost"))
    scene.wait(5.0)
    scene.see(StateChanged(OF_UNIT, "monitor", "ready"))
    scene.wait(60.0)
    assert scene.said == []
    scene.see(StateChanged(OF_UNIT, "monitor", "lost"))
    scene.wait(20.0)
    assert scene.said == ["raised unit1"]


def test_a_unit_that_is_not_active_has_no_alarms() -> None:
    scene = Scene(rule(HOT), units=("unit2",))
    scene.temperature(45.0)
    assert scene.said == []
    scene.engine.expect(["unit1"], scene.at_s)
    scene.wait(1.0)
    assert scene.said == ["raised unit1"]
    scene.engine.expect(["unit2"], scene.at_s)
    scene.wait(1.0)
    assert scene.said[-1] == "cleared unit1"


@pytest.mark.parametrize(("scope", "expected"), [("unit", 2), ("experiment", 1), ("cluster", 1)])
def test_the_scope_decides_what_is_one_alarm(scope: str, expected: int) -> None:
    scene = Scene(rule(HOT, scope=scope))
    scene.temperature(41.0)
    scene.temperature(42.0, Source("unit2", "exp"))
    scene.temperature(30.0)
    if scope != "unit":
        assert "cleared" not in " ".join(scene.said), "it stands as long as it holds anywhere"
    assert len([text for text in scene.said if text.startswith("raised")]) == expected


def test_an_alarm_is_escalated_once_unless_acknowledged_or_shelved() -> None:
    scene = Scene(rule(HOT, escalate_after_s=100.0))
    scene.temperature(41.0)
    scene.engine.shelved = frozenset([Key("it", "unit1", "exp")])
    scene.wait(150.0)
    assert scene.said == ["raised unit1"]
    scene.engine.shelved = frozenset()
    scene.wait(1.0)
    assert scene.said == ["raised unit1", "escalated unit1", "unshelved unit1"]
    scene.wait(500.0)
    assert len(scene.said) == 3
    other = Scene(rule(HOT, escalate_after_s=100.0))
    other.temperature(41.0)
    other.engine.mark(acknowledged=[Key("it", "unit1", "exp")])
    other.wait(1000.0)
    assert other.said == ["raised unit1"]


def test_a_restart_of_the_engine_neither_repeats_nor_loses_an_alarm() -> None:
    scene = Scene(rule(HOT, off_delay_s=5.0))
    scene.engine.restore({Key("it", "unit1", "exp"): 60.0, Key("it", "unit2", "exp"): 60.0}, scene.at_s)
    scene.wait(1.0)
    scene.temperature(41.0)
    scene.wait(60.0)
    assert scene.said == []
    scene.wait(FORGET_AFTER_S)
    assert scene.said == ["cleared unit2"]
    scene.temperature(30.0)
    scene.wait(6.0)
    assert scene.said == ["cleared unit2", "cleared unit1"]


def test_an_alarm_of_a_rule_that_was_switched_off_is_cleared() -> None:
    scene = Scene(rule(HOT))
    scene.temperature(41.0)
    scene.engine.use([])
    scene.wait(1.0)
    assert scene.said == ["raised unit1", "cleared unit1"]


def test_a_log_entry_that_repeats_a_diagnosis_is_no_second_alarm() -> None:
    scene = Scene(rule(Diagnosis(job="stirring", name="stalled")), rule(LogEntry(levels=("warning",)), name="log"))
    scene.engine.observe(Logged(HERE, "stirring", "warning", "The bar does not turn."), scene.at_s)
    scene.see(Diagnosed(HERE, "stirring", {"stalled": "The bar does not turn."}))
    assert scene.said == ["raised unit1"]
    scene.see(Logged(HERE, "dosing_automation", "warning", "The pump is worn."))
    assert scene.said == ["raised unit1", "raised unit1"]
    scene.wait(700.0)
    assert scene.said[-1] == "cleared unit1"


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(36, 42)), max_size=40))
@settings(max_examples=40)
def test_alarms_alternate_between_raised_and_cleared(steps: list[tuple[int, int]]) -> None:
    scene = Scene(rule(HOT, delay_s=20.0, off_delay_s=10.0))
    for seconds, celsius in steps:
        scene.temperature(celsius)
        scene.wait(seconds)
    assert scene.said == [f"{('raised', 'cleared')[n % 2]} unit1" for n in range(len(scene.said))]
    is_standing = bool(scene.engine.standing)
    assert is_standing == (len(scene.said) % 2 == 1)


def test_every_default_rule_is_a_valid_rule_with_a_name_of_its_own() -> None:
    assert len({one.checked().name for one in DEFAULT_RULES}) == len(DEFAULT_RULES)
    assert all(rule_of(msgspec.to_builtins(one)) == one for one in DEFAULT_RULES)


def test_a_rule_is_changed_field_by_field() -> None:
    new = changed(rule(HOT), {"severity": "critical", "above": 40.5, "condition": {"hysteresis": 1.0}})
    assert (new.severity, new.condition) == ("critical", msgspec.structs.replace(HOT, above=40.5, hysteresis=1.0))
    assert from_text(rule(HOT), [("enabled", "0"), ("delay_s", "90")]).delay_s == 90.0
    assert not from_text(rule(HOT), [("enabled", "no")]).enabled


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "fatal"},
        {"delay_s": -1},
        {"delay_s": 1e9},
        {"above": None},
        {"below": 50.0},
        {"topic": "pioreactor/#"},
        {"field": "a\n"},
        {"title": ""},
        {"unknown": 1},
        {"hysteresis": -1},
    ],
)
def test_a_change_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError):
        changed(rule(HOT), change)


def test_the_kinds_of_changes() -> None:
    assert {kind.__name__ for kind in (Raised, Cleared, Escalated, Unshelved)} == {
        "Raised",
        "Cleared",
        "Escalated",
        "Unshelved",
    }


@pytest.mark.parametrize("name", [name for name, spec in JOBS.items() if not spec.leader_only])
def test_rules_that_our_jobs_declare_are_valid_and_name_what_the_job_publishes(name: str) -> None:
    job: Any = JOBS[name].load()
    for one in job.alarm_rules:
        assert one.checked().name not in {default.name for default in DEFAULT_RULES}
        topic = topic_of(one.condition)
        if topic is not None:
            owner, _, published = topic.partition("/")
            assert owner == name
            assert published in job.published()
