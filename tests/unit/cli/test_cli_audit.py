"""`pio audit` on a leader with a database."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pioreactor.audit.signed_trail import HeadSigning, SignedAuditTrail
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.audit import AuditedChange


@pytest.fixture
def database(desk: Any) -> Iterator[LeaderDatabase]:
    opened = LeaderDatabase.open(desk.runtime.paths.database)
    trail = SignedAuditTrail(opened.audit, HeadSigning(desk.runtime.paths.secrets), opened.access.now)
    for unit in ("pio1", "pio2", "pio1"):
        trail.append(
            AuditedChange(actor_kind="person", actor="ana", action="blink", summary=f"blink on {unit}", unit=unit)
        )
    yield opened
    opened.close()


def test_entries_are_listed_and_filtered(desk: Any, database: LeaderDatabase) -> None:
    assert "blink on pio2" in desk.pio("audit", "list").out
    rows = json.loads(desk.pio("audit", "list", "--unit", "pio1", "-n", "1", "--json").out)
    assert [(row["id"], row["change"]["unit"]) for row in rows] == [(3, "pio1")]
    assert "Nothing was changed yet" in desk.pio("audit", "list", "--actor", "mia").out


def test_one_changed_byte_is_found(desk: Any, database: LeaderDatabase) -> None:
    whole = desk.pio("audit", "verify")
    assert (whole.status, "3 entries, 1 signed heads" in whole.out) == (0, True)
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("DROP TRIGGER refuse_update_of_audit_trail")
        connection.execute("UPDATE audit_trail SET actor = 'anb' WHERE id = 2")
        connection.commit()
    changed = desk.pio("audit", "verify")
    assert changed.status == 1
    assert "entry 2" in changed.err
    assert json.loads(desk.pio("audit", "verify", "--json").out)["fault_at"] == 2


def test_the_trail_is_exported_with_its_heads(desk: Any, database: LeaderDatabase, tmp_path: Path) -> None:
    file = tmp_path / "trail.jsonl"
    assert desk.pio("audit", "export", str(file)).status == 0
    *entries, head, key = [json.loads(line) for line in file.read_text().splitlines()]
    assert [entry["id"] for entry in entries] == [1, 2, 3]
    assert head["hash"] == entries[0]["hash"]
    assert key["public_key"].startswith("ssh-ed25519 ")
