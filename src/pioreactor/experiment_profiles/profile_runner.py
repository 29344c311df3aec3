"""Carries out a profile: every unit on a track of its own, progress on the disk, an end that is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from enum import Enum

from pioreactor import structs
from pioreactor.clock.ports import Clock, Signal, Task
from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.checkpoint import ProgressBook, RunProgress, TrackProgress
from pioreactor.experiment_profiles.ports import Cluster
from pioreactor.experiment_profiles.profile_struct import Profile, read_profile
from pioreactor.experiment_profiles.unit_runner import Track
from pioreactor.observability.log import NOTICE

LOOK_FOR_WORKERS_EVERY_S = 30.0


class Ending(Enum):
    FINISHED = "finished"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    """The machine goes down: what was started goes on, and so does the run when the machine is back."""


class ProfileRun:
    """One run of a profile over the workers of an experiment.

    A worker that joins the experiment later gets the actions that are still to come. A run that was cut off goes on
    where it was when it is made again with the same progress.
    """

    def __init__(
        self,
        progress: RunProgress,
        book: ProgressBook,
        *,
        cluster: Cluster,
        clock: Clock,
        stop: Signal,
        say: Callable[[int, str], None],
        counted: Callable[[int], None],
        random: Callable[[], float],
        keeps_progress: Callable[[], bool] = lambda: False,
    ) -> None:
        """`say` takes a level of `logging` and a sentence; `counted` hears how many actions were carried out.

        `keeps_progress` says, when the run is stopped, that this is for a while only.
        """
        self.profile: Profile = read_profile(progress.profile)
        self.experiment = progress.experiment
        self.cluster = cluster
        self.stop = stop
        self.random = random
        self._progress = progress
        self._book = book
        self._clock = clock
        self._tell = say
        self._counted = counted
        self._keeps_progress = keeps_progress
        self._began_s = clock.monotonic() - self._passed_s()
        self._tracks: dict[str, Track] = {}
        self._tasks: list[Task] = []
        self._lock = threading.Lock()
        """Tracks are threads. Nothing waits while it is held."""

    def _passed_s(self) -> float:
        """Return how long ago the profile began, the time without power included as the wall clock has it."""
        if not self._progress.noted_at:
            return 0.0
        away_s = (self._clock.now() - structs.from_timestamp(self._progress.noted_at)).total_seconds()
        return self._progress.elapsed_s + max(0.0, away_s)

    # ---- what tracks use -----------------------------------------------------------------------------------

    def elapsed_s(self) -> float:
        return self._clock.monotonic() - self._began_s

    def count_action(self) -> int:
        with self._lock:
            self._progress.action_count += 1
            self._counted(self._progress.action_count)
            return self._progress.action_count

    def note(self, unit: str, track: TrackProgress) -> None:
        with self._lock:
            self._book.note_track(unit, track)
            self._note_time()

    def say(self, level: int, sentence: str) -> None:
        with self._lock:
            self._tell(level, sentence)

    def _note_time(self) -> None:
        self._progress.elapsed_s = self.elapsed_s()
        self._progress.noted_at = structs.to_timestamp(self._clock.now())
        self._book.note(self._progress)

    # ---- the run -------------------------------------------------------------------------------------------

    def go(self) -> Ending:
        """Carry the profile out; return when it is done, or was stopped."""
        known = self._book.tracks()
        self._note_time()
        self._begin_tracks(known)
        self._stay_with_tracks()
        for task in self._tasks:
            task.join()
        if self.stop.is_set() and self._keeps_progress():
            return Ending.INTERRUPTED
        if self.stop.is_set():
            self._stop_what_was_started()
            self._book.forget()
            return Ending.STOPPED
        self._book.forget()
        return Ending.FINISHED

    def _stay_with_tracks(self) -> None:
        """Wait until all tracks have ended or the run is stopped; meanwhile look for workers that join."""
        looked_s = self.elapsed_s()
        while any(task.is_alive() for task in self._tasks) and not self.stop.wait(1.0):
            if self.elapsed_s() - looked_s >= LOOK_FOR_WORKERS_EVERY_S:
                looked_s = self.elapsed_s()
                self._begin_late_tracks()

    def _begin_tracks(self, known: Mapping[str, TrackProgress]) -> None:
        present = self.cluster.active_workers()
        for unit, block in self.profile.pioreactors.items():
            if unit not in present and unit not in known:
                self.say(logging.WARNING, f"{unit} is not an active worker of {self.experiment}; its part is left out.")
            elif block.label and unit not in known:
                self._label(unit, block.label)
        for unit in sorted({*present, *known}):
            track = Track(unit, self, known.get(unit, TrackProgress()))
            if unit not in known:
                track.plan()
            self._begin(track)

    def _begin_late_tracks(self) -> None:
        try:
            present = self.cluster.active_workers()
        except PioreactorError as error:
            logging.getLogger(__name__).debug("workers are not known at present: %s", error)
            return
        for unit in present:
            if unit in self._tracks:
                continue
            track = Track(unit, self)
            missed = track.plan(missed_before_s=self.elapsed_s())
            if missed or track.progress.pending:
                self.say(
                    NOTICE,
                    f"{unit} joins while the profile runs: {missed} actions that were due before are left out, "
                    f"{len(track.progress.pending)} are to come.",
                )
            self._begin(track)

    def _begin(self, track: Track) -> None:
        self._tracks[track.unit] = track
        self.note(track.unit, track.progress)
        self._tasks.append(self._clock.spawn(track.go, name=f"profile on {track.unit}"))

    def _label(self, unit: str, label: str) -> None:
        try:
            self.cluster.label(unit, label)
        except PioreactorError as error:
            self.say(logging.WARNING, f"{unit} could not be labelled {label!r}: {error}.")

    def _stop_what_was_started(self) -> None:
        try:
            self.cluster.stop_all_of(self._progress.source, sorted(self._tracks))
        except PioreactorError as error:
            self.say(logging.ERROR, f"Not all jobs of the profile could be stopped: {error}.")
