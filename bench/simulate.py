"""How fast virtual time is for one unit with the default jobs: beside real time, for each OD reading, by part.

Run `python -m bench.simulate [HOURS]`. The run is timed first; a shorter one is then profiled, and what the profile
counts is divided among parts by the file a function is in, scaled to the time that was measured. Target: 10,000 × real
time on one core, which is a week in 60 s. `--functions` lists the functions that cost most.

Processor time grows when other programs use the machine. The yardstick does so as well: what the same interpreter takes
for a fixed loop, before and after the run. Compare runs by their ratio to it.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pioreactor.bootstrap.simulated import SimulatedUnit
from pioreactor.cli.simulated_run import DEFAULT_JOBS, SimulatedRun, SimulationPlan

WEEK_H = 168.0
TURNS_OF_YARDSTICK = 1_000_000
PROFILED_H = 1.0
PARTS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("twin", ("/pioreactor/twin/",)),
    ("drivers", ("/pioreactor/devices/",)),
    ("signal", ("/science/od_signal", "/background_jobs/od_reading/", "/science/fusion")),
    ("estimator", ("/science/growth_rate/", "/background_jobs/growth_rate_calculating/")),
    ("thermostat", ("/science/temperature/", "/automations/temperature/")),
    ("journal", ("/storage/memory", "/runtime/journaling_publisher", "/monitor/forwarding", "/monitor/records")),
    ("writer", ("/background_jobs/leader/", "/storage/leader/", "sqlalchemy", "sqlite")),
    ("messages", ("/messaging/", "/topics.py", "/structs/", "msgspec")),
    ("framework", ("/jobs/", "/runtime/", "/clock/", "greenlet")),
)


def run(hours: float) -> tuple[SimulatedRun, float]:
    """Return a finished run and the processor time that it took [s]: other programs disturb it less than the wall's."""
    with tempfile.TemporaryDirectory(prefix="pio-bench-") as folder:
        plan = SimulationPlan(
            units=["unit1"],
            seed=1,
            scenario="ecoli_turbidostat",
            experiment="bench",
            hours=hours,
            commands=[command.split() for command in DEFAULT_JOBS],
        )
        simulated = SimulatedRun(Path(folder), plan)
        began_s = time.process_time()
        simulated.go(lambda: None)
        took_s = time.process_time() - began_s
        simulated.end()
    return simulated, took_s


def yardstick_s() -> float:
    """Return the processor time of a loop over numbers and a dictionary, the best of three [s]."""

    def loop_s() -> float:
        began_s, total = time.process_time(), 0.0
        kept: dict[int, float] = {}
        for turn in range(TURNS_OF_YARDSTICK):
            kept[turn & 255] = total
            total += turn * 0.5
        return time.process_time() - began_s

    return min(loop_s() for _ in range(3))


def part_of(file: str, function: str) -> str:
    """Return which part a function's own time belongs to; built-in functions are told by their name."""
    where = file if file != "~" else function
    for part, marks in PARTS:
        if any(mark in where for mark in marks):
            return part
    return "rest"


def shares(profile: cProfile.Profile) -> dict[str, float]:
    """Return the share of each part; the time of a built-in function goes to those who call it."""
    stats = pstats.Stats(profile)
    own: dict[str, float] = {}
    for (file, _line, function), (_calls, _n, own_s, _total, callers) in stats.stats.items():  # type: ignore[attr-defined]
        if file != "~" or not callers:
            part = part_of(file, function)
            own[part] = own.get(part, 0.0) + own_s
            continue
        for (caller_file, _caller_line, caller), (_c, _p, from_caller_s, _t) in callers.items():
            part = part_of(caller_file, caller)
            own[part] = own.get(part, 0.0) + from_caller_s
    total_s = sum(own.values())
    return {part: seconds / total_s for part, seconds in own.items()}


def readings_of(unit: SimulatedUnit) -> int:
    """Return how many OD readings a unit recorded, by its journal."""
    journal = unit.runtime.stores.journal()
    return sum("/od_reading/od2" in entry.topic for entry in journal.read(after_seq=0, limit=10_000_000))


def main(hours: float = 4.0) -> None:
    """Print the speed, the seconds of a week and the microseconds of a reading, by part."""
    run(0.1)
    before_s = yardstick_s()
    simulated, took_s = run(hours)
    measure_s = (before_s + yardstick_s()) / 2
    hour_s = took_s / hours
    per_reading_us = hour_s / (3600 / 5.0) * 1e6
    print(f"{hours:g} h took {took_s:.2f} s, {3600 / hour_s:,.0f} × real time; a week {hour_s * WEEK_H:.0f} s")
    print(
        f"An hour is {hour_s / measure_s:.1f} × the yardstick of {measure_s:.3f} s; {per_reading_us:.0f} µs a reading"
    )
    if simulated.failed_jobs:
        print(f"failed: {simulated.failed_jobs}")
    profile = cProfile.Profile()
    profile.enable()
    run(PROFILED_H)
    profile.disable()
    for part, share in sorted(shares(profile).items(), key=lambda item: -item[1]):
        print(f"  {part:<12}{share:>7.1%}{share * per_reading_us:>9.0f} µs")
    if "--functions" in sys.argv:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main(*(float(word) for word in sys.argv[1:] if not word.startswith("--")))
