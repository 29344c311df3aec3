"""Progress of an update for people to see. It is best effort: no listener that fails ends an update or its rollback."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Tells each listener what an update does; what one raises is dropped, and the next is told all the same."""

    listeners: tuple[Callable[[str], object], ...] = ()

    def __call__(self, text: str) -> None:
        for listener in self.listeners:
            # A closed pipe, a full disk, a broker that is away, or anything else: the update matters more.
            with suppress(Exception):
                listener(text)
