"""The states of a job, and which may follow which."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class JobState(StrEnum):
    """What a job announces at `…/<job>/$state`."""

    INIT = "init"
    READY = "ready"
    SLEEPING = "sleeping"
    DISCONNECTED = "disconnected"
    LOST = "lost"


LEGAL: Final[Mapping[JobState, frozenset[JobState]]] = {
    JobState.INIT: frozenset({JobState.READY, JobState.SLEEPING, JobState.DISCONNECTED, JobState.LOST}),
    JobState.READY: frozenset({JobState.SLEEPING, JobState.DISCONNECTED, JobState.LOST}),
    JobState.SLEEPING: frozenset({JobState.READY, JobState.DISCONNECTED, JobState.LOST}),
    JobState.DISCONNECTED: frozenset(),
    JobState.LOST: frozenset({JobState.READY, JobState.DISCONNECTED}),
}
"""Legal moves. `lost` is the broker's word for a job whose connection broke; a living job leaves it by itself.

A job resumed after a power cut may go from `init` straight to `sleeping` (policy "hold safe").
"""
