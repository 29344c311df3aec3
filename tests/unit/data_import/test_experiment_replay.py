"""An archived experiment is repeated on simulated reactors: jobs, settings, doses and light at their times."""

import csv
import json
import sqlite3
import sys
import zipfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pioreactor.cli.simulate import simulate
from pioreactor.data_import.archive_files import HostileArchiveError
from pioreactor.data_import.experiment_replay import read_replay
from pioreactor.data_import.replay_actions import Change, Start
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.encoding import from_timestamp, to_timestamp

BEGAN = from_timestamp("2026-03-01T08:00:00.000Z")


def at(seconds: float) -> str:
    return to_timestamp(BEGAN + timedelta(seconds=seconds))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The archive of ten minutes: a reactor that stirs, a thermostat that was changed, a dose and light by hand."""
    database = tmp_path / "experiment.sqlite"
    LeaderDatabase.open(database).close()

    def settings(celsius: float) -> str:
        return json.dumps({"target_temperature": celsius, "state": "ready"})

    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO experiments (experiment, created_at) VALUES ('Wild type', ?)", (at(-9999),))
        for table, row in (
            *(("stirring_rates", (at(n * 30), 400.0 + n % 3)) for n in range(10)),
            *(("dosing_events", (at(120 + n), "add_media", 0.25, "CLI")) for n in range(2)),
            ("dosing_events", (at(300), "add_media", 1.0, "dosing_automation:turbidostat")),
            ("led_change_events", (at(60), "B", 30.0, "user")),
            ("led_change_events", (at(61), "A", 80.0, "od_reading")),
        ):
            columns = {
                "stirring_rates": "measured_rpm",
                "dosing_events": "event, volume_change_ml, source_of_event",
                "led_change_events": "channel, intensity, source_of_event",
            }[table]
            marks = ", ".join("?" for _ in row)
            connection.execute(
                f"INSERT INTO {table} (experiment, pioreactor_unit, timestamp, {columns}) "
                f"VALUES ('Wild type', 'bench3', {marks})",
                row,
            )
        for began, ended, celsius in ((0, 200, 30.0), (200, 270, 35.0)):
            connection.execute(
                "INSERT INTO temperature_automation_settings VALUES ('Wild type', 'bench3', ?, ?, 'thermostat', ?)",
                (at(began), at(ended), settings(celsius)),
            )
        connection.execute(
            "INSERT INTO dosing_automation_events (experiment, pioreactor_unit, timestamp, event_name) "
            "VALUES ('Wild type', 'bench3', ?, 'DilutionEvent')",
            (at(290),),
        )
        connection.commit()
    target = tmp_path / "wild_type.zip"
    with zipfile.ZipFile(target, "w") as made:
        made.write(database, "experiment.sqlite")
        unit = {"pioreactor_unit": "bench3", "model_name": "pioreactor_40ml", "model_version": "1.5"}
        made.writestr("units.json", json.dumps([unit]))
        text = "[cluster.topology]\nleader_hostname=theirs\n[stirring.config]\ninitial_target_rpm=321\n"
        made.writestr("config/config.ini", text)
    database.unlink()
    return target


def test_what_was_done_is_read_from_the_records(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    replay = read_replay(archive, tmp_path / "to")
    assert (replay.experiment, replay.started_at) == ("Wild type", BEGAN)
    assert replay.hours == pytest.approx(300 / 3600)
    assert replay.config == "[stirring.config]\ninitial_target_rpm=321\n"
    assert [note for note in replay.notes if "bench3" in note] == [
        "Not repeated, as it had not ended: automation of bench3 (dosing)."
    ]
    thermostat = "temperature_automation"
    assert replay.actions == [
        Start(0.0, "bench3", ("stirring", "--target-rpm", "400")),
        Start(0.0, "bench3", (thermostat, "--automation-name", "thermostat", "--target-temperature", "30.0")),
        Start(60.0, "bench3", ("led_intensity", "--B", "30")),
        Start(120.0, "bench3", ("add_media", "--ml", "0.5")),
        Change(200.0, "bench3", thermostat, "target_temperature", "35.0"),
        Change(270.0, "bench3", "stirring", "$state", "disconnected"),
        Change(270.0, "bench3", thermostat, "$state", "disconnected"),
    ]


def test_it_is_done_again_on_the_twin_and_compared(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    monkeypatch.setitem(sys.modules, "plotext", None)
    done = CliRunner().invoke(simulate, ["--replay", str(archive), "--out", str(out), "--no-csv"])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "pioreactor[simulation]" in done.output, "without plots, which need a package, results are written"
    with closing(sqlite3.connect(out / "pioreactor.sqlite")) as connection:

        def rows(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        assert rows("SELECT pioreactor_unit, model_name FROM workers") == [("bench3", "pioreactor_40ml")]
        assert rows("SELECT DISTINCT experiment FROM stirring_rates") == [("Wild type",)]
        assert [str(text)[:16] for (text,) in rows("SELECT min(timestamp) FROM stirring_rates")] == ["2026-03-01T08:00"]
        dosed = rows("SELECT round(sum(volume_change_ml), 1) FROM dosing_events WHERE event = 'add_media'")
        assert dosed == [(0.5,)]
        assert len(rows("SELECT * FROM temperature_automation_settings")) == 2
        assert rows("SELECT intensity FROM led_change_events WHERE channel = 'B'")[0] == (30.0,)
    with (out / "comparison.csv").open() as file:
        compared = {row["quantity"]: row for row in csv.DictReader(file)}
    assert float(compared["rpm"]["simulated"]) == pytest.approx(float(compared["rpm"]["recorded"]), rel=0.1)
    assert (out / "recorded" / "experiment.sqlite").exists()
    again = ["--replay", str(archive), "--out", str(out), "--overwrite"]
    assert CliRunner().invoke(simulate, [*again, "--units", "2"]).exit_code == 2


@pytest.mark.parametrize("content", [None, b"no database"])
def test_what_is_no_archive_is_not_repeated(tmp_path: Path, content: bytes | None) -> None:
    target = tmp_path / "x.zip"
    with zipfile.ZipFile(target, "w") as made:
        made.writestr("readme" if content is None else "experiment.sqlite", content or b"x")
    (tmp_path / "to").mkdir()
    with pytest.raises(HostileArchiveError):
        read_replay(target, tmp_path / "to")
