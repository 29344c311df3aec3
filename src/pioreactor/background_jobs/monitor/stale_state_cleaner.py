"""Correction of retained states of stale jobs, such as one that was killed while the broker was unreachable."""

from __future__ import annotations

from collections.abc import Callable

from pioreactor import topics
from pioreactor.messaging.ports import Message
from pioreactor.states import JobState
from pioreactor.storage.ports import JobRegistry

ALIVE_STATES = frozenset(state.encode() for state in (JobState.INIT, JobState.READY, JobState.SLEEPING))


class StaleStateCleaner:
    """Compares the states that the broker retains for a unit's jobs with the jobs that run there."""

    def __init__(self, registry: JobRegistry, publish: Callable[..., None], *, unit: str) -> None:
        self._registry = registry
        self._publish = publish
        self._unit = unit
        self._retained: dict[str, bytes] = {}
        self._suspects: set[str] = set()

    @property
    def filters(self) -> list[str]:
        """Topic filters of the states of jobs, and of actions that may run several times."""
        return [topics.state(self._unit, "+", "+"), topics.state(self._unit, "+", "+/+")]

    def on_state(self, message: Message) -> None:
        """Store a retained state."""
        if message.payload in ALIVE_STATES:
            self._retained[message.topic] = message.payload
        else:
            self._retained.pop(message.topic, None)

    def check(self) -> None:
        """Publish `lost` for jobs that two consecutive checks found stale. Called about once a second.

        At the first check, the message of an orderly end may still be in transit.
        """
        running = set()
        for record in self._registry.running():
            for key in (record.job_name, f"{record.job_name}/{record.job_id}"):
                running.add(topics.state(record.unit, record.experiment, key))
        stale = set(self._retained) - running
        for topic in sorted(stale & self._suspects):
            self._publish(topic, JobState.LOST.encode(), qos=1, retain=True)
        self._suspects = stale
