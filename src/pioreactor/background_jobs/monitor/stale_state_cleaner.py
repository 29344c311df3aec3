"""Takes back what dead jobs still claim: one killed while the broker was away has nobody left to say so."""

from __future__ import annotations

from collections.abc import Callable

from pioreactor import topics
from pioreactor.messaging.ports import Message
from pioreactor.states import JobState
from pioreactor.storage.ports import JobRegistry

CLAIMS_LIFE = frozenset(state.encode() for state in (JobState.INIT, JobState.READY, JobState.SLEEPING))


class Ghosts:
    """Compares the states that the broker keeps of one unit's jobs with the jobs that live there."""

    def __init__(self, registry: JobRegistry, publish: Callable[..., None], *, unit: str) -> None:
        self._registry = registry
        self._publish = publish
        self._unit = unit
        self._claims: dict[str, bytes] = {}
        self._suspects: set[str] = set()

    @property
    def filters(self) -> list[str]:
        """Topics of states: of jobs, and of actions of which several may run."""
        return [topics.state(self._unit, "+", "+"), topics.state(self._unit, "+", "+/+")]

    def hear(self, message: Message) -> None:
        """Remember what is claimed."""
        if message.payload in CLAIMS_LIFE:
            self._claims[message.topic] = message.payload
        else:
            self._claims.pop(message.topic, None)

    def look(self) -> None:
        """Declare lost what claimed to live at two looks, and did not. Call it about once a second.

        At the first look, the word of an orderly end may still be on its way.
        """
        living = set()
        for record in self._registry.running():
            for key in (record.job_name, f"{record.job_name}/{record.job_id}"):
                living.add(topics.state(record.unit, record.experiment, key))
        dead = set(self._claims) - living
        for topic in sorted(dead & self._suspects):
            self._publish(topic, JobState.LOST.encode(), qos=1, retain=True)
        self._suspects = dead
