"""Experiments, workers, assignments, labels, logs and people of the leader's database."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, NoWorkerFoundError
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.leader.repositories import experiments as experiments_module
from pioreactor.storage.leader.repositories.workers import check_unit_name
from pioreactor.storage.ports import Row
from pioreactor.structs.encoding import to_timestamp

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class Wall:
    """A clock on the wall that is turned by hand."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def turn(self, hours: float) -> None:
        self.moment += timedelta(hours=hours)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def database(tmp_path: Path, wall: Wall) -> Iterator[LeaderDatabase]:
    database = LeaderDatabase.open(tmp_path / "pioreactor.sqlite", now=wall.now)
    yield database
    database.close()


def stored(database: LeaderDatabase, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database.path)) as connection:
        return connection.execute(sql).fetchall()


def put(database: LeaderDatabase, *rows: Row) -> None:
    sink = SqliteRecordSink(database.path)
    assert sink.commit(rows) == []
    sink.close()


# experiments


def test_experiments_are_listed_newest_first_with_age_workers_and_tags(database: LeaderDatabase, wall: Wall) -> None:
    database.experiments.create("first", description="d", tags=[" Yeast ", "yeast", "", "B"])
    wall.turn(hours=1.5)
    database.experiments.create("second")
    database.workers.add("w1")
    database.assignments.assign("w1", "first")
    second, first = database.experiments.all()
    assert (first.experiment, first.description, first.delta_hours, first.worker_count) == ("first", "d", 1.5, 1)
    assert first.tags == ["B", "Yeast"]
    assert (second.experiment, second.description, second.delta_hours, second.worker_count) == ("second", None, 0.0, 0)
    assert second.tags == []
    assert database.experiments.latest() == second
    assert [experiment.experiment for experiment in database.experiments.active()] == ["first"]
    assert [(count.experiment, count.worker_count) for count in database.experiments.assignment_count()] == [
        ("first", 1)
    ]


def test_there_is_no_latest_experiment_at_first(database: LeaderDatabase) -> None:
    assert database.experiments.latest() is None


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 200, "current", "_testing_a", "a/b", "a#", "$experiment", "100%", "a+b", "a\\b", "a\nb"]
)
def test_names_that_topics_or_addresses_cannot_carry_are_refused(database: LeaderDatabase, name: str) -> None:
    with pytest.raises(InvalidRequestError):
        database.experiments.create(name)
    assert database.experiments.all() == []


@pytest.mark.parametrize("name", ["x" * 199, "Exp 1 (µ) – é", "currently", "o'Brien\"; DROP TABLE logs"])
def test_other_names_are_fine(database: LeaderDatabase, name: str) -> None:
    assert database.experiments.create(name).experiment == name
    assert database.experiments.get(name).experiment == name


def test_a_name_can_be_used_once(database: LeaderDatabase) -> None:
    database.experiments.create("e", description="first")
    with pytest.raises(ConflictError):
        database.experiments.create(" e ", description="second")
    assert database.experiments.get("e").description == "first"


def test_update_changes_what_is_given(database: LeaderDatabase) -> None:
    database.experiments.create("e", description="d", tags=["a"])
    assert database.experiments.update("e", tags=["b", "B", "c"]).tags == ["b", "c"]
    assert database.experiments.update("e", description=None).description is None
    assert database.experiments.get("e").tags == ["b", "c"]
    assert database.experiments.update("e", tags=None).tags == []
    with pytest.raises(InvalidRequestError):
        database.experiments.update("e")
    with pytest.raises(NotFoundError):
        database.experiments.update("unknown", tags=[])


def test_delete_takes_everything_of_that_experiment_only(
    database: LeaderDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments_module, "_CHANGED_AT_ONCE", 7)
    database.workers.add("w1")
    for name in ("gone", "kept"):
        database.experiments.create(name, tags=["t"])
        database.labels.set(name, "w1", "label")
        key = {"experiment": name, "pioreactor_unit": "w1"}
        rows = [Row("growth_rates", {**key, "timestamp": f"{n:03d}", "rate": 0.1}) for n in range(30)]
        put(database, *rows, Row("logs", {**key, "timestamp": "1", "message": "m", "source": "s", "level": "INFO"}))
    database.assignments.assign("w1", "gone")

    assert database.experiments.delete("gone") >= 30 + 30 + 1 + 1 + 1 + 1
    with pytest.raises(NotFoundError):
        database.experiments.get("gone")
    with pytest.raises(NotFoundError):
        database.experiments.delete("gone")
    for table, count in (("growth_rates", 30), ("pioreactor_unit_activity_data", 30), ("logs", 1), ("experiments", 1)):
        assert stored(database, f"SELECT experiment, COUNT(*) FROM {table} GROUP BY 1") == [("kept", count)]
    assert database.assignments.of_unit("w1").experiment is None
    assert database.experiments.get("kept").tags == ["t"]
    assert database.labels.of_experiment("kept") == {"w1": "label"}
    assert database.labels.of_experiment("gone") == {}
    (past,) = database.assignments.history("gone")
    assert past.unassigned_at == to_timestamp(START)


def test_rename_takes_everything_along_and_can_be_continued(
    database: LeaderDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments_module, "_CHANGED_AT_ONCE", 7)
    database.workers.add("w1")
    for name in ("old", "kept"):
        database.experiments.create(name, description=name, tags=["t"])
        database.labels.set(name, "w1", "label")
        key = {"experiment": name, "pioreactor_unit": "w1"}
        rows = [Row("growth_rates", {**key, "timestamp": f"{n:03d}", "rate": 0.1}) for n in range(30)]
        put(database, *rows, Row("logs", {**key, "timestamp": "1", "message": "m", "source": "s", "level": "INFO"}))
    database.assignments.assign("w1", "old")
    with pytest.raises(ConflictError, match="workers"):
        database.experiments.rename("old", "new")
    database.assignments.unassign("w1", experiment="old")
    for bad, error in (("kept", ConflictError), ("old", InvalidRequestError), ("a/b", InvalidRequestError)):
        with pytest.raises(error):
            database.experiments.rename("old", bad)

    with monkeypatch.context() as cut:
        cut.setattr(type(database.experiments), "_rename_rows", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            database.experiments.rename("old", "new")
    assert {one.experiment for one in database.experiments.all()} == {"old", "new", "kept"}
    assert database.experiments.rename("old", "new") >= 30 + 1 + 1 + 1
    with pytest.raises(NotFoundError):
        database.experiments.get("old")
    assert (database.experiments.get("new").description, database.experiments.get("new").tags) == ("old", ["t"])
    assert database.labels.of_experiment("new") == {"w1": "label"}
    assert [past.pioreactor_unit for past in database.assignments.history("new")] == ["w1"]
    for table, count in (("growth_rates", 30), ("pioreactor_unit_activity_data", 30), ("logs", 1)):
        counts = stored(database, f"SELECT experiment, COUNT(*) FROM {table} GROUP BY 1 ORDER BY 1")
        assert counts == [("kept", count), ("new", count)]


# workers and assignments


def test_a_worker_is_added_once_and_keeps_what_it_has(database: LeaderDatabase, wall: Wall) -> None:
    database.workers.add("w1", model_name="pioreactor_20ml", model_version="1.1")
    database.workers.set_active("w1", is_active=False)
    wall.turn(hours=1)
    for again in ({"model_name": "pioreactor_40ml", "model_version": "1.5"}, {}):
        assert not database.workers.add("w1", **again)
        [kept] = database.workers.all()
        assert (kept.added_at, kept.is_active, kept.model_name) == (to_timestamp(START), 0, "pioreactor_20ml")
    assert database.workers.active() == []


@pytest.mark.parametrize("name", ["", "10.0.0.1", "localhost", "LocalHost", "a b", "$broadcast", "a.local", "::1", "é"])
def test_unit_names_are_plain(name: str) -> None:
    with pytest.raises(InvalidRequestError):
        check_unit_name(name)


def test_unknown_workers_are_refused_everywhere(database: LeaderDatabase) -> None:
    database.experiments.create("e")
    calls: list[Callable[[], object]] = [
        lambda: database.workers.get("w9"),
        lambda: database.workers.remove("w9"),
        lambda: database.workers.set_active("w9", is_active=True),
        lambda: database.workers.set_model("w9", model_name="m", model_version="1"),
        lambda: database.assignments.of_unit("w9"),
        lambda: database.assignments.assign("w9", "e"),
    ]
    for call in calls:
        with pytest.raises(NoWorkerFoundError):
            call()


def test_removing_a_worker_ends_its_assignment_and_forgets_its_configuration(database: LeaderDatabase) -> None:
    database.experiments.create("e")
    for unit in ("w1", "w2"):
        database.workers.add(unit)
        database.assignments.assign(unit, "e")
        database.config_history.add(f"unit_config.ini::{unit}", "[a]")
    database.config_history.add("config.ini", "[b]")
    database.workers.remove("w1")
    assert [assignment.pioreactor_unit for assignment in database.assignments.of_experiment("e")] == ["w2"]
    assert database.config_history.of_unit("w1") == []
    assert len(database.config_history.of_unit("w2")) == len(database.config_history.of_shared()) == 1
    ended = {past.pioreactor_unit: past.unassigned_at for past in database.assignments.history("e")}
    assert ended == {"w1": to_timestamp(START), "w2": None}


def test_a_worker_has_one_experiment_and_a_history(database: LeaderDatabase, wall: Wall) -> None:
    database.workers.add("w1")
    for name in ("a", "b"):
        database.experiments.create(name)
    assert database.assignments.assign("w1", "a").previous is None
    wall.turn(hours=1)
    repeated = database.assignments.assign("w1", "a")
    assert (repeated.previous, repeated.experiment, repeated.assigned_at) == ("a", "a", to_timestamp(START))
    assert database.assignments.assign("w1", "b").previous == "a"
    assert database.assignments.of_unit("w1").experiment == "b"
    assert database.assignments.of_experiment("a") == []
    (past,) = database.assignments.history("a")
    assert (past.assigned_at, past.unassigned_at) == (to_timestamp(START), to_timestamp(wall.moment))
    with pytest.raises(NotFoundError):
        database.assignments.assign("w1", "unknown")
    assert database.assignments.of_unit("w1").experiment == "b"


def test_unassigning_says_what_ended(database: LeaderDatabase) -> None:
    for name in ("a", "b"):
        database.experiments.create(name)
    for unit, experiment in (("w1", "a"), ("w2", "a"), ("w3", "b")):
        database.workers.add(unit)
        database.assignments.assign(unit, experiment)
    database.workers.add("w4")
    with pytest.raises(NotFoundError):
        database.assignments.unassign("w1", experiment="b")
    assert database.assignments.unassign("w1", experiment="a").previous == "a"
    with pytest.raises(NotFoundError):
        database.assignments.unassign("w1")
    assert [ended.pioreactor_unit for ended in database.assignments.end_experiment("a")] == ["w2"]
    assert [(ended.pioreactor_unit, ended.previous) for ended in database.assignments.end_all()] == [("w3", "b")]
    assert [assignment.experiment for assignment in database.assignments.all()] == [None] * 4


# labels


def test_labels_are_unique_within_an_experiment(database: LeaderDatabase) -> None:
    for name in ("a", "b"):
        database.experiments.create(name)
    database.workers.add("w1")
    database.labels.set("a", "w1", " left ")
    database.labels.set("b", "w1", "left")
    with pytest.raises(ConflictError):
        database.labels.set("a", "w2", "left")
    database.labels.set("a", "w1", "left")
    database.labels.set("a", "w2", "right")
    assert database.labels.of_experiment("a") == {"w1": "left", "w2": "right"}
    database.labels.set("a", "w1", "")
    database.labels.set("a", "w1", "")
    assert database.labels.of_experiment("a") == {"w2": "right"}
    assert database.labels.current() == {}
    database.assignments.assign("w1", "b")
    assert database.labels.current() == {"w1": "left"}
    with pytest.raises(NotFoundError):
        database.labels.set("unknown", "w1", "x")


# logs


def log(minutes: float, message: str, *, level: str = "INFO", unit: str = "w1", experiment: str = "e") -> Row:
    key = {
        "experiment": experiment,
        "pioreactor_unit": unit,
        "timestamp": to_timestamp(START + timedelta(minutes=minutes)),
    }
    return Row("logs", {**key, "message": message, "source": "app", "level": level, "task": "t"})


def test_logs_are_filtered_by_level_and_newest_first(database: LeaderDatabase) -> None:
    levels = ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL")
    put(database, *(log(n, level, level=level) for n, level in enumerate(levels)))
    assert [row.message for row in database.logs.all()] == list(reversed(levels[1:]))
    assert [row.message for row in database.logs.all(min_level="error")] == ["CRITICAL", "ERROR"]
    assert [row.level for row in database.logs.of_experiment("e", min_level="DEBUG")] == list(reversed(levels))
    assert [row.level for row in database.logs.of_unit("w1", min_level="WARNING")] == list(reversed(levels[3:]))
    with pytest.raises(InvalidRequestError):
        database.logs.all(min_level="LOUD")
    with pytest.raises(InvalidRequestError):
        database.logs.all(skip=-1)


def test_pages_follow_each_other_without_gap_or_repetition(database: LeaderDatabase) -> None:
    levels = ("INFO", "WARNING", "ERROR")
    put(database, *(log(n // 4, str(n), level=levels[n % 3]) for n in range(250)))
    pages = [database.logs.of_experiment("e", skip=skip) for skip in (0, 100, 200, 300)]
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    assert [row.message for page in pages for row in page] == [str(n) for n in reversed(range(250))]
    unit_pages = [database.logs.of_unit("w1", skip=skip) for skip in (0, 100, 200)]
    assert unit_pages == pages[:3]


def test_logs_are_searched_by_text_and_task(database: LeaderDatabase) -> None:
    database.experiments.create("e")
    for n, (message, task) in enumerate([("Changed the BOTTLE", "note"), ("100 % waste", "dosing"), ("other", "note")]):
        values = {"experiment": "e", "pioreactor_unit": "w1", "timestamp": str(n), "message": message, "task": task}
        put(database, Row("logs", {**values, "source": "s", "level": "INFO"}))
    found = database.logs
    for of in (found.all, lambda **by: found.of_experiment("e", **by), lambda **by: found.of_unit("w1", **by)):
        assert [row.message for row in of(search="bottle")] == ["Changed the BOTTLE"]
        assert [row.message for row in of(search="0 %")] == ["100 % waste"]
        assert [row.message for row in of(search="%o%t")] == []
        assert [row.message for row in of(task="note")] == ["other", "Changed the BOTTLE"]
        assert [row.message for row in of(task="note", search="other")] == ["other"]
        assert of(search="nothing like it") == []


def test_recent_logs_are_of_the_last_day_and_of_this_experiment(database: LeaderDatabase, wall: Wall) -> None:
    database.experiments.create("e")
    put(database, log(-1, "before"), log(1, "early"))
    wall.turn(hours=1)
    assert [row.message for row in database.logs.recent_of_experiment("e")] == ["early"]
    put(database, *(log(2000 + n, str(n)) for n in range(60)))
    wall.turn(hours=34)
    recent = [row.message for row in database.logs.recent_of_experiment("e")]
    assert recent == [str(n) for n in reversed(range(10, 60))]


def test_a_unit_hears_itself_the_cluster_and_everybody(database: LeaderDatabase, wall: Wall) -> None:
    database.experiments.create("e")
    put(
        database,
        log(1, "mine"),
        log(2, "the cluster's", experiment="$experiment"),
        log(3, "to all", unit="$broadcast"),
        log(4, "another unit's", unit="w2"),
        log(5, "another experiment's", experiment="other"),
    )
    wall.turn(hours=1)
    assert [row.message for row in database.logs.recent_of_unit("w1", "e")] == ["to all", "the cluster's", "mine"]
    assert [row.message for row in database.logs.system_of_unit("w1")] == ["the cluster's"]
    assert len(database.logs.of_unit("w1")) == 4


def test_the_clusters_logs_count_while_the_unit_was_assigned(database: LeaderDatabase, wall: Wall) -> None:
    database.experiments.create("e")
    database.workers.add("w1")
    database.assignments.assign("w1", "e")
    wall.turn(hours=1)
    database.assignments.unassign("w1")
    times = {"before": -1.0, "during": 30.0, "last words": 60.05, "after": 61.0}
    put(database, *(log(at, text, experiment="$experiment") for text, at in times.items()), log(90, "own"))
    assert [row.message for row in database.logs.of_unit_in_experiment("w1", "e")] == ["own", "last words", "during"]
    assert [row.message for row in database.logs.of_unit_in_experiment("w2", "e")] == []


# the rest


def dose(unit: str, event: str, volume_ml: float, minutes: float) -> Row:
    at = to_timestamp(START + timedelta(minutes=minutes))
    key = {"experiment": "e", "pioreactor_unit": unit, "timestamp": at}
    return Row("dosing_events", {**key, "event": event, "volume_change_ml": volume_ml, "source_of_event": "t"})


def test_media_rates_are_per_hour_over_three(database: LeaderDatabase, wall: Wall) -> None:
    put(
        database,
        dose("w1", "add_media", 9.0, -1),
        dose("w1", "add_media", 1.5, 1),
        dose("w1", "add_media", 1.5, 2),
        dose("w1", "remove_waste", 7.0, 2),
        dose("w2", "add_alt_media", 0.6, 3),
    )
    wall.turn(hours=3)
    rates = database.media_rates("e")
    assert {unit: (rate.media_rate, rate.alt_media_rate) for unit, rate in rates.items()} == {
        "w1": (1.0, 0.0),
        "w2": (0.0, pytest.approx(0.6 / 2.95)),
        "all": (1.0, pytest.approx(0.6 / 2.95)),
    }
    assert set(database.media_rates("nothing")) == {"all"}


@pytest.mark.parametrize(("minutes", "hours"), [(1, 0.25), (15, 0.25), (60, 1.0), (150, 2.5), (180, 3.0)])
def test_media_rates_are_taken_over_the_time_that_there_is(
    database: LeaderDatabase, wall: Wall, minutes: float, hours: float
) -> None:
    put(database, dose("w1", "add_media", 1.0, 0), dose("w1", "add_media", 2.0, minutes / 2))
    wall.turn(hours=minutes / 60)
    assert database.media_rates("e")["w1"].media_rate == pytest.approx(3.0 / hours)


def test_configuration_versions_are_newest_first_under_both_names(database: LeaderDatabase) -> None:
    for filename, text in (("config_w1.ini", "old"), ("unit_config.ini::w1", "new"), ("config.ini", "shared")):
        database.config_history.add(filename, text)
    assert [version.data for version in database.config_history.of_unit("w1")] == ["new", "old"]
    assert [version.data for version in database.config_history.of_shared()] == ["shared"]


def test_profile_runs_are_newest_first(database: LeaderDatabase) -> None:
    runs = [
        Row(
            "experiment_profile_runs",
            {"started_at": f"2026-11-22T0{n}", "experiment_profile_name": f"p{n}", "experiment": "e"},
        )
        for n in range(7)
    ]
    put(database, *runs)
    assert [run.experiment_profile_name for run in database.profile_runs.recent("e", limit=2)] == ["p6", "p5"]
