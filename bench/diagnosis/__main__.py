"""Judge the diagnosis of faults on twins in virtual time, and print tables that documentation can hold.

    python -m bench.diagnosis [--seeds 1] [--healthy-hours 4] [--workers 2] [--cases WORD…] [--activities WORD…]

Seeds begin at a number that no test and no tuning uses; with `--tuning` they begin at another one, to tune on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import msgspec

from bench.diagnosis import report
from bench.diagnosis.causes import CASES
from bench.diagnosis.course import Outcome, run
from bench.diagnosis.plants import ACTIVITIES

JUDGED_FROM, TUNED_FROM = 70_001, 30_001


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.diagnosis", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="plants of each activity")
    parser.add_argument("--healthy-hours", type=float, default=4.0, help="of each plant, after two hours to settle")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--tuning", action="store_true", help="use the seeds for tuning")
    parser.add_argument("--cases", nargs="*", default=[], help="only faults whose name holds one of these words")
    parser.add_argument("--activities", nargs="*", default=[], help="only activities whose name holds one")
    parser.add_argument("--keep", type=Path, help="file to write each outcome to, as JSON lines")
    return parser.parse_args()


def _chosen(names: Sequence[str], words: Sequence[str]) -> list[str]:
    return [name for name in names if not words or any(word in name for word in words)]


def main() -> None:
    given = _arguments()
    first = TUNED_FROM if given.tuning else JUDGED_FROM
    cases = {name: CASES[name] for name in _chosen(list(CASES), given.cases)}
    activities = _chosen(list(ACTIVITIES), given.activities)
    began_s, outcomes = time.perf_counter(), list[Outcome]()
    with ProcessPoolExecutor(given.workers) as pool:
        running = {
            pool.submit(run, activity, seed, cases, given.healthy_hours): f"{activity}, seed {seed}"
            for seed in range(first, first + given.seeds)
            for activity in activities
        }
        for number, done in enumerate(as_completed(running), start=1):
            outcomes += done.result()
            print(f"{number}/{len(running)} after {time.perf_counter() - began_s:.0f} s: {running[done]}", flush=True)
    if given.keep is not None:
        given.keep.write_bytes(b"\n".join(msgspec.json.encode(outcome) for outcome in outcomes))
    report.print_causes(outcomes)
    report.print_matrix(outcomes)
    print()
    report.print_activities(outcomes)
    report.print_false_alarms(outcomes)


if __name__ == "__main__":
    main()
