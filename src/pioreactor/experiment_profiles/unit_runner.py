"""One unit's part of a profile: what is due is done, one action after another, whatever other units are at."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from pioreactor.clock.ports import Signal
from pioreactor.exc import JobNotRunningError, PioreactorError
from pioreactor.experiment_profiles.checkpoint import Entry, TrackProgress
from pioreactor.experiment_profiles.durations import due_s, in_words, seconds
from pioreactor.experiment_profiles.evaluator import (
    ExpressionError,
    Scene,
    as_text,
    filled_in,
    holds,
    interpolated,
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
"""Of what is due at the same moment, the lowest goes first."""
LOOK_EVERY_S = 5.0
"""How often a `when` looks at its condition."""
NOTE_EVERY_S = 60.0
"""How often the time that has passed is noted, for a run that is cut off."""
LATE_S = 30.0
LEDS = "led_intensity"
ALL_DARK: Final[Mapping[str, int]] = dict.fromkeys("ABCD", 0)

log = logging.getLogger(__name__)


class Run(Protocol):
    """What tracks share: the time since the profile began, its words, and where progress is kept."""

    profile: Profile
    experiment: str
    cluster: Cluster
    stop: Signal
    random: Callable[[], float]

    def elapsed_s(self) -> float: ...

    def count_action(self) -> int: ...

    def note(self, unit: str, track: TrackProgress) -> None: ...

    def say(self, level: int, sentence: str) -> None: ...


@dataclass
class Track:
    """The actions of one unit."""

    unit: str
    run: Run
    progress: TrackProgress = field(default_factory=TrackProgress)
    _warned_of_absence: bool = False
    _has_planned: bool = False
    """Whether actions were entered since progress was noted."""

    # ---- planning ------------------------------------------------------------------------------------------

    def plan(self, *, missed_before_s: float = 0.0) -> int:
        """Enter all actions of this unit; leave out, and count, those that were due before a moment."""
        missed = 0
        for block, jobs in self.run.profile.blocks(self.unit):
            for job, content in jobs.items():
                for number, act in enumerate(content.actions):
                    if due_s(act) < missed_before_s:
                        missed += 1
                    else:
                        self._enter(act, job, f"{block}.jobs.{job}.actions[{number}]", from_s=0.0)
        return missed

    def _enter(self, act: Act, job: str, path: str, *, from_s: float) -> None:
        self._push(Entry(from_s + due_s(act), PRIORITY[type(act)], self.progress.planned, job, path))
        self._has_planned = True

    def _push(self, entry: Entry) -> None:
        self.progress.planned += 1
        heapq.heappush(self.progress.pending, entry)

    # ---- time ----------------------------------------------------------------------------------------------

    def go(self) -> None:
        """Do what is due until nothing is left, or the run is stopped."""
        self._disown_what_was_begun()
        while self.progress.pending and not self.run.stop.is_set():
            wait_s = self.progress.pending[0].due_s - self.run.elapsed_s()
            if wait_s > 1e-6:
                if self.run.stop.wait(min(wait_s, NOTE_EVERY_S)):
                    return
                self._note()
                continue
            self._do_next()

    def _disown_what_was_begun(self) -> None:
        """Nobody knows whether an action happened that was begun before a crash: a dose must not happen twice."""
        lost, self.progress.doing = self.progress.doing, None
        if lost is not None:
            act = find(self.run.profile, lost.path)
            if isinstance(act, When | Repeat):
                heapq.heappush(self.progress.pending, lost)
            else:
                self._warn(
                    f"{self._words(act, lost.job)} was begun when this profile was cut off. It is not repeated; see "
                    "whether it happened."
                )

    def _do_next(self) -> None:
        entry = heapq.heappop(self.progress.pending)
        act = find(self.run.profile, entry.path)
        late_s = self.run.elapsed_s() - entry.due_s
        is_look = isinstance(act, When) and entry.round > 0
        self.progress.doing = None if is_look else entry
        if not is_look:
            self._note()
        if late_s > LATE_S and not is_look and not isinstance(act, Repeat):
            self._say(logging.INFO, f"{self._words(act, entry.job)} happens {in_words(late_s)} late.")
        self._try(act, entry)
        self.progress.doing = None
        if not is_look or self._has_planned:
            self._note()

    def _try(self, act: Action, entry: Entry) -> None:
        """Errors of one action do not end the profile."""
        try:
            if self._is_present():
                self._do(act, entry)
            elif isinstance(act, When | Repeat):
                self._push(msgspec.structs.replace(entry, due_s=self.run.elapsed_s() + NOTE_EVERY_S))
        except JobNotRunningError as error:
            self._warn(f"{self._words(act, entry.job)} was left out: {error}.")
        except PioreactorError as error:
            remedy = f" {error.remedy}" if error.remedy else ""
            self._say(logging.ERROR, f"{self._words(act, entry.job)} failed: {error}.{remedy}")
        except Exception as error:  # one action's mistake, also one of ours, must not end an experiment of weeks
            log.exception("profile action at %s", entry.path)
            self._say(logging.ERROR, f"{self._words(act, entry.job)} failed: {error!r}.")

    def _is_present(self) -> bool:
        """A unit that was taken out of the experiment is left alone; where nobody can be asked, it counts as there."""
        try:
            present = self.unit in self.run.cluster.active_workers()
        except PioreactorError as error:
            log.debug("whether %s is in the experiment is not known: %s", self.unit, error)
            return True
        if not present and not self._warned_of_absence:
            self._warn("It is not an active worker of the experiment; its actions are left out until it is.")
        self._warned_of_absence = not present
        return present

    # ---- actions -------------------------------------------------------------------------------------------

    def _do(self, act: Action, entry: Entry) -> None:
        scene = self._scene(entry.job)
        if entry.round == 0:
            if not holds(act.if_, scene):
                return
            scene = self._scene(entry.job, count=self.run.count_action())
        match act:
            case When():
                self._look(act, entry, scene)
            case Repeat():
                self._go_round(act, entry, scene)
            case Log():
                self.run.cluster.log(self.unit, interpolated(act.options.message, scene), act.options.level.upper())
            case _ if entry.job == LEDS:
                self._light(act, scene)
            case _:
                self._act_on(entry.job, act, scene)

    def _act_on(self, job: str, act: Start | Stop | Update | Pause | Resume, scene: Scene) -> None:
        cluster, unit = self.run.cluster, self.unit
        match act:
            case Start():
                self._start(job, act, scene)
            case Stop():
                cluster.stop(unit, job)
            case Update():
                self._need(job)
                cluster.set(unit, job, _filled(act.options, scene))
            case Pause():
                self._need(job)
                cluster.set(unit, job, {"$state": str(JobState.SLEEPING)})
            case Resume():
                self._need(job)
                cluster.set(unit, job, {"$state": str(JobState.READY)})

    def _light(self, act: Start | Stop | Update | Pause | Resume, scene: Scene) -> None:
        """LEDs are no running job: to pause or stop them is to set them dark, to update them is to set them."""
        match act:
            case Start():
                self._start(LEDS, act, scene)
            case Update(options=options):
                self._start(LEDS, Start(options=options), scene)
            case _:
                self._start(LEDS, Start(options=dict(ALL_DARK)), scene)

    def _start(self, job: str, act: Start, scene: Scene) -> None:
        overrides = {key: as_text(value) for key, value in _filled(act.config_overrides, scene).items()}
        args = [str(word) for word in act.args]
        self.run.cluster.start(self.unit, job, options=_filled(act.options, scene), args=args, overrides=overrides)

    def _need(self, job: str) -> None:
        if not self.run.cluster.is_running(self.unit, job):
            raise JobNotRunningError(f"{job} does not run on {self.unit}")

    def _look(self, act: When, entry: Entry, scene: Scene) -> None:
        """Plan the actions once the condition holds; something that was not said yet means: not yet."""
        try:
            is_time = holds(act.awaited, scene, unless_given=False)
        except ExpressionError as error:
            if entry.round == 0:
                self._say(logging.DEBUG, f"{entry.path} waits: {error}.")
            is_time = False
        now_s = self.run.elapsed_s()
        if not is_time:
            self._push(msgspec.structs.replace(entry, due_s=now_s + LOOK_EVERY_S, round=entry.round + 1))
            return
        for number, inner in enumerate(act.actions):
            self._enter(inner, entry.job, f"{entry.path}.actions[{number}]", from_s=now_s)

    def _go_round(self, act: Repeat, entry: Entry, scene: Scene) -> None:
        if not holds(act.while_, scene):
            return
        assert act.interval is not None, "a profile without it is refused before it begins"
        every_s, longest_s = seconds(act.interval), _seconds_or_forever(act.longest)
        now_s = self.run.elapsed_s()
        # Rounds that fell into a time without power are left out: the one that is due now is begun.
        passed = max(0, int((now_s - entry.due_s) // every_s))
        begin_s = entry.due_s + passed * every_s
        for number, inner in enumerate(act.actions):
            if due_s(inner) <= every_s:
                self._enter(inner, entry.job, f"{entry.path}.actions[{number}]", from_s=begin_s)
        done = entry.round + passed + 1
        if done * every_s < longest_s:
            self._push(msgspec.structs.replace(entry, due_s=begin_s + every_s, round=done))

    # ---- words ---------------------------------------------------------------------------------------------

    def _scene(self, job: str, *, count: int = 0) -> Scene:
        run = self.run
        return Scene(
            unit=self.unit,
            experiment=run.experiment,
            job_name=job,
            hours_elapsed=run.elapsed_s() / 3600.0,
            inputs=run.profile.inputs,
            look_up=self._look_up,
            random=run.random,
            action_count=count,
        )

    def _look_up(self, unit: str, job: str, setting: str) -> Any:
        payload = self.run.cluster.last_said(unit, job, setting)
        if payload is None:
            raise ExpressionError(
                f"{job} of {unit} has said nothing about {setting}", remedy="Is the job running, and the name right?"
            )
        try:
            return msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return payload.decode("utf-8", "replace")

    def _words(self, act: Act, job: str) -> str:
        return f"{type(act).__name__} of {job} on {self.unit}"

    def _warn(self, sentence: str) -> None:
        self._say(logging.WARNING, sentence)

    def _say(self, level: int, sentence: str) -> None:
        self.run.say(level, sentence if self.unit in sentence else f"{self.unit}: {sentence}")

    def _note(self) -> None:
        self._has_planned = False
        self.run.note(self.unit, self.progress)


def find(profile: Profile, path: str) -> Action:
    """Return the action that stands at a path of `plan`."""
    head, *rest = path.split(".actions[")
    block, job = head.split(".jobs.", 1)
    jobs = profile.common.jobs if block == "common" else profile.pioreactors[block.removeprefix("pioreactors.")].jobs
    actions: list[Any] = list(jobs[job].actions)
    act: Any = None
    for number in rest:
        act = actions[int(number.rstrip("]"))]
        actions = getattr(act, "actions", [])
    return act  # type: ignore[no-any-return]


def _filled(values: Mapping[str, Any], scene: Scene) -> dict[str, Any]:
    return {name: filled_in(value, scene) for name, value in values.items()}


def _seconds_or_forever(moment: Moment | None) -> float:
    return float("inf") if moment is None else seconds(moment)
