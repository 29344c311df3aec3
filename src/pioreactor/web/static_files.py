"""Static sites of the leader: the user interface, and the documentation at `/docs`. Both are public."""

import asyncio
import gzip
import mimetypes
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from pioreactor.exc import NotFoundError
from pioreactor.web.asgi import App, Receive, Scope, Send
from pioreactor.web.security.auth_middleware import refuse
from pioreactor.web.security.response_headers import content_policy

RESERVED = frozenset({"api", "unit_api", "auth", "mqtt", "mcp", "exports"})
"""First parts of paths that are never files of the UI."""
DOCS = "/docs"

_IMMUTABLE = b"public, max-age=31536000, immutable"
_REVALIDATE = b"no-cache"
_COMPRESSED = ("text/", "application/javascript", "application/json", "image/svg+xml")
_MAX_CACHED_BYTES = 8 * 1024 * 1024
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}
_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    compressed: bytes | None = None
    script_hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StaticSite:
    """What is served from a folder.

    `contains` selects the paths; `prefix` is taken off them. A path that is no file gets the file `fallback` where
    there is one, and otherwise the page `missing` with status 404. Files below `immutable` never change.
    """

    folder: Path
    contains: Callable[[str], bool]
    prefix: str = ""
    immutable: str | None = None
    fallback: str | None = None
    missing: Callable[[Path], _File] | None = None
    remedy: str = ""


def user_interface(app: App, folder: Path) -> App:
    """Serve the built UI in `folder`: any path that is no file is a page of the UI and gets `index.html`."""
    return StaticFiles(
        app,
        StaticSite(
            folder,
            lambda path: path.split("/")[1] not in RESERVED,
            immutable="/assets/",
            fallback="index.html",
            remedy="Reload the page; if nothing shows, the UI has not been built.",
        ),
    )


def documentation(app: App, folder: Path) -> App:
    """Serve the built documentation in `folder` at `/docs`."""
    site = StaticSite(
        folder, lambda path: path == DOCS or path.startswith(f"{DOCS}/"), prefix=DOCS, missing=_missing_documentation
    )
    return StaticFiles(app, site)


def _missing_documentation(folder: Path) -> _File:
    if (folder / "index.html").is_file():
        title, text = "Page not found", f'This page does not exist. Go to the <a href="{DOCS}/">start page</a>.'
    else:
        title = "The documentation has not been built"
        text = "Run <code>make docs</code> in the source folder, or install a package that contains it."
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{text}</p>'
    return _File(page.encode(), "text/html")


class StaticFiles:
    """ASGI middleware that answers the paths of a site and passes on all others."""

    def __init__(self, app: App, site: StaticSite) -> None:
        self._app = app
        self._site = site
        self._files: dict[tuple[Path, int], _File] = {}
        self._cached_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        site = self._site
        if scope["type"] != "http" or not site.contains(scope["path"]):
            await self._app(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            await refuse(scope, receive, send, NotFoundError(f"not found: {scope['method']} {scope['path']}"))
            return
        path = scope["path"].removeprefix(site.prefix)
        if site.fallback is None and (not path or await asyncio.to_thread(self._is_folder_without_slash, path)):
            # Links of a page are relative to its address: without the slash they would lead one folder up.
            await _redirect(send, quote(f"{scope['path']}/"))
            return
        found = await asyncio.to_thread(self._find, path)
        is_immutable = site.immutable is not None and path.startswith(site.immutable)
        if found is not None:
            await _answer(scope, send, found, cache_control=_IMMUTABLE if is_immutable else _REVALIDATE)
        elif site.missing is not None:
            await _answer(scope, send, site.missing(site.folder), status=404)
        else:
            error = NotFoundError(f"not found: {scope['path']}", remedy=site.remedy)
            await refuse(scope, receive, send, error)

    def _resolve(self, path: str) -> Path | None:
        """Return where a path below the prefix leads; None for one outside of the folder, or too long for a file."""
        folder = self._site.folder.resolve()
        try:
            wanted = (folder / path.lstrip("/")).resolve() if "\0" not in path else folder
            wanted.is_dir()
        except OSError:
            return None
        return wanted if wanted.is_relative_to(folder) else None

    def _is_folder_without_slash(self, path: str) -> bool:
        wanted = self._resolve(path) if not path.endswith("/") else None
        return wanted is not None and (wanted / "index.html").is_file()

    def _find(self, path: str) -> _File | None:
        """Return the file of a path below the prefix; None for one outside of the folder."""
        site = self._site
        wanted = self._resolve(path)
        if wanted is None:
            return None
        if wanted.is_dir() and (path.endswith("/") or site.fallback is not None):
            wanted = wanted / "index.html"
        if not wanted.is_file():
            if site.fallback is None or (site.immutable is not None and path.startswith(site.immutable)):
                return None
            wanted = site.folder / site.fallback
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
        compressed = small if small is not None and len(small) < len(content) else None
        scripts = _INLINE_SCRIPT.findall(content) if media_type == "text/html" else []
        hashes = tuple(b64encode(sha256(script).digest()).decode() for script in scripts)
        file = _File(content, media_type, compressed, hashes)
        size = len(content) + (len(compressed) if compressed is not None else 0)
        if self._cached_bytes + size <= _MAX_CACHED_BYTES:
            self._files[key] = file
            self._cached_bytes += size
        return file


async def _answer(
    scope: Scope, send: Send, file: _File, *, status: int = 200, cache_control: bytes = _REVALIDATE
) -> None:
    accepted = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept-encoding")
    body = file.compressed if file.compressed is not None and b"gzip" in accepted else file.content
    media_type = file.media_type + ("; charset=utf-8" if file.media_type.startswith("text/") else "")
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", cache_control),
        (b"vary", b"accept-encoding"),
    ]
    if file.script_hashes:
        headers.append(content_policy(file.script_hashes))
    if body is file.compressed:
        headers.append((b"content-encoding", b"gzip"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body, "more_body": False})


async def _redirect(send: Send, location: str) -> None:
    headers = [(b"location", location.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
