"""What only the journal's file does: several processes, damage, a full disk, a lost tail."""

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pioreactor.exc import StorageError
from pioreactor.storage.sqlite.journal import SqliteJournal

MOMENT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def open_journal(path: Path) -> SqliteJournal:
    return SqliteJournal(path, now=lambda: MOMENT, synchronous="OFF")


def fill(journal: SqliteJournal, count: int, *, size_bytes: int = 200) -> None:
    journal.append([(f"topic/{n}", b"%06d" % n + b"x" * size_bytes, MOMENT) for n in range(count)])


def test_the_numbers_of_several_processes_have_no_gaps(tmp_path: Path) -> None:
    code = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from pioreactor.storage.sqlite.journal import SqliteJournal
journal = SqliteJournal(Path(sys.argv[1]), synchronous="OFF")
for n in range(100):
    last = journal.append([(sys.argv[2], b"%d" % n, datetime.now(UTC)), (sys.argv[2], b"", datetime.now(UTC))])
journal.close()
"""
    path = tmp_path / "journal.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "abc"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    journal = open_journal(path)
    entries = journal.read(after_seq=0, limit=10_000)
    assert [entry.seq for entry in entries] == list(range(1, 601))
    numbers = [int(entry.payload) for entry in entries if entry.topic == "a" and entry.payload]
    assert numbers == list(range(100))
    journal.close()


def test_the_id_and_the_numbers_survive_closing(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.sqlite")
    fill(journal, 3)
    journal.acknowledge(2)
    known = journal.journal_id
    journal.close()
    again = open_journal(tmp_path / "journal.sqlite")
    assert (again.journal_id, again.last_seq(), again.acknowledged_seq()) == (known, 3, 2)
    assert again.recovered is None
    again.close()


def test_two_journals_have_two_ids(tmp_path: Path) -> None:
    one, two = open_journal(tmp_path / "1.sqlite"), open_journal(tmp_path / "2.sqlite")
    assert one.journal_id != two.journal_id
    one.close()
    two.close()


def damaged(path: Path, *, acknowledged: int, keep: float) -> str:
    """Write 2000 entries, then cut the file; return the journal's id."""
    journal = open_journal(path)
    fill(journal, 2000)
    journal.acknowledge(acknowledged)
    known = journal.journal_id
    journal.close()
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep) // 4096 * 4096])
    return known


def test_a_cut_off_tail_is_recovered_under_a_new_id_and_said(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    known = damaged(path, acknowledged=100, keep=0.6)
    journal = open_journal(path)
    journal.append([("after", b"", MOMENT)])
    assert journal.recovered is not None
    assert "journal.sqlite.damaged-20261122T080000" in journal.recovered
    assert (tmp_path / "journal.sqlite.damaged-20261122T080000").exists()

    entries = journal.read(after_seq=0, limit=10_000)
    assert journal.journal_id != known
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert entries[0].payload.startswith(b"000100")
    assert 500 < len(entries) < 1900
    assert entries[-1].topic == "after"
    assert journal.append([("more", b"", MOMENT)]) == len(entries) + 1
    journal.close()


def test_a_hole_in_the_middle_costs_only_the_hole(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    damaged(path, acknowledged=0, keep=1.0)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 2 * 4096] = b"\xff" * (2 * 4096)
    path.write_bytes(content)
    journal = open_journal(path)
    with pytest.raises(StorageError, match="malformed"):
        journal.read(after_seq=0, limit=10_000)
    assert journal.recovered is not None
    entries = journal.read(after_seq=0, limit=10_000)
    assert len(entries) > 1900
    assert entries[0].payload.startswith(b"000000")
    assert entries[-1].payload.startswith(b"001999")
    journal.close()


def test_a_file_that_is_no_database_starts_anew_and_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"garbage" * 5000)
    journal = open_journal(path)
    assert journal.append([("t", b"1", MOMENT)]) == 1
    assert journal.recovered is not None
    (aside,) = tmp_path.glob("journal.sqlite.damaged-*[0-9]")
    assert aside.read_bytes().startswith(b"garbage")
    journal.close()


def test_another_process_follows_to_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    bystander = open_journal(path)
    fill(bystander, 5)
    path.rename(tmp_path / "aside")
    finder = open_journal(path)
    assert finder.last_seq() == 0
    assert bystander.append([("t", b"", MOMENT)]) == 1
    assert finder.last_seq() == 1
    bystander.close()
    finder.close()


def test_a_torn_log_keeps_what_was_checkpointed(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    fill(journal, 5)
    journal.close()
    journal = open_journal(path)
    journal.append([("tail", b"1", MOMENT)])
    journal.append([("tail", b"2", MOMENT)])
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "journal.sqlite").write_bytes(path.read_bytes())
    log = Path(f"{path}-wal").read_bytes()
    (torn / "journal.sqlite-wal").write_bytes(log[:-2000])
    journal.close()

    after = open_journal(torn / "journal.sqlite")
    assert after.last_seq() == 6
    after.acknowledge(7)
    assert after.recovered is not None
    assert "lost its tail" in after.recovered
    after.close()


def test_a_full_disk_gives_up_acknowledged_entries_and_never_others(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    fill(journal, 3000)
    journal.acknowledge(2990)
    connection = journal._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    big = [("big", b"y" * 50_000, MOMENT)]
    assert journal.append(big) == 3001
    assert journal.read(after_seq=0, limit=1)[0].seq == 2001

    with pytest.raises(StorageError, match="full"):
        for _ in range(100):
            journal.append(big)
    last = journal.last_seq()
    assert [entry.seq for entry in journal.read(after_seq=2990, limit=10_000)] == list(range(2991, last + 1))
    journal.close()


def test_trimming_gives_the_disk_its_space_back(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.sqlite")
    fill(journal, 5000)
    before = journal.size_bytes()
    journal.acknowledge(5000)
    journal.trim(max_bytes=100_000)
    assert journal.size_bytes() <= 100_000 < before
    journal.close()
    assert (tmp_path / "journal.sqlite").stat().st_size < before / 2


def test_a_lock_held_elsewhere_is_a_storage_error(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = open_journal(path)
    fill(journal, 1)
    assert journal._connection is not None
    journal._connection.execute("PRAGMA busy_timeout=0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"):
        fill(journal, 1)
    other.execute("ROLLBACK")
    other.close()
    fill(journal, 1)
    assert journal.last_seq() == 2
    journal.close()


def test_a_commit_is_synced_and_readers_do_not_wait(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    journal.append([("t", b"x", datetime(2030, 1, 1, tzinfo=UTC))])
    assert journal._connection is not None
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    journal.close()


def test_the_reserve_is_put_by_and_a_full_disk_spends_it_only_on_what_the_leader_has(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal(path, reserve_bytes=100_000)
    reserve = tmp_path / "journal.sqlite.reserve"
    entry = ("t", b"x" * 1000, datetime(2030, 1, 1, tzinfo=UTC))
    journal.append([entry])
    assert reserve.stat().st_size == 100_000
    assert journal._connection is not None
    journal._connection.execute("PRAGMA max_page_count=20")
    with pytest.raises(StorageError, match="full"):
        while True:
            journal.append([entry])
    assert reserve.exists(), "while nothing is acknowledged nothing can be given up"
    last = journal.last_seq()
    journal.acknowledge(last)
    assert journal.append([entry]) == last + 1
    assert reserve.exists(), "and it is put by again"
    journal.close()
