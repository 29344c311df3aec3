"""Says what goes wrong again and again once, and later how often it happened since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

MAX_KINDS: Final = 100
"""Kinds that are told apart; what comes from yet other topics is counted together."""


class Complaints:
    """One line for each kind of complaint at first, one for all its repetitions at every `sum_up`.

    A line is itself recorded: without this, a table of the log that refuses rows would fill itself with complaints.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._repeated: dict[str, int] = {}

    def complain(self, kind: str, words: str) -> None:
        """Say the words if nothing of this kind was said since the last quiet period."""
        if kind not in self._repeated and len(self._repeated) >= MAX_KINDS:
            kind = "other topics"
        if kind in self._repeated:
            self._repeated[kind] += 1
            return
        self._repeated[kind] = 0
        self._say(words)

    def sum_up(self) -> None:
        """Say what was repeated; what was not is forgotten, and said again when it comes back."""
        repeated = {kind: count for kind, count in self._repeated.items() if count}
        self._repeated = dict.fromkeys(repeated, 0)
        if repeated:
            total = sum(repeated.values())
            examples = ", ".join(sorted(repeated)[:3])
            self._say(f"{total} more went into quarantine in the last ten minutes, of {examples}.")
