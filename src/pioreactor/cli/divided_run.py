"""Units of one simulation in several processes: each simulates some, and their rows are written as one process would.

A unit's rows do not depend on other units, except on those that command it. Each process therefore writes down what
its database writer commits, and when; the commits of all are then carried out in the order of virtual time.
"""

from __future__ import annotations

import heapq
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

from pioreactor.cli.simulated_run import Results, SimulatedRun, SimulationPlan
from pioreactor.clock.ports import Clock
from pioreactor.processes.worker_pool import processes_for, results_of, step
from pioreactor.storage.ports import RecordSink, Row, ValueType

_Item = TypeVar("_Item", "_Whole", "_Part")
_Result = TypeVar("_Result")


class CanceledError(Exception):
    """A simulation was canceled."""


class Commit(NamedTuple):
    """What a database writer did at a moment of virtual time; without `progress` it added waiting rows to roll-ups."""

    at_s: float
    unit: int
    """Its place in the plan: units commit in this order at one moment."""
    number: int
    progress: tuple[str, str, int] | None = None
    former_names: Sequence[tuple[str, int]] = ()
    rows: Sequence[tuple[str, dict[str, ValueType]]] = ()

    def carry_out(self, sink: RecordSink) -> None:
        if self.progress is None:
            sink.roll_up()
            return
        rows = [Row(table, values) for table, values in self.rows]
        sink.commit(rows, progress=self.progress, former_names=self.former_names)


class CommitLog:
    """A `RecordSink` that writes the commits of one unit to a file, and those of the leader's roll-ups."""

    def __init__(self, path: Path, clock: Clock, unit: int, name: str) -> None:
        self._file = path.open("wb")
        self._clock = clock
        self._unit = unit
        self._name = name
        self._count = 0
        self._stored: dict[tuple[str, str], int] = {}

    def commit(
        self,
        rows: Sequence[Row],
        *,
        progress: tuple[str, str, int] | None = None,
        former_names: Sequence[tuple[str, int]] = (),
    ) -> list[tuple[Row, str]]:
        if progress is not None:
            self._stored[progress[0], progress[1]] = progress[2]
            if progress[0] == self._name:
                self._write(progress, former_names, [(row.table, row.values) for row in rows])
        return []

    def progress(self, unit: str, journal_id: str) -> int:
        return self._stored.get((unit, journal_id), 0)

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def roll_up(self) -> int:
        if self._unit == 0:
            self._write(None, (), ())
        return 0

    def close(self) -> None:
        self._file.close()

    def _write(
        self,
        progress: tuple[str, str, int] | None,
        former_names: Sequence[tuple[str, int]],
        rows: Sequence[tuple[str, dict[str, ValueType]]],
    ) -> None:
        self._count += 1
        pickle.dump(tuple(Commit(self._clock.monotonic(), self._unit, self._count, progress, former_names, rows)),
                    self._file, protocol=5)  # fmt: skip


class Ended(NamedTuple):
    """A simulation that has ended."""

    results: Results
    truth: dict[str, list[dict[str, float]]]


def simulated(
    runs: Sequence[tuple[Path, SimulationPlan]], *, count: int, csv: bool, progress: Callable[[float], object]
) -> list[Ended]:
    """Carry out runs, each in its folder, in `count` processes: runs side by side, or the units of a single one."""
    if count > 1 and len(runs) > 1:
        wholes = [_Whole(number, out, plan, csv) for number, (out, plan) in enumerate(runs)]
        return [ended for _number, ended in sorted(_results(_simulate_whole, wholes, count, progress))]
    tell = _Share(sum(plan.steps for _out, plan in runs), progress)
    return [_one_after_another(out, plan, count, csv, tell) for out, plan in runs]


def _one_after_another(out: Path, plan: SimulationPlan, count: int, csv: bool, tell: _Share) -> Ended:
    began_s = time.perf_counter()
    run = SimulatedRun(out, plan)
    if count > 1 and len(plan.units) > 1:
        _go_divided(run, out, count, tell.progress)
    else:
        run.go(tell.step)
        run.end()
    return Ended({**run.results(csv=csv), "seconds": round(time.perf_counter() - began_s, 2)}, run.truth)


@dataclass
class _Share:
    """Tells the share that is done of simulations in this process."""

    steps: int
    progress: Callable[[float], object]
    done: int = 0

    def step(self) -> None:
        self.done += 1
        self.progress(self.done / self.steps)


class _Whole(NamedTuple):
    """One of several runs."""

    number: int
    out: Path
    plan: SimulationPlan
    csv: bool

    @property
    def steps(self) -> int:
        return self.plan.steps


def _simulate_whole(whole: _Whole) -> tuple[int, Ended]:
    return whole.number, _one_after_another(whole.out, whole.plan, 1, whole.csv, _Share(1, _go_on))


class _Part(NamedTuple):
    """One unit of a run."""

    number: int
    out: Path
    plan: SimulationPlan

    @property
    def name(self) -> str:
        return self.plan.units[self.number]

    @property
    def log(self) -> Path:
        return self.out / f"commits of {self.number}"

    @property
    def steps(self) -> int:
        return self.plan.steps


class _Simulated(NamedTuple):
    number: int
    truth: list[dict[str, float]]
    failed_jobs: list[str]


def _simulate_part(part: _Part) -> _Simulated:
    name = part.name
    run = SimulatedRun(
        part.out / name,
        part.plan,
        only=name,
        open_records=lambda clock: CommitLog(part.log, clock, part.number, name),
    )
    run.go(_go_on)
    run.end()
    return _Simulated(part.number, run.truth[name], run.failed_jobs)


def _go_divided(run: SimulatedRun, out: Path, count: int, progress: Callable[[float], object]) -> None:
    with TemporaryDirectory(prefix="parts-", dir=out) as folder:
        parts = [_Part(number, Path(folder), run.plan) for number in range(len(run.plan.units))]
        for part, one in zip(parts, sorted(_results(_simulate_part, parts, count, progress)), strict=True):
            run.truth[part.name] = one.truth
            run.failed_jobs += one.failed_jobs
        for commit in heapq.merge(*(_read(part.log) for part in parts)):
            commit.carry_out(run.records)
    run.records.close()


def _results(
    work: Callable[[_Item], _Result], items: Sequence[_Item], count: int, progress: Callable[[float], object]
) -> Iterator[_Result]:
    def tell(share: float) -> bool:
        progress(share)
        return True

    steps = sum(item.steps for item in items)
    return results_of(work, items, count=processes_for(len(items), count), steps=steps, progress=tell)


def _go_on(_share: float = 0.0) -> None:
    """Count a step of a process of the pool. Raise `CanceledError`."""
    if not step():
        raise CanceledError


def _read(path: Path) -> Iterator[Commit]:
    with path.open("rb") as file:
        while file.peek(1):
            yield Commit(*pickle.load(file))  # written by a process of this pool
