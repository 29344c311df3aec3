"""HTTP to web servers in this process: their ASGI apps run on an event loop of one background thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO
from urllib.parse import unquote, urlsplit

import msgspec

from pioreactor.exc import UnitUnreachableError
from pioreactor.http.ports import NO_HEADERS, OpenResponse, Response
from pioreactor.simulated_cluster.asgi_answer import AsgiAnswer
from pioreactor.web.asgi import App, Message, Scope

_THREADS = 96


class InProcessHttp:
    """An `HttpClient` that reaches the apps in `hosts` (host → app); any other host is unreachable."""

    def __init__(self) -> None:
        self.hosts: dict[str, App] = {}
        self._loop = asyncio.new_event_loop()
        # Requests of one app to another hold a thread each: with too few, none would be left for the answers.
        self._loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="asyncio"))
        self._thread = threading.Thread(target=self._loop.run_forever, name="in-process-http", daemon=True)
        self._thread.start()

    def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 5.0,  # noqa: ARG002  an app in this process answers
    ) -> Response:
        sent = dict(headers)
        if json is not None:
            body, sent["Content-Type"] = msgspec.json.encode(json), "application/json"
        answer = self._send(method, url, body, sent)
        return Response(answer.status, b"".join(answer.parts), answer.headers)

    def open(
        self,
        method: str,
        url: str,
        *,
        body: IO[bytes] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 5.0,  # noqa: ARG002  an app in this process answers
    ) -> OpenResponse:
        answer = self._send(method, url, body.read() if body is not None else None, dict(headers))
        rest = bytearray()

        def read(most: int) -> bytes:
            while len(rest) < most and (part := next(answer.parts, None)) is not None:
                rest.extend(part)
            found = bytes(rest[:most])
            del rest[:most]
            return found

        return OpenResponse(answer.status, answer.headers, read, answer.close)

    def close(self) -> None:
        """End the apps as their servers do when they stop, then the loop."""
        for app in self.hosts.values():
            asyncio.run_coroutine_threadsafe(_end(app), self._loop).result()
        executor = self._loop.shutdown_default_executor()
        asyncio.run_coroutine_threadsafe(executor, self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[object, object, None]) -> None:
        """Begin something on the loop."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def _send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> AsgiAnswer:
        parts = urlsplit(url)
        app = self.hosts.get(parts.netloc)
        if app is None:
            raise UnitUnreachableError(f"{parts.netloc} cannot be reached: it is not in this process")
        sent = {"Host": parts.netloc, **headers, "Content-Length": str(len(body or b""))}
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 0),
            "server": (parts.netloc, 80),
        }
        answer = AsgiAnswer(scope, body if body is not None else b"")
        self.run(answer.fill(app))
        answer.wait_for_start()
        return answer


async def _end(app: App) -> None:
    messages: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(_: Message) -> None:
        return None

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
