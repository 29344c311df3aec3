"""A unit is replaced from its archive: data come over whole, secrets do not, hostile archives change nothing."""

import itertools
import json
import os
import sqlite3
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest

from pioreactor.audit.verification import HEAD_FILE, heads_of_export
from pioreactor.bootstrap import build_runtime
from pioreactor.clock.system import SystemClock
from pioreactor.data_import.archive_files import HostileArchiveError
from pioreactor.data_import.unit_archive import stream_archive, write_archive
from pioreactor.data_import.unit_import import UnitImporter
from pioreactor.exc import ConflictError, PioreactorError, StorageError
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.paths import Paths
from pioreactor.structs.audit import AuditedChange
from pioreactor.types import Unit


class StoppedClock(SystemClock):
    """Shows one moment: what is named after it must not be named alike."""

    def now(self) -> datetime:
        return AT


SECRETS = (b"hash-of-a-password", b"broker-secret", b"private-key", b"hash-of-a-cookie", b"old-broker-secret")
AT = datetime(2026, 3, 1, tzinfo=UTC)
CONFIG = "[cluster.topology]\nleader_hostname={name}\nleader_address={address}\n[mqtt]\nusername=pio\npassword={word}\n"


def machine(root: Path, *, address: str, word: str, name: str = "leader1") -> Runtime:
    """Make a leader with a journal, a person, a calibration and a plugin's file."""
    paths = Paths.below(root)
    paths.secrets.mkdir(parents=True)
    paths.global_config.write_text(CONFIG.format(name=name, address=address, word=word))
    paths.local_config.write_text("")
    (paths.secrets / "key.pem").write_text("private-key")
    environment = {
        "DOT_PIOREACTOR": str(paths.dot_pioreactor),
        "RUN_PIOREACTOR": str(paths.run_pioreactor),
        "PIO_LOG_FILE": str(paths.log_file),
        "HOSTNAME": name,
    }
    runtime = build_runtime(environment, asks_leader=False, handles_signals=False)
    paths.database.write_bytes(_empty_database())
    return runtime


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        LeaderDatabase.open(Path(folder) / "x.sqlite").close()
        return (Path(folder) / "x.sqlite").read_bytes()


def people(runtime: Runtime) -> list[str]:
    with closing(sqlite3.connect(runtime.paths.database)) as connection:
        return [name for (name,) in connection.execute("SELECT username FROM people")]


def experiments(runtime: Runtime) -> list[str]:
    with closing(sqlite3.connect(runtime.paths.database)) as connection:
        return [name for (name,) in connection.execute("SELECT experiment FROM experiments")]


def add(runtime: Runtime, experiment: str, person: str) -> None:
    database = LeaderDatabase.open(runtime.paths.database)
    database.experiments.create(experiment)
    database.people.add(person, "hash-of-a-password")
    database.close()


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Runtime]:
    """The machine that is replaced."""
    runtime = machine(tmp_path / "broken", address="10.0.0.1", word="broker-secret")
    paths = runtime.paths
    add(runtime, "culture", "anna")
    with closing(sqlite3.connect(paths.database)) as connection:
        old = "[mqtt]\npassword=old-broker-secret\n[stirring.config]\ninitial_target_rpm=400\n"
        connection.execute(
            "INSERT INTO config_files_histories VALUES ('2026-01-01T00:00:00Z', 'config.ini', ?)", (old,)
        )
        connection.commit()
    with paths.global_config.open("a") as file:
        file.write("[stirring.config]\ninitial_target_rpm=777\n")
    (paths.calibrations / "media_pump").mkdir(parents=True)
    (paths.calibrations / "media_pump" / "pump.yaml").write_text("a: 1\n")
    paths.plugins.mkdir()
    (paths.plugins / "lamp.py").write_text("lamp = 1\n")
    (paths.plugins / "link.py").symlink_to("/etc/passwd")
    (paths.storage / "backups").mkdir()
    (paths.storage / "backups" / "pioreactor-1.sqlite").write_text("hash-of-a-password")
    runtime.stores.persistent("web_sessions").set("hash-of-a-cookie", "x")
    runtime.stores.persistent("desired_jobs").set("dosing_automation", "{}")
    runtime.stores.persistent("led").set("A", 3.0)
    runtime.stores.journal().append([(f"topic/{n}", b"of the broken one", AT) for n in range(10)])
    runtime.stores.journal().acknowledge(7)
    yield runtime
    runtime.stores.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Runtime]:
    """The machine that takes its place."""
    runtime = machine(tmp_path / "fresh", address="10.0.0.2", word="other-secret")
    add(runtime, "trial", "ben")
    runtime.stores.persistent("web_sessions").set("own-cookie", "x")
    runtime.stores.journal().append([("topic/new", b"of the new one", AT)])
    runtime.paths.plugins.mkdir()
    (runtime.paths.plugins / "mine.py").write_text("mine = 1\n")
    yield runtime
    runtime.stores.close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pioreactor.data_import.unit_import._DRAIN_S", 0.01)


def archived(runtime: Runtime, target: Path) -> Path:
    write_archive(runtime, target)
    return target


def state(runtime: Runtime) -> dict[str, object]:
    """Return everything of a unit that an import may change."""
    root, found = runtime.paths.dot_pioreactor, {}
    for file in sorted(root.rglob("*")):
        name = str(file.relative_to(root))
        if file.is_file() and "imports" not in name and "backups" not in name and ".sqlite" not in name:
            found[name] = file.read_bytes()
    databases: list[object] = [experiments(runtime), people(runtime), runtime.stores.persistent("led").items()]
    return {**found, "databases": databases, "sessions": runtime.stores.persistent("web_sessions").items()}


def test_no_secret_is_in_an_archive(broken: Runtime, tmp_path: Path) -> None:
    with zipfile.ZipFile(archived(broken, tmp_path / "a.zip")) as archive:
        names = archive.namelist()
        text = {name: archive.read(name) for name in names}
        metadata = json.loads(text["metadata.json"])
    for secret, (name, content) in itertools.product(SECRETS, text.items()):
        assert secret not in content, (secret, name)
    assert {"config.ini", "storage/pioreactor.sqlite", "storage/journal.sqlite", "plugins/lamp.py"} <= set(names)
    assert "plugins/link.py" not in names
    assert not any("secrets" in name or "backups" in name for name in names)
    assert b"initial_target_rpm=777" in text["config.ini"]
    assert (metadata["name"], metadata["leader_hostname"], metadata["is_leader"]) == ("leader1", "leader1", True)


def test_an_archive_says_how_far_the_audit_trail_had_come(broken: Runtime, fresh: Runtime, tmp_path: Path) -> None:
    database = LeaderDatabase.open(broken.paths.database)
    entry = database.audit.append(AuditedChange(actor_kind="person", actor="ana", action="a", summary="s"))
    database.close()
    archive = archived(broken, tmp_path / "a.zip")
    assert [(head.id, head.hash) for head in heads_of_export(archive)] == [(entry.id, entry.hash)]
    report = UnitImporter(fresh).run(archive)
    assert not (fresh.paths.dot_pioreactor / HEAD_FILE).exists()
    assert HEAD_FILE not in str(report)


def test_a_machine_is_replaced_and_the_import_undone(broken: Runtime, fresh: Runtime, tmp_path: Path) -> None:
    before, importer = state(fresh), UnitImporter(fresh)
    report = importer.run(archived(broken, tmp_path / "a.zip"))
    assert experiments(fresh) == ["culture"]
    assert people(fresh) == ["ben"]
    assert fresh.stores.persistent("led").get("A") == 3.0
    assert fresh.stores.persistent("web_sessions").items() == [("own-cookie", "x")]
    assert fresh.stores.persistent("desired_jobs").items() == []
    assert (fresh.paths.secrets / "key.pem").exists()
    config = fresh.paths.global_config.read_text()
    assert "initial_target_rpm=777" in config
    assert "password=other-secret" in config
    assert "leader_address=10.0.0.2" in config
    assert (fresh.paths.plugins / "lamp.py").exists()
    assert (fresh.paths.calibrations / "media_pump" / "pump.yaml").exists()
    assert report.unsent_records == 1
    assert importer.undo().undone_at
    assert state(fresh) == before
    with pytest.raises(PioreactorError, match="no import"):
        importer.undo()


def test_imports_of_one_second_are_undone_one_after_the_other(broken: Runtime, fresh: Runtime, tmp_path: Path) -> None:
    importer, archive = UnitImporter(replace(fresh, clock=StoppedClock())), archived(broken, tmp_path / "a.zip")
    states = []
    for number in range(3):
        (fresh.paths.plugins / "mine.py").write_text(f"number = {number}\n")
        add(fresh, f"trial {number}", f"person {number}")
        states.append(state(fresh))
        importer.run(archive)
    for before in reversed(states):
        importer.undo()
        assert state(fresh) == before
    with pytest.raises(PioreactorError, match="no import"):
        importer.undo()


def test_caches_that_are_not_in_the_archive_stay(broken: Runtime, fresh: Runtime, tmp_path: Path) -> None:
    cache = fresh.stores.persistent("of_a_plugin")
    cache.set("key", 1)
    UnitImporter(fresh).run(archived(broken, tmp_path / "a.zip"))
    assert cache.items() == [("key", 1)], "the process has the table open"
    cache.set("key", 2)
    assert fresh.stores.persistent("led").get("A") == 3.0
    UnitImporter(fresh).undo()
    assert cache.items() == [("key", 1)]


def test_no_record_of_either_journal_is_lost_or_numbered_anew(broken: Runtime, fresh: Runtime, tmp_path: Path) -> None:
    journal, former = fresh.stores.journal(), broken.stores.journal().journal_id
    unit_importer = UnitImporter(fresh)
    unit_importer.run(archived(broken, tmp_path / "a.zip"))
    entries = journal.read(after_seq=0, limit=100)
    assert [entry.topic for entry in entries] == [*(f"topic/{n}" for n in range(10)), "topic/new"]
    assert journal.acknowledged_seq() == 7
    assert journal.journal_id != former
    assert [(name.journal_id, name.through_seq) for name in journal.former_names()][-1] == (former, 10)
    unit_importer.undo()
    assert journal.read(after_seq=10, limit=5)[0].topic == "topic/new"


def test_records_that_others_still_append_to_the_old_journal_come_over(
    broken: Runtime, fresh: Runtime, tmp_path: Path
) -> None:
    copy, aside = tmp_path / "copy.sqlite", tmp_path / "aside.sqlite"
    broken.stores.journal().close()
    copy.write_bytes(broken.paths.journal.read_bytes())
    journal = fresh.stores.journal()
    with closing(sqlite3.connect(fresh.paths.journal)) as other:
        other.execute("SELECT count(*) FROM entries").fetchone()
        last = journal.adopt(copy, aside)
        other.execute("INSERT INTO entries VALUES (2, 'topic/late', x'00', 0)")
        other.commit()
    assert journal.append_from(aside, after_seq=last) == 2
    assert [entry.topic for entry in journal.read(after_seq=10, limit=9)] == ["topic/new", "topic/late"]


def test_jobs_that_run_refuse_the_import(broken: Runtime, fresh: Runtime, tmp_path: Path) -> None:
    archive = archived(broken, tmp_path / "a.zip")
    for name in ("stirring", "monitor"):
        fresh.stores.jobs().register(
            unit="leader1", experiment="e", job_name=name, job_source="user", pid=os.getpid(), leader="leader1",
            is_long_running=True, exclusive=False, started_at="2026-03-01T00:00:00.000Z",
        )  # fmt: skip
    with pytest.raises(ConflictError, match=r"runs stirring$"):
        UnitImporter(fresh).run(archive)
    with pytest.raises(ConflictError, match=r"runs stirring$"):
        UnitImporter(fresh).undo()
    assert experiments(fresh) == ["trial"]


def test_the_archive_of_another_unit_is_refused(broken: Runtime, fresh: Runtime, tmp_path: Path) -> None:
    other = replace(broken, identity=replace(broken.identity, unit=Unit("leader2")))
    with pytest.raises(ConflictError, match="'leader2'"):
        UnitImporter(fresh).run(archived(other, tmp_path / "a.zip"))


def test_a_full_disk_is_noticed_before_anything_is_written(
    broken: Runtime, fresh: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, before = archived(broken, tmp_path / "a.zip"), state(fresh)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StorageError, match="MB are free"):
        stream_archive(broken)
    with pytest.raises(StorageError, match="MB are free"):
        UnitImporter(fresh).run(archive)
    assert state(fresh) == before


TRIGGER = "CREATE TRIGGER t AFTER INSERT ON experiments BEGIN INSERT INTO people VALUES ('eve', 'x', 'y'); END"
VIRTUAL = "CREATE VIRTUAL TABLE v USING fts5(x)"


def edited(archive: Path, target: Path, *, drop: str = "", add: dict[str, bytes] | None = None, sql: str = "") -> Path:
    """Return a copy of an archive without some file, with others, or with its database changed."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name in source.namelist():
            content = source.read(name)
            if name == "storage/pioreactor.sqlite" and sql:
                file = target.with_suffix(".sqlite")
                file.write_bytes(content)
                with closing(sqlite3.connect(file)) as connection:
                    connection.execute(sql)
                    connection.commit()
                content = file.read_bytes()
            if name != drop:
                made.writestr(name, content)
        for name, content in (add or {}).items():
            made.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"add": {"../x": b""}}, HostileArchiveError),
        ({"add": {"plugins/lamp.py/x": b""}}, HostileArchiveError),
        ({"add": {"Config.ini": b""}}, HostileArchiveError),
        ({"add": {"bomb": b"\0" * 20 * 1024**2}}, HostileArchiveError),
        ({"add": {"storage/x.sqlite": b"no database"}}, HostileArchiveError),
        ({"drop": "config.ini", "add": {"config.ini": b"\xff\xfe"}}, HostileArchiveError),
        ({"drop": "metadata.json", "add": {"metadata.json": b"[]"}}, HostileArchiveError),
        ({"drop": "metadata.json", "add": {"metadata.json": b" " * 200_000}}, PioreactorError),
        ({"sql": TRIGGER}, HostileArchiveError),
        ({"sql": VIRTUAL}, HostileArchiveError),
    ],
)  # fmt: skip
def test_hostile_archives_change_nothing(
    broken: Runtime, fresh: Runtime, tmp_path: Path, change: dict[str, object], kind: type[Exception]
) -> None:
    bad = edited(archived(broken, tmp_path / "a.zip"), tmp_path / "bad.zip", **change)  # type: ignore[arg-type]
    before = state(fresh)
    with pytest.raises(kind):
        UnitImporter(fresh).run(bad)
    assert state(fresh) == before
    assert list(UnitImporter(fresh).folder.glob("unit-*")) == []


def test_secrets_that_an_archive_brings_are_ignored(broken: Runtime, fresh: Runtime, tmp_path: Path) -> None:
    bad = {"storage/secrets/key.pem": b"evil", "storage/backups/x.sqlite": b"evil"}
    archive = edited(archived(broken, tmp_path / "a.zip"), tmp_path / "b.zip", add=bad)
    report = UnitImporter(fresh).run(archive)
    assert (fresh.paths.secrets / "key.pem").read_text() == "private-key"
    assert report.skipped == sorted(bad)


def test_an_archive_of_an_earlier_version_without_metadata_is_accepted(
    broken: Runtime, fresh: Runtime, tmp_path: Path
) -> None:
    archive = edited(archived(broken, tmp_path / "a.zip"), tmp_path / "b.zip", drop="metadata.json")
    UnitImporter(fresh).run(archive)
    assert experiments(fresh) == ["culture"]


def test_an_archive_is_streamed_in_little_memory(broken: Runtime) -> None:
    (broken.paths.dot_pioreactor / "large.bin").write_bytes(os.urandom(1024**2) * 12)
    tracemalloc.start()
    total = sum(len(part) for part in stream_archive(broken))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > 10 * 1024**2
    assert peak < 6 * 1024**2
