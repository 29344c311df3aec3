"""`pio estimate growth-rate`: a recording in, an estimate for each reading out, and sentences for what is wrong."""

import csv
import gzip
import json
import math
from pathlib import Path

import pytest

from pioreactor.cli.exit_codes import run
from pioreactor.cli.tree import pio

GROWTH_PER_H = 0.5


def write_recording(path: Path, *, hours: float = 3.0, every_s: float = 20.0, column: str = "od_reading") -> Path:
    count = int(hours * 3600 / every_s)
    lines = [f"time_h,{column}"]
    for i in range(count):
        time_h = i * every_s / 3600
        # a fixed ripple stands for noise
        lines.append(f"{time_h:.6f},{0.1 * math.exp(GROWTH_PER_H * time_h) * (1 + 0.003 * math.sin(7.1 * i)):.8f}")
    text = "\n".join(lines) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def estimate(*words: object) -> int:
    return run(pio, ["estimate", "growth-rate", *map(str, words)])


@pytest.mark.parametrize("smooth", [[], ["--smooth"]])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_growth_is_found_in_a_recording(
    tmp_path: Path, suffix: str, smooth: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    readings = write_recording(tmp_path / f"readings{suffix}")
    out = tmp_path / f"out{suffix}"
    assert estimate(readings, "--out", out, "--json", *smooth) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["readings"] == 540
    assert summary["out"] == str(out)
    with gzip.open(out, "rt") if suffix.endswith("gz") else out.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["time_h", "growth_rate", "growth_rate_sd", "od_filtered", "pump_gain", "outlier"]
    assert len(rows) == 540
    assert float(rows[-1]["growth_rate"]) == pytest.approx(GROWTH_PER_H, abs=0.05)


def test_a_person_gets_a_plot_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.csv"
    assert estimate(write_recording(tmp_path / "r.csv"), "--out", out) == 0
    said = capsys.readouterr()
    assert "growth rate [1/h]" in said.out
    assert "540 readings (0 skipped)" in said.out
    assert f"Written: {out}" in said.out


def test_another_column_and_doses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readings = write_recording(tmp_path / "r.csv", column="od_reading_smoothed")
    doses = tmp_path / "d.csv"
    doses.write_text("time_h,event,nominal_volume_ml\n1.5,add_media,0.0001\n")
    words = ["--column", "od_reading_smoothed", "--doses", doses, "--out", tmp_path / "o.csv", "--json"]
    assert estimate(readings, *words) == 0
    assert json.loads(capsys.readouterr().out)["doses"] == 1


def write_export(path: Path, *, delimiter: str = ",", comma: str = ".", clock: str = "timestamp") -> Path:
    """Write what an export of two units holds; unit2 grows twice as fast."""
    lines = [delimiter.join(["experiment", "pioreactor_unit", clock, "od_reading", "angle", "channel"])]
    for i in range(400):
        for unit, rate in (("unit1", 0.25), ("unit2", 0.5)):
            hours = i * 20 / 3600
            od = 0.1 * math.exp(rate * hours) * (1 + 0.003 * math.sin(7.1 * i))
            at = f"{hours:.4f}".replace(".", comma)
            if clock == "timestamp":
                at = f"2030-01-01T{int(hours):02d}:{i * 20 // 60 % 60:02d}:{i * 20 % 60:02d}.000Z"
            lines.append(delimiter.join(["June", unit, at, f"{od:.7f}".replace(".", comma), "90", "2"]))
    path.write_text("\ufeff" * (delimiter == ";") + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "form",
    [{}, {"delimiter": ";", "comma": ","}, {"delimiter": "\t"}, {"clock": "hours_since_experiment_created"}],
    ids=["export", "semicolons and decimal commas", "tabs", "hours"],
)
def test_each_unit_of_an_export_is_estimated_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: dict[str, str]
) -> None:
    readings, out = write_export(tmp_path / "all.csv", **form), tmp_path / "out.csv"
    assert estimate(readings, "--out", out, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["series"]["pioreactor_unit"], one["readings"]) for one in found] == [("unit1", 400), ("unit2", 400)]
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:5] == ["experiment", "pioreactor_unit", "channel", "angle", "time_h"]
    last = {row["pioreactor_unit"]: float(row["growth_rate"]) for row in rows}
    assert last == {"unit1": pytest.approx(0.25, abs=0.06), "unit2": pytest.approx(0.5, abs=0.06)}


def test_one_unit_of_an_export_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readings, out = write_export(tmp_path / "all.csv"), tmp_path / "out.csv"
    assert estimate(readings, "--unit", "unit2", "--out", out) == 0
    said = capsys.readouterr().out
    assert "400 readings" in said
    assert "unit1" not in said
    with out.open() as file:
        assert next(csv.reader(file))[0] == "time_h", "one series is written as ever"
    assert estimate(readings, "--out", out, "--overwrite") == 0
    assert "pioreactor_unit unit1" in capsys.readouterr().out
    assert estimate(readings, "--experiment", "July", "--out", tmp_path / "none.csv") == 1
    assert "holds no readings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no readings"),
        ("time_h,od_reading\n", "holds no readings"),
        ("a,b\n1,2\n", "neither a column 'time_h' nor 'timestamp'"),
        ("time_h,od\n0,1\n", "has no column 'od_reading'; it has time_h, od"),
        ("time_h,od_reading\n0,1\n0.1,high\n", "line 3, column 'od_reading': 'high' is not a number"),
        ("time_h,od_reading\n0,1\n0.2,1\n0.1,1\n", "line 4, column 'time_h': time goes backwards at '0.1'"),
        ("time_h,od_reading\n0,-1\n0.1,\n0.2,nan\n", "none of 3 readings is a positive number"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    readings = tmp_path / "r.csv"
    readings.write_text(content)
    out = tmp_path / "o.csv"
    assert estimate(readings, "--out", out) == 1
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not out.exists()


def test_a_result_that_is_there_is_not_lost_by_accident(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readings = write_recording(tmp_path / "r.csv", hours=0.2)
    out = tmp_path / "o.csv"
    out.write_text("mine\n")
    assert estimate(readings, "--out", out) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine\n"
    assert estimate(readings, "--out", out, "--overwrite") == 0


def test_a_cut_or_false_gzip_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = write_recording(tmp_path / "r.csv.gz", hours=0.5).read_bytes()
    for name, content in (("cut.csv.gz", whole[: len(whole) // 2]), ("plain.csv.gz", b"time_h,od_reading\n0,1\n")):
        (tmp_path / name).write_bytes(content)
        assert estimate(tmp_path / name, "--out", tmp_path / "o.csv") == 1
        said = capsys.readouterr().err
        assert f"cannot read {tmp_path / name}" in said
        assert "Traceback" not in said
        assert not (tmp_path / "o.csv").exists()


def test_files_that_are_missing_or_cannot_be_written_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readings = write_recording(tmp_path / "r.csv", hours=0.2)
    assert estimate(tmp_path / "no.csv", "--out", tmp_path / "o.csv") != 0
    assert "no.csv' does not exist" in capsys.readouterr().err
    assert estimate(readings, "--out", tmp_path / "nowhere" / "o.csv") == 1
    assert "Choose a folder that exists" in capsys.readouterr().err


def test_a_recording_is_never_written_over_by_its_own_estimate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readings = write_recording(tmp_path / "r.csv", hours=0.2)
    before = readings.read_bytes()
    assert estimate(readings, "--out", readings, "--overwrite") == 1
    assert "is read from, too" in capsys.readouterr().err
    assert readings.read_bytes() == before


@pytest.mark.parametrize("volume", ["5000", "nan", "inf"])
def test_a_volume_that_cannot_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], volume: str) -> None:
    doses = tmp_path / "d.csv"
    doses.write_text(f"time_h,event,nominal_volume_ml\n0.1,add_media,{volume}\n")
    readings = write_recording(tmp_path / "r.csv", hours=0.2)
    assert estimate(readings, "--doses", doses, "--out", tmp_path / "o.csv") == 1
    assert "d.csv, line 2, column 'nominal_volume_ml'" in capsys.readouterr().err


def test_single_readings_that_are_not_positive_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readings = write_recording(tmp_path / "r.csv", hours=0.2)
    lines = readings.read_text().splitlines()
    lines[5] = lines[5].split(",")[0] + ",-0.2"
    readings.write_text("\n".join(lines) + "\n")
    assert estimate(readings, "--out", tmp_path / "o.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == 1
