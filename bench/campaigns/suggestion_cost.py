"""Time and memory of a suggestion: 60 and 200 settings told, 3 to 8 factors, batches of 4, in a process of its own.

Run: python -m bench.campaigns.suggestion_cost
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

from pioreactor.science.campaigns.designs import design
from pioreactor.science.campaigns.factors import Factor, Told
from pioreactor.science.campaigns.search_space import SearchSpace
from pioreactor.science.campaigns.suggestions import Record, suggest

CASES = ((60, 3), (200, 3), (60, 8), (200, 8))


def measure(told: int, factors: int) -> None:
    space = SearchSpace(tuple(Factor(f"factor{number}", 0.0, 1.0) for number in range(factors)))
    settings = design(space, "sobol", told, 1)
    values = [-sum((value - 0.4) ** 2 for value in setting.values()) for setting in settings]
    record = Record(space, 1, [Told(*pair) for pair in zip(settings, values, strict=True)])
    start, cpu = time.perf_counter(), time.process_time()
    suggest(record, 4)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(f"{told} told, {factors} factors: {seconds:.2f} s, {cpu:.2f} s of processor, {peak_mb:.0f} MB")


def main() -> None:
    if len(sys.argv) == 3:
        measure(int(sys.argv[1]), int(sys.argv[2]))
        return
    for told, factors in CASES:
        subprocess.run([sys.executable, "-m", __spec__.name, str(told), str(factors)], check=True)


if __name__ == "__main__":
    main()
