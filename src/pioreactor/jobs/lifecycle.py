"""The lifecycle of a job, walked by the table in `pioreactor.states`."""

from __future__ import annotations

from collections.abc import Callable

from pioreactor.exc import IllegalTransitionError
from pioreactor.states import LEGAL, JobState


class Lifecycle:
    """Where a job is, and the only way from there: hooks run first, then the new state is announced."""

    def __init__(self, run_hook: Callable[[str], None], announce: Callable[[JobState], None]) -> None:
        self._run_hook = run_hook
        self._announce = announce
        self.state = JobState.INIT

    def to(self, target: JobState) -> None:
        """Move; the same state again does nothing; raise `IllegalTransitionError` for a move not in the table."""
        before = self.state
        if target == before:
            return
        if target not in LEGAL[before]:
            raise IllegalTransitionError(f"a job that is {before} cannot become {target}")
        self._run_hook(f"on_{before}_to_{target}")
        self._run_hook(f"on_{target}")
        self.state = target
        self._announce(target)
