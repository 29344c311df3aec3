"""Large files that are sent to a unit in parts, each by a request of its own, and checked when they are complete."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pioreactor.exc import InvalidRequestError


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parts_of(path: Path, part_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the parts of a file, each with its offset."""
    with path.open("rb") as file:
        offset = 0
        while part := file.read(part_bytes):
            yield offset, part
            offset += len(part)


def write_part(path: Path, name: str, offset: int, part: bytes) -> None:
    """Write a part of a file that is being received as `name`; the same part twice is fine.

    Raise `InvalidRequestError` if the file was not begun, or lacks what comes before this part.
    """
    if not path.exists() or offset > path.stat().st_size:
        raise InvalidRequestError(f"a part of {name} is missing before byte {offset}", remedy="Send it again.")
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(part)
