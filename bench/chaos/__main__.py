"""Breaks a simulated cluster at random, again and again, and counts what was lost, doubled, left on or told wrongly.

Run: python -m bench.chaos [--sequences 1000] [--hours 1] [--faults 12]; one sequence again: --seed 17. Each sequence
is a cluster of two units in virtual time; equal seeds give equal rows, byte for byte.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from bench.chaos.sequence import Counts, Sequence


@dataclass
class Done:
    """A sequence that was run, or the error that ended it."""

    counts: Counts
    seconds: float
    error: str = ""


def run_one(seed: int, *, hours: float, faults: int) -> Done:
    """Run one sequence. What it raises is part of the result: the others continue."""
    started = time.perf_counter()
    try:
        counts, error = Sequence(seed, hours=hours, how_many=faults).run(), ""
    except Exception as raised:  # noqa: BLE001  a sequence that cannot be finished is a finding like any other
        counts, error = Counts(seed), f"{type(raised).__name__}: {raised}"
        counts.broken.append(error)
    gc.collect()
    return Done(counts, time.perf_counter() - started, error)


def table(done: list[Done], hours: float) -> str:
    """Return all counts of all sequences as text."""
    all_counts = [one.counts for one in done]
    kinds: Counter[str] = Counter()
    broken_with: Counter[str] = Counter()
    for counts in all_counts:
        kinds.update(counts.faults)
        if counts.broken:
            broken_with.update(counts.faults.keys())
    lines = [f"{'fault':<26}{'times':>8}{'sequences with it that broke':>32}"]
    lines += [f"{kind:<26}{times:>8}{broken_with[kind]:>32}" for kind, times in kinds.most_common()]
    total = {
        "sequences": len(done),
        "simulated hours": round(hours * len(done), 1),
        "faults": kinds.total(),
        "rows recorded": sum(c.rows for c in all_counts),
        "rows lost": sum(c.lost for c in all_counts),
        "rows duplicated": sum(c.duplicated for c in all_counts),
        "states compared": sum(c.states for c in all_counts),
        "states that lied 2 s after healing": sum(c.lying_states for c in all_counts),
        "outputs whose owner died": sum(c.orphans for c in all_counts),
        "longest on without owner [s]": round(max(c.longest_orphan_s for c in all_counts), 2),
        "the same, output guard killed as well [s]": round(max(c.longest_unwatched_orphan_s for c in all_counts), 2),
        "fullest vial [% of its maximum]": round(100 * max(c.fullest_vial for c in all_counts), 1),
        "spilled [mL]": round(max(c.spilled_ml for c in all_counts), 3),
        "hottest board [°C]": round(max(c.hottest_board_celsius for c in all_counts), 1),
        "worst error of the volume ledger [mL]": round(max(abs(c.worst_dose_error_ml) for c in all_counts), 3),
        "longest drain of a backlog [s]": round(max(c.drained_s for c in all_counts), 1),
        "sequences that broke a promise": sum(bool(c.broken) for c in all_counts),
        "computed in [s of one core]": round(sum(one.seconds for one in done)),
    }
    lines += ["", *(f"{name:<42}{value:>12}" for name, value in total.items())]
    return "\n".join(lines)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="run only this one, and log what happened in it")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--faults", type=int, default=12, help="how many in each sequence")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    asked = parser.parse_args()
    run = partial(run_one, hours=asked.hours, faults=asked.faults)
    if asked.seed is not None:
        print(*Sequence(asked.seed, hours=asked.hours, how_many=asked.faults).faults, sep="\n")
        one = run(asked.seed)
        print(one.counts)
        return int(bool(one.counts.broken))
    done: list[Done] = []
    seeds = range(asked.first, asked.first + asked.sequences)
    # A person who has waited long enough presses Ctrl-C, and sees what was counted until then.
    with suppress(KeyboardInterrupt), multiprocessing.Pool(asked.processes, _ignore_interrupts, (), 25) as pool:
        for one in pool.imap_unordered(run, seeds):
            done.append(one)
            for words in one.counts.broken:
                print(f"seed {one.counts.seed}: {words}", flush=True)
            if len(done) % 50 == 0:
                print(f"{len(done)} of {asked.sequences}", file=sys.stderr, flush=True)
    print(table(done, asked.hours))
    broken = sorted(one.counts.seed for one in done if one.counts.broken)
    if broken:
        print(f"\nAgain: python -m bench.chaos --hours {asked.hours:g} --faults {asked.faults} --seed {broken[0]}")
        print(f"All seeds that broke a promise: {', '.join(map(str, broken))}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
