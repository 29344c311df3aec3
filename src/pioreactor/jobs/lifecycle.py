"""State machine of a job; the legal transitions are in `pioreactor.states`."""

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
        """Change to `target`; do nothing if already there. Raise `IllegalTransitionError` if not in the table."""
        before = self.state
        if target == before:
            return
        if target not in LEGAL[before]:
            raise IllegalTransitionError(f"a job that is {before} cannot become {target}")
        self._run_hook(f"on_{before}_to_{target}")
        self._run_hook(f"on_{target}")
        self.state = target
        self._on_entered(target)
