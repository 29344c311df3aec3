"""An experiment goes to another cluster and on from there: equal data files, calibrations beside, a record to read."""

import io
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.data_import.test_unit_archive import machine
from tests.unit.exports.test_export_from_postgresql import fill

from pioreactor.calibrations import store as calibrations
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.commands.import_reference import import_experiment as command
from pioreactor.data_import.archive_files import HostileArchiveError
from pioreactor.data_import.experiment_import import ExperimentPlan, import_experiment, plan_experiment
from pioreactor.data_import.experiment_record import delete_record, file_of_record, read_record
from pioreactor.exc import ConflictError, NotFoundError, StorageError
from pioreactor.exports.experiment_archive import write_experiment
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.database import LeaderDatabase

NAME = "growth 1"
PUMP = """calibration_type: simple_peristaltic_pump
calibration_name: {name}
calibrated_on_pioreactor_unit: {unit}
created_at: 2026-01-01T00:00:00Z
curve_data_: {{type: poly, coefficients: [{slope}, 0.0]}}
recorded_data: {{x: [], y: []}}
hz: 200.0
dc: 60.0
voltage: 12.0
"""
ALARM = (
    "INSERT INTO alarms (id, rule, pioreactor_unit, experiment, title, severity, message, remedy, "
    "needs_acknowledgment, occurrences, raised_at) VALUES (1, 'r', 'unit1', ?, 't', 'high', 'm', '', 1, 1, '2026')"
)
AUDIT = (
    "INSERT INTO audit_trail (id, timestamp, actor_kind, actor, action, summary, outcome, experiment, request_id, "
    "details, hash) VALUES (1, 't', 'person', 'anna', 'a', 's', 'done', ?, 'q', '', 'h')"
)


def silent(_table: str, _copied: int, _rows: int) -> None:
    """Report nothing."""


def execute(leader: Runtime, *statements: tuple[str, tuple[object, ...]]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with closing(sqlite3.connect(leader.paths.database)) as connection, connection:
        for sql, values in statements:
            rows += connection.execute(sql, values).fetchall()
    return rows


def write_pump(leader: Runtime, name: str, unit: str, slope: float = 0.1) -> None:
    folder = leader.paths.calibrations / "media_pump"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(PUMP.format(name=name, unit=unit, slope=slope))


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return buffer.getvalue()


@pytest.fixture
def make_leader(tmp_path: Path) -> Callable[[str], Runtime]:
    return lambda name: machine(tmp_path / name, address="10.0.0.1", word="broker-secret", name=name)


@pytest.fixture
def archive(make_leader: Callable[[str], Runtime], tmp_path: Path) -> Path:
    """An experiment with rows of every quantity, an open alarm, audited commands, files of two units."""
    lab = make_leader("lab")
    fill(lab.paths.database)
    execute(lab, (ALARM, (NAME,)), (AUDIT, (NAME,)))
    write_pump(lab, "pump", "lab")
    with lab.paths.global_config.open("a") as file:
        file.write("[stirring.config]\ninitial_target_rpm=777\n")
    lab.paths.experiment_profiles.mkdir()
    (lab.paths.experiment_profiles / "growth.yaml").write_text("version: '1.0'\n")
    of_unit = {"media_pump__pump.yaml": PUMP.format(name="pump", unit="unit1", slope=0.3), "lamp__x.yaml": "no: 1\n"}
    files = [
        ("calibrations/unit1.zip", zipped(**of_unit)),
        ("config/units/unit1.ini", b"[PWM]\n1=waste\n"),
        ("stills/unit1/a.jpg", b"JPEG"),
        ("stills/unit1/b.jpg", b"JPEG"),
    ]
    return Path(write_experiment(lab, NAME, output=tmp_path / "growth.zip", of_units=files).path)


def data_of(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name.startswith("data/")}


def reasons(plan: ExperimentPlan) -> dict[str, str]:
    return {each.name: each.reason for each in plan.tables} | {each.name: each.reason for each in plan.files}


def test_a_plan_says_what_comes_over_and_what_not_and_changes_nothing(
    archive: Path, make_leader: Callable[[str], Runtime]
) -> None:
    clinic = make_leader("clinic")
    before = clinic.paths.database.read_bytes()
    plan = plan_experiment(clinic, archive)
    why = reasons(plan)
    assert (plan.experiments, plan.units) == ([NAME], [])
    assert plan.software_version
    for name in ("od_readings", "logs", "alarms", "media_pump/pump-of-unit1", "media_pump/pump-of-lab", "growth.yaml"):
        assert why[name] == "", name
    assert (why["config/config.ini"], why["config/units/unit1.ini"]) == ("", "")
    assert "other cluster" in why["audit_trail"]
    assert "other cluster" in why["stills/unit1: 2 files"]
    assert "made from the rows" in next(why[name] for name in why if name.startswith("data"))
    assert "cannot be used" in why["lamp/x"]
    assert "plugin" in plan.notes[0]
    assert clinic.paths.database.read_bytes() == before
    assert not clinic.paths.calibrations.exists()


def test_the_command_shows_what_comes_over_and_imports(archive: Path, make_leader: Callable[[str], Runtime]) -> None:
    clinic = make_leader("clinic")

    def pio(*arguments: str) -> Result:
        return CliRunner().invoke(command, [str(archive), *arguments], obj=CliContext(os.environ, runtime=clinic))

    shown = pio("--dry-run")
    assert "media_pump/pump-of-unit1" in shown.output
    assert "archives have no code" in shown.output
    assert json.loads(pio("--dry-run", "--json").output)["experiments"] == [NAME]
    done = pio()
    assert "2 calibrations and estimators" in done.stdout
    assert "Not imported: audit_trail" in done.stderr


def test_the_data_of_an_experiment_are_equal_after_a_round_trip(
    archive: Path, make_leader: Callable[[str], Runtime], tmp_path: Path
) -> None:
    clinic = make_leader("clinic")
    database = LeaderDatabase.open(clinic.paths.database)
    database.experiments.create("mine")
    execute(clinic, (ALARM, ("mine",)), (AUDIT, ("mine",)))
    write_pump(clinic, "pump-of-unit1", "unit1", slope=0.9)
    calibrations.set_active(clinic, "media_pump", "pump-of-unit1")
    done = import_experiment(clinic, archive, silent)
    assert [each.name for each in done.artifacts] == ["pump-of-lab", "pump-of-unit1-2"]
    assert calibrations.active_name(clinic, "media_pump") == "pump-of-unit1"
    assert calibrations.load(clinic, "media_pump", "pump-of-unit1-2").x_to_y(1.0) == pytest.approx(0.3)
    alarms = "SELECT experiment, cleared_at IS NULL, acknowledged_at IS NULL FROM alarms ORDER BY experiment"
    assert execute(clinic, (alarms, ())) == [(NAME, 0, 0), ("mine", 1, 1)]
    assert execute(clinic, ("SELECT experiment FROM audit_trail", ())) == [("mine",)]

    again = write_experiment(clinic, NAME, output=tmp_path / "again.zip")
    assert data_of(Path(again.path)) == data_of(archive)
    assert len(data_of(archive)) > 10
    third = make_leader("third")
    import_experiment(third, Path(again.path), silent)
    assert data_of(Path(write_experiment(third, NAME, output=tmp_path / "third.zip").path)) == data_of(archive)
    folder = third.paths.experiment_record(database.experiments.get(NAME).created_at)
    assert "imported/files/config/units/unit1.ini" in read_record(folder).files
    database.close()


def test_the_record_of_an_experiment_is_read_and_deleted(archive: Path, make_leader: Callable[[str], Runtime]) -> None:
    clinic = make_leader("clinic")
    import_experiment(clinic, archive, silent)
    with pytest.raises(ConflictError, match=NAME):
        import_experiment(clinic, archive, silent)
    [(created_at,)] = execute(clinic, ("SELECT created_at FROM experiments WHERE experiment = ?", (NAME,)))
    folder = clinic.paths.experiment_record(str(created_at))
    record = read_record(folder)
    assert record.experiment == NAME
    assert record.software_version
    assert "no signature" in record.origin
    assert "777" in file_of_record(folder, "config/config.ini")
    assert "0.3" in file_of_record(folder, "calibrations/units/unit1/media_pump/pump.yaml")
    assert {"audit_trail", "plugins", "stills/unit1: 2 files"} <= {each.name for each in record.left_out}
    for other in ("record.json", "../record.json", "/etc/passwd"):
        with pytest.raises(NotFoundError):
            file_of_record(folder, other)
    calibrations.set_active(clinic, "media_pump", "pump-of-lab")
    delete_record(clinic, folder)
    assert calibrations.names(clinic, "media_pump") == ["pump-of-lab"]
    assert not folder.exists()
    assert read_record(folder).imported_at == ""


def test_rows_that_are_not_of_the_experiment_do_not_come_over(
    archive: Path, make_leader: Callable[[str], Runtime], tmp_path: Path
) -> None:
    clinic = make_leader("clinic")
    fill_with_another(clinic, "mine")
    hostile = tmp_path / "hostile.zip"
    with zipfile.ZipFile(archive) as opened:
        opened.extract("experiment.sqlite", tmp_path)
    with closing(sqlite3.connect(tmp_path / "experiment.sqlite")) as connection, connection:
        connection.execute("UPDATE od_readings SET experiment = 'mine' WHERE rowid % 2")
        connection.execute("INSERT INTO alarm_channels VALUES ('x', '{}', 0, 't')")
        connection.execute("INSERT INTO people (username, password_hash, created_at) VALUES ('eve', 'h', 't')")
    with zipfile.ZipFile(hostile, "w") as made:
        made.write(tmp_path / "experiment.sqlite", "experiment.sqlite")
    why = reasons(plan_experiment(clinic, hostile))
    assert "not of one experiment" in why["alarm_channels"]
    import_experiment(clinic, hostile, silent)
    found = execute(
        clinic,
        ("SELECT count(*) FROM od_readings WHERE experiment = 'mine'", ()),
        ("SELECT count(*) FROM alarm_channels", ()),
        ("SELECT count(*) FROM people", ()),
    )
    assert found == [(0,), (0,), (0,)]


def fill_with_another(leader: Runtime, experiment: str) -> None:
    database = LeaderDatabase.open(leader.paths.database)
    database.experiments.create(experiment)
    database.close()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("calibrations/unit1.zip", zipped(**{"..__evil.yaml": "x"})),
        ("calibrations/unit1.zip", b"damaged"),
        ("config/config.ini", b"x" * (2 * 1024**2 + 1)),
        ("../config.ini", b""),
    ],
    ids=["path", "damaged", "size", "outside"],
)
def test_a_hostile_file_of_an_archive_is_refused(
    archive: Path, make_leader: Callable[[str], Runtime], tmp_path: Path, name: str, content: bytes
) -> None:
    clinic, hostile = make_leader("clinic"), tmp_path / "hostile.zip"
    with zipfile.ZipFile(archive) as opened, zipfile.ZipFile(hostile, "w") as made:
        made.writestr("experiment.sqlite", opened.read("experiment.sqlite"))
        made.writestr(name, content)
    for act in (lambda: plan_experiment(clinic, hostile), lambda: import_experiment(clinic, hostile, silent)):
        with pytest.raises(HostileArchiveError):
            act()
    assert list(clinic.paths.storage.glob(".experiment-*")) == []
    assert not (clinic.paths.storage / "experiment_records").exists()


def test_an_archive_of_several_experiments_is_refused(
    archive: Path, make_leader: Callable[[str], Runtime], tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extract("experiment.sqlite", tmp_path)
    with closing(sqlite3.connect(tmp_path / "experiment.sqlite")) as connection, connection:
        connection.execute("INSERT INTO experiments (experiment, created_at) VALUES ('two', 't')")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as made:
        made.write(tmp_path / "experiment.sqlite", "experiment.sqlite")
    with pytest.raises(StorageError, match="2 experiments"):
        plan_experiment(make_leader("clinic"), tmp_path / "two.zip")
