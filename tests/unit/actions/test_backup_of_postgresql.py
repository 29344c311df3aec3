"""Backups of PostgreSQL: read to their end before they count, restored in one transaction while the leader runs."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.postgresql_server import PostgresServer

from pioreactor.actions.backup import back_up, before_restores, list_backups, restore, verify
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.cluster.backup_replication import BackupCopies, BackupDigest
from pioreactor.exc import ConflictError, StorageError
from pioreactor.http.files_in_parts import digest_of
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.leader.location import located
from pioreactor.storage.leader.postgresql import server_dump
from pioreactor.storage.leader.revisions import newest_revision
from pioreactor.testing.contracts.leader_database import MOMENT, stream_row


@pytest.fixture
def leader(tmp_path: Path, leader_url: str) -> Runtime:
    return build_simulation(data_root=tmp_path, config=f"[storage]\ndatabase={leader_url}\n").units[0].runtime


@pytest.fixture
def database(leader_url: str) -> Iterator[LeaderDatabase]:
    with closing(LeaderDatabase.open(leader_url, now=lambda: MOMENT)) as opened:
        opened.experiments.create("first", description="back\\slash\nand a line \\.")
        yield opened


def names(database: LeaderDatabase) -> list[str]:
    return sorted(found.experiment for found in database.experiments.all())


def test_a_backup_is_restored_while_the_database_is_used_and_the_restoration_is_undone(
    leader: Runtime, database: LeaderDatabase, leader_url: str
) -> None:
    sink = open_record_sink(located(leader_url), now=lambda: MOMENT)
    sink.commit([stream_row("growth_rates", n, rate=0.1) for n in range(30)], progress=("u1", "journal", 30))
    backup = back_up(leader)
    assert (list_backups(leader), backup.path.suffix) == ([backup.path], ".dump")
    assert backup.path.stat().st_mode & 0o077 == 0
    assert verify(backup.path).rows == backup.rows > 30
    database.experiments.create("second")
    sink.commit([stream_row("growth_rates", 90, rate=0.2)], progress=("u1", "journal", 31))
    with pytest.raises(StorageError, match="terminating"), database.access.reading() as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM growth_rates").scalar() == 31, "it holds a lock meanwhile"
        before = restore(leader, backup.path)
    assert names(database) == ["first"]
    assert database.experiments.get("first").description == "back\\slash\nand a line \\."
    assert sink.progress("u1", "journal") == 30, "the unit sends the last one again"
    assert sink.commit([stream_row("growth_rates", 90, rate=0.2)], progress=("u1", "journal", 31)) == []
    assert before_restores(leader) == [before]
    restore(leader, before)
    assert names(database) == ["first", "second"]
    sink.close()


def test_what_is_damaged_or_of_the_other_kind_is_refused_and_nothing_is_touched(
    leader: Runtime, database: LeaderDatabase, tmp_path: Path
) -> None:
    backup = back_up(leader)
    content = backup.path.read_bytes()
    damaged = tmp_path / "damaged.dump"
    damaged.write_bytes(content[: len(content) // 2])
    with database.access.writing() as writer:
        writer.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    newer = back_up(leader, output=tmp_path / "newer.dump")
    with database.access.writing() as writer:
        writer.exec_driver_sql("UPDATE alembic_version SET version_num = %s", (newest_revision(),))
    of_sqlite = tmp_path / "other.sqlite"
    LeaderDatabase.open(of_sqlite).close()
    database.experiments.create("second")
    with pytest.raises(StorageError, match="pg_restore failed"):
        restore(leader, damaged)
    with pytest.raises(StorageError, match=r"newer\.dump is of a newer version"):
        restore(leader, newer.path)
    with pytest.raises(ConflictError, match="backup of SQLite"):
        restore(leader, of_sqlite)
    with pytest.raises(ConflictError, match="backup of PostgreSQL"):
        restore(build_simulation(data_root=tmp_path / "with a file").units[0].runtime, backup.path)
    assert names(database) == ["first", "second"]
    assert before_restores(leader) == []


def test_a_worker_keeps_a_dump_that_arrived_whole(leader: Runtime, database: LeaderDatabase, tmp_path: Path) -> None:
    backup = back_up(leader)
    copies = BackupCopies(build_simulation(data_root=tmp_path / "worker").units[0].runtime)
    declared = BackupDigest(backup.size_bytes, digest_of(backup.path))
    copies.begin("a.dump", declared)
    copies.add("a.dump", 0, backup.path.read_bytes())
    assert copies.finish("a.dump", declared).rows == backup.rows
    assert [copy.name for copy in copies.copies()] == ["a.dump"]


def test_programs_that_are_missing_are_named_and_a_failed_backup_leaves_nothing(
    leader: Runtime, database: LeaderDatabase, postgresql_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_dump, "rows_in", lambda _: (_ for _ in ()).throw(StorageError("it is damaged")))
    with pytest.raises(StorageError, match="damaged"):
        back_up(leader)
    assert [*leader.paths.storage.glob("backups/*"), *leader.paths.storage.glob("backups/.*")] == []
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(StorageError, match="pg_dump is missing") as missing:
        back_up(leader)
    assert "apt-get install" in str(missing.value.remedy)
