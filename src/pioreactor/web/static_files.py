"""The UI's files: hashed assets are kept by browsers for good, the page itself is asked for each time."""

import asyncio
import gzip
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from pioreactor.exc import NotFoundError
from pioreactor.web.asgi import App, Receive, Scope, Send
from pioreactor.web.security.auth_middleware import refuse

OURS = frozenset({"api", "unit_api", "auth", "mqtt", "mcp", "exports"})
"""First parts of paths that are never files of the UI."""

_FOR_GOOD = b"public, max-age=31536000, immutable"
_EACH_TIME = b"no-cache"
_COMPRESSED = ("text/", "application/javascript", "application/json", "image/svg+xml")
_KEPT_IN_MEMORY = 8 * 1024 * 1024
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    compressed: bytes | None


class Pages:
    """Serves the built UI in `folder`; any path that is no file is a page of the UI and gets `index.html`."""

    def __init__(self, app: App, folder: Path) -> None:
        self._app = app
        self._folder = folder
        self._files: dict[tuple[Path, int], _File] = {}
        self._kept = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = scope["path"].split("/")[1] if scope["type"] == "http" else "api"
        if first in OURS:
            await self._app(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            await refuse(scope, receive, send, NotFoundError(f"there is no {scope['method']} {scope['path']}"))
            return
        found = await asyncio.to_thread(self._find, scope["path"])
        if found is None:
            error = NotFoundError(
                f"there is no {scope['path']}", remedy="Reload the page; if nothing shows, the UI has not been built."
            )
            await refuse(scope, receive, send, error)
            return
        await _answer(scope, send, found, for_good=scope["path"].startswith("/assets/"))

    def _find(self, path: str) -> _File | None:
        folder = self._folder.resolve()
        wanted = (folder / path.lstrip("/")).resolve() if "\0" not in path else folder
        if not wanted.is_relative_to(folder):
            return None
        if not wanted.is_file():
            if path.startswith("/assets/"):
                return None
            wanted = folder / "index.html"
        try:
            return self._read(wanted)
        except OSError:
            return None

    def _read(self, path: Path) -> _File:
        key = (path, path.stat().st_mtime_ns)
        if key in self._files:
            return self._files[key]
        content = path.read_bytes()
        guessed = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        media_type = guessed if guessed is not None else "application/octet-stream"
        small = gzip.compress(content, 6, mtime=0) if media_type.startswith(_COMPRESSED) else None
        file = _File(content, media_type, small if small is not None and len(small) < len(content) else None)
        size = len(content) + (len(small) if small is not None else 0)
        if self._kept + size <= _KEPT_IN_MEMORY:
            self._files[key] = file
            self._kept += size
        return file


async def _answer(scope: Scope, send: Send, file: _File, *, for_good: bool) -> None:
    accepted = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept-encoding")
    body = file.compressed if file.compressed is not None and b"gzip" in accepted else file.content
    media_type = file.media_type + ("; charset=utf-8" if file.media_type.startswith("text/") else "")
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", _FOR_GOOD if for_good else _EACH_TIME),
        (b"vary", b"accept-encoding"),
    ]
    if body is file.compressed:
        headers.append((b"content-encoding", b"gzip"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body, "more_body": False})
