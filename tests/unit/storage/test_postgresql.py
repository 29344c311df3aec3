"""PostgreSQL as the leader's database: the writer over restarts and refusals, partitions, roll-ups, alarms."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.postgresql_server import PostgresServer, running_server

from pioreactor.alarms.changes import Key, Raised
from pioreactor.alarms.default_rules import DEFAULT_RULES
from pioreactor.exc import InvalidRequestError, StorageError
from pioreactor.storage.leader.alarms import AlarmDatabase
from pioreactor.storage.leader.data_version import DataVersion, version_of
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.leader.location import PostgresAddress, located
from pioreactor.storage.leader.postgresql.server_connection import check_version
from pioreactor.storage.leader.postgresql.server_version import ServerVersion
from pioreactor.storage.ports import RecordSink, Row
from pioreactor.structs.encoding import to_timestamp
from pioreactor.testing.contracts.leader_database import MOMENT, stream_row


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that these tests stop and start."""
    with running_server() as server:
        yield server


def address(url: str) -> PostgresAddress:
    found = located(url)
    assert isinstance(found, PostgresAddress)
    return found


def readings(first: int, count: int) -> list[Row]:
    return [stream_row("growth_rates", 90_000 - n, rate=n / 7) for n in range(first, first + count)]


@pytest.fixture
def sink(leader_url: str) -> Iterator[RecordSink]:
    found = open_record_sink(address(leader_url), now=lambda: MOMENT)
    yield found
    found.close()


def test_a_restart_under_load_loses_nothing_and_stores_nothing_twice(own_server: PostgresServer) -> None:
    url = own_server.leader_database()
    sink = open_record_sink(address(url), now=lambda: MOMENT)
    sink.commit(readings(0, 50), progress=("u1", "journal", 50))
    own_server.stop(signal.SIGQUIT)
    for _ in range(2):
        with pytest.raises(StorageError):
            sink.commit(readings(50, 50), progress=("u1", "journal", 100))
    own_server.start()
    for through, first in ((50, 0), (100, 50), (100, 50)):
        sink.commit(readings(first, 50), progress=("u1", "journal", through))
    assert sink.progress("u1", "journal") == 100
    assert own_server.execute(
        "SELECT count(*), count(DISTINCT timestamp) FROM growth_rates", url.rpartition("/")[2]
    ) == [(100, 100)]
    sink.close()


def test_a_connection_that_is_cut_within_a_shared_transaction_costs_all_of_it(
    postgresql_server: PostgresServer, leader_url: str, sink: RecordSink
) -> None:
    name = leader_url.rpartition("/")[2]
    with pytest.raises(StorageError), sink.together():
        sink.commit(readings(0, 10), progress=("u1", "a", 10))
        postgresql_server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        sink.commit(readings(10, 10), progress=("u2", "b", 10))
    assert (sink.progress("u1", "a"), sink.progress("u2", "b")) == (0, 0)
    assert postgresql_server.execute("SELECT count(*) FROM growth_rates", name) == [(0,)]


def test_a_server_that_only_reads_is_said_and_its_rows_are_not_quarantined(
    postgresql_server: PostgresServer, leader_url: str, sink: RecordSink
) -> None:
    assert isinstance(sink._connection.raw.info.server_version, int)  # type: ignore[attr-defined]
    sink._connection.execute("SET default_transaction_read_only = on")  # type: ignore[attr-defined]
    with pytest.raises(StorageError) as refused:
        sink.commit(readings(0, 5), progress=("u1", "j", 5))
    assert "may only read" in str(refused.value.remedy)
    sink._connection.execute("SET default_transaction_read_only = off")  # type: ignore[attr-defined]
    assert sink.commit(readings(0, 5), progress=("u1", "j", 5)) == []


def test_what_a_server_refuses_names_the_cure(own_server: PostgresServer, tmp_path: Path) -> None:
    own_server.execute("CREATE ROLE ada LOGIN PASSWORD 'right'")
    rules = own_server.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all ada 127.0.0.1/32 scram-sha-256\n{before}")
    own_server.execute("SELECT pg_reload_conf()")
    url = own_server.leader_database().replace(f"{own_server.owner}@", "ada@")
    password = tmp_path / "pgpass"
    password.write_text("*:*:*:ada:wrong\n")
    password.chmod(0o600)
    with pytest.raises(StorageError) as refused:
        open_record_sink(located(url, secrets=tmp_path))
    assert "secrets/pgpass" in str(refused.value.remedy)
    assert "wrong" not in str(refused.value)
    with pytest.raises(StorageError, match="does not exist"):
        open_record_sink(address(own_server.url("unknown")))
    with pytest.raises(StorageError, match="PostgreSQL 13, which is older than 14"):
        check_version(130_011)
    rules.write_text(before)
    own_server.execute("SELECT pg_reload_conf()")


def test_a_database_that_orders_texts_otherwise_is_refused(postgresql_server: PostgresServer) -> None:
    postgresql_server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C'")
    with pytest.raises(StorageError, match="byte by byte"):
        LeaderDatabase.open(postgresql_server.url("latin"))


def test_values_that_do_not_fit_are_quarantined_one_by_one(leader_url: str, sink: RecordSink) -> None:
    bad = stream_row("logs", 5, message="a\x00b", source="t", level="INFO", task=None)
    strange = 'tab\t, line\nend, back\\slash, "quotes" and \\N'
    good = [stream_row("logs", n, message=strange, source="t", level="INFO", task=None) for n in range(9)]
    assert [row for row, _ in sink.commit([*good[:4], bad, *good[4:]])] == [bad]
    database = LeaderDatabase.open(leader_url, now=lambda: MOMENT)
    assert [row.message for row in database.logs.all()] == [strange] * 9
    assert database.quarantine.count() == 1
    with pytest.raises(InvalidRequestError):
        database.experiments.create("a", description="a\x00b")
    database.close()


def test_rows_lie_in_the_partition_of_their_week_and_those_of_a_clock_years_off_are_kept(
    postgresql_server: PostgresServer, leader_url: str, sink: RecordSink
) -> None:
    late = Row("growth_rates", {**stream_row("growth_rates", rate=0.5).values, "timestamp": "2019-01-01T00:00:00.000Z"})
    assert sink.commit([*readings(0, 3), late]) == []
    found = postgresql_server.execute(
        "SELECT tableoid::regclass::text, count(*) FROM growth_rates GROUP BY 1 ORDER BY 1",
        leader_url.rpartition("/")[2],
    )
    assert found == [("growth_rates_2026w47", 3), ("growth_rates_other_weeks", 1)]


def test_roll_ups_say_what_every_row_says(postgresql_server: PostgresServer, leader_url: str, sink: RecordSink) -> None:
    rows = [stream_row("growth_rates", 80_000 - 8 * n, rate=(n * 7919 % 1000) / 10) for n in range(6000)]
    for first in range(0, len(rows), 1500):
        sink.commit(rows[first : first + 1500])
    while sink.roll_up():
        pass
    late = [stream_row("growth_rates", 79_999, rate=999.0), stream_row("growth_rates", 40_000, rate=-5.0)]
    sink.commit(late)
    database = LeaderDatabase.open(leader_url, now=lambda: MOMENT)
    [points] = database.time_series.known("growth_rates", "e", lookback_hours=24, target_points=200).data
    values = [point.y for point in points]
    assert len(points) <= 200
    assert (max(values), min(values)) == (999.0, -5.0)
    name, in_buckets = leader_url.rpartition("/")[2], "SELECT sum(count), sum(sum) FROM rollup_buckets WHERE level = 0"
    [(count, total)] = postgresql_server.execute(in_buckets, name)
    assert count == 6000
    assert total == pytest.approx(sum(float(str(row.values["rate"])) for row in rows))
    moment = rows[3000].values["timestamp"]
    postgresql_server.execute(f"DELETE FROM growth_rates WHERE timestamp >= {str(moment)!r}", name)
    while sink.roll_up():
        pass
    left = postgresql_server.execute("SELECT count(*), sum(rate) FROM growth_rates", name)
    assert postgresql_server.execute(in_buckets, name) == [(left[0][0], pytest.approx(left[0][1]))]
    database.experiments.create("e")
    assert database.experiments.delete("e") >= left[0][0]
    assert postgresql_server.execute(in_buckets, name) == [(None, None)]
    database.close()


def test_alarms_live_in_the_same_database(leader_url: str) -> None:
    database = AlarmDatabase(address(leader_url), now=lambda: MOMENT)
    rule = DEFAULT_RULES[0]
    key = Key(rule.name, "u1", "e")
    database.alarms.apply([Raised(key, rule, "too warm")])
    [alarm] = database.alarms.open()
    assert (alarm.message, alarm.raised_at) == ("too warm", to_timestamp(MOMENT))
    assert database.alarms.shelve(alarm.id, hours=1, username="ada").state == "shelved"
    database.alarms.shelve(alarm.id, hours=2, username="ada")
    assert database.alarms.shelves()[0].until == to_timestamp(MOMENT + timedelta(hours=2))
    database.alarms.unshelve(alarm.id, username="ada")
    assert database.alarms.acknowledge([alarm.id], username="ada")[0].acknowledged_by == "ada"
    assert database.alarms.events(alarm.id)[0].event == "raised"
    assert database.rules.declare([rule])
    assert database.rules.revision() is not None
    assert len(database.alarms.history(unit="u1")) == 1
    database.alarms.prune()
    database.deliveries.prune()
    database.close()


def test_a_change_is_noticed_without_reading_what_changed(
    postgresql_server: PostgresServer, leader_url: str, sink: RecordSink
) -> None:
    version = version_of(address(leader_url))
    before = _told(version)
    assert version.now() == before
    sink.commit(readings(0, 1))
    assert version.now() not in (None, before)
    name = leader_url.rpartition("/")[2]
    postgresql_server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    assert version.now() is None
    assert _told(version) != before
    version.close()


def _told(version: DataVersion | ServerVersion) -> tuple[int, object]:
    """Ask until the connection stands: `now` does not wait for it."""
    while (found := version.now()) is None:
        pass
    return found
