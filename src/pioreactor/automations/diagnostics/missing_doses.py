"""Sequential test of whether doses still arrive: each is compared with what doses of this vial usually did.

The usual effect and its scatter hold the errors of pump, photodiode and growth of this vial, which need not be known.
"""

from __future__ import annotations

from collections import deque
from statistics import median, pstdev
from typing import Final

from pioreactor.automations.diagnostics.dose_effect import DoseEffect

MIN_USUAL, MAX_USUAL = 10, 24
"""Doses that must be known, and that are remembered."""
MIN_EFFECT, MIN_CONTRAST = 0.3, 2.5
"""Least usual effect, and least ratio of it to its scatter, for the test to be made."""
MAX_EFFECT: Final = 1.5
MIN_SCATTER: Final = 0.12
"""Least scatter of the effect of a dose."""
MIN_SHARE_OF_SD: Final = 0.8
"""Least robust scatter as a share of the standard deviation: few doses may agree by chance."""
CAUTION: Final = 1.2
"""Factor on the scatter, which is known from few doses."""
MAX_EVIDENCE: Final = 4.0
"""Of one dose: three have to be missing, whatever the first ones seem to show."""
CERTAIN: Final = 10.0
"""ln of the odds from which doses count as missing."""
MAX_LEVEL_DIFFERENCE: Final = 0.35
"""Effects are compared within this range of ln OD."""


class MissingDoses:
    """Evidence that the last doses had no effect rather than the usual one: a sum of log ratios, never below zero."""

    def __init__(self) -> None:
        self._usual: deque[DoseEffect] = deque(maxlen=MAX_USUAL)
        self._suspect: list[DoseEffect] = []
        self._evidence = 0.0

    def reset(self) -> None:
        """Discard all doses."""
        self._usual.clear()
        self._suspect.clear()
        self._evidence = 0.0

    @property
    def is_certain(self) -> bool:
        return self._evidence >= CERTAIN

    @property
    def recent(self) -> list[DoseEffect]:
        """Return the doses that may be missing, but the first, which may have been given in part."""
        return self._suspect[1:] if len(self._suspect) > 1 else self._suspect

    def add(self, effect: DoseEffect) -> None:
        """Add the effect of a dose, the newest last."""
        if self._usual and abs(effect.level - self._usual[-1].level) > MAX_LEVEL_DIFFERENCE:
            self.reset()
        self._evidence = max(0.0, self._evidence + self._evidence_of(effect))
        self._suspect.append(effect)
        if self._evidence == 0.0:
            self._usual.extend(self._suspect)
            self._suspect.clear()

    def _evidence_of(self, effect: DoseEffect) -> float:
        """Return the log of the odds of no effect to the usual one."""
        if len(self._usual) < MIN_USUAL:
            return 0.0
        parts = [known.part for known in self._usual]
        usual = min(median(parts), MAX_EFFECT)
        spread = 1.4826 * median(abs(part - usual) for part in parts)
        relative = effect.part_sd / median(known.part_sd for known in self._usual)
        scatter = CAUTION * max(max(spread, MIN_SHARE_OF_SD * pstdev(parts)) * relative, MIN_SCATTER)
        if usual < max(MIN_EFFECT, MIN_CONTRAST * scatter):
            return 0.0
        return min((usual * usual - 2.0 * effect.part * usual) / (2.0 * scatter * scatter), MAX_EVIDENCE)
