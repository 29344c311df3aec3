"""`pio audit` on a leader with a database."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from pioreactor.audit.signed_trail import HeadSigning, SignedAuditTrail
from pioreactor.exports.exporter import export
from pioreactor.exports.request import ExportRequest
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


def test_the_trail_is_compared_with_an_export(desk: Any, database: LeaderDatabase, tmp_path: Path) -> None:
    database.experiments.create("e")
    archives = [tmp_path / name for name in ("whole.zip", "tables.zip")]
    assert desk.pio("export", "e", "--archive", "--output", str(archives[0])).status == 0
    export(desk.runtime, ExportRequest(datasets=["experiments"], experiment="e"), output=archives[1])
    export(
        desk.runtime,
        ExportRequest(datasets=["experiments"], experiment="e", format="parquet"),
        output=tmp_path / "p.zip",
    )
    with ZipFile(tmp_path / "p.zip") as columnar:
        [table] = [name for name in columnar.namelist() if name.endswith(".parquet")]
        archives.append(Path(columnar.extract(table, tmp_path)))
    for archive in archives:
        same = desk.pio("audit", "verify", "--head", str(archive))
        assert (same.status, "to entry 3" in same.out) == (0, True), same.err
    with closing(sqlite3.connect(database.path)) as connection:
        for name in ("audit_trail", "audit_heads"):
            connection.execute(f"DROP TRIGGER refuse_delete_of_{name}")
            connection.execute(f"DELETE FROM {name} WHERE id > 1")
        connection.commit()
    assert desk.pio("audit", "verify").status == 0
    for archive in archives:
        cut = desk.pio("audit", "verify", "--head", str(archive))
        assert (cut.status, "it had reached entry 3" in cut.err) == (1, True)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b"PK\x03\x04", b'{"audit_trail": {"id": "x"}}', b"[" * 9000, b"PAR1", b"PAR1" * 9]
)
def test_a_file_without_a_head_is_refused(desk: Any, database: LeaderDatabase, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "head"
    file.write_bytes(content)
    refused = desk.pio("audit", "verify", "--head", str(file))
    assert (refused.status, "has no head of the audit trail" in refused.err) == (1, True)
