"""Diagnostics of dosing as one: observations go to each of them, their findings are logged and may pause dosing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from pioreactor.automations.diagnostics.ports import Diagnostic, DoseFinished, DoseStarting, Observation
from pioreactor.observability.log import CustomLogger


class DosingDiagnostics:
    """Composition of diagnostics. `pause` is called when a finding requires it; `now_s` is monotonic time [s].

    `report` takes the name of a diagnosis and a sentence, None when it is withdrawn.
    """

    def __init__(
        self,
        diagnostics: Iterable[Diagnostic],
        *,
        logger: CustomLogger,
        pause: Callable[[], None],
        report: Callable[[str, str | None], None],
        now_s: Callable[[], float],
    ) -> None:
        self._diagnostics = tuple(diagnostics)
        self._logger = logger
        self._pause = pause
        self._report = report
        self._now_s = now_s

    def observe(self, observation: Observation) -> bool:
        """Process an observation; return False after a finding that pauses dosing, which ends the evaluation."""
        for diagnostic in self._diagnostics:
            for finding in diagnostic.observe(observation):
                sentence = finding.sentence(self._now_s())
                self._report(diagnostic.name, sentence)
                if finding.pauses_dosing:
                    self._logger.error("%s", sentence)
                    self._pause()
                    return False
                self._logger.warning("%s", sentence)
        return True

    @contextmanager
    def dose(self) -> Iterator[bool]:
        """Observe a dose, given in the block; yield False if dosing is paused instead."""
        started_s = self._now_s()
        if not self.observe(DoseStarting(started_s)):
            yield False
            return
        try:
            yield True
        finally:
            self.observe(DoseFinished(started_s))

    def reset(self) -> None:
        """Reset each diagnostic."""
        for diagnostic in self._diagnostics:
            diagnostic.reset()
            self._report(diagnostic.name, None)
