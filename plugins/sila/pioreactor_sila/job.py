"""The job that shows a unit over SiLA 2."""

from __future__ import annotations

from functools import partial

from pioreactor import topics
from pioreactor.background_jobs.base import LongRunningBackgroundJobContrib
from pioreactor.config import config
from pioreactor.http.addresses import base_url
from pioreactor.http.client import StandardHttpClient
from pioreactor.messaging.ports import Message
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor_sila.latest import QUANTITIES, measured
from pioreactor_sila.leader_api import LeaderApi
from pioreactor_sila.server_thread import ServerThread

_SECTION = "sila_server.config"


class SilaServer(LongRunningBackgroundJobContrib):
    """Serve measurements of this unit, and commands to its jobs, over SiLA 2."""

    job_name = "sila_server"

    def __init__(self, unit: str, experiment: str = UNIVERSAL_EXPERIMENT) -> None:
        super().__init__(unit=unit, experiment=experiment, plugin_name="pioreactor_sila")
        host = config.get(_SECTION, "host", fallback="127.0.0.1")
        port = config.getint(_SECTION, "port", fallback=50052)
        leader, ui = self.runtime.identity.leader_hostname, self.runtime.settings.ui
        url = base_url(leader, self.runtime.settings.cluster_addresses, port=ui.port, proto=ui.proto)
        assigned = partial(self.runtime.identity.inventory.experiment, unit)
        api = LeaderApi(
            StandardHttpClient(self.runtime.paths.authority),
            url,
            unit,
            experiment=assigned,
        )
        self._server = ServerThread(host, port, unit=unit, leader=api)
        self.logger.info("Serving SiLA 2 at %s:%s.", host, port)
        for identifier, quantity in QUANTITIES.items():
            topic = f"{topics.ROOT}/{unit}/+/{quantity.topic}"
            self.subscribe_and_callback(partial(self._on_message, identifier), topic)

    def _on_message(self, identifier: str, message: Message) -> None:
        value = measured(message)
        if value is not None:
            self._server.put(identifier, value)

    def on_disconnected(self) -> None:
        server = self.__dict__.get("_server")
        if server is not None:
            server.close()
