"""Clients of one simulated cluster: in the same process, and over HTTP from a real web server."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pioreactor.simulated_cluster.simulated_cluster import SimulatedCluster
from pioreactor.web.serve import _listen, make_server
from pioreactor_client import Client
from pioreactor_client.http_transport import HttpTransport
from pioreactor_client.simulated_transport import SimulatedTransport
from pioreactor_client.transport import LiveMessage

TRANSPORTS = ("simulated", "http")


class HttpOfSimulation(HttpTransport):
    """HTTP to a server whose cluster is simulated: its time passes instead of ours.

    It has no broker for browsers; `tests/system/test_web_live_messages.py` has the live messages of a real one.
    """

    cluster: SimulatedCluster

    def sleep(self, duration_s: float) -> None:
        self.cluster.sleep(duration_s)

    def messages(self, topic_filters: Sequence[str], *, timeout_s: float) -> Iterator[LiveMessage]:
        for message in self.cluster.messages(topic_filters, timeout_s=timeout_s):
            yield LiveMessage(message.topic, message.payload)

    def pause(self, duration_s: float) -> None:
        super().pause(min(duration_s, 0.005))


@contextmanager
def client_over(kind: str) -> Iterator[Client]:
    """Return a client of a new simulated cluster by one of the two transports."""
    simulated = SimulatedTransport.start(reactors=1, scenario="ecoli_turbidostat", seed=1)
    try:
        if kind == "simulated":
            yield Client(simulated)
            return
        with served(simulated.cluster) as url:
            http = HttpOfSimulation(url, simulated.cluster.token)
            http.cluster = simulated.cluster
            yield Client(http)
            http.close()
    finally:
        simulated.close()


@contextmanager
def served(cluster: SimulatedCluster) -> Iterator[str]:
    """Serve the leader's app as its process does, and return the URL."""
    ready = threading.Event()
    server = make_server(cluster.app, ready.set)
    with _listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        assert ready.wait(10.0)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
