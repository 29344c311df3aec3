"""`pio rehearse` and `pio rehearsals`: what they read of the cluster, keep, and compare."""

import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from pioreactor.cli.exit_codes import run
from pioreactor.exc import NotFoundError, NoWorkerFoundError, UnitUnreachableError
from pioreactor.experiment_profiles.kept_rehearsals import KeptRehearsals
from pioreactor.experiment_profiles.rehearsal_comparison import compared
from pioreactor.experiment_profiles.rehearsal_data import Band, ForecastOfUnit, Rehearsal, RunRecord
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RehearsedUnit, RunningJob, checked_plan
from pioreactor.processes.worker_pool import Progress
from pioreactor.rehearsal.bottles import with_bottles
from pioreactor.rehearsal.dask_scheduler import Dask, RehearsalSchedulerError, check_versions
from pioreactor.rehearsal.plan_of_cluster import changes_since
from pioreactor.rehearsal.present_state import read_units
from pioreactor.rehearsal.rehearse_command import chosen_scheduler, rehearse_command
from pioreactor.rehearsal.schedulers import Scheduler, in_this_process
from pioreactor.version import __version__

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ANSWERS: Mapping[str, object] = {
    "/api/experiments/e%2F1/workers": [
        {"pioreactor_unit": "u1", "is_active": 1, "model_name": "pioreactor_20ml", "model_version": "1.5"},
        {"pioreactor_unit": "u2", "is_active": 0},
    ],
    "/unit_api/config/merged": {"stirring.config": {"x": 1}, "bottles": {"media_ml": "250", "waste_ml": ""}},
    "/unit_api/active_calibrations": {"od90": {"calibration_name": "mine"}},
    "/unit_api/bioreactor/experiments/e%2F1": {"values": {"current_volume_ml": 13.5, "alt_media_fraction": 0.25}},
    "/unit_api/jobs/running": [
        {"job_name": "od_reading", "experiment": "e/1"},
        {"job_name": "monitor", "experiment": "$experiment"},
        {"job_name": "dosing_automation", "experiment": "e/1"},
    ],
    "/unit_api/jobs/settings/job_name/od_reading": {
        "settings": {"od1": {"od": 1.2}, "interval": 5.0, "$state": "ready"}
    },
    "/unit_api/jobs/settings/job_name/dosing_automation": {
        "settings": {"automation_name": "turbidostat", "target_biomass": 1.5, "latest_event": {"x": 1}, "duration": 2.0}
    },
}


def ask(unit: str, _method: str, path: str, /) -> object:
    return ANSWERS[path]


def test_present_state_of_units() -> None:
    [unit] = read_units(ask, "leader", "e/1", from_now=True, tell=pytest.fail)
    assert (unit.volume_ml, unit.alt_media_fraction, unit.od, unit.celsius) == (13.5, 0.25, 1.2, None)
    assert unit.running[0] == RunningJob("od_reading", {"interval": 5.0})
    assert unit.running[1].options["automation_name"] == "turbidostat"
    assert unit.running[1].options["target_biomass"] == 1.5
    assert "latest_event" not in unit.running[1].options
    [filled] = with_bottles([unit], {"waste": 900.0})
    assert filled.bottles_ml == {"media": 250.0, "waste": 900.0}


def test_unit_that_does_not_answer_is_said_or_refused() -> None:
    def silent(unit: str, method: str, path: str, /) -> object:
        if path.startswith("/unit_api"):
            raise UnitUnreachableError(f"{unit} is off")
        return ask(unit, method, path)

    said: list[str] = []
    [unit] = read_units(silent, "leader", "e/1", from_now=False, tell=said.append)
    assert unit.calibrations is None
    assert "u1 is off" in said[0]
    with pytest.raises(UnitUnreachableError):
        read_units(silent, "leader", "e/1", from_now=True, tell=said.append)


def test_units_that_are_not_there_are_refused() -> None:
    with pytest.raises(NotFoundError, match="u7"):
        read_units(ask, "leader", "e/1", from_now=False, only=["u7"], tell=pytest.fail)
    with pytest.raises(NoWorkerFoundError):
        read_units(lambda *_: [], "leader", "e/1", from_now=False, tell=pytest.fail)


def test_changes_during_a_rehearsal_are_said() -> None:
    before = RehearsedUnit(name="u1", model=("pioreactor_20ml", "1.5"), volume_ml=14.0)
    later = msgspec.structs.replace(before, volume_ml=15.0, running=(RunningJob("stirring"),))
    assert changes_since([before], [before]) == []
    assert changes_since([before], [later]) == ["the volume in the vial of u1", "the running jobs of u1"]
    assert changes_since([before], []) == ["u1 does not belong to the experiment any more"]


def forecast() -> Rehearsal:
    band, volume = Band([0.3, 0.3], [0.4, 0.4], [0.5, 0.5]), Band([13.0, 13.0], [14.0, 15.0], [16.0, 16.0])
    doses = Band([0.0, 9.0], [0.0, 10.0], [0.0, 11.0])
    unit = ForecastOfUnit("u1", band, band, band, volume, doses, doses, doses, [])
    return Rehearsal("p", "e/1", 1, 0, 1, "2030-01-01T00:00:00.000Z", [0.0, 2.0], 0, None, [unit], [], [])


def test_kept_rehearsals_are_found_by_experiment(tmp_path: Path) -> None:
    kept = KeptRehearsals(tmp_path)
    ids = [kept.keep(forecast(), NOW), kept.keep(forecast(), NOW)]
    assert kept.ids("e/1") == ids
    assert kept.load("e/1") == forecast()
    assert kept.ids("..") == []
    for strange in ("../x", "20300101T000001", ""):
        with pytest.raises(NotFoundError):
            kept.load("e/1", strange)


def test_forecast_is_compared_with_what_was_recorded(tmp_path: Path) -> None:
    database = tmp_path / "p.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        for table, value in (("growth_rates", "rate"), ("temperature_readings", "temperature_c"),
                             ("liquid_volumes", "liquid_volume"), ("dosing_events", "volume_change_ml")):  # fmt: skip
            connection.execute(f"CREATE TABLE {table} (experiment, pioreactor_unit, timestamp, {value}, event)")
        rows = [
            ("2030-01-01T01:00:00.000Z", 0.45),
            ("2030-01-01T01:30:00.000Z", 0.6),
            ("2030-01-01T09:00:00.000Z", 9.0),
        ]
        connection.executemany("INSERT INTO growth_rates VALUES ('e/1', 'u1', ?, ?, NULL)", rows)
        connection.execute(
            "INSERT INTO dosing_events VALUES ('e/1', 'u1', '2030-01-01T01:00:00.000Z', 10.4, 'add_media')"
        )
        connection.commit()
    found = {row.quantity: row for row in compared(forecast(), database, "2030-01-01T00:00:00.000Z")}
    assert found["growth_rate_per_h"].recorded == pytest.approx(0.525)
    assert found["growth_rate_per_h"].within_band == 0.5
    assert (found["media_ml"].forecast, found["media_ml"].recorded) == (10.0, 10.4)
    assert "celsius" not in found


def plan_of_a_dose(runs: int) -> bytes:
    dose = "{type: start, t: 0, options: {ml: 0.1}}"
    profile = f'version: "1.0"\nexperiment_profile_name: p\ncommon: {{jobs: {{add_media: {{actions: [{dose}]}}}}}}\n'
    plan = {"profile": profile, "experiment": "e", "units": [{"name": "u1", "model": ["pioreactor_20ml", "1.5"]}],
            "hours": 0.02, "runs": runs}  # fmt: skip
    return msgspec.json.encode(plan)


def test_plan_on_standard_input_gives_json_alone() -> None:
    ran = CliRunner().invoke(rehearse_command, ["--plan", "-", "--json"], input=plan_of_a_dose(runs=1))
    assert ran.exit_code == 0, ran.output
    found = msgspec.json.decode(ran.stdout, type=Rehearsal)
    assert found.finished_runs == 1
    assert found.units[0].media_ml.median[-1] == pytest.approx(0.1, rel=0.2)


def test_ctrl_c_shows_the_runs_that_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_count: int | None) -> Scheduler:
        def carry_out(plan: RehearsalPlan, progress: Progress, /) -> Iterator[RunRecord]:
            yield next(in_this_process(plan, progress))
            raise KeyboardInterrupt

        return carry_out

    monkeypatch.setattr("pioreactor.rehearsal.rehearse_command.Processes", interrupted)
    (tmp_path / "plan.json").write_bytes(plan_of_a_dose(runs=4))
    assert run(rehearse_command, ["--plan", str(tmp_path / "plan.json")]) == 130
    assert "p: 1 runs (canceled)" in capsys.readouterr().out


def test_each_reason_why_a_scheduler_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    check_versions({"tcp://a:1": __version__})
    with pytest.raises(RehearsalSchedulerError, match=r"tcp://a:1 has another version.*: 1\.0"):
        check_versions({"tcp://a:1": "1.0"})
    with pytest.raises(RehearsalSchedulerError, match="none that can be imported"):
        check_versions({"tcp://a:1": ModuleNotFoundError("No module named 'pioreactor'")})
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RehearsalSchedulerError, match="not installed here") as missing:
        next(Dask("tcp://127.0.0.1:8786")(checked_plan(plan_of_a_dose(runs=1)), lambda _: True))
    assert "pioreactor[dask]" in str(missing.value.remedy)


def test_processes_and_a_scheduler_exclude_one_another() -> None:
    ran = CliRunner().invoke(rehearse_command, ["p.yaml", "--processes", "2", "--scheduler", "tcp://a:1"])
    assert (ran.exit_code, "--scheduler" in ran.output) == (2, True)


@pytest.mark.parametrize(
    ("given", "processes", "configured", "address"),
    [
        (None, None, "", None),
        (None, None, "tcp://a:1", "tcp://a:1"),
        (None, 2, "tcp://a:1", None),
        ("tcp://b:1", None, "tcp://a:1", "tcp://b:1"),
        ("", None, "tcp://a:1", None),
    ],
)
def test_the_command_line_comes_before_the_configuration(
    given: str | None, processes: int | None, configured: str, address: str | None
) -> None:
    chosen = chosen_scheduler(given, processes, configured)
    assert (chosen.address if isinstance(chosen, Dask) else None) == address
