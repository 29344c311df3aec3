"""State machine of a job and its hooks; the legal transitions are in `pioreactor.states`."""

from __future__ import annotations

from collections.abc import Callable

from pioreactor.exc import IllegalTransitionError
from pioreactor.states import LEGAL, JobState


class Lifecycle:
    """Current state of a job. On a transition the hooks run first, then the new state is published."""

    def __init__(self, run_hook: Callable[[str], None], on_entered: Callable[[JobState], None]) -> None:
        self._run_hook = run_hook
        self._on_entered = on_entered
        self.state = JobState.INIT

    def to(self, target: JobState) -> None:
        """Change to `target`; do nothing if already there. Raise `IllegalTransitionError` if not in the table.

        What a hook raises is passed on, and the state stays as it was.
        """
        before = self.state
        if target == before:
            return
        if target not in LEGAL[before]:
            raise IllegalTransitionError(f"a job that is {before} cannot become {target}")
        self._run_hook(f"on_{before}_to_{target}")
        self._run_hook(f"on_{target}")
        self.state = target
        self._on_entered(target)


class LifecycleHooks:
    """Hooks of jobs, which do nothing unless a subclass overrides them; an override may call `super()`.

    `on_<before>_to_<after>` runs before `on_<after>`, and both before the new state is published. An error in a hook
    of a transition to READY keeps the job from that; in another hook it is logged, and the transition continues.
    """

    def on_init(self) -> None:
        """React to the registration of the job, before the rest of the constructor runs."""

    def on_ready(self) -> None:
        """Start, or resume, the work of the job."""

    def on_sleeping(self) -> None:
        """React to a pause."""

    def on_disconnected(self) -> None:
        """Release outputs at the end."""

    def on_lost(self) -> None:
        """React to the loss of the job, which the broker announces in its place."""

    def on_init_to_ready(self) -> None:
        """React to the end of the start."""

    def on_init_to_sleeping(self) -> None:
        """React to a start that is resumed in pause."""

    def on_init_to_disconnected(self) -> None:
        """React to a start that failed or was canceled."""

    def on_init_to_lost(self) -> None:
        """React to the loss of a job that was starting."""

    def on_ready_to_sleeping(self) -> None:
        """React to a pause."""

    def on_ready_to_disconnected(self) -> None:
        """React to the end of a job that was running."""

    def on_ready_to_lost(self) -> None:
        """React to the loss of a job that was running."""

    def on_sleeping_to_ready(self) -> None:
        """React to the end of a pause."""

    def on_sleeping_to_disconnected(self) -> None:
        """React to the end of a job that was paused."""

    def on_sleeping_to_lost(self) -> None:
        """React to the loss of a job that was paused."""

    def on_lost_to_ready(self) -> None:
        """React to the return of a job that was lost."""

    def on_lost_to_disconnected(self) -> None:
        """React to the end of a job that was lost."""

    def on_disconnected_to_lost(self) -> None:
        """React to the loss of a job that had ended. No transition of this version leads here."""
