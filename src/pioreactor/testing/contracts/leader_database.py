"""What every database of the leader must do: ingest, repositories and time series together.

Provide `leader`: an empty database and a sink that writes into it.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from pioreactor.exc import ConflictError, NotFoundError, NoWorkerFoundError
from pioreactor.science.campaigns.factors import Suggestion
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.repositories.campaigns import NewArm
from pioreactor.storage.ports import RecordSink, Row
from pioreactor.structs.encoding import to_timestamp

MOMENT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
"""The moment that the database under test stamps changes with."""


class Leader(NamedTuple):
    """The database under test; both sides refer to the same data. `sink` and `database` use `MOMENT` as now."""

    database: LeaderDatabase
    sink: RecordSink


def stream_row(table: str, seconds: float = 0, **values: str | float | int | None) -> Row:
    """Return a row of a recorded quantity, `seconds` before `MOMENT`."""
    at = to_timestamp(MOMENT - timedelta(seconds=seconds))
    return Row(table, {"experiment": "e", "pioreactor_unit": "u1", "timestamp": at, **values})


class LeaderDatabaseContract:
    """Behavior that does not depend on which database stores the rows."""

    def test_experiments_are_created_listed_changed_and_unique(self, leader: Leader) -> None:
        experiments = leader.database.experiments
        experiments.create("e", description="first", tags=["b", "A", "a"])
        experiments.create("f")
        assert [found.experiment for found in experiments.all()] == ["f", "e"]
        assert sorted(experiments.get("e").tags) == ["A", "b"]
        assert experiments.update("e", description=None, tags=["c"]).tags == ["c"]
        with pytest.raises(ConflictError):
            experiments.create("e")
        with pytest.raises(NotFoundError):
            experiments.get("unknown")

    def test_workers_stay_as_they_are_when_added_again(self, leader: Leader) -> None:
        workers = leader.database.workers
        assert workers.add("u1", model_name="pioreactor_20ml", model_version="1.0")
        inactive = workers.set_active("u1", is_active=False)
        assert not workers.add("u1", model_name="pioreactor_40ml", model_version="1.5")
        assert not workers.add("u1")
        assert workers.get("u1") == inactive
        assert inactive.model_version == "1.0"
        assert workers.active() == []
        with pytest.raises(NoWorkerFoundError):
            workers.remove("unknown")

    def test_assignments_move_and_leave_a_history(self, leader: Leader) -> None:
        database = leader.database
        database.workers.add("u1")
        database.experiments.create("e")
        database.experiments.create("f")
        database.assignments.assign("u1", "e")
        assert database.assignments.assign("u1", "f").previous == "e"
        [past] = database.assignments.history("e")
        assert (past.pioreactor_unit, past.unassigned_at) == ("u1", to_timestamp(MOMENT))
        assert [found.experiment for found in database.assignments.all()] == ["f"]
        database.assignments.unassign("u1")
        assert database.assignments.of_unit("u1").experiment is None

    def test_labels_are_unique_within_an_experiment(self, leader: Leader) -> None:
        database = leader.database
        database.experiments.create("e")
        database.labels.set("e", "u1", "left")
        with pytest.raises(ConflictError):
            database.labels.set("e", "u2", "left")
        assert database.labels.of_experiment("e") == {"u1": "left"}
        database.labels.set("e", "u1", "")
        assert database.labels.of_experiment("e") == {}

    def test_versions_of_configuration_are_listed_newest_first(self, leader: Leader) -> None:
        for text in ("one", "two"):
            leader.database.config_history.add("config.ini", text)
        assert [version.data for version in leader.database.config_history.of_shared()] == ["two", "one"]

    def test_tokens_expire_and_go_with_their_person(self, leader: Leader) -> None:
        people = leader.database.people
        people.add("ada", "hash")
        people.add_token("t1", label="script", username="ada")
        people.add_token("t2", label="old", username="ada", expires_at=to_timestamp(MOMENT - timedelta(days=1)))
        assert people.token("t1") is not None
        assert people.token("t2") is None
        people.remove("ada")
        assert people.token("t1") is None

    def test_arms_of_campaigns_are_numbered_and_keep_each_result(self, leader: Leader) -> None:
        campaigns = leader.database.campaigns
        leader.database.experiments.create("e")
        campaigns.create("c", "e", "campaign: c")
        with pytest.raises(ConflictError):
            campaigns.create("c", "e", "campaign: c")
        arm = NewArm("u1", 0, 0, Suggestion({"x": 0.25}, "initial", "why"))
        assert [one.arm for one in campaigns.add_arms("c", [arm, arm], after=0)] == [1, 2]
        with pytest.raises(ConflictError):
            campaigns.add_arms("c", [arm], after=0)
        campaigns.start("c", 1)
        campaigns.move("c", 2, "u2")
        campaigns.tell("c", 1, float("inf"), note="", by="ada")
        campaigns.tell("c", 1, 0.5, note="corrected", by="ada")
        first, second = campaigns.arms("c")
        assert (first.objective, first.note, first.started_at) == (0.5, "corrected", to_timestamp(MOMENT))
        assert (second.unit, second.status, second.suggestion) == ("u2", "waiting", arm.suggestion)
        campaigns.end("c")
        assert [one.status for one in campaigns.arms("c")] == ["done", "withdrawn"]
        with pytest.raises(NotFoundError):
            campaigns.get("unknown")
        leader.database.experiments.delete("e")
        assert campaigns.all() == []

    def test_rows_become_series_per_unit_and_channel(self, leader: Leader) -> None:
        rows = [stream_row("od_readings", 60 - n, od_reading=n / 10, angle=90, channel=1 + n % 2) for n in range(4)]
        assert leader.sink.commit(rows) == []
        found = leader.database.time_series.known("od_readings", "e")
        assert found.series == ["u1-1", "u1-2"]
        assert [[point.y for point in points] for points in found.data] == [[0.0, 0.2], [0.1, 0.3]]

    def test_series_are_thinned_and_keep_their_extremes(self, leader: Leader) -> None:
        values = [0.1] * 500 + [9.0] + [0.1] * 499
        rows = [stream_row("growth_rates", 1000 - n, rate=value) for n, value in enumerate(values)]
        leader.sink.commit(rows)
        [points] = leader.database.time_series.known("growth_rates", "e", target_points=50).data
        assert len(points) <= 51
        assert max(point.y for point in points) == 9.0
        assert points[-1].x == to_timestamp(MOMENT - timedelta(seconds=1))

    def test_a_batch_that_is_sent_twice_is_stored_once(self, leader: Leader) -> None:
        for _ in range(2):
            leader.sink.commit([stream_row("growth_rates", 5, rate=0.1)], progress=("u1", "journal", 7))
        assert leader.sink.progress("u1", "journal") == 7
        [points] = leader.database.time_series.known("growth_rates", "e").data
        assert len(points) == 1

    def test_a_refused_row_is_quarantined_and_the_others_are_stored(self, leader: Leader) -> None:
        bad = stream_row("growth_rates", 5, rate=None)
        good = stream_row("growth_rates", 4, rate=0.2)
        assert [row for row, _ in leader.sink.commit([bad, good])] == [bad]
        [kept] = leader.database.quarantine.page()
        assert (kept.table_name, kept.pioreactor_unit) == ("growth_rates", "u1")
        assert leader.database.quarantine.discard([kept.id]) == 1
        assert len(leader.database.time_series.known("growth_rates", "e").data[0]) == 1

    def test_activity_combines_doses_of_one_moment(self, leader: Leader) -> None:
        dose = {"event": "add_media", "source_of_event": "test"}
        leader.sink.commit([stream_row("dosing_events", 5, volume_change_ml=volume, **dose) for volume in (0.5, 1.0)])
        [points] = leader.database.time_series.of_column("pioreactor_unit_activity_data", "add_media_ml", "e").data
        assert [point.y for point in points] == [1.5]
        assert leader.database.media_rates("e")["u1"].media_rate == pytest.approx(6.0)  # in the least time, 15 min

    def test_logs_are_paged_newest_first_from_a_level_on(self, leader: Leader) -> None:
        levels = ("DEBUG", "INFO", "WARNING", "ERROR")
        rows = [stream_row("logs", 50 - n, message=level, source="app", level=level) for n, level in enumerate(levels)]
        leader.sink.commit(rows)
        found = leader.database.logs.of_experiment("e", min_level="WARNING")
        assert [row.message for row in found] == ["ERROR", "WARNING"]
        assert [row.message for row in leader.database.logs.of_unit("u1", skip=1)] == ["WARNING", "INFO"]

    def test_deleting_an_experiment_deletes_its_rows_and_no_others(self, leader: Leader) -> None:
        leader.database.experiments.create("e")
        other = stream_row("growth_rates", 5, rate=0.3)
        leader.sink.commit(
            [stream_row("growth_rates", 5, rate=0.1), Row("growth_rates", {**other.values, "experiment": "f"})]
        )
        assert leader.database.experiments.delete("e") == 3
        assert leader.database.time_series.known("growth_rates", "e").data == []
        assert len(leader.database.time_series.known("growth_rates", "f").data) == 1
