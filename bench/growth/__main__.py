"""Print the science table: how well growth rates are estimated, beside the reference and the prototype.

    python -m bench.growth [--published FOLDER] [--seeds 2] [--first-seed 100] [--responses]

Families are simulated on seeds that no constant was chosen on; `--published` adds the published benchmark's files.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.growth.families import ALSO_TUNED_ON, BENCHMARK, HELD_OUT, Recording, simulate
from bench.growth.responses import print_responses
from bench.growth.scoring import Score, load_recording, score, score_smoothed

REFERENCE_RMSE = {
    "batch_ecoli": 0.3190,
    "batch_yeast_diauxic": 0.0126,
    "slow_alga": 0.0023,
    "turbidostat_ecoli_1mL": 0.0219,
    "turbidostat_biasedpump": 0.0227,
    "turbidostat_bigdose_5mL": 0.0104,
    "chemostat_D0.3": 0.0785,
    "drug_steps_turbidostat": 0.0763,
    "morbidostat_cycles": 0.0388,
    "batch_bubbles": 0.0681,
    "batch_noisy_colored": 0.0441,
    "batch_growing_noise": 0.0154,
    "unannounced_dilution": 0.3332,
    "cap_disturbance": 0.0031,
    "low_od_floor": 0.1468,
}
"""RMSE [1/h] of the reference on the published seed: README of the benchmark, column "reference RMSE"."""


def _table(title: str, rows: Iterable[tuple[str, Sequence[Recording]]]) -> None:
    print(f"\n{title}")
    print(f"{'family':26s} {'ours':>8s} {'reference':>9s} {'p95':>8s} {'coverage':>8s} {'smoothed':>8s} {'us':>5s}")
    online: list[float] = []
    later: list[float] = []
    covered: list[float] = []
    for name, recordings in rows:
        scores = [score(recording) for recording in recordings]
        smoothed = _root_mean_square([score_smoothed(recording).rmse for recording in recordings])
        ours = _root_mean_square([each.rmse for each in scores])
        online.append(ours)
        later.append(smoothed)
        covered.append(_mean([each.coverage for each in scores]))
        print(_row(name, ours, smoothed, covered[-1], scores), flush=True)
    print(f"{'mean':26s} {_mean(online):8.4f} {'':9s} {'':8s} {_mean(covered):8.3f} {_mean(later):8.4f}")
    print(f"{'geometric mean':26s} {_geometric(online):8.4f} {'':9s} {'':8s} {'':8s} {_geometric(later):8.4f}")


def _row(name: str, ours: float, smoothed: float, covered: float, scores: Sequence[Score]) -> str:
    reference = REFERENCE_RMSE.get(name)
    beside = f"{reference:9.4f}" if reference is not None else f"{'-':>9s}"
    worse = "  worse" if reference is not None and ours > 1.1 * reference else ""
    p95 = _mean([each.p95 for each in scores])
    us = _mean([each.us_per_update for each in scores])
    return f"{name:26s} {ours:8.4f} {beside} {p95:8.4f} {covered:8.3f} {smoothed:8.4f} {us:5.0f}{worse}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _root_mean_square(values: Sequence[float]) -> float:
    return math.sqrt(sum(value * value for value in values) / len(values))


def _geometric(values: Sequence[float]) -> float:
    return math.exp(sum(math.log(value) for value in values) / len(values))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--published", type=Path, help="folder of the published benchmark's recordings")
    parser.add_argument("--seeds", type=int, default=2, help="simulated recordings per family")
    parser.add_argument("--first-seed", type=int, default=100, help="0 to 9 were used for tuning")
    parser.add_argument("--responses", action="store_true", help="measure how fast it answers, instead of the table")
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    if args.responses:
        print_responses(seeds)
        return
    if args.published is not None:
        _table(
            "published seed (looked at during development)",
            ((family.name, [load_recording(args.published, family.name)]) for family in BENCHMARK),
        )
    for title, families in (
        (f"the fifteen families, simulated, seeds {seeds[0]} to {seeds[-1]}", BENCHMARK),
        (f"other families that were tuned on, seeds {seeds[0]} to {seeds[-1]}", ALSO_TUNED_ON),
        (f"families never tuned on, seeds {seeds[0]} to {seeds[-1]}", HELD_OUT),
    ):
        _table(title, ((family.name, [simulate(family, seed) for seed in seeds]) for family in families))


if __name__ == "__main__":
    main()
