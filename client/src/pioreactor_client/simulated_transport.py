"""Reaches a cluster that is simulated in this process; the only module here that imports the software itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from pioreactor.exc import PioreactorError
from pioreactor.simulated_cluster.simulated_cluster import SimulatedCluster
from pioreactor_client.answer_checks import raise_for_status
from pioreactor_client.errors import RefusedError
from pioreactor_client.transport import Answer, LiveMessage

_START = datetime(2030, 1, 1, tzinfo=UTC)
_PAUSE_S = 0.002
"""Real time: the answer comes from this process."""
_PART_BYTES = 64 * 1024


class SimulatedTransport:
    """A simulated cluster and its leader's web server."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.cluster = cluster
        self._headers = {"Authorization": f"Bearer {cluster.token}"}

    @classmethod
    def start(cls, *, reactors: int, scenario: str, seed: int) -> SimulatedTransport:
        """Start a cluster; raise `RefusedError` for a scenario or a number of reactors that there is not."""
        try:
            cluster = SimulatedCluster(
                reactors=reactors, scenario=scenario, seed=seed, experiment="simulation", start=_START
            )
        except PioreactorError as error:
            raise RefusedError(str(error), remedy=error.remedy, code=error.code) from error
        return cls(cluster)

    def __repr__(self) -> str:
        return f"SimulatedTransport({self.address!r})"

    @property
    def address(self) -> str:
        return "simulated://leader"

    def request(self, method: str, path: str, *, body: bytes | None = None, timeout_s: float = 10.0) -> Answer:
        json_type = {"Content-Type": "application/json"} if body is not None else {}
        url = self.cluster.url_of() + path
        answer = self.cluster.http.request(
            method, url, body=body, headers={**self._headers, **json_type}, timeout_s=timeout_s
        )
        return Answer(answer.status, answer.body)

    @contextmanager
    def stream(self, path: str, *, timeout_s: float = 60.0) -> Iterator[Iterator[bytes]]:
        answer = self.cluster.http.open("GET", self.cluster.url_of() + path, headers=self._headers, timeout_s=timeout_s)
        try:
            if answer.status >= 300:
                raise_for_status(Answer(answer.status, answer.read(_PART_BYTES)))
            yield iter(lambda: answer.read(_PART_BYTES), b"")
        finally:
            answer.close()

    def messages(self, topic_filters: Sequence[str], *, timeout_s: float) -> Iterator[LiveMessage]:
        for message in self.cluster.messages(topic_filters, timeout_s=timeout_s):
            if not message.retain:
                yield LiveMessage(message.topic, message.payload)

    def now(self) -> datetime:
        return self.cluster.now()

    def sleep(self, duration_s: float) -> None:
        self.cluster.sleep(duration_s)

    def pause(self, duration_s: float) -> None:
        time.sleep(min(duration_s, _PAUSE_S))

    def close(self) -> None:
        self.cluster.close()
