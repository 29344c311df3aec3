"""Recordings: files in, files out, and errors that name file, column and line."""

import csv
import gzip
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pioreactor.exc import InvalidRequestError, StorageError
from pioreactor.science.growth_rate import Dose, GrowthRateEstimator, replay, smooth
from pioreactor.science.growth_rate.replay import OUTPUT_COLUMNS, estimate_recording, read_doses, read_readings


def grown(hours: float, growth: float = 0.4, seed: int = 1) -> list[tuple[float, float]]:
    rng = random.Random(seed)
    return [
        (i * 5 / 3600, 0.1 * math.exp(growth * i * 5 / 3600) * (1 + 0.0056 * rng.gauss(0, 1)))
        for i in range(int(hours * 720))
    ]


def write(path: Path, header: str, rows: list[str]) -> Path:
    text = "\n".join([header, *rows]) + "\n"
    if path.suffix == ".gz":
        with gzip.open(path, "wt") as file:
            file.write(text)
    else:
        path.write_text(text)
    return path


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    return write(tmp_path / "readings.csv", "time_h,od_reading", [f"{t:.6f},{od:.6g}" for t, od in grown(1)])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("smoothed", [False, True])
def test_one_row_per_reading_with_the_growth_rate(readings: Path, tmp_path: Path, smoothed: bool) -> None:
    reported: list[float] = []
    summary = estimate_recording(readings, out=tmp_path / "out.csv", smoothed=smoothed, progress=reported.append)
    rows = rows_of(summary.out)

    assert tuple(rows[0]) == OUTPUT_COLUMNS
    assert len(rows) == summary.readings == 720
    assert float(rows[-1]["growth_rate"]) == pytest.approx(0.4, abs=0.03)
    assert float(rows[-1]["time_h"]) == pytest.approx(719 * 5 / 3600, abs=1e-5)
    assert float(rows[360]["od_filtered"]) == pytest.approx(0.1 * math.exp(0.2), rel=0.01)
    assert rows[0]["outlier"] == "0"
    assert reported == sorted(reported) and reported[-1] == 1.0
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_timestamps_compression_and_exported_dosing_events_say_the_same(tmp_path: Path) -> None:
    begin = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def stamp(t_h: float) -> str:
        return (begin + timedelta(hours=t_h)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    diluted = [(t, od * (14 / 15 if t > 0.5 else 1)) for t, od in grown(1)]
    readings = write(tmp_path / "hours.csv", "time_h,od_reading", [f"{t:.6f},{od:.6g}" for t, od in diluted])
    stamped = write(
        tmp_path / "stamped.csv.gz",
        "pioreactor_unit,timestamp,od_reading",
        [f"unit1,{stamp(t)},{od:.6g}" for t, od in diluted],
    )
    by_hours = write(tmp_path / "d1.csv", "time_h,event,nominal_volume_ml", ["0.5,add_media,1", "0.51,remove_waste,2"])
    by_stamp = write(
        tmp_path / "d2.csv",
        "timestamp,event,volume_change_ml",
        [f"{stamp(0.51)},remove_waste,2", f"{stamp(0.5)},add_media,1"],
    )
    one = estimate_recording(readings, doses=by_hours, out=tmp_path / "one.csv")
    other = estimate_recording(stamped, doses=by_stamp, out=tmp_path / "other.csv.gz")
    with gzip.open(other.out, "rt") as file:
        rows = list(csv.DictReader(file))

    assert one.doses == other.doses == 1
    for ours, theirs in zip(rows_of(one.out), rows, strict=True):
        assert float(ours["growth_rate"]) == pytest.approx(float(theirs["growth_rate"]), abs=2e-3)


def test_another_column_can_be_chosen_and_empty_cells_are_left_out(tmp_path: Path) -> None:
    rows = [f"{t:.6f},nonsense,{'' if i % 10 == 3 else format(od, '.6g')}" for i, (t, od) in enumerate(grown(0.5))]
    path = write(tmp_path / "r.csv", "time_h,od_reading,od_fused", rows)

    summary = estimate_recording(path, out=tmp_path / "out.csv", column="od_fused")

    assert summary.left_out == 36
    assert float(rows_of(summary.out)[-1]["growth_rate"]) == pytest.approx(0.4, abs=0.1)


def test_the_vial_fills_and_empties_with_the_doses(tmp_path: Path, readings: Path) -> None:
    path = write(
        tmp_path / "d.csv",
        "time_h,event,nominal_volume_ml",
        ["0.1,add_media,1", "0.11,add_alt_media,1", "0.12,remove_waste,3", "0.2,add_media,0.5", "0.3,sampled,9"],
    )
    doses = read_doses(path, like=read_readings(readings), vial_volume_ml=14.0)

    assert [(d.added_ml, d.vial_volume_ml) for d in doses] == [(1.0, 14.0), (1.0, 15.0), (0.5, 14.0)]


@pytest.mark.parametrize(
    ("header", "rows", "says"),
    [
        ("hour,od_reading", ["0,1"], "r.csv has neither a column 'time_h' nor 'timestamp'; it has hour, od_reading"),
        ("time_h,od", ["0,1"], "r.csv has no column 'od_reading'; it has time_h, od"),
        ("time_h,od_reading", ["0,1", "0.1,ten"], "r.csv, line 3, column 'od_reading': 'ten' is not a number"),
        ("time_h,od_reading", ["0,1", "soon,1"], "r.csv, line 3, column 'time_h': 'soon' is not a number"),
        ("time_h,od_reading", ["nan,1"], "r.csv, line 2, column 'time_h': 'nan' is not a moment"),
        ("timestamp,od_reading", ["today,1"], "r.csv, line 2, column 'timestamp': 'today' is not a timestamp"),
        ("time_h,channel,od_reading", ["0,1,1", "0,2,1"], "r.csv, line 3, column 'channel': '2' after '1'"),
        ("time_h,od_reading", [], "r.csv holds no readings"),
    ],
)
def test_bad_readings_are_named(tmp_path: Path, header: str, rows: list[str], says: str) -> None:
    path = write(tmp_path / "r.csv", header, rows)

    with pytest.raises(InvalidRequestError) as raised:
        estimate_recording(path, out=tmp_path / "out.csv")

    assert str(raised.value) == says
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("header", "row", "says"),
    [
        ("timestamp,event,volume_change_ml", "2026-01-01,add_media,1", "d.csv has no column 'time_h'"),
        ("time_h,event,ml", "0,add_media,1", "d.csv has no column 'nominal_volume_ml'"),
        ("time_h,what,nominal_volume_ml", "0,add_media,1", "d.csv has no column 'event'"),
        ("time_h,event,nominal_volume_ml", "0,add_media,", "d.csv, line 2, column 'nominal_volume_ml': ''"),
    ],
)
def test_bad_doses_are_named(readings: Path, tmp_path: Path, header: str, row: str, says: str) -> None:
    path = write(tmp_path / "d.csv", header, [row])

    with pytest.raises(InvalidRequestError, match=says):
        estimate_recording(readings, doses=path, out=tmp_path / "out.csv")


def test_files_that_are_missing_or_broken_are_named(readings: Path, tmp_path: Path) -> None:
    broken = tmp_path / "r.csv.gz"
    broken.write_bytes(b"no gzip at all")
    for path in (tmp_path / "missing.csv", broken):
        with pytest.raises(InvalidRequestError, match=path.name):
            estimate_recording(path, out=tmp_path / "out.csv")
    with pytest.raises(StorageError, match=r"out\.csv"):
        estimate_recording(readings, out=tmp_path / "no" / "such" / "out.csv")


def test_smoothing_knows_what_came_after() -> None:
    """At a sudden change the online estimate lags; the smoothed one does not, and its errors are smaller."""
    rng = random.Random(3)
    times = [i * 5.0 for i in range(4 * 720)]
    truth = [0.6 if t < 2 * 3600 else 0.1 for t in times]
    level = math.log(0.1)
    ods = []
    for rate in truth:
        ods.append(math.exp(level) * (1 + 0.0056 * rng.gauss(0, 1)))
        level += rate * 5 / 3600

    def rmse(rates: list[float]) -> float:
        pairs = list(zip(rates, truth, strict=True))[360:]
        return math.sqrt(sum((a - b) ** 2 for a, b in pairs) / len(pairs))

    online = [e.growth_rate for e in replay(times, ods, (), GrowthRateEstimator())]
    smoothed = smooth(times, ods)

    assert rmse([e.growth_rate for e in smoothed]) < 0.7 * rmse(online)
    assert smoothed[0].growth_rate == pytest.approx(0.6, abs=0.05)


def test_smoothing_goes_through_doses_and_hand_made_dilutions() -> None:
    rng = random.Random(4)
    level = math.log(0.3)
    times, ods, doses = [], [], []
    for i in range(3 * 720):
        if i == 500:
            doses = [Dose(i * 5.0 + k, 0.1, 14.0) for k in range(10)]
            level -= 10 * math.log1p(0.1 / 14)
        if i == 1300:
            level += math.log(0.6)
        level += 0.5 * 5 / 3600
        times.append(i * 5.0)
        ods.append(math.exp(level) * (1 + 0.0056 * rng.gauss(0, 1)) if i != 900 else math.nan)

    smoothed = smooth(times, ods, doses)

    assert len(smoothed) == len(times)
    assert max(abs(e.growth_rate - 0.5) for e in smoothed) < 0.06
    assert smoothed[900].outcome == "not_positive"
    assert smoothed[1200].od_filtered == pytest.approx(ods[1200], rel=0.02)


def test_smoothing_withstands_a_vial_that_mixes_slowly() -> None:
    """A turbidostat seen with a lag of ten seconds: backwards, that tail must not look like growth."""
    rng = random.Random(6)
    level = seen = math.log(0.4)
    times: list[float] = []
    ods: list[float] = []
    doses: list[Dose] = []
    slices = 0
    for second in range(6 * 3600):
        level += 0.8 / 3600
        if slices:
            slices -= 1
            level -= math.log1p(0.1 / 14)
            doses.append(Dose(second + 1.0, 0.1, 14.0))
        seen += (1 - math.exp(-1 / 10)) * (level - seen)
        if second % 5 == 0:
            times.append(float(second))
            ods.append(math.exp(seen) * (1 + 0.0056 * rng.gauss(0, 1)))
            if ods[-1] > 0.5 and (not doses or second - doses[-1].t_s > 60):
                slices = 10

    late = [e.growth_rate - 0.8 for e in smooth(times, ods, doses)][1080:]

    assert math.sqrt(sum(error * error for error in late) / len(late)) < 0.014


def test_a_recording_that_is_dosed_nearly_always_is_smoothed_from_all_its_readings() -> None:
    times = [i * 5.0 for i in range(720)]
    doses = [Dose(float(second), 0.003, 14.0) for second in range(600, 3600)]
    ods = [0.2 * math.exp(0.4 * t / 3600 - math.log1p(0.003 / 14) * max(t - 600, 0)) for t in times]

    assert smooth(times, ods, doses)[500].growth_rate == pytest.approx(0.4, abs=0.06)
