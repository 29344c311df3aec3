"""Verification of the audit trail: each entry follows from the one before, and reaches every signed head."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from pioreactor.structs.audit import FIRST_HASH, AuditEntry, AuditHead, chained


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
    promised = {head.id: head for head in heads}
    previous, count, agreed = FIRST_HASH, 0, 0
    for entry in entries:
        head = promised.get(entry.id)
        fault = _fault_of(entry, count + 1, previous, head)
        if fault is not None:
            return Verdict(count, previous, agreed, fault, min(entry.id, count + 1))
        previous, count, agreed = entry.hash, entry.id, agreed + int(head is not None)
        if count % 10_000 == 0:
            progress(count)
    fault, at = _fault_of_heads(heads, count, is_signed)
    return Verdict(count, previous, agreed, fault, at)


def _fault_of(entry: AuditEntry, expected: int, previous: str, head: AuditHead | None) -> str | None:
    """Return what is wrong with an entry that should be the one after the hash `previous`."""
    if entry.id != expected:
        return f"entry {expected} is missing"
    if chained(entry.id, entry.timestamp, entry.change, previous).hash != entry.hash:
        return f"entry {entry.id} of {entry.timestamp}, or the hash of the one before, was changed"
    if head is not None and head.hash != entry.hash:
        return f"entry {entry.id} is not the one that was signed on {head.timestamp}"
    return None


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
