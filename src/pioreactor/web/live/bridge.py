"""The WebSocket `/mqtt`: carries the broker's messages to a signed-in browser, and nothing the other way."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable

from pioreactor.exc import BrokerUnreachableError, PioreactorError
from pioreactor.web.asgi import Receive, Scope, Send
from pioreactor.web.live.packets import DISCONNECT, Credentials, Packets, as_reader, check_reader, kind_of

_log = logging.getLogger("pioreactor.web")

_CHUNK = 64 * 1024
_OPENING_S = 5.0
_CHECK_EVERY_S = 30.0
_MAX_AT_ONCE = 64
_GOING_AWAY, _POLICY, _TRY_LATER = 1001, 1008, 1013


class MqttBridge:
    """Bridges each WebSocket to a TCP connection of its own; back-pressure goes through to the broker.

    `still_signed_in` is asked now and then with the connection's scope: a session that ends, ends its messages.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        credentials: Credentials | None,
        still_signed_in: Callable[[Scope], bool] = lambda _: True,
    ) -> None:
        self._host = host
        self._port = port
        self._credentials = credentials
        self._still_signed_in = still_signed_in
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if "mqtt" not in scope.get("subprotocols", []):
            await _close(send, _POLICY, "the subprotocol must be mqtt")
            return
        if self._open >= _MAX_AT_ONCE:
            await _close(send, _TRY_LATER, "too many browsers are listening")
            return
        self._open += 1
        try:
            await send({"type": "websocket.accept", "subprotocol": "mqtt", "headers": []})
            await self._carry(scope, receive, send)
        finally:
            self._open -= 1

    async def _carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        code, reason = _GOING_AWAY, "the broker closed the connection"
        try:
            reader, writer = await self._broker()
        except BrokerUnreachableError as error:
            await _close(send, _TRY_LATER, str(error))
            return
        directions: list[asyncio.Task[str | None]] = [
            asyncio.create_task(self._from_browser(receive, writer)),
            asyncio.create_task(_from_broker(reader, send)),
            asyncio.create_task(self._while_signed_in(scope)),
        ]
        try:
            ended, _ = await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                broken = task.exception()
                if isinstance(broken, PioreactorError):
                    code, reason = _POLICY, str(broken)
                elif broken is not None and not isinstance(broken, OSError):
                    _log.error("the live messages of a browser broke off", exc_info=broken)
                elif broken is None and task.result():
                    code, reason = _POLICY, str(task.result())
        finally:
            for task in directions:
                task.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            await _close(send, code, reason)

    async def _broker(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.wait_for(asyncio.open_connection(self._host, self._port), _OPENING_S)
        except (OSError, TimeoutError) as error:
            raise BrokerUnreachableError("the broker does not answer") from error

    async def _from_browser(self, receive: Receive, writer: asyncio.StreamWriter) -> str | None:
        packets, greeted = Packets(), False
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            for packet in packets.feed(message.get("bytes") or b""):
                if greeted:
                    check_reader(packet)
                    writer.write(packet)
                else:
                    client_id = f"browser-{secrets.token_hex(8)}"
                    writer.write(as_reader(packet, client_id=client_id, credentials=self._credentials))
                    greeted = True
                if kind_of(packet) == DISCONNECT:
                    await writer.drain()
                    return None
            await writer.drain()

    async def _while_signed_in(self, scope: Scope) -> str | None:
        while await asyncio.to_thread(self._still_signed_in, scope):
            await asyncio.sleep(_CHECK_EVERY_S)
        return "the session has ended"


async def _from_broker(reader: asyncio.StreamReader, send: Send) -> str | None:
    while data := await reader.read(_CHUNK):
        await send({"type": "websocket.send", "bytes": data, "text": None})
    return None


async def _close(send: Send, code: int, reason: str) -> None:
    """Close, unless the browser has gone already (the server then says so in one of these ways)."""
    with contextlib.suppress(OSError, RuntimeError):
        await send({"type": "websocket.close", "code": code, "reason": reason[:100]})
