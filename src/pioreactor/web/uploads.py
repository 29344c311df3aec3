"""Files that are sent to the server: written to the disk as they arrive, never held in memory."""

from __future__ import annotations

import re
import shutil
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import ClientException
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from pioreactor.exc import InvalidRequestError, StorageError

MAX_ARCHIVE_BYTES: Final = 50 * 1024**3
FIELD: Final = "archive"
"""Name of the field of a form that has the file; `file` is understood, too."""
_WRITTEN_AT_ONCE: Final = 1024**2
_LEFT_FREE: Final = 64 * 1024**2
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]{1,200})"?')
_MAX_PARTS: Final = 10


async def receive_file(request: Request[object, object, State], target: Path) -> None:
    """Write the file of a request: its body, or the field `archive` of a form.

    What did not arrive whole is deleted. Raise `InvalidRequestError` for a body that has no file, `StorageError` when
    the disk has no room for it.
    """
    await to_thread(_check_room, target.parent, _declared(request))
    kind = request.headers.get("content-type", "")
    try:
        with target.open("xb") as file:
            parts = _field(request, kind) if kind.startswith("multipart/form-data") else request.stream()
            await _write(parts, file, target.parent)
        if target.stat().st_size == 0:
            raise InvalidRequestError(f"the request has no file {FIELD!r}")
    except BaseException:
        with suppress(OSError):
            target.unlink(missing_ok=True)
        raise


def _declared(request: Request[object, object, State]) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdecimal() else 0


def _check_room(folder: Path, needed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    free = shutil.disk_usage(folder).free
    if free < needed + _LEFT_FREE:
        raise StorageError(f"the file needs {needed / 1e6:.0f} MB, only {free / 1e6:.0f} MB are free")


async def _write(parts: AsyncIterator[bytes], file: IO[bytes], folder: Path) -> None:
    waiting = bytearray()
    async for part in parts:
        waiting += part
        if len(waiting) >= _WRITTEN_AT_ONCE:
            await to_thread(_write_part, file, bytes(waiting), folder)
            waiting.clear()
    await to_thread(_write_part, file, bytes(waiting), folder)


def _write_part(file: IO[bytes], part: bytes, folder: Path) -> None:
    _check_room(folder, len(part))
    file.write(part)


async def _field(request: Request[object, object, State], kind: str) -> AsyncIterator[bytes]:
    """Yield the parts of the file in a form."""
    found = _BOUNDARY.search(kind)
    if found is None:
        raise InvalidRequestError("the form has no boundary")
    is_file = False
    try:
        with PushMultipartParser(found[1].encode("latin-1", "replace"), max_segment_count=_MAX_PARTS) as parser:
            async for chunk in request.stream():
                for part in parser.parse(chunk):
                    if isinstance(part, MultipartSegment):
                        is_file = part.name in (FIELD, "file")
                    elif part and is_file:
                        yield bytes(part)
    except MultipartError as error:
        raise InvalidRequestError(f"the form cannot be read: {error}") from error
    except ClientException as error:
        raise InvalidRequestError(str(error.detail)) from error
