"""One simulated run: builds units, starts their jobs by the command line, lets time pass, writes the results."""

from __future__ import annotations

import csv as csv_module
import hashlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import fmean, pstdev
from typing import NotRequired, TypedDict

from pioreactor import topics
from pioreactor.bootstrap.simulated import START, SimulatedUnit, build_simulation, open_simulation_records
from pioreactor.cli import exit_codes
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.run import run as run_group
from pioreactor.clock.ports import Clock
from pioreactor.data_import.replay_actions import Action, Start
from pioreactor.runtime import context
from pioreactor.storage.ports import RecordSink

DEFAULT_JOBS = (
    "stirring --target-rpm 500",
    "od_reading",
    "growth_rate_calculating",
    "temperature_automation --automation-name thermostat --target-temperature 37",
    "dosing_automation --automation-name turbidostat --target-biomass 1.0 --exchange-volume-ml 1.0",
)
STEP_S = 60.0
SETTLING_H = 2.0
BOOT_S = 2.0
FORWARDING = "[journal]\nforward_every_s=15\n"
"""A simulated database is not read while it fills: fewer, larger batches write the same rows."""


class TargetResults(TypedDict):
    """How well filtered OD kept to the target of a turbidostat; empty where there was none."""

    target: NotRequired[float]
    filtered_od_mean: NotRequired[float]
    filtered_od_within_5_percent_of_target: NotRequired[float]


class UnitResults(TargetResults):
    """What really happened in one simulated reactor, after `SETTLING_H`."""

    od_mean: float
    od_sd_percent: float
    od_within_2_percent_of_mean: float
    od_within_5_percent_of_mean: float
    growth_rate_mean: float
    celsius_mean: float
    volume_max_ml: float
    media_ml_per_h: float


class Results(TypedDict):
    """The summary of a simulation."""

    database: str
    hours: float
    rows: dict[str, int]
    tables_sha256: str
    failed_jobs: list[str]
    units: dict[str, UnitResults]
    seconds: NotRequired[float]
    """How long the simulation took [s]."""


@dataclass(frozen=True, kw_only=True)
class SimulationPlan:
    """What is simulated. Equal plans write equal bytes."""

    units: Sequence[str]
    seed: int
    scenario: str
    experiment: str
    hours: float
    commands: Sequence[Sequence[str]] = ()
    """Started on each unit."""
    schedule: Sequence[Action] = ()
    """Done at its times."""
    config: str = ""
    """The text of a configuration file in place of the defaults."""
    models: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    start: datetime = START

    @property
    def steps(self) -> int:
        return max(1, round(self.hours * 3600 / STEP_S))

    def of_seeds(self, count: int) -> list[SimulationPlan]:
        """Return this plan with its seed and those that follow."""
        return [replace(self, seed=self.seed + number) for number in range(count)]


class SimulatedRun:
    """Drives a cluster in virtual time, and writes what came of it."""

    def __init__(
        self,
        out: Path,
        plan: SimulationPlan,
        *,
        only: str | None = None,
        open_records: Callable[[Clock], RecordSink] | None = None,
    ) -> None:
        """`only` simulates one of the units, and of its leader the database writer; `open_records` is where to."""
        self._out = out
        self._database = out / "pioreactor.sqlite"
        self.plan = plan
        self._schedule = list(plan.schedule)
        self.simulation = build_simulation(
            units=plan.units,
            experiment=plan.experiment,
            scenario=plan.scenario,
            seed=plan.seed,
            data_root=out,
            config=plan.config if "[journal]" in plan.config else f"{plan.config}\n{FORWARDING}",
            open_records=lambda: self.records,
            models=plan.models,
            start=plan.start,
            only=None if only is None else (plan.units[0], only),
        )
        self.truth: dict[str, list[dict[str, float]]] = {name: [] for name in plan.units if only in (None, name)}
        self._units = [self.simulation.unit(name) for name in self.truth]
        self.failed_jobs: list[str] = []
        if open_records is not None:
            self.records = open_records(self.simulation.clock)
            return
        self._register(plan.experiment, plan.units)
        self.records = open_simulation_records(self._database)

    def _register(self, experiment: str, names: Sequence[str]) -> None:
        from pioreactor.storage.leader.database import LeaderDatabase

        with closing(LeaderDatabase.open(self._database, now=self.simulation.clock.now)) as database:
            database.experiments.create(experiment, description="simulated")
            for name in names:
                model = self.simulation.unit(name).runtime.model()
                database.workers.add(name, model_name=model.model_name, model_version=model.model_version)
                database.assignments.assign(name, experiment)

    # ---- running -------------------------------------------------------------------------------------------

    def go(self, progress: Callable[[], object]) -> None:
        """Start everything and let the time pass; `progress` is called after each of the plan's steps."""
        from pioreactor.calibrations.defaults import install_simulated

        leader = self.simulation.units[0]
        self._start(leader, ["mqtt_to_db_streaming"])
        for unit in self._units:
            install_simulated(unit.runtime)
            self._start(unit, ["monitor"])
        clock = self.simulation.clock
        clock.sleep(BOOT_S)
        for unit in self._units:
            for command in self.plan.commands:
                self._start(unit, list(command))
        for step in range(self.plan.steps):
            passed_s = 0.0
            while self._schedule and self._schedule[0].at_s < (step + 1) * STEP_S:
                action = self._schedule.pop(0)
                wait_s = max(0.0, action.at_s - step * STEP_S - passed_s)
                clock.sleep(wait_s)
                passed_s += wait_s
                self._do(action)
            clock.sleep(STEP_S - passed_s)
            self._sample_state()
            progress()

    def _do(self, action: Action) -> None:
        if action.unit not in self.truth:
            return
        unit = self.simulation.unit(action.unit)
        if isinstance(action, Start):
            self._start(unit, list(action.argv))
            return
        bus = unit.runtime.buses.connect("replay")
        topic = topics.set_setting(action.unit, self.plan.experiment, action.job, action.setting.removeprefix("$"))
        bus.publish(topic, action.value.encode())
        bus.close()

    def _start(self, unit: SimulatedUnit, command: list[str]) -> None:
        unit.run(partial(self._run, unit, command), name=command[0])

    def _run(self, unit: SimulatedUnit, command: list[str]) -> None:
        status = exit_codes.run(run_group, command, obj=CliContext({}, runtime=context.current()))
        if status != 0:
            self.failed_jobs.append(f"{unit.name}: {' '.join(command)}")

    def _sample_state(self) -> None:
        for unit in self._units:
            snapshot = unit.world.snapshot()
            self.truth[unit.name].append(
                {
                    "time_h": round(snapshot.t_s / 3600, 6),
                    "od": snapshot.od,
                    "growth_rate": snapshot.growth_rate_per_h,
                    "volume_ml": snapshot.volume_ml,
                    "liquid_celsius": snapshot.liquid_celsius,
                    "rpm": snapshot.rpm,
                    "media_added_ml": snapshot.media_added_ml,
                }
            )

    # ---- results -------------------------------------------------------------------------------------------

    def end(self) -> None:
        """End the jobs as a person would."""
        clock = self.simulation.clock
        for unit in self.simulation.units:
            unit.stop_jobs(leave=("mqtt_to_db_streaming", "monitor"))
        clock.sleep(30.0)
        for unit in self.simulation.units:
            unit.stop_jobs()
        clock.sleep(5.0)
        self.records.close()

    def results(self, *, csv: bool) -> Results:
        """Write the files, and return the summary."""
        tables = self._tables()
        if csv:
            for table in tables:
                self._write_table(table)
        self._write_truth()
        return {
            "database": str(self._database),
            "hours": self.plan.hours,
            "rows": tables,
            "tables_sha256": self._hash(tables),
            "failed_jobs": self.failed_jobs,
            "units": {name: self._describe(name) for name in self.truth},
        }

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database)

    def _tables(self) -> dict[str, int]:
        with closing(self._connect()) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
                )
            ]
            counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
        return {name: count for name, count in counts.items() if count and name != "alembic_version"}

    def _write_table(self, table: str) -> None:
        with closing(self._connect()) as connection, (self._out / f"{table}.csv").open("w", newline="") as file:
            rows = connection.execute(f'SELECT * FROM "{table}"')
            writer = csv_module.writer(file)
            writer.writerow([column[0] for column in rows.description])
            writer.writerows(rows)

    def _write_truth(self) -> None:
        with (self._out / "truth.csv").open("w", newline="") as file:
            writer = csv_module.writer(file)
            writer.writerow(["pioreactor_unit", *next(iter(next(iter(self.truth.values()))), {})])
            for name, moments in self.truth.items():
                writer.writerows([name, *moment.values()] for moment in moments)

    def _hash(self, tables: dict[str, int]) -> str:
        digest = hashlib.sha256()
        with closing(self._connect()) as connection:
            for table in tables:
                digest.update(table.encode())
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    digest.update(repr(row).encode())
        return digest.hexdigest()

    def _describe(self, name: str) -> UnitResults:
        settled = [moment for moment in self.truth[name] if moment["time_h"] >= min(SETTLING_H, self.plan.hours / 2)]
        ods = [moment["od"] for moment in settled]
        mean_od = fmean(ods)
        return {
            "od_mean": mean_od,
            "od_sd_percent": 100 * pstdev(ods) / mean_od if mean_od else 0.0,
            "od_within_2_percent_of_mean": fmean(abs(od / mean_od - 1) <= 0.02 for od in ods) if mean_od else 0.0,
            "od_within_5_percent_of_mean": fmean(abs(od / mean_od - 1) <= 0.05 for od in ods) if mean_od else 0.0,
            "growth_rate_mean": fmean(moment["growth_rate"] for moment in settled),
            "celsius_mean": fmean(moment["liquid_celsius"] for moment in settled),
            "volume_max_ml": max(moment["volume_ml"] for moment in self.truth[name]),
            "media_ml_per_h": self.truth[name][-1]["media_added_ml"] / self.plan.hours,
            **self._target(name),
        }

    def _target(self, name: str) -> TargetResults:
        """Return how well filtered OD kept to the target of a turbidostat, where there was one."""
        target = next(
            (
                float(command[command.index("--target-biomass") + 1])
                for command in self.plan.commands
                if "turbidostat" in command and "--target-biomass" in command
            ),
            None,
        )
        if target is None:
            return {}
        skip_h = min(SETTLING_H, self.plan.hours / 2)
        with closing(self._connect()) as connection:
            first = connection.execute("SELECT min(timestamp) FROM od_readings_filtered").fetchone()[0]
            within, mean, count = connection.execute(
                "SELECT avg(abs(normalized_od_reading / ?1 - 1) <= 0.05), avg(normalized_od_reading), count(*)"
                " FROM od_readings_filtered WHERE pioreactor_unit = ?2"
                " AND julianday(timestamp) >= julianday(?3) + ?4 / 24.0",
                (target, name, first, skip_h),
            ).fetchone()
        if not count:
            return {}
        return {"target": target, "filtered_od_mean": mean, "filtered_od_within_5_percent_of_target": within}
