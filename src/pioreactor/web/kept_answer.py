"""An answer that is kept as a whole, to be sent again."""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from pioreactor.web.asgi import Message, Scope, Send
from pioreactor.web.security.auth_middleware import headers_of

_MAX_BODY_BYTES: Final = 1024 * 1024
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with status 200, its headers complete."""

    headers: Headers
    body: bytes
    etag: bytes
    version: Hashable = None
    """Of the database before the answer was made."""
    until_s: float = 0.0
    outlives_changes: bool = False
    """Whether it is sent again although the database has changed."""

    def serves(self, version: Hashable, now_s: float) -> bool:
        """Return whether it may be sent again while the database has this version."""
        return now_s < self.until_s and (version == self.version or self.outlives_changes)

    async def send(self, scope: Scope, send: Send) -> None:
        """Send it, or that what the browser has is still valid."""
        given = headers_of(scope).get("if-none-match", "").encode("latin-1")
        is_known = self.etag in (tag.strip().removeprefix(b"W/") for tag in given.split(b","))
        status, body = (304, b"") if is_known else (200, self.body)
        headers = [header for header in self.headers if not is_known or not header[0].lower().startswith(b"content-")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


class AnswerRecorder:
    """Takes an answer that is to be kept, as its start tells; passes on every other and too large ones."""

    def __init__(self, is_kept: Callable[[Message], bool], send: Send) -> None:
        self._is_kept = is_kept
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()
        self._is_whole = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._is_kept(message):
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        self._is_whole = not message.get("more_body", False)
        if len(self._body) > _MAX_BODY_BYTES:
            start, self._start = self._start, None
            await self._send(start)
            await self._send({**message, "body": bytes(self._body)})

    def answer(self) -> Answer | None:
        """Return the answer once it is whole; None when it was passed on."""
        if self._start is None or not self._is_whole:
            return None
        body = bytes(self._body)
        etag = b'"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode() + b'"'
        added = [(b"etag", etag), (b"cache-control", b"private, no-cache")]
        names = {name for name, _ in added}
        kept = [header for header in self._start["headers"] if header[0].lower() not in names]
        return Answer([*kept, *added], body, etag)
