"""Campaigns from definition to report: continued from the record alone, over removed units and failures."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pioreactor.campaigns.campaign_definition import profile_of_arm, read_definition
from pioreactor.campaigns.campaign_progress import CampaignProgress
from pioreactor.campaigns.campaign_report import report
from pioreactor.campaigns.objective import measured, objective_of
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.experiment_profiles.profile_struct import read_profile
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.ports import Row
from pioreactor.structs.encoding import to_timestamp

DEFINITION = """
campaign: warm-and-fed
factors:
  - {name: temperature, low: 25, high: 42, unit: °C, step: 0.5}
  - {name: media, low: 0, high: 1}
limits:
  - {name: warm and starved, sum: {temperature: 0.1, media: -1.0}, at_most: 3.4}
objective: {expression: growth_rate_per_h, from_hours: 1}
hours: 3
settings: 12
batch: 2
initial: 4
profile: |
  version: "1.0"
  experiment_profile_name: arm
  inputs: {temperature: 30, media: 0.5}
  common:
    jobs:
      temperature_automation:
        actions:
          - type: start
            t: 0
            options: {automation_name: thermostat, target_temperature: "${{ temperature }}"}
          - type: log
            t: 0.1
            options: {message: "medium ${{ media }}"}
"""


class Wall:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def database(tmp_path: Path, wall: Wall) -> Iterator[LeaderDatabase]:
    found = LeaderDatabase.open(tmp_path / "leader.sqlite", now=wall)
    found.experiments.create("e")
    yield found
    found.close()


def progress_of(database: LeaderDatabase, units: tuple[str, ...] = ("u1", "u2"), **changes: object) -> CampaignProgress:
    text = DEFINITION + "".join(f"{key}: {json.dumps(value)}\n" for key, value in changes.items())
    name = read_definition(text).campaign
    if name not in [one.campaign for one in database.campaigns.all()]:
        database.campaigns.create(name, "e", text)
    return CampaignProgress.of(database.campaigns, name, units)


def value_of(setting: dict[str, float]) -> float:
    return 1.0 - ((setting["temperature"] - 36.0) / 10.0) ** 2 + 0.1 * setting["media"]


def run_to_end(progress: CampaignProgress) -> None:
    while arms := progress.ask():
        for arm in arms:
            progress.campaigns.tell(progress.name, arm.arm, value_of(arm.suggestion.setting), note="", by="test")


def test_a_campaign_runs_to_its_end_and_is_reported(database: LeaderDatabase) -> None:
    progress = progress_of(database)
    run_to_end(progress)
    arms, knowledge = database.campaigns.arms(progress.name), progress.knowledge()
    assert (len(arms), knowledge.done, knowledge.settings_left) == (12, 12, 0)
    assert [arm.suggestion.kind for arm in arms] == ["initial"] * 4 + ["improvement"] * 8
    assert sorted(arm.unit for arm in arms) == ["u1"] * 6 + ["u2"] * 6
    assert knowledge.best is not None
    assert value_of(knowledge.best.setting) > 0.95 * 1.1
    text = report(progress.definition, arms, knowledge)
    assert "Best prediction: temperature" in text
    assert text.count("\n| ") == 13


def test_the_record_alone_decides_what_is_next(database: LeaderDatabase, tmp_path: Path, wall: Wall) -> None:
    run_to_end(progress_of(database))
    other = LeaderDatabase.open(tmp_path / "other.sqlite", now=wall)
    other.experiments.create("e")
    while arms := progress_of(other).ask():  # as if the process had ended after each batch
        for arm in arms:
            other.campaigns.tell("warm-and-fed", arm.arm, value_of(arm.suggestion.setting), note="", by="test")
    assert other.campaigns.arms("warm-and-fed") == database.campaigns.arms("warm-and-fed")
    other.close()


def test_arms_of_a_removed_unit_move_to_another(database: LeaderDatabase) -> None:
    progress = progress_of(database, replicates=2)
    arms = progress.ask()
    assert {arm.unit for arm in arms} == {"u1", "u2"}
    moved = progress_of(database, ("u2", "u3")).rescue()
    assert [arm.arm for arm in moved] == [arm.arm for arm in arms if arm.unit == "u1"]
    assert {(arm.unit, arm.status) for arm in moved} == {("u3", "waiting")}
    with pytest.raises(InvalidRequestError, match="no unit"):
        progress_of(database, ()).rescue()


def test_failures_and_corrections(database: LeaderDatabase) -> None:
    progress = progress_of(database)
    first, second = progress.ask()
    database.campaigns.tell(progress.name, first.arm, float("nan"), note="", by="ada")
    database.campaigns.tell(progress.name, second.arm, 1.0, note="", by="ada")
    database.campaigns.tell(progress.name, second.arm, 2.0, note="a typing error", by="ada")
    first, second = database.campaigns.arms(progress.name)
    assert (first.objective, first.status, first.note) == (None, "done", "no number")
    assert (second.objective, second.note) == (2.0, "a typing error")
    assert progress.knowledge().failed == 1
    assert len(progress.ask()) == 2


def test_what_runs_starts_once_and_ends_with_the_campaign(database: LeaderDatabase, tmp_path: Path) -> None:
    progress = progress_of(database)
    first, _ = progress.ask()
    path = progress.start(first.arm, tmp_path / "profiles")
    assert read_profile(path.read_text()).inputs == first.suggestion.setting
    with pytest.raises(ConflictError, match="is running"):
        progress.start(first.arm, tmp_path)
    with pytest.raises(NotFoundError, match="no arm 99"):
        progress.start(99, tmp_path)
    database.campaigns.end(progress.name)
    assert [arm.status for arm in database.campaigns.arms(progress.name)] == ["running", "withdrawn"]
    with pytest.raises(ConflictError, match="has ended"):
        progress.ask()


def test_an_objective_is_taken_from_the_database(database: LeaderDatabase, wall: Wall, tmp_path: Path) -> None:
    progress = progress_of(database)
    first, second = progress.ask()
    progress.start(first.arm, tmp_path)
    sink = open_record_sink(database.location, now=wall)
    for minutes, rate in ((30, 9.0), (90, 0.2), (150, 0.4), (200, 9.0)):
        at = to_timestamp(wall.at + timedelta(minutes=minutes))
        key = {"experiment": "e", "pioreactor_unit": first.unit, "timestamp": at}
        sink.commit([Row("growth_rates", {**key, "rate": rate})])
    sink.close()
    with pytest.raises(ConflictError, match="runs until"):
        progress.tell(database.access, first.arm, None, recorded=True, note="", by="ada")
    with pytest.raises(ConflictError, match="has not started"):
        progress.tell(database.access, second.arm, None, recorded=True, note="", by="ada")
    wall.at += timedelta(hours=3, minutes=1)
    told = progress.tell(database.access, first.arm, None, recorded=True, note="", by="ada")
    assert told.objective == pytest.approx(0.3)


def test_settings_may_be_chosen_elsewhere_within_the_limits(database: LeaderDatabase) -> None:
    progress = progress_of(database, choose_by="external")
    with pytest.raises(InvalidRequestError, match="chosen elsewhere"):
        progress.ask()
    [arm] = progress.give([{"temperature": 36.0, "media": 0.5}])
    assert arm.suggestion.kind == "given"
    with pytest.raises(InvalidRequestError, match="breaks a limit"):
        progress.give([{"temperature": 42.0, "media": 0.0}])
    assert progress.knowledge().best is None


@pytest.mark.parametrize(("kind", "count"), [("full_factorial", 7), ("central_composite", 9), ("sobol", 12)])
def test_designs_run_in_random_order_within_the_limits(database: LeaderDatabase, kind: str, count: int) -> None:
    progress = progress_of(database, choose_by=kind)
    arms = progress.ask(64)
    assert len(arms) == count
    assert progress.ask() == []


def test_two_programs_that_ask_at_once_do_not_get_the_same_arms(database: LeaderDatabase) -> None:
    progress = progress_of(database)
    progress.ask()
    with pytest.raises(ConflictError, match="meanwhile"):
        database.campaigns.add_arms(progress.name, [], after=0)


def test_an_arm_is_the_profile_on_its_unit() -> None:
    definition = read_definition(DEFINITION)
    profile = read_profile(profile_of_arm(definition, 3, "u1", {"temperature": 36.5, "media": 0.25}))
    assert (profile.experiment_profile_name, profile.inputs["temperature"]) == ("warm-and-fed, arm 3", 36.5)
    assert profile.common.jobs == {}
    assert profile.pioreactors["u1"].jobs == read_profile(definition.profile).common.jobs


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("low: 25", "low: 50", "must be below"),
        ("hours: 3", "hours: 0.5", "after the end"),
        ("${{ temperature }}", "30", "does not use the factor temperature"),
        ("warm-and-fed", "warm and fed", "letters, digits"),
        ("batch: 2", "batch: 0", "batch"),
        ("hours: 3", "hours: 8760", "hours"),
        ("batch: 2", "batch: [", "YAML|line"),
    ],
)
def test_definitions_that_cannot_be_used_are_refused(before: str, after: str, message: str) -> None:
    assert before in DEFINITION
    with pytest.raises(InvalidRequestError, match=message):
        read_definition(DEFINITION.replace(before, after))


def test_objectives_are_expressions_of_measurements_and_factors() -> None:
    found = measured([0.0, 1.0, 2.0], {"od": [0.1, 0.2, 0.4], "waste_ml": [0.0, 3.0, 5.0], "celsius": []}, 1.0)
    assert found == {"od": pytest.approx(0.3), "waste_ml": 5.0}
    assert objective_of("od * waste_ml / media", {"media": 0.5}, found).objective == pytest.approx(3.0)
    for expression in ("growth_rate", "od / 0", "stirring:target_rpm", "random()", "od +", "10 ** 400 * od"):
        outcome = objective_of(expression, {}, found)
        assert outcome.objective is None
        assert outcome.note


def test_a_campaign_is_json() -> None:
    definition = read_definition(DEFINITION)
    text = msgspec.json.encode(definition)
    assert msgspec.json.encode(msgspec.json.decode(text, type=type(definition))) == text


def test_the_definition_of_the_guide_can_be_used() -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "run-a-campaign.md"
    definition = read_definition(page.read_text(encoding="utf-8").split("```")[1])
    assert (definition.names, definition.replicates) == (["temperature", "media"], 2)
