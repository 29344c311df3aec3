"""Verification of the audit trail: each entry follows from the one before, and reaches every signed head."""

import re
from collections.abc import Callable, Iterable, Sequence
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, Final
from zipfile import BadZipFile, ZipFile, is_zipfile

import msgspec

from pioreactor.exc import InvalidRequestError
from pioreactor.structs.audit import FIRST_HASH, AuditEntry, AuditHead, ExportedHead, chained

HEAD_FILE: Final = "audit_head.json"
"""In the archive of an experiment."""
MANIFEST: Final = "manifest.json"
"""In an archive of datasets, under `audit_trail`."""
KEY: Final = "audit_trail"
"""In a manifest, and in the metadata of a Parquet file."""
_PARQUET: Final = b"PAR1"
_IN_FOOTER: Final = re.compile(rb"audit_trail\x18(?P<size>[\x80-\xff]*[\x00-\x7f])(?P<rest>.*)", re.DOTALL)
"""A key and its value in the compact encoding of Thrift: the length of the value stands in front of it."""
_MAX_HEAD_BYTES: Final = 4_000_000


class Verdict(msgspec.Struct, frozen=True):
    """What verification found. `fault` null: the trail is whole; else what is wrong at the entry `fault_at`."""

    entries: int
    last_hash: str
    heads: int
    """Signed heads that the trail agrees with."""
    fault: str | None = None
    fault_at: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed, removed or cut off."""
        return self.fault is None


def verify(
    entries: Iterable[AuditEntry],
    heads: Sequence[AuditHead],
    *,
    is_signed: Callable[[AuditHead], bool],
    progress: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Check entries, oldest first, against their hashes and the signed heads; the first fault ends it.

    `progress` is told how many entries were checked, every 10,000.
    """
    promised: dict[int, list[AuditHead]] = {}
    for head in heads:
        promised.setdefault(head.id, []).append(head)
    previous, count, agreed = FIRST_HASH, 0, 0
    for entry in entries:
        expected = promised.get(entry.id, [])
        fault = _fault_of(entry, count + 1, previous, expected)
        if fault is not None:
            return Verdict(count, previous, agreed, fault, min(entry.id, count + 1))
        previous, count, agreed = entry.hash, entry.id, agreed + len(expected)
        if count % 10_000 == 0:
            progress(count)
    fault, at = _fault_of_heads(heads, count, is_signed)
    return Verdict(count, previous, agreed, fault, at)


def heads_of_export(path: Path) -> list[AuditHead]:
    """Return how far the trail had come when an archive was exported; what has no signature has an empty one.

    `path` is an archive of datasets or of an experiment, or a JSON file out of one. Raise `InvalidRequestError`.
    """
    try:
        value = msgspec.json.decode(_text_of(path))
        found = value.get("audit_trail", value) if isinstance(value, dict) else value
        head = msgspec.convert(found, ExportedHead)
    except (
        OSError,
        KeyError,
        msgspec.MsgspecError,
        RecursionError,
        BadZipFile,
        NotImplementedError,
        EOFError,
    ) as error:
        raise InvalidRequestError(
            f"{path} has no head of the audit trail: {error}",
            remedy="Name an archive that was exported by this leader.",
        ) from error
    signed = [head.signed] if head.signed is not None else []
    return [AuditHead(head.id, head.timestamp, head.hash, ""), *signed]


def _head_in_parquet(file: BinaryIO) -> bytes:
    """Return the value of the key `audit_trail` in the footer of a Parquet file; raise `KeyError` if there is none."""
    file.seek(-8, SEEK_END)
    length = int.from_bytes(file.read(4), "little")
    file.seek(-8 - min(length, _MAX_HEAD_BYTES), SEEK_END)
    found = _IN_FOOTER.search(file.read(_MAX_HEAD_BYTES))
    if found is None:
        raise KeyError(KEY)
    size = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(found["size"]))
    return found["rest"][:size]


def _text_of(path: Path) -> bytes:
    with path.open("rb") as file:
        if file.read(len(_PARQUET)) == _PARQUET:
            return _head_in_parquet(file)
    if not is_zipfile(path):
        with path.open("rb") as file:
            return file.read(_MAX_HEAD_BYTES)
    with ZipFile(path) as archive:
        name = HEAD_FILE if HEAD_FILE in archive.namelist() else MANIFEST
        with archive.open(name) as member:
            return member.read(_MAX_HEAD_BYTES)


def _fault_of(entry: AuditEntry, expected: int, previous: str, heads: Sequence[AuditHead]) -> str | None:
    """Return what is wrong with an entry that should be the one after the hash `previous`."""
    if entry.id != expected:
        return f"entry {expected} is missing"
    if chained(entry.id, entry.timestamp, entry.change, previous).hash != entry.hash:
        return f"entry {entry.id} of {entry.timestamp}, or the hash of the one before, was changed"
    other = next((head for head in heads if head.hash != entry.hash), None)
    return (
        None if other is None else f"entry {entry.id} is not the one that was exported or signed on {other.timestamp}"
    )


def _fault_of_heads(
    heads: Sequence[AuditHead], count: int, is_signed: Callable[[AuditHead], bool]
) -> tuple[str | None, int | None]:
    """Return what the signed heads say against a trail of so many entries, and where."""
    for head in heads:
        if head.id > count:
            return f"the trail ends at entry {count}; on {head.timestamp} it had reached entry {head.id}", count + 1
        if not is_signed(head):
            return f"the head of {head.timestamp} has no valid signature of this leader", head.id
    return None, None
