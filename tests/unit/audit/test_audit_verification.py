"""The chain of the audit trail: what was changed, removed or cut off is found, and where."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pioreactor.audit.signed_trail import HeadSigning, SignedAuditTrail
from pioreactor.audit.verification import Verdict, verify
from pioreactor.exc import StorageError
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.audit import AuditedChange, AuditEntry, AuditHead

CHANGE = AuditedChange(actor_kind="person", actor="ana", action="update_on_units", summary="set target_rpm 500")


@dataclass
class Clock:
    at: datetime = datetime(2026, 11, 29, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


class Signer:
    """Signs by naming what it signs."""

    def __init__(self) -> None:
        self.is_broken = False

    def sign(self, id_: int, timestamp: str, hash_: str) -> AuditHead:
        if self.is_broken:
            raise StorageError("no key")
        return AuditHead(id_, timestamp, hash_, f"signed {id_} {hash_}")

    def is_signed(self, head: AuditHead) -> bool:
        return head.signature == f"signed {head.id} {head.hash}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path, clock: Clock) -> Iterator[LeaderDatabase]:
    opened = LeaderDatabase.open(tmp_path / "leader.sqlite", now=clock.now)
    yield opened
    opened.close()


def filled(database: LeaderDatabase, clock: Clock, entries: int) -> Signer:
    signer = Signer()
    trail = SignedAuditTrail(database.audit, signer, clock.now)
    for number in range(entries):
        trail.append(msgspec.structs.replace(CHANGE, summary=f"change {number}"))
        clock.at += timedelta(hours=5)
    return signer


def verdict(database: LeaderDatabase, signer: Signer) -> Verdict:
    return verify(database.audit.all(), database.audit.heads(), is_signed=signer.is_signed)


def on_disk(database: LeaderDatabase, *statements: str) -> None:
    """Change the file as one who has the file can, past the triggers."""
    with closing(sqlite3.connect(database.path)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'refuse_%'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_trail_is_whole_and_signed_once_a_day(database: LeaderDatabase, clock: Clock) -> None:
    signer = filled(database, clock, 12)
    found = verdict(database, signer)
    assert (found.is_whole, found.entries, found.heads) == (True, 12, 3)
    assert [entry.id for entry in database.audit.all()] == [*range(1, 13)]


@pytest.mark.parametrize("column", [*AuditedChange.__struct_fields__, "timestamp", "hash"])
def test_a_changed_value_is_found_at_its_entry(database: LeaderDatabase, clock: Clock, column: str) -> None:
    signer = filled(database, clock, 9)
    value = "unit" if column == "actor_kind" else "refused" if column == "outcome" else "another"
    on_disk(database, f"UPDATE audit_trail SET {column} = '{value}' WHERE id = 4")
    found = verdict(database, signer)
    assert not found.is_whole
    assert found.fault_at == 4


def test_every_byte_of_an_entry_counts() -> None:
    entry = AuditEntry(id=1, timestamp="2026-11-29T00:00:00.000Z", change=CHANGE, hash="")
    from pioreactor.structs.audit import FIRST_HASH, chained

    text = msgspec.json.encode(CHANGE)
    for place in range(len(text)):
        changed = bytearray(text)
        changed[place] ^= 1
        try:
            other = msgspec.json.decode(changed, type=AuditedChange)
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
        if other != CHANGE:
            assert (
                chained(1, entry.timestamp, other, FIRST_HASH).hash
                != chained(1, entry.timestamp, CHANGE, FIRST_HASH).hash
            )


@pytest.mark.parametrize(
    ("statement", "at", "words"),
    [
        ("DELETE FROM audit_trail WHERE id = 3", 3, "entry 3 is missing"),
        ("DELETE FROM audit_trail WHERE id >= 8", 8, "ends at entry 7"),
        ("DELETE FROM audit_trail", 1, "ends at entry 0"),
        ("UPDATE audit_heads SET signature = 'forged' WHERE id = 1", 1, "no valid signature"),
    ],
)
def test_what_was_removed_or_cut_off_is_found(
    database: LeaderDatabase, clock: Clock, statement: str, at: int, words: str
) -> None:
    signer = filled(database, clock, 11)
    assert database.audit.heads()[-1].id == 11
    on_disk(database, statement)
    found = verdict(database, signer)
    assert found.fault_at == at
    assert words in str(found.fault)


def test_a_trail_written_anew_disagrees_with_what_was_signed(database: LeaderDatabase, clock: Clock) -> None:
    signer = filled(database, clock, 6)
    heads = database.audit.heads()
    on_disk(database, "DELETE FROM audit_trail")
    for _ in range(6):
        database.audit.append(CHANGE)
    found = verify(database.audit.all(), heads, is_signed=signer.is_signed)
    assert found.fault_at == 1
    assert "signed on" in str(found.fault)


def test_the_database_refuses_to_change_the_trail(database: LeaderDatabase, clock: Clock) -> None:
    filled(database, clock, 2)
    with closing(sqlite3.connect(database.path)) as connection:
        for statement in ("UPDATE audit_trail SET actor = 'x'", "DELETE FROM audit_trail", "DELETE FROM audit_heads"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def test_a_head_that_cannot_be_signed_does_not_hold_up_changes(database: LeaderDatabase, clock: Clock) -> None:
    signer = Signer()
    signer.is_broken = True
    trail = SignedAuditTrail(database.audit, signer, clock.now)
    trail.append(CHANGE)
    signer.is_broken = False
    trail.append(CHANGE)
    assert database.audit.heads() == []
    clock.at += timedelta(hours=1)
    trail.append(CHANGE)
    assert [head.id for head in database.audit.heads()] == [3]


def test_two_writers_continue_one_chain(database: LeaderDatabase, clock: Clock) -> None:
    other = LeaderDatabase.open(database.path, now=clock.now)
    for _ in range(5):
        database.audit.append(CHANGE)
        other.audit.append(CHANGE)
    other.close()
    assert verdict(database, Signer()).entries == 10


def test_heads_are_signed_with_a_key_of_the_leader(tmp_path: Path) -> None:
    signing = HeadSigning(tmp_path / "secrets")
    assert signing.public_key is None
    head = signing.sign(7, "2026-11-29T00:00:00.000Z", "a" * 64)
    assert signing.is_signed(head)
    assert not signing.is_signed(msgspec.structs.replace(head, id=8))
    assert not signing.is_signed(msgspec.structs.replace(head, signature="x"))
    assert not HeadSigning(tmp_path / "other").is_signed(head)
    assert (tmp_path / "secrets" / "audit_key").stat().st_mode & 0o777 == 0o600
    assert str(signing.public_key).startswith("ssh-ed25519 ")
