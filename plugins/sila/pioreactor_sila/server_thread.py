"""The SiLA 2 server on an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
import uuid
from concurrent.futures import Future

from sila.server import Server, ServerConfig

from pioreactor.exc import PioreactorError
from pioreactor.version import __version__
from pioreactor_sila.feature import reactor_feature
from pioreactor_sila.latest import Latest
from pioreactor_sila.leader_api import LeaderApi

_START_TIMEOUT_S = 20.0


class ServerThread:
    """Starts at once; raise `PioreactorError` if the port cannot be had."""

    def __init__(self, host: str, port: int, *, unit: str, leader: LeaderApi) -> None:
        self._config = ServerConfig(
            hostname=host,
            port=port,
            uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{unit}.pioreactor.local")),
            name=f"Pioreactor {unit}",
            type="Bioreactor",
            description="A bioreactor of a Pioreactor cluster.",
            version=".".join(__version__.split(".")[:3]),
            vendor_url="https://pioreactor.com",
        )
        self._leader = leader
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._latest: Future[Latest] = Future()
        self._thread = threading.Thread(target=self._run, name="sila", daemon=True)
        self._thread.start()
        try:
            self._latest.result(_START_TIMEOUT_S)
        except Exception as error:
            raise PioreactorError(
                f"SiLA 2 cannot be served at {host}:{port}: {error}", remedy="Set [sila_server.config] host and port."
            ) from error

    def put(self, identifier: str, value: float) -> None:
        """Publish a value soon; from any thread."""
        self._loop.call_soon_threadsafe(self._latest.result().put, identifier, value)

    def close(self) -> None:
        """Stop serving. Idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:
            if self._latest.done():
                raise
            self._latest.set_exception(error)  # raised where the server was asked for
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server, latest = Server(self._config), Latest()
        server.register_feature(reactor_feature(latest, self._leader))
        await server.start()
        self._latest.set_result(latest)
        await self._end.wait()
        await server.stop()
