"""Profiles run in virtual time on a cluster that records its calls."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pioreactor.bootstrap.simulated import Simulation, build_simulation
from pioreactor.exc import ConflictError
from pioreactor.experiment_profiles.checkpoint import CheckpointStore, RunProgress, UnitProgress, unfinished_runs
from pioreactor.experiment_profiles.profile_runner import ProfileRunner, RunOutcome

HEAD = 'version: "1.0"\nexperiment_profile_name: trial\n'


@dataclass
class SpyCluster:
    """Records its calls with the hour; can refuse jobs, and can be slow."""

    hours: Callable[[], float]
    sleep: Callable[[float], None]
    workers: list[str] = field(default_factory=lambda: ["unit1", "unit2"])
    calls: list[tuple[float, str, str]] = field(default_factory=list)
    published: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    running: set[str] = field(default_factory=lambda: {"stirring"})
    refuses: set[str] = field(default_factory=set)
    slow: Mapping[str, float] = field(default_factory=dict)

    def _record(self, unit: str, words: str) -> None:
        self.sleep(self.slow.get(unit, 0.0))
        self.calls.append((round(self.hours(), 4), unit, words))

    def of(self, unit: str) -> list[tuple[float, str]]:
        return [(hour, words) for hour, who, words in self.calls if who == unit]

    def active_workers(self) -> list[str]:
        return list(self.workers)

    def start(
        self, unit: str, job: str, *, options: Mapping[str, Any], args: Sequence[str], overrides: Mapping[str, str]
    ) -> None:
        if job in self.refuses:
            raise ConflictError(f"{job} is already running on {unit}")
        self._record(unit, " ".join(["start", job, *(f"{k}={v}" for k, v in {**options, **overrides}.items()), *args]))

    def set(self, unit: str, job: str, settings: Mapping[str, Any]) -> None:
        self._record(unit, f"set {job} {dict(settings)}")

    def stop(self, unit: str, job: str) -> None:
        self._record(unit, f"stop {job}")

    def is_running(self, unit: str, job: str) -> bool:
        return job in self.running

    def last_published(self, unit: str, job: str, setting: str) -> bytes | None:
        return self.published.get((unit, job, setting))

    def log(self, unit: str, message: str, level: str) -> None:
        self._record(unit, f"log {level} {message}")

    def label(self, unit: str, label: str) -> None:
        self._record(unit, f"label {label}")

    def stop_jobs_of(self, source: str, units: Sequence[str]) -> None:
        self._record("cluster", f"stop all of {source} on {','.join(units)}")


@dataclass
class Stage:
    """A leader in virtual time, and its cluster."""

    simulation: Simulation
    cluster: SpyCluster
    messages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runtime = self.simulation.units[0].runtime
        self.clock = self.simulation.clock
        self.stop = self.clock.signal()
        self.outcomes: list[RunOutcome] = []

    def begin(self, text: str, *, progress: RunProgress | None = None, keeps: bool = False) -> ProfileRunner:
        """Begin a profile beside the test; time passes in `wait`."""
        run = (
            progress
            if progress is not None
            else RunProgress(
                "run1", "trial.yaml", HEAD + text, "exp", "experiment_profile/1", "2030-01-01T00:00:00.000Z"
            )
        )
        runner = ProfileRunner(
            run,
            CheckpointStore(self.runtime.stores, run.run_id),
            cluster=self.cluster,
            clock=self.clock,
            stop=self.stop,
            log=lambda _level, message: self.messages.append(message),
            on_action_count=lambda _count: None,
            random=lambda: 0.5,
            keeps_progress=lambda: keeps,
        )
        self.clock.spawn(lambda: self.outcomes.append(runner.run()), name="profile")
        return runner

    def wait(self, *, hours: float = 0.0, seconds: float = 0.0) -> None:
        self.clock.sleep(3600 * hours + seconds)


@contextmanager
def _stage() -> Any:
    simulation = build_simulation(units=["leader"], experiment="exp")
    clock = simulation.clock
    began = clock.monotonic()
    stage = Stage(simulation, SpyCluster(lambda: (clock.monotonic() - began) / 3600, clock.sleep))
    yield stage
    stage.stop.set()
    stage.wait(seconds=5)


@pytest.fixture
def stage() -> Any:
    with _stage() as one:
        yield one


COMMON = """
common:
  jobs:
    stirring:
      actions:
        - {type: start, t: 0, options: {target_rpm: 400}, config_overrides: {use_rpm: true}, args: [--fast]}
        - {type: update, t: 30m, options: {target_rpm: '${{ 100 * 5 }}'}}
        - {type: pause, t: 1h}
        - {type: resume, t: 1.5h}
        - {type: log, t: 1.5h, options: {message: 'hour ${{ hours_elapsed() * 2 }} on ${{ unit() }}', level: info}}
        - {type: stop, t: 2h}
pioreactors:
  unit2:
    label: control
    jobs:
      led_intensity:
        actions:
          - {type: start, t: 1h, options: {A: 20}}
          - {type: update, t: 1.2h, options: {A: 30}}
          - {type: stop, t: 1.4h}
"""


def test_actions_run_on_every_worker_at_their_time(stage: Stage) -> None:
    stage.begin(COMMON)
    stage.wait(hours=3)
    assert stage.cluster.of("unit1") == [
        (0.0, "start stirring target_rpm=400 use_rpm=True --fast"),
        (0.5, "set stirring {'target_rpm': 500.0}"),
        (1.0, "set stirring {'$state': 'sleeping'}"),
        (1.5, "set stirring {'$state': 'ready'}"),
        (1.5, "log INFO hour 3 on unit1"),
        (2.0, "stop stirring"),
    ]
    leds = [words for _, words in stage.cluster.of("unit2") if "led" in words or "label" in words]
    assert leds == [
        "label control",
        "start led_intensity A=20",
        "start led_intensity A=30",
        "start led_intensity A=0 B=0 C=0 D=0",
    ]
    assert stage.outcomes == [RunOutcome.FINISHED]
    assert unfinished_runs(stage.runtime.stores) == []


def test_a_slow_worker_delays_no_other_worker(stage: Stage) -> None:
    stage.cluster.slow = {"unit1": 1000.0}
    stage.begin(COMMON)
    stage.wait(hours=3)
    assert [hour for hour, words in stage.cluster.of("unit2") if "stirring" in words] == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_a_repeat_runs_without_drift_while_its_condition_is_true(stage: Stage) -> None:
    stage.cluster.workers = ["unit1"]
    stage.cluster.slow = {"unit1": 30.0}
    stage.begin("""
common: {jobs: {add_media: {actions: [
  {type: repeat, t: 1h, every: 30m, max_time: 2h, while: 'hours_elapsed() < 2.4', actions: [
    {type: start, t: 0, options: {ml: 1}}, {type: log, t: 40m, options: {message: never}}]}]}}}
""")
    stage.wait(hours=5)
    begun = [round(hour - 30 / 3600, 3) for hour, _ in stage.cluster.of("unit1")]
    assert begun == [1.0, 1.5, 2.0]
    assert stage.outcomes == [RunOutcome.FINISHED]


def test_a_when_waits_for_a_published_value(stage: Stage) -> None:
    stage.cluster.workers = ["unit1"]
    stage.begin("""
common: {jobs: {stirring: {actions: [
  {type: when, t: 1h, wait_until: '::od_reading:od1.od > 0.5', actions: [
    {type: update, t: 15m, options: {target_rpm: 700}},
    {type: when, t: 0, condition: '::od_reading:od1.od > 1', actions: [{type: stop, t: 0}]}]}]}}}
""")
    stage.wait(hours=2)
    assert stage.cluster.calls == []
    stage.cluster.published["unit1", "od_reading", "od1"] = b'{"od": 0.7}'
    stage.wait(hours=1)
    assert [words for _, words in stage.cluster.of("unit1")] == ["set stirring {'target_rpm': 700}"]
    assert stage.cluster.of("unit1")[0][0] == pytest.approx(2.25, abs=0.003)
    stage.cluster.published["unit1", "od_reading", "od1"] = b'{"od": 1.5}'
    stage.wait(seconds=20)
    assert stage.cluster.of("unit1")[-1][1] == "stop stirring"
    assert stage.outcomes == [RunOutcome.FINISHED]


def test_errors_are_reported_and_the_profile_continues(stage: Stage) -> None:
    stage.cluster.workers = ["unit1"]
    stage.cluster.refuses = {"stirring"}
    stage.cluster.running = set()
    stage.begin("""
common: {jobs: {stirring: {actions: [
  {type: start, t: 0}, {type: update, t: 1m, options: {target_rpm: 1}},
  {type: log, t: 2m, options: {message: '${{ ::x:y }}'}}, {type: log, t: 3m, options: {message: later}}]}}}
""")
    stage.wait(hours=1)
    assert stage.cluster.calls == [(0.05, "unit1", "log NOTICE later")]
    assert [message.split(":")[0] for message in stage.messages] == [
        "Start of stirring on unit1 failed",
        "Update of stirring on unit1 was skipped",
        "Log of stirring on unit1 failed",
    ]


def test_a_run_counts_what_was_done_failed_and_skipped(stage: Stage) -> None:
    stage.cluster.refuses = {"od_reading"}
    stage.cluster.published[("unit1", "od_reading", "od2")] = b'{"od": 0.007}'
    text = """
common: {jobs: {
  stirring: {actions: [{type: start, t: 0}, {type: update, t: 1s, options: {target_rpm: 500}}]},
  od_reading: {actions: [{type: start, t: 2s}]}}}
pioreactors:
  unit1: {jobs: {dosing_automation: {actions: [{type: start, t: 0, if: "unit1:od_reading:od2.od >= 30"}]}}}
  unit9: {jobs: {stirring: {actions: [{type: start, t: 0}]}}}
"""
    started_at = "2030-01-01T00:00:00.000Z"
    run = RunProgress("run1", "trial.yaml", HEAD + text, "exp", "experiment_profile/1", started_at)
    stage.begin(text, progress=run)
    stage.wait(hours=0.1)
    assert stage.outcomes == [RunOutcome.FINISHED]
    expected = "4 done, 2 failed, 2 skipped (unit9 is not an active worker; condition false: od2.od = 0.007)"
    assert run.summary() == expected
    skipped = "Start of dosing_automation on unit1 was skipped: condition false: od2.od = 0.007."
    assert skipped in stage.messages


def test_counts_outlast_an_interruption(stage: Stage) -> None:
    text = """
common: {jobs: {od_reading: {actions: [{type: start, t: 0}, {type: start, t: 1h}]}}}
"""
    stage.cluster.workers, stage.cluster.refuses = ["unit1"], {"od_reading"}
    stage.begin(text, keeps=True)
    stage.wait(hours=0.5)
    stage.stop.set()
    stage.wait(seconds=2)
    [run] = unfinished_runs(stage.runtime.stores)
    assert run.failed == 1
    stage.stop = stage.clock.signal()
    stage.begin("", progress=run)
    stage.wait(hours=1)
    assert run.summary() == "0 done, 2 failed"


def test_workers_come_and_go(stage: Stage) -> None:
    stage.cluster.workers = ["unit1"]
    stage.begin(COMMON)
    stage.wait(hours=0.7)
    stage.cluster.workers = ["unit2"]
    stage.wait(hours=3)
    assert [hour for hour, _ in stage.cluster.of("unit1")] == [0.0, 0.5]
    assert [hour for hour, words in stage.cluster.of("unit2") if "stirring" in words] == [1.0, 1.5, 2.0]
    assert any(
        "unit2 joins while the profile runs: 2 actions that were due before are skipped" in s for s in stage.messages
    )
    assert sum("unit1: It is not an active worker" in message for message in stage.messages) == 1


def test_stopping_a_profile_stops_the_jobs_it_started(stage: Stage) -> None:
    stage.begin(COMMON)
    stage.wait(hours=0.2)
    stage.stop.set()
    stage.wait(seconds=2)
    assert stage.cluster.calls[-1][2] == "stop all of experiment_profile/1 on unit1,unit2"
    assert stage.outcomes == [RunOutcome.STOPPED]
    assert unfinished_runs(stage.runtime.stores) == []


def test_an_interrupted_run_continues_where_it_was(stage: Stage) -> None:
    stage.begin(COMMON, keeps=True)
    stage.wait(hours=0.7)
    stage.stop.set()
    stage.wait(seconds=2)
    assert stage.outcomes == [RunOutcome.INTERRUPTED]
    before = len(stage.cluster.calls)
    stage.wait(hours=0.5)  # no run is active at 1 h
    stage.stop.clear()
    [interrupted] = unfinished_runs(stage.runtime.stores)
    stage.begin("", progress=interrupted)
    stage.wait(hours=3)
    unit1 = [(hour, words) for hour, unit, words in stage.cluster.calls[before:] if unit == "unit1"]
    assert [words for _, words in unit1] == [
        "set stirring {'$state': 'sleeping'}",
        "set stirring {'$state': 'ready'}",
        "log INFO hour 3 on unit1",
        "stop stirring",
    ]
    assert [hour for hour, _ in unit1[1:]] == pytest.approx([1.5, 1.5, 2.0], abs=0.01)
    assert any("Pause of stirring on unit1 runs 12 min" in message for message in stage.messages)


def test_a_dose_of_unknown_outcome_is_not_repeated(stage: Stage) -> None:
    stage.cluster.workers = ["unit1"]
    stage.cluster.slow = {"unit1": 100.0}
    text = "common: {jobs: {add_media: {actions: [{type: start, t: 0, options: {ml: 1}}, {type: stop, t: 1h}]}}}"
    stage.begin(text)
    stage.wait(seconds=5)  # the dose is under way
    store = CheckpointStore(stage.runtime.stores, "run1")
    [interrupted], units = unfinished_runs(stage.runtime.stores), store.load_units()
    stage.wait(hours=2)
    store.save_run(interrupted)
    for unit, unit_progress in units.items():
        store.save_unit(unit, unit_progress)
    stage.cluster.calls.clear()
    stage.begin("", progress=interrupted)
    stage.wait(hours=2)
    assert [words for _, words in stage.cluster.of("unit1")] == ["stop add_media"]
    assert any("Start of add_media on unit1 was in progress when this profile" in s for s in stage.messages)


def test_iterations_missed_in_an_outage_are_skipped(stage: Stage) -> None:
    stage.cluster.workers = ["unit1"]
    text = "common: {jobs: {add_media: {actions: [{type: repeat, t: 0, every: 1h, actions: [{type: start, t: 0}]}]}}}"
    stage.begin(text, keeps=True)
    stage.wait(hours=1.5)
    stage.stop.set()
    stage.wait(hours=4)
    stage.stop.clear()
    stage.cluster.calls.clear()
    stage.begin("", progress=unfinished_runs(stage.runtime.stores)[0])
    stage.wait(hours=2)
    hours = [hour for hour, _ in stage.cluster.of("unit1")]
    assert hours == pytest.approx([5.5, 6.0, 7.0], abs=0.02)


def test_unreadable_progress_is_dropped(stage: Stage) -> None:
    store = CheckpointStore(stage.runtime.stores, "run9")
    store.save_unit("unit1", UnitProgress())
    stage.runtime.stores.persistent("experiment_profile_progress").set("run9", "{")
    assert unfinished_runs(stage.runtime.stores) == []
