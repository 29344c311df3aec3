"""A leader in memory whose database on disk holds two experiments of two units."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.leader.location import DatabaseLocation
from pioreactor.storage.ports import Row
from pioreactor.structs.encoding import to_timestamp

CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(hours: float) -> str:
    return to_timestamp(CREATED + timedelta(hours=hours))


def put(location: DatabaseLocation, *rows: Row) -> None:
    sink = open_record_sink(location)
    assert sink.commit(rows) == []
    sink.close()


def od(unit: str, hours: float, value: float, *, experiment: str = "growth 1") -> Row:
    values = {"experiment": experiment, "pioreactor_unit": unit, "timestamp": at(hours)}
    return Row("od_readings", {**values, "od_reading": value, "angle": 90, "channel": 2})


@pytest.fixture
def leader(tmp_path: Path) -> Runtime:
    return build_simulation(data_root=tmp_path).units[0].runtime


@pytest.fixture
def database(leader: Runtime) -> Iterator[LeaderDatabase]:
    moments = iter([CREATED, CREATED + timedelta(hours=1)])
    leader.paths.database.parent.mkdir(parents=True, exist_ok=True)
    database = LeaderDatabase.open(leader.paths.database, now=lambda: next(moments, CREATED))
    for experiment in ("growth 1", "other"):
        database.experiments.create(experiment)
    put(
        leader.paths.database,
        *(od(unit, hours, hours / 3) for hours in (2.0, 0.5, 1.0) for unit in ("unit2", "unit1")),
        od("unit1", 1.0, 9.0, experiment="other"),
        Row(
            "dosing_automation_settings",
            {
                "experiment": "growth 1",
                "pioreactor_unit": "unit1",
                "started_at": at(0.25),
                "ended_at": None,
                "automation_name": "turbidostat",
                "settings": b'{"volume":1}',
            },
        ),
    )
    yield database
    database.close()


@contextmanager
def disk_with_room_for(size_bytes: int) -> Iterator[None]:
    """Make every write beyond this size of a file fail, as it does when a disk fills while it is written."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
