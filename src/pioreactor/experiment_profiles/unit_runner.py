"""Execution of one unit's actions of a profile, one after another and independently of other units."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from pioreactor.clock.ports import Signal
from pioreactor.exc import JobNotRunningError, PioreactorError
from pioreactor.experiment_profiles.checkpoint import Entry, Outcome, UnitProgress
from pioreactor.experiment_profiles.durations import due_s, format_duration, seconds
from pioreactor.experiment_profiles.evaluator import (
    EvaluationContext,
    ExpressionError,
    as_text,
    interpolate,
    is_true,
    readings_in,
    resolve_option,
)
from pioreactor.experiment_profiles.ports import Cluster
from pioreactor.experiment_profiles.profile_struct import (
    Act,
    Action,
    Log,
    Moment,
    Pause,
    Profile,
    Repeat,
    Resume,
    Start,
    Stop,
    Update,
    When,
)
from pioreactor.states import JobState

PRIORITY: Final[Mapping[type[Act], int]] = {
    Start: 0, Stop: 1, Pause: 2, Resume: 3, Update: 4, When: 5, Repeat: 6, Log: 10,
}  # fmt: skip
"""Of actions due at the same time, the one with the lowest number runs first."""
CHECK_INTERVAL_S = 5.0
"""Interval at which a `when` checks its condition."""
SAVE_INTERVAL_S = 60.0
"""Interval at which the elapsed time is stored, so that an interrupted run can continue."""
LATE_S = 30.0
LEDS = "led_intensity"
ALL_DARK: Final[Mapping[str, int]] = dict.fromkeys("ABCD", 0)

log = logging.getLogger(__name__)


class Run(Protocol):
    """Services that the unit runners of one profile run share: elapsed time, log and stored progress."""

    profile: Profile
    experiment: str
    cluster: Cluster
    stop: Signal
    random: Callable[[], float]

    def elapsed_s(self) -> float: ...

    def count_action(self) -> int: ...

    def count_outcome(self, outcome: Outcome, reason: str = "", number: int = 1) -> None: ...

    def save(self, unit: str, progress: UnitProgress) -> None: ...

    def log(self, level: int, message: str) -> None: ...


@dataclass
class UnitRunner:
    """Scheduler of the actions of one unit."""

    unit: str
    run: Run
    progress: UnitProgress = field(default_factory=UnitProgress)
    _warned_of_absence: bool = False
    _has_planned: bool = False
    """Whether actions were scheduled since progress was stored."""

    # ---- planning ------------------------------------------------------------------------------------------

    def plan(self, *, missed_before_s: float = 0.0) -> int:
        """Schedule all actions of this unit; skip those due before `missed_before_s` and return their number."""
        missed = 0
        for block, jobs in self.run.profile.blocks(self.unit):
            for job, content in jobs.items():
                for number, act in enumerate(content.actions):
                    if due_s(act) < missed_before_s:
                        missed += 1
                    else:
                        self._schedule(act, job, f"{block}.jobs.{job}.actions[{number}]", from_s=0.0)
        return missed

    def _schedule(self, act: Act, job: str, path: str, *, from_s: float) -> None:
        self._push(Entry(from_s + due_s(act), PRIORITY[type(act)], self.progress.planned, job, path))
        self._has_planned = True

    def _push(self, entry: Entry) -> None:
        self.progress.planned += 1
        heapq.heappush(self.progress.pending, entry)

    # ---- time ----------------------------------------------------------------------------------------------

    def run_actions(self) -> None:
        """Run due actions until none is left or the run is stopped."""
        self._discard_uncertain_action()
        while self.progress.pending and not self.run.stop.is_set():
            wait_s = self.progress.pending[0].due_s - self.run.elapsed_s()
            if wait_s > 1e-6:
                if self.run.stop.wait(min(wait_s, SAVE_INTERVAL_S)):
                    return
                self._save()
                continue
            self._run_next()

    def _discard_uncertain_action(self) -> None:
        """Do not repeat an action that was in progress at a crash: a dose must not be given twice."""
        lost, self.progress.doing = self.progress.doing, None
        if lost is not None:
            act = find_action(self.run.profile, lost.path)
            if isinstance(act, When | Repeat):
                heapq.heappush(self.progress.pending, lost)
            else:
                self._warn(
                    f"{self._describe(act, lost.job)} was in progress when this profile was interrupted. "
                    "It is not repeated; check whether it was completed."
                )
                self.run.count_outcome("skipped", "in progress when the profile was interrupted")

    def _run_next(self) -> None:
        entry = heapq.heappop(self.progress.pending)
        act = find_action(self.run.profile, entry.path)
        late_s = self.run.elapsed_s() - entry.due_s
        is_check = isinstance(act, When) and entry.round > 0
        self.progress.doing = None if is_check else entry
        if not is_check:
            self._save()
        if late_s > LATE_S and not is_check and not isinstance(act, Repeat):
            self._log(logging.INFO, f"{self._describe(act, entry.job)} runs {format_duration(late_s)} late.")
        self._try(act, entry)
        self.progress.doing = None
        if not is_check or self._has_planned:
            self._save()

    def _try(self, act: Action, entry: Entry) -> None:
        """Run one action; its errors do not end the profile."""
        try:
            if self._is_present():
                self._run_action(act, entry)
            elif isinstance(act, When | Repeat):
                self._push(msgspec.structs.replace(entry, due_s=self.run.elapsed_s() + SAVE_INTERVAL_S))
            else:
                self._skip(act, entry, f"{self.unit} is not an active worker")
        except JobNotRunningError as error:
            self._skip(act, entry, str(error))
        except PioreactorError as error:
            self.run.count_outcome("failed")
            remedy = f" {error.remedy}" if error.remedy else ""
            reason = str(error).rstrip(".")
            self._log(logging.ERROR, f"{self._describe(act, entry.job)} failed: {reason}.{remedy}")
        except Exception as error:  # one action's mistake, also one of ours, must not end an experiment of weeks
            log.exception("profile action at %s", entry.path)
            self.run.count_outcome("failed")
            self._log(logging.ERROR, f"{self._describe(act, entry.job)} failed: {error!r}.")

    def _skip(self, act: Action, entry: Entry, reason: str) -> None:
        self._warn(f"{self._describe(act, entry.job)} was skipped: {reason.rstrip('.')}.")
        self.run.count_outcome("skipped", reason)

    def _is_present(self) -> bool:
        """Return whether the unit is an active worker of the experiment; assume so if the leader cannot be asked."""
        try:
            present = self.unit in self.run.cluster.active_workers()
        except PioreactorError as error:
            log.debug("cannot determine whether %s is in the experiment: %s", self.unit, error)
            return True
        if not present and not self._warned_of_absence:
            self._warn("It is not an active worker of the experiment; its actions are skipped until it is.")
        self._warned_of_absence = not present
        return present

    # ---- actions -------------------------------------------------------------------------------------------

    def _run_action(self, act: Action, entry: Entry) -> None:
        context = self._context(entry.job)
        if entry.round == 0:
            if not is_true(act.if_, context):
                readings = readings_in(act.if_, context)
                self._skip(act, entry, f"condition false: {readings if readings else act.if_}")
                return
            context = self._context(entry.job, count=self.run.count_action())
        match act:
            case When():
                self._check_condition(act, entry, context)
            case Repeat():
                self._run_iteration(act, entry, context)
            case Log():
                self.run.cluster.log(self.unit, interpolate(act.options.message, context), act.options.level.upper())
            case _ if entry.job == LEDS:
                self._run_led_action(act, context)
            case _:
                self._run_job_action(entry.job, act, context)
        if not isinstance(act, When | Repeat):
            self.run.count_outcome("done")

    def _run_job_action(
        self, job: str, act: Start | Stop | Update | Pause | Resume, context: EvaluationContext
    ) -> None:
        cluster, unit = self.run.cluster, self.unit
        match act:
            case Start():
                self._start(job, act, context)
            case Stop():
                cluster.stop(unit, job)
            case Update():
                self._require_running(job)
                cluster.set(unit, job, _resolve_options(act.options, context))
            case Pause():
                self._require_running(job)
                cluster.set(unit, job, {"$state": str(JobState.SLEEPING)})
            case Resume():
                self._require_running(job)
                cluster.set(unit, job, {"$state": str(JobState.READY)})

    def _run_led_action(self, act: Start | Stop | Update | Pause | Resume, context: EvaluationContext) -> None:
        """Set LEDs, which are not a running job: pause and stop turn them off, update sets intensities."""
        match act:
            case Start():
                started = act
            case Update(options=options):
                started = Start(options=options)
            case _:
                started = Start(options=dict(ALL_DARK))
        intensities = self._start(LEDS, started, context)
        for channel in (name for name in intensities if name in ALL_DARK):
            if str(intensities[channel]).strip() in ("0", "0.0"):
                self.progress.lit.discard(channel)
            else:
                self.progress.lit.add(channel)

    def switch_off_leds(self) -> None:
        """Switch off the LEDs that the profile has switched on without a job."""
        if self.progress.lit:
            self._start(LEDS, Start(options=dict.fromkeys(sorted(self.progress.lit), 0)), self._context(LEDS))

    def _start(self, job: str, act: Start, context: EvaluationContext) -> Mapping[str, object]:
        """Start a job; return the options that it was started with."""
        options = _resolve_options(act.options, context)
        overrides = {key: as_text(value) for key, value in _resolve_options(act.config_overrides, context).items()}
        args = [str(word) for word in act.args]
        self.run.cluster.start(self.unit, job, options=options, args=args, overrides=overrides)
        return options

    def _require_running(self, job: str) -> None:
        if not self.run.cluster.is_running(self.unit, job):
            raise JobNotRunningError(f"{job} is not running on {self.unit}")

    def _check_condition(self, act: When, entry: Entry, context: EvaluationContext) -> None:
        """Schedule the inner actions once the condition is true; a missing value counts as false."""
        try:
            is_met = is_true(act.awaited, context, unless_given=False)
        except ExpressionError as error:
            if entry.round == 0:
                self._log(logging.DEBUG, f"{entry.path} waits: {error}.")
            is_met = False
        now_s = self.run.elapsed_s()
        if not is_met:
            self._push(msgspec.structs.replace(entry, due_s=now_s + CHECK_INTERVAL_S, round=entry.round + 1))
            return
        for number, inner in enumerate(act.actions):
            self._schedule(inner, entry.job, f"{entry.path}.actions[{number}]", from_s=now_s)

    def _run_iteration(self, act: Repeat, entry: Entry, context: EvaluationContext) -> None:
        if not is_true(act.while_, context):
            return
        assert act.interval is not None, "validation rejects a profile without it"
        every_s, longest_s = seconds(act.interval), _seconds_or_forever(act.longest)
        now_s = self.run.elapsed_s()
        # Iterations that fell into a power cut are skipped: the one due now is started.
        passed = max(0, int((now_s - entry.due_s) // every_s))
        begin_s = entry.due_s + passed * every_s
        for number, inner in enumerate(act.actions):
            if due_s(inner) <= every_s:
                self._schedule(inner, entry.job, f"{entry.path}.actions[{number}]", from_s=begin_s)
        done = entry.round + passed + 1
        if done * every_s < longest_s:
            self._push(msgspec.structs.replace(entry, due_s=begin_s + every_s, round=done))

    # ---- context and messages ----------------------------------------------------------------------------------

    def _context(self, job: str, *, count: int = 0) -> EvaluationContext:
        run = self.run
        return EvaluationContext(
            unit=self.unit,
            experiment=run.experiment,
            job_name=job,
            hours_elapsed=run.elapsed_s() / 3600.0,
            inputs=run.profile.inputs,
            look_up=self._look_up,
            random=run.random,
            action_count=count,
        )

    def _look_up(self, unit: str, job: str, setting: str) -> object:
        payload = self.run.cluster.last_published(unit, job, setting)
        if payload is None:
            raise ExpressionError(
                f"{job} of {unit} has not published {setting}",
                remedy="Check that the job is running and the name is right.",
            )
        try:
            return msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError):
            return payload.decode("utf-8", "replace")

    def _describe(self, act: Act, job: str) -> str:
        return f"{type(act).__name__} of {job} on {self.unit}"

    def _warn(self, message: str) -> None:
        self._log(logging.WARNING, message)

    def _log(self, level: int, message: str) -> None:
        self.run.log(level, message if self.unit in message else f"{self.unit}: {message}")

    def _save(self) -> None:
        self._has_planned = False
        self.run.save(self.unit, self.progress)


def find_action(profile: Profile, path: str) -> Action:
    """Return the action at a path as built by `plan`."""
    head, first, *rest = path.split(".actions[")
    block, job = head.split(".jobs.", 1)
    jobs = profile.common.jobs if block == "common" else profile.pioreactors[block.removeprefix("pioreactors.")].jobs
    act: Action = jobs[job].actions[_index(first)]
    for number in rest:
        assert isinstance(act, When | Repeat), "only these have inner actions"
        act = act.actions[_index(number)]
    return act


def _index(text: str) -> int:
    return int(text.rstrip("]"))


def _resolve_options(values: Mapping[str, object], context: EvaluationContext) -> dict[str, object]:
    return {name: resolve_option(value, context) for name, value in values.items()}


def _seconds_or_forever(moment: Moment | None) -> float:
    return float("inf") if moment is None else seconds(moment)
