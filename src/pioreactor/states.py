"""States of a job and the legal transitions between them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class JobState(StrEnum):
    """State that a job publishes at `…/<job>/$state`."""

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
"""Legal transitions. The broker publishes `lost` as last will of a job; a running job leaves it on reconnect.

A job resumed after a power cut may go from `init` straight to `sleeping` (policy `hold`).
"""
