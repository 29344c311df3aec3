"""The job that shows a cluster over OPC UA."""

from __future__ import annotations

from pioreactor import topics
from pioreactor.background_jobs.base import LongRunningBackgroundJobContrib
from pioreactor.config import config
from pioreactor.messaging.ports import Message
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor_opcua.server_thread import ServerThread
from pioreactor_opcua.values import values_of

_SECTION = "opcua_server.config"


class OpcUaServer(LongRunningBackgroundJobContrib):
    """Serve units, measurements, settings and states over OPC UA, read-only."""

    job_name = "opcua_server"

    def __init__(self, unit: str, experiment: str = UNIVERSAL_EXPERIMENT) -> None:
        super().__init__(unit=unit, experiment=experiment, plugin_name="pioreactor_opcua")
        self._server: ServerThread | None = None
        host = config.get(_SECTION, "host", fallback="127.0.0.1")
        port = config.getint(_SECTION, "port", fallback=4840)
        self._server = ServerThread(host, port, name=f"Pioreactor cluster of {unit}")
        self.logger.info("Serving OPC UA at opc.tcp://%s:%s/pioreactor.", host, port)
        self.subscribe_and_callback(self._on_message, topics.of_any_unit("+/+"))

    def _on_message(self, message: Message) -> None:
        if self._server is not None:
            for value in values_of(message):
                self._server.put(value)

    def on_disconnected(self) -> None:
        server = self.__dict__.get("_server")
        if server is not None:
            server.close()
