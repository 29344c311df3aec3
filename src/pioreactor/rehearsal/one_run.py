"""One run of a rehearsal: the units are built, and the profile runs on them in virtual time."""

from __future__ import annotations

import logging
import os
import random
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

import msgspec

from pioreactor import topics
from pioreactor.bootstrap.simulated import START, SimulatedUnit, Simulation, build_simulation
from pioreactor.calibrations import store
from pioreactor.calibrations.defaults import install_simulated
from pioreactor.calibrations.models import PUMP_DEVICES
from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.checkpoint import CheckpointStore, Entry, RunProgress, UnitProgress
from pioreactor.experiment_profiles.profile_runner import ProfileRunner
from pioreactor.experiment_profiles.profile_struct import Profile, Repeat, When
from pioreactor.experiment_profiles.rehearsal_data import (
    QUANTITIES,
    RehearsalPlan,
    RehearsedUnit,
    RunRecord,
)
from pioreactor.experiment_profiles.unit_runner import find_action
from pioreactor.rehearsal.hazards import HazardLog
from pioreactor.rehearsal.parameters import drawn, scenario_of
from pioreactor.rehearsal.simulated_workers import SimulatedWorkers
from pioreactor.structs import to_timestamp
from pioreactor.twin.scenarios import Scenario
from pioreactor.twin.world import World

SOURCE: Final = "rehearsal"
STEP_S: Final = 60.0
"""Interval between two samples of what the units do [s]."""
_OWN_SECTIONS: Final = ("cluster", "mqtt", "storage", "ui", "pioreactor", "logging")
"""Sections that say where a unit is, not what it does."""
_OF_ANOTHER_UNIT: Final = ("is_active", "pioreactor_unit", "judgment")


class Rehearsing:
    """A run; `go` runs it. Time passes in steps, so that it can be canceled."""

    def __init__(self, plan: RehearsalPlan, number: int, data_root: Path) -> None:
        self.plan = plan
        self.record = RunRecord(number, values={unit.name: {name: [] for name in QUANTITIES} for unit in plan.units})
        self._simulation = _built(plan, number, data_root)
        clock = self._simulation.clock
        self._log = HazardLog(clock, plan.profile)
        self._workers = SimulatedWorkers(self._simulation, plan.experiment, SOURCE, self._log.on_start)
        self._stop = clock.signal()
        self._pending: dict[str, UnitProgress] = {}
        self._bottles_ended: set[tuple[str, str]] = set()
        bus = self._simulation.broker.connect("hazards")
        bus.subscribe(f"{topics.ROOT}/+/+/logs/#", self._log.on_log)

    def go(self, progress: Callable[[], bool]) -> RunRecord:
        """Run until profile and jobs have ended, or the time is over; `progress` returns whether to continue."""
        for unit in self.plan.units:
            _install(self._simulation.unit(unit.name), unit)
            for job in unit.running:
                self._put_in_place(unit.name, job.job, job.options)
        leader = self._simulation.units[0]
        self._log.began_s = self._simulation.clock.monotonic()
        runner = self._runner()
        process = leader.run(runner.run, name="experiment_profile")
        self._sample()
        while self.record.hours[-1] < self.plan.hours and progress():
            self._simulation.clock.sleep(STEP_S)
            self._sample()
            if not process.is_alive and self._has_ended():
                break
        self._note_pending(runner.profile)
        self._end()
        self.record.hazards = sorted(self._log.found.values(), key=lambda one: one.at_h)
        return self.record

    def _runner(self) -> ProfileRunner:
        clock, names = self._simulation.clock, [unit.name for unit in self.plan.units]

        def log(level: int, message: str) -> None:
            if level >= logging.ERROR:
                self._log.on_profile_log(message, names)

        started_at = to_timestamp(clock.now())
        return ProfileRunner(
            RunProgress(SOURCE, SOURCE, self.plan.profile, self.plan.experiment, SOURCE, started_at),
            _Progress(self._log, self._pending),
            cluster=self._workers,
            clock=clock,
            stop=self._stop,
            log=log,
            on_action_count=lambda _count: None,
            random=random.Random(f"{self.plan.seed}/{self.record.number}/profile").random,
        )

    def _put_in_place(self, unit: str, job: str, options: Mapping[str, object]) -> None:
        """Start a job that runs already; one that cannot be is a hazard, and the rest continues."""
        try:
            self._workers.start(unit, job, options=options, args=(), overrides={})
        except PioreactorError as error:
            self._log.add("job_not_started", unit, f"{job}, which runs at present, cannot be simulated: {error}")

    def _has_ended(self) -> bool:
        if self.record.finished_at_h is None:
            self.record.finished_at_h = self.record.hours[-1]
        return not any(unit.runtime.stores.jobs().running() for unit in self._simulation.units)

    # ---- what is seen --------------------------------------------------------------------------------------

    def _sample(self) -> None:
        self.record.hours.append(round(self._log.hours, 6))
        for unit in self.plan.units:
            simulated = self._simulation.unit(unit.name)
            sample = simulated.world.snapshot()
            values = self.record.values[unit.name]
            for name, value in zip(
                QUANTITIES,
                (sample.od, sample.growth_rate_per_h, sample.liquid_celsius, sample.volume_ml, sample.media_added_ml,
                 sample.alt_media_added_ml, sample.waste_removed_ml),
                strict=True,
            ):  # fmt: skip
                values[name].append(value)
            self._check_vial(simulated, sample.volume_ml, sample.liquid_celsius)
            self._check_bottles(unit, simulated.world)

    def _check_vial(self, unit: SimulatedUnit, volume_ml: float, celsius: float) -> None:
        model = unit.runtime.model()
        full_ml, hot = model.reactor_max_fill_volume_ml, model.max_temp_to_reduce_heating
        if volume_ml > full_ml:
            self._log.add("vial_too_full", unit.name, f"the vial holds more than its maximum of {full_ml:g} mL")
        if celsius > hot:
            self._log.add("over_temperature", unit.name, f"the liquid is warmer than {hot:g} °C")

    def _check_bottles(self, unit: RehearsedUnit, world: World) -> None:
        """Let an empty bottle give nothing more."""
        for bottle, size_ml in unit.bottles_ml.items():
            used_ml = self.record.values[unit.name][f"{bottle}_ml"][-1]
            if used_ml < size_ml or (unit.name, bottle) in self._bottles_ended:
                continue
            self._bottles_ended.add((unit.name, bottle))
            if bottle == "waste":
                self._log.add("bottle_full", unit.name, f"the waste bottle is full: {size_ml:g} mL")
                continue
            self._log.add("bottle_empty", unit.name, f"the bottle of {bottle} is empty: {size_ml:g} mL are used")
            world.pumps[bottle].air_ml = float("inf")

    # ---- the end -------------------------------------------------------------------------------------------

    def _note_pending(self, profile: Profile) -> None:
        """Note conditions that were not met and loops that continue at the end."""
        for unit, progress in sorted(self._pending.items()):
            for entry in progress.pending:
                self._note_entry(profile, unit, entry)

    def _note_entry(self, profile: Profile, unit: str, entry: Entry) -> None:
        action = find_action(profile, entry.path)
        end_h = self.record.hours[-1]
        if isinstance(action, When) and entry.round > 0:
            text = f"`{action.awaited}` is not met within {end_h:.3g} h"
            self._log.add("condition_never_met", unit, text, path=entry.path)
        elif isinstance(action, Repeat) and entry.round > 0 and action.longest is None:
            text = f"the loop continues after {end_h:.3g} h and has no `max_time`"
            self._log.add("loop_never_ends", unit, text, path=entry.path)

    def _end(self) -> None:
        self._stop.set()
        for unit in self._simulation.units:
            for process in list(unit.processes):
                process.kill()


class _Progress(CheckpointStore):
    """Progress of the run, which ends with it: what is pending stays visible to the rehearsal."""

    def __init__(self, log: HazardLog, pending: dict[str, UnitProgress]) -> None:
        self._log, self._pending = log, pending

    def save_run(self, run: RunProgress) -> None:
        """A rehearsal is not continued after a power cut."""

    def save_unit(self, unit: str, progress: UnitProgress) -> None:
        self._pending[unit] = progress
        self._log.now_doing(unit, progress)

    def load_units(self) -> dict[str, UnitProgress]:
        return {}

    def delete(self) -> None:
        self._pending.clear()


def rehearse_once(plan: RehearsalPlan, number: int, progress: Callable[[], bool]) -> RunRecord:
    """Run a plan once; an error that belongs to no action is the record's `error`, and ends only this run."""
    with (
        tempfile.TemporaryDirectory(prefix="pio-rehearsal-") as folder,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),  # actions print what they have done
    ):
        try:
            return Rehearsing(plan, number, Path(folder)).go(progress)
        except Exception as error:  # a mistake of a plugin, or of ours, must not take the other runs with it
            logging.getLogger(__name__).debug("run %s of the rehearsal failed", number, exc_info=True)
            return RunRecord(number, error=f"{type(error).__name__}: {error}")


def _built(plan: RehearsalPlan, number: int, data_root: Path) -> Simulation:
    scenarios: dict[str, Scenario] = {unit.name: drawn(plan, unit, number) for unit in plan.units}
    return build_simulation(
        units=[unit.name for unit in plan.units],
        experiment=plan.experiment,
        scenario=scenario_of(plan.scenario),
        seed=plan.seed * 1000 + number,
        models={unit.name: unit.model for unit in plan.units},
        scenarios=scenarios,
        configs={unit.name: config_text(unit) for unit in plan.units},
        data_root=data_root,
        start=START,
    )


def config_text(unit: RehearsedUnit) -> str:
    """Return the configuration of a unit as the text of a file, without what says where the unit is."""
    sections = {name: values for name, values in unit.config.items() if name.partition(".")[0] not in _OWN_SECTIONS}
    vial = dict(sections.get("bioreactor", {}))
    if unit.volume_ml is not None:
        vial["initial_volume_ml"] = str(unit.volume_ml)
    if unit.alt_media_fraction:
        vial["initial_alt_media_fraction"] = str(unit.alt_media_fraction)
    sections = {**sections, "bioreactor": vial}
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())
        for name, values in sections.items()
    )


def _install(simulated: SimulatedUnit, unit: RehearsedUnit) -> None:
    """Give a simulated unit the calibrations of its pumps; those of sensors belong to the real sensors."""
    if unit.calibrations is None:
        install_simulated(simulated.runtime)
        return
    for device in sorted(PUMP_DEVICES & unit.calibrations.keys()):
        fields = {key: value for key, value in unit.calibrations[device].items() if key not in _OF_ANOTHER_UNIT}
        calibration = store.parse(msgspec.yaml.encode(fields).decode())
        store.save(simulated.runtime, device, calibration)
        store.set_active(simulated.runtime, device, calibration.calibration_name)
