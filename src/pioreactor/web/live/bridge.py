"""The WebSocket `/mqtt`: forwards messages of the broker to a signed-in browser, which cannot publish."""

import asyncio
import contextlib
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from typing import cast

from pioreactor.exc import BrokerUnreachableError, PioreactorError
from pioreactor.messaging.packets import PacketType, encode, encode_connect, take_packet
from pioreactor.web.asgi import Receive, Scope, Send
from pioreactor.web.live.subscriber_policy import (
    MAX_PACKET_BYTES,
    Credentials,
    checked_packet,
    subscriber_connect,
)
from pioreactor.web.security.identity import identity_of

_log = logging.getLogger("pioreactor.web")

_CHUNK_BYTES = 64 * 1024
_UPDATE_INTERVAL_S = 0.05  # with hundreds of units, a frame for each message would keep browsers busy
_CONNECT_TIMEOUT_S = 5.0
_SESSION_CHECK_INTERVAL_S = 30.0
_MAX_CONNECTIONS = 128
_MAX_CONNECTIONS_PER_PERSON = 64
"""Pages that are open at a time, in all browsers of a lab that signs in by one name."""
_GOING_AWAY, _POLICY_VIOLATION, _TRY_AGAIN_LATER = 1001, 1008, 1013


class MqttBridge:
    """A bridge from each WebSocket to a TCP connection of its own, with back-pressure up to the broker.

    `still_signed_in` is called periodically with the scope of the connection; once it returns False, it is closed.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        credentials: Credentials | None,
        still_signed_in: Callable[[Scope], bool] = lambda _: True,
    ) -> None:
        self._host, self._port = host, port
        self._credentials = credentials
        self._still_signed_in = still_signed_in
        self._open_connections: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if "mqtt" not in scope.get("subprotocols", []):
            await _close(send, _POLICY_VIOLATION, "the subprotocol must be mqtt")
            return
        identity = identity_of(scope)
        user = identity.name if identity is not None else ""
        if self._open_connections.total() >= _MAX_CONNECTIONS:
            await _close(send, _TRY_AGAIN_LATER, "too many browsers are connected")
            return
        if self._open_connections[user] >= _MAX_CONNECTIONS_PER_PERSON:
            await _close(send, _TRY_AGAIN_LATER, f"{user} has too many open pages")
            return
        self._open_connections[user] += 1
        try:
            await send({"type": "websocket.accept", "subprotocol": "mqtt", "headers": []})
            await self._forward(scope, receive, send)
        finally:
            self._open_connections[user] -= 1

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        code, reason = _GOING_AWAY, "the broker closed the connection"
        try:
            reader, writer = await self._connect_to_broker()
        except BrokerUnreachableError as unreachable:
            await _close(send, _TRY_AGAIN_LATER, str(unreachable))
            return
        directions: list[asyncio.Task[str | None]] = [
            asyncio.create_task(self._from_browser(receive, writer)),
            asyncio.create_task(_from_broker(reader, writer, send)),
            asyncio.create_task(self._while_signed_in(scope)),
        ]
        try:
            ended, _ = await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                error = task.exception()
                if isinstance(error, PioreactorError):
                    code, reason = _POLICY_VIOLATION, str(error)
                elif error is not None and not isinstance(error, OSError):
                    _log.error("forwarding messages to a browser failed", exc_info=error)
                elif error is None and task.result():
                    code, reason = _POLICY_VIOLATION, str(task.result())
        finally:
            for task in directions:
                task.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            await _close(send, code, reason)

    async def _connect_to_broker(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.wait_for(asyncio.open_connection(self._host, self._port), _CONNECT_TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            raise BrokerUnreachableError("the broker is unreachable") from error

    async def _from_browser(self, receive: Receive, writer: asyncio.StreamWriter) -> str | None:
        buffer, is_connected = bytearray(), False
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            buffer += message.get("bytes") or b""
            while (packet := take_packet(buffer, MAX_PACKET_BYTES)) is not None:
                if is_connected:
                    writer.write(encode(checked_packet(packet)))
                else:
                    client_id = f"browser-{secrets.token_hex(8)}"
                    connect = subscriber_connect(packet, client_id=client_id, credentials=self._credentials)
                    writer.write(encode_connect(connect))
                    is_connected = True
                if packet.type == PacketType.DISCONNECT:
                    await writer.drain()
                    return None
            await writer.drain()

    async def _while_signed_in(self, scope: Scope) -> str | None:
        while await asyncio.to_thread(self._still_signed_in, scope):
            await asyncio.sleep(_SESSION_CHECK_INTERVAL_S)
        return "the session has ended"


async def _from_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, send: Send) -> str | None:
    transport = cast(asyncio.Transport, writer.transport)
    while data := await reader.read(_CHUNK_BYTES):
        transport.pause_reading()  # the system puts together what arrives meanwhile
        await send({"type": "websocket.send", "bytes": data, "text": None})
        await asyncio.sleep(_UPDATE_INTERVAL_S * (len(data) < _CHUNK_BYTES))
        transport.resume_reading()
    return None


async def _close(send: Send, code: int, reason: str) -> None:
    """Close the WebSocket; the server raises one of these errors if the browser has closed it already."""
    with contextlib.suppress(OSError, RuntimeError):
        await send({"type": "websocket.close", "code": code, "reason": reason[:100]})
