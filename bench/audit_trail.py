"""Measures what an entry of the audit trail costs, and how long verification of a long trail takes.

Run `python -m bench.audit_trail [ROWS]`. The goals are 0.3 ms for an entry, and seconds for a million of them. Each is
stated as a ratio to a yardstick of the same run: a row that is inserted and committed by plain SQLite, and SHA-256 of
the same number of bytes.
"""

import hashlib
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import msgspec

from pioreactor.audit.verification import verify
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.audit import AuditedChange

APPENDED = 2000
CHANGE = AuditedChange(
    actor_kind="person",
    actor="ana",
    action="update_on_units",
    summary="set target_rpm 500 of stirring on worker1",
    unit="worker1",
    experiment="batch 7",
    request_id="0123456789abcdef",
    details='{"request":{"settings":{"target_rpm":500}}}',
)


def median_ms(act: Callable[[int], object]) -> float:
    """Return the median time of a call [ms]."""
    took = []
    for number in range(APPENDED):
        began = time.perf_counter()
        act(number)
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


def numbered(count: int) -> Iterator[AuditedChange]:
    """Yield changes with request ids of their own."""
    for number in range(count):
        yield msgspec.structs.replace(CHANGE, request_id=f"{number:016x}")


def main(rows: int) -> None:
    """Print cost and ratio of an entry, and of the verification of so many."""
    with tempfile.TemporaryDirectory() as folder:
        database = LeaderDatabase.open(Path(folder) / "leader.sqlite")
        appended_ms = median_ms(lambda _: database.audit.append(CHANGE))
        with closing(sqlite3.connect(Path(folder) / "plain.sqlite", isolation_level=None)) as plain:
            plain.execute("PRAGMA journal_mode=WAL")
            plain.execute("PRAGMA synchronous=NORMAL")
            plain.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
            text = msgspec.json.encode(CHANGE).decode()
            plain_ms = median_ms(lambda _: plain.execute("INSERT INTO t (text) VALUES (?)", (text,)))
        print(f"an entry: {appended_ms:.3f} ms (goal 0.3), {appended_ms / plain_ms:.1f} times a row of plain SQLite")
        changes = numbered(rows - APPENDED)
        while some := list(islice(changes, 10_000)):
            database.audit.append_once(some)
        began = time.perf_counter()
        verdict = verify(database.audit.all(), [], is_signed=lambda _: True)
        took_s = time.perf_counter() - began
        began = time.perf_counter()
        for _ in range(verdict.entries):
            hashlib.sha256(text.encode()).hexdigest()
        ratio = took_s / (time.perf_counter() - began)
        print(f"verification of {verdict.entries} entries: {took_s:.1f} s, {ratio:.1f} times SHA-256 of their texts")
        database.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
