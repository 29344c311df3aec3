"""A backup goes to workers in parts, counts when the receiver has opened it, and comes back from there."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pioreactor.actions.backup import CACHE
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.cluster import backup_replication
from pioreactor.cluster.backup_replication import BackupCopies, BackupDigest, fetch_copy, replicate, send
from pioreactor.exc import InvalidRequestError, NotFoundError, StorageError, UnitUnreachableError
from pioreactor.http.files_in_parts import digest_of
from pioreactor.runtime.context import Runtime


@pytest.fixture
def runtimes(tmp_path: Path) -> list[Runtime]:
    simulation = build_simulation(units=["leader", "worker1", "worker2", "worker3"], data_root=tmp_path)
    return [unit.runtime for unit in simulation.units]


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / "pioreactor-20301122T120000.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE experiments (experiment TEXT)")
        database.executemany("INSERT INTO experiments VALUES (?)", [(f"experiment {n}" * 20,) for n in range(900)])
    return path


class Wire:
    """Shelves of units that can be reached by name, as their web servers show them."""

    def __init__(self, *runtimes: Runtime) -> None:
        self.shelves = {runtime.unit: BackupCopies(runtime) for runtime in runtimes}
        self.parts = 0

    def __call__(
        self, unit: str, method: str, path: str, *, json: Any = None, body: bytes | None = None, timeout_s: float = 1.0
    ) -> bytes:
        if unit not in self.shelves:
            raise UnitUnreachableError(f"{unit} cannot be reached")
        copies, (name, *rest) = self.shelves[unit], path.removeprefix(backup_replication.PATH + "/").split("/")
        declared = None if json is None else msgspec.convert(json, BackupDigest)
        match method, rest:
            case "PUT", []:
                assert declared is not None
                copies.begin(name, declared)
            case "PUT", ["parts", offset]:
                self.parts += 1
                copies.add(name, int(offset), body or b"")
            case "POST", ["finish"]:
                assert declared is not None
                copies.finish(name, declared)
            case "GET", []:
                return msgspec.json.encode(copies.digest_of(name))
            case "GET", ["parts", offset]:
                return copies.read(name, int(offset))
        return b""


def test_a_copy_goes_out_in_parts_and_comes_back(
    runtimes: list[Runtime], backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_replication, "PART_BYTES", 10_000)
    wire = Wire(*runtimes)
    send(backup, "worker1", wire)
    assert wire.parts == -(-backup.stat().st_size // 10_000) > 5
    [kept] = wire.shelves["worker1"].copies()
    assert kept.name == backup.name
    back = fetch_copy("worker1", kept.name, tmp_path / "back" / kept.name, wire)
    assert (digest_of(back.path), back.rows) == (digest_of(backup), 900)


def test_a_worker_that_cannot_keep_a_copy_is_passed_over(runtimes: list[Runtime], backup: Path) -> None:
    leader, worker1, _, worker3 = runtimes
    said: list[str] = []
    have = replicate(leader, backup, ["worker1", "worker2", "worker3"], 2, Wire(worker1, worker3), report=said.append)
    assert have == ["worker1", "worker3"]
    assert said == ["worker2 has no copy: worker2 cannot be reached."]
    noted = leader.stores.persistent(CACHE)
    assert noted.get("latest_backup_in_worker3_timestamp") is not None
    assert noted.get("latest_backup_in_worker2_timestamp") is None


def test_what_arrives_damaged_does_not_count(runtimes: list[Runtime], backup: Path) -> None:
    copies = BackupCopies(runtimes[1])
    whole = BackupDigest(backup.stat().st_size, digest_of(backup))
    copies.begin(backup.name, whole)
    copies.add(backup.name, 0, backup.read_bytes()[:-1] + b"x")
    with pytest.raises(StorageError, match="did not arrive"):
        copies.finish(backup.name, whole)
    with pytest.raises(NotFoundError):
        copies.finish(backup.name, whole)
    text = b"no database at all"
    other = BackupDigest(len(text), "")
    copies.begin(backup.name, other)
    copies.add(backup.name, 0, text)
    path = next((runtimes[1].paths.storage / backup_replication.FOLDER).glob("*.part"))
    with pytest.raises(StorageError, match=r"cannot be read|damaged|no database"):
        copies.finish(backup.name, BackupDigest(len(text), digest_of(path)))
    assert copies.copies() == []


def test_parts_leave_no_gap_and_names_stay_in_their_folder(runtimes: list[Runtime]) -> None:
    copies = BackupCopies(runtimes[1])
    with pytest.raises(InvalidRequestError, match="missing before"):
        copies.add("a.sqlite", 0, b"x")
    copies.begin("a.sqlite", BackupDigest(10, ""))
    with pytest.raises(InvalidRequestError, match="missing before"):
        copies.add("a.sqlite", 5, b"x")
    for name in ("../a.sqlite", "a/b.sqlite", "a.db", ".sqlite"):
        with pytest.raises(InvalidRequestError):
            copies.begin(name, BackupDigest(1, ""))
    with pytest.raises(StorageError, match=r"only .* are free"):
        copies.begin("a.sqlite", BackupDigest(10**18, ""))


def test_the_oldest_copies_go(runtimes: list[Runtime], backup: Path) -> None:
    wire = Wire(*runtimes)
    for day in (20, 21, 22):
        send(backup.rename(backup.with_name(f"pioreactor-203011{day}T120000.sqlite")), "worker1", wire)
        backup = backup.with_name(f"pioreactor-203011{day}T120000.sqlite")
    assert [copy.name[17:19] for copy in wire.shelves["worker1"].copies()] == ["22", "21"]
