"""The answer of an ASGI app, read while it is written."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import suppress

from pioreactor.web.asgi import App, Message, Scope

_CHUNKS_AHEAD = 8
_POLL_S = 0.001
_ENDED = object()


class AsgiAnswer:
    """The answer of an app while it is written; at most a few parts are kept ahead of the reader."""

    def __init__(self, scope: Scope, body: bytes) -> None:
        self.status = 500
        self.headers: dict[str, str] = {}
        self.parts: Iterator[bytes] = self._read()
        self._scope, self._body = scope, body
        self._queue: queue.Queue[object] = queue.Queue(_CHUNKS_AHEAD)
        self._started = threading.Event()
        self._is_closed = False
        self._is_complete = False
        self._was_received = False

    def wait_for_start(self) -> None:
        self._started.wait()

    def close(self) -> None:
        """Let the app end without a reader."""
        self._is_closed = True
        with suppress(queue.Empty):
            while True:
                self._queue.get_nowait()

    async def fill(self, app: App) -> None:
        try:
            await app(self._scope, self._receive, self._on_message)
        finally:
            self._started.set()
            await self._put(_ENDED)

    async def _receive(self) -> Message:
        if self._was_received:
            # As servers do: the client is gone once it has the whole answer, or has closed it.
            while not (self._is_complete or self._is_closed):
                await asyncio.sleep(_POLL_S)
            return {"type": "http.disconnect"}
        self._was_received = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _on_message(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            self.headers = {name.decode().lower(): value.decode() for name, value in message.get("headers", [])}
            self._started.set()
            return
        if message.get("body"):
            await self._put(bytes(message["body"]))
        self._is_complete = not message.get("more_body", False)

    async def _put(self, part: object) -> None:
        while not self._is_closed:
            with suppress(queue.Full):
                self._queue.put_nowait(part)
                return
            await asyncio.sleep(_POLL_S)

    def _read(self) -> Iterator[bytes]:
        while (part := self._queue.get()) is not _ENDED:
            if isinstance(part, bytes):
                yield part
