"""The OPC UA server on an event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future

from asyncua import Server, ua

from pioreactor.exc import PioreactorError
from pioreactor_opcua.address_space import AddressSpace
from pioreactor_opcua.values import Value

_START_TIMEOUT_S = 20.0
_MAX_WAITING = 10_000
_log = logging.getLogger("pioreactor.opcua")


class ServerThread:
    """Starts at once; raise `PioreactorError` if the port cannot be had."""

    def __init__(self, host: str, port: int, *, name: str) -> None:
        self._endpoint = f"opc.tcp://{host}:{port}/pioreactor"
        self._name = name
        self._loop = asyncio.new_event_loop()
        self._values: asyncio.Queue[Value | None] = asyncio.Queue(_MAX_WAITING)
        self._is_ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="opcua", daemon=True)
        self._thread.start()
        try:
            self._is_ready.result(_START_TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            raise PioreactorError(
                f"{self._endpoint} cannot be opened: {error}", remedy="Set [opcua_server.config] host and port."
            ) from error

    def put(self, value: Value) -> None:
        """Show a value soon; from any thread. What comes while too much waits is dropped: newer values follow."""
        self._loop.call_soon_threadsafe(self._offer, value)

    def close(self) -> None:
        """Stop serving. Idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._values.put_nowait, None)
            self._thread.join()

    def _offer(self, value: Value) -> None:
        if self._values.qsize() < _MAX_WAITING - 1:
            self._values.put_nowait(value)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:
            if self._is_ready.done():
                raise
            self._is_ready.set_exception(error)  # raised where the server was asked for
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = Server()
        await server.init()
        server.allow_remote_admin(False)  # else whoever calls itself admin may write
        server.set_endpoint(self._endpoint)
        server.set_server_name(self._name)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        space = await AddressSpace.create(server)
        async with server:
            self._is_ready.set_result(None)
            while (value := await self._values.get()) is not None:
                try:
                    await space.put(value)
                except ua.UaError as error:
                    # One value that cannot be shown, such as one whose type has changed, must not end the others.
                    _log.warning("%s is not shown over OPC UA: %s", value.identifier, error)
