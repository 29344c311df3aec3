"""What a demo opens on."""

import gzip
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pioreactor.cli.demo import demo
from pioreactor.data_import.table_copy import plan_tables
from pioreactor.demo.history import RECORDED, added_volumes, move_history
from pioreactor.demo.plan import SCENARIOS, DemoPlan
from pioreactor.demo.unit_files import write_configuration
from pioreactor.settings.load import load_settings
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.encoding import from_timestamp
from pioreactor.twin.scenarios import find_scenario

END = datetime(2031, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("unit", ["leader", "worker1"])
def test_the_configuration_of_a_demo_has_no_faults(tmp_path: Path, unit: str) -> None:
    plan = DemoPlan(tmp_path)
    write_configuration(plan, unit, broker_port=1883)
    paths = plan.paths(unit)
    settings = load_settings(paths.global_config, paths.local_config)
    assert (settings.faults, settings.warnings) == ((), ())
    assert settings.simulation.socket == str(plan.twin_socket(unit))


def test_the_recorded_days_end_now_and_fit_into_the_database_of_a_leader(tmp_path: Path) -> None:
    source, target = tmp_path / "experiment.sqlite", tmp_path / "leader.sqlite"
    source.write_bytes(gzip.decompress(RECORDED.read_bytes()))
    assert RECORDED.stat().st_size < 300_000
    move_history(source, ["worker2"], "mine", END)
    LeaderDatabase.open(target).close()
    plan = plan_tables(source, target)
    assert plan.experiments == ["mine"]
    assert {table.name: (table.reason, table.is_new) for table in plan.tables if table.reason or table.is_new} == {}
    with closing(sqlite3.connect(source)) as connection:
        for table in (table.name for table in plan.tables if table.name != "experiments"):
            first, last = connection.execute(f"SELECT min(timestamp), max(timestamp) FROM {table}").fetchone()
            assert timedelta(0) <= END - from_timestamp(last) < timedelta(minutes=30), table
            assert END - from_timestamp(first) > timedelta(days=1.9), table
            units = connection.execute(f"SELECT DISTINCT experiment, pioreactor_unit FROM {table}").fetchall()
            assert units == [("mine", "worker2")]
    added = added_volumes(source, "worker2")
    assert 100 < added["cumulative_media_added_ml"] < added["cumulative_waste_removed_ml"] < 3000
    assert added_volumes(source, "worker1") == {}


def test_each_scenario_is_listed_by_the_command_and_has_cultures() -> None:
    said = CliRunner().invoke(demo, ["--help"]).output
    for name in SCENARIOS:
        assert f"{name}:" in said
        plan = DemoPlan(Path(), scenario=name)
        assert all(find_scenario(plan.culture_of(worker)) for worker in plan.worker_names)
    assert DemoPlan(Path(), scenario="yeast_batch").culture_of("worker2") == "yeast_batch"
