"""Measures the error of fused concentrations on an instrument that the estimator never saw, and what one costs.

Real readings of yeast (../shared/science/data/od_angle_dataset_original.csv): five instruments, of which each in turn
is held out. The held-out instrument measures one standard, by which its angles are rescaled; errors are in decades.
Beside ours runs the reference's formula on the same curves.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import fmean

from pioreactor.science.fusion import Fusion, Observation, fit_fusion

DATA = Path(__file__).parents[2] / "shared" / "science" / "data" / "od_angle_dataset_original.csv"
ANGLES = ("45", "90", "135")
STANDARD = 0.7924
"""Concentration [mg/mL] at which a new instrument is rescaled."""
BANDS = {"all": (0, 99), "<= 0.02": (0, 0.02), "0.05-0.8": (0.05, 0.8), "3-50": (3, 51)}

Sample = tuple[str, float, dict[str, float]]
"""Instrument, concentration, reading of each angle."""


def read(path: Path) -> list[Sample]:
    rows: dict[tuple[str, str, str], Sample] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            key = (row["instrument_number"], row["vial_number"], row["trial_number"])
            sample = rows.setdefault(key, (row["instrument_number"], float(row["concentration_mg_ml"]), {}))
            sample[2][row["angle"]] = float(row["od_reading"])
    return [sample for sample in rows.values() if sample[1] > 0]


def mean_log(samples: Iterable[Sample], angle: str, concentration: float) -> float:
    return fmean(math.log(readings[angle]) for _, c, readings in samples if c == concentration)


def rescaled(samples: list[Sample], target: Mapping[str, float], concentration: float) -> list[Sample]:
    """Return samples of one instrument, each angle scaled so that the standard reads as the target does."""
    factors = {angle: math.exp(target[angle] - mean_log(samples, angle, concentration)) for angle in ANGLES}
    return [(name, c, {angle: readings[angle] * factors[angle] for angle in ANGLES}) for name, c, readings in samples]


def left_out(samples: list[Sample], name: str, standard: float) -> tuple[Fusion, list[Sample]]:
    others = [sample for sample in samples if sample[0] != name]
    target = {angle: mean_log(others, angle, standard) for angle in ANGLES}
    training: list[Sample] = []
    for other in sorted({sample[0] for sample in others}):
        training += rescaled([sample for sample in others if sample[0] == other], target, standard)
    seen = [Observation(angle, c, readings[angle]) for _, c, readings in training for angle in ANGLES]
    mine = rescaled([sample for sample in samples if sample[0] == name], target, standard)
    return Fusion(fit_fusion(seen)), mine


def rmse(pairs: Iterable[tuple[float, float]], band: tuple[float, float]) -> float:
    squares = [(math.log10(e) - math.log10(c)) ** 2 for e, c in pairs if band[0] <= c <= band[1]]
    return math.sqrt(fmean(squares))


def milliseconds(run: Callable[[], object], *, times: int) -> float:
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(times):
            run()
        best = min(best, (time.perf_counter() - start) / times)
    return best * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--standard", type=float, default=STANDARD)
    arguments = parser.parse_args()
    samples = read(arguments.data)
    results: dict[str, list[tuple[float, float]]] = {"ours": [], "reference": []}
    for name in sorted({sample[0] for sample in samples}):
        fusion, mine = left_out(samples, name, arguments.standard)
        for _, concentration, readings in mine:
            results["ours"].append((fusion.estimate(readings), concentration))
            results["reference"].append((fusion.most_likely(readings), concentration))
    print(f"{'RMSE in decades, mg/mL':<24}" + "".join(f"{band:>10}" for band in BANDS))
    for method, pairs in results.items():
        print(f"{method:<24}" + "".join(f"{rmse(pairs, band):10.4f}" for band in BANDS.values()))
    print(f"a reading: ours {milliseconds(lambda: fusion.estimate(readings), times=100):.3f} ms, ", end="")
    print(f"reference's formula {milliseconds(lambda: fusion.most_likely(readings), times=5):.2f} ms")


if __name__ == "__main__":
    main()
