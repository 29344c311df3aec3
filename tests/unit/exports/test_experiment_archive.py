"""An experiment goes to another cluster as one archive, row by row, without secrets; hostile archives do not."""

import json
import os
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.data_import.test_unit_archive import machine
from tests.unit.exports.conftest import disk_with_room_for

from pioreactor.audit.archive_signature import AlteredArchiveError, checked_origin
from pioreactor.audit.signed_trail import HeadSigning, SignedAuditTrail
from pioreactor.cluster.experiment_files import files_of_units
from pioreactor.data_import.archive_files import HostileArchiveError
from pioreactor.data_import.experiment_import import import_experiment
from pioreactor.exc import ConflictError, NotFoundError, StoppedError, StorageError, UnitUnreachableError
from pioreactor.exports.archive import Progress
from pioreactor.exports.experiment_archive import write_experiment
from pioreactor.processes.system_command import run_system_command
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.audit import AuditedChange

NO_FILES = b"PK\x05\x06" + bytes(18)
"""A zip archive without files."""


def silent(_table: str, _copied: int, _rows: int) -> None:
    """Report nothing."""


@pytest.fixture
def make_leader(tmp_path: Path) -> Callable[[str], Runtime]:
    return lambda name: machine(tmp_path / name, address="10.0.0.1", word="broker-secret", name=name)


@pytest.fixture
def lab(make_leader: Callable[[str], Runtime]) -> Runtime:
    """A leader with two experiments of ten readings each."""
    leader = make_leader("lab")
    database = LeaderDatabase.open(leader.paths.database)
    for name in ("Wild type", "other"):
        database.experiments.create(name)
    database.people.add("anna", "hash-of-a-password")
    database.close()
    with closing(sqlite3.connect(leader.paths.database)) as connection:
        for name in ("Wild type", "other"):
            rows = [(name, "unit1", f"2026-03-01T00:00:{n:02}.000Z", 0.1 * n, 90, 2) for n in range(10)]
            connection.executemany(
                "INSERT INTO od_readings (experiment, pioreactor_unit, timestamp, od_reading, angle, channel) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
        connection.execute("CREATE TABLE ph (experiment TEXT, ph REAL)")
        connection.execute("INSERT INTO ph VALUES ('Wild type', 7.5)")
        connection.commit()
    leader.paths.experiment_profiles.mkdir()
    (leader.paths.experiment_profiles / "growth.yaml").write_text("version: '1.0'\n")
    return leader


def rows_of(leader: Runtime, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(leader.paths.database)) as connection:
        where = " WHERE experiment = 'Wild type'"
        return connection.execute(f"SELECT * FROM {table}{where} ORDER BY 1, 2").fetchall()


def test_an_experiment_goes_to_another_cluster(
    lab: Runtime, make_leader: Callable[[str], Runtime], tmp_path: Path
) -> None:
    exported = write_experiment(
        lab,
        "Wild type",
        output=tmp_path / "wt.zip",
        of_units=[("calibrations/unit1.zip", NO_FILES), ("stills/unit1/a.jpg", b"JPEG")],
    )
    with zipfile.ZipFile(exported.path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    crate = json.loads(content["ro-crate-metadata.json"])
    root = next(each for each in crate["@graph"] if each["@id"] == "./")
    assert {part["@id"] for part in root["hasPart"]} == set(content) - {"ro-crate-metadata.json", "SHA256SUMS"}
    assert {"data/od_readings.csv", "config/config.ini", "profiles/growth.yaml", "calibrations/unit1.zip"} <= set(
        content
    )
    assert (content["stills/unit1/a.jpg"], content["units.json"]) == (b"JPEG", b"[]")
    assert content["data/od_readings.csv"].count(b"\n") == 11
    for secret in (b"hash-of-a-password", b"broker-secret", b"other"):
        assert not any(secret in each for each in content.values()), secret
    clinic = make_leader("clinic")
    done = import_experiment(clinic, Path(exported.path), silent)
    assert (done.experiments, done.rows["od_readings"], done.profiles) == (["Wild type"], 10, ["growth.yaml"])
    for table in ("experiments", "od_readings", "ph", "pioreactor_unit_activity_data"):
        assert rows_of(clinic, table) == rows_of(lab, table), table
    with pytest.raises(ConflictError, match="Wild type"):
        import_experiment(clinic, Path(exported.path), silent)
    database = LeaderDatabase.open(clinic.paths.database)
    database.experiments.delete("Wild type")
    database.close()
    assert import_experiment(clinic, Path(exported.path), silent).rows["od_readings"] == 10


def test_nothing_is_left_of_an_archive_that_failed(
    lab: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "to"
    with pytest.raises(NotFoundError):
        write_experiment(lab, "unknown", output=folder / "x.zip")
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(StorageError, match="MB are free"):
        write_experiment(lab, "Wild type", output=folder / "x.zip")
    assert not folder.exists() or list(folder.iterdir()) == []


def test_what_a_killed_export_left_is_deleted_by_the_next(lab: Runtime) -> None:
    exports = lab.paths.exports
    (exports / ".experiment-killed").mkdir(parents=True)
    (exports / ".experiment-killed" / "experiment.sqlite").touch()
    (exports / ".experiment_x.zip.tmp").touch()
    (exports / "finished.zip").touch()
    done = write_experiment(lab, "Wild type")
    assert {file.name for file in exports.iterdir()} == {".lock", "finished.zip", Path(done.path).name}


@pytest.mark.parametrize("content", [b"", b"no database", None])
def test_what_is_no_archive_of_an_experiment_is_refused(
    make_leader: Callable[[str], Runtime], tmp_path: Path, content: bytes | None
) -> None:
    clinic = make_leader("clinic")
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("../x" if content is None else "experiment.sqlite", content or b"")
    with pytest.raises((HostileArchiveError, StorageError)):
        import_experiment(clinic, archive, silent)
    assert list(clinic.paths.storage.glob(".experiment-*")) == []


def repacked(archive: Path, target: Path, **replaced: bytes | None) -> Path:
    """Copy an archive with other content in some files, named without their folders and endings."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = replaced.get(Path(name).name.replace(".", "_"), old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def signed_archive(lab: Runtime, target: Path) -> Path:
    """Export an experiment of a leader whose audit trail has a signed head."""
    signing = HeadSigning(lab.paths.secrets)
    database = LeaderDatabase.open(lab.paths.database)
    change = AuditedChange(actor_kind="person", actor="ana", action="stop", summary="stop stirring")
    SignedAuditTrail(database.audit, signing, lab.clock.now).append(change)
    database.close()
    return Path(write_experiment(lab, "Wild type", output=target).path)


def test_the_origin_of_an_archive_is_said_where_it_is_imported(
    lab: Runtime, make_leader: Callable[[str], Runtime], tmp_path: Path
) -> None:
    archive, clinic = signed_archive(lab, tmp_path / "wt.zip"), make_leader("clinic")
    signing = HeadSigning(lab.paths.secrets)
    assert checked_origin(archive, signing) == "The archive is as this leader exported and signed it."
    listed = str(signing.fingerprint)
    assert listed in run_system_command(("ssh-keygen", "-lf", str(lab.paths.secrets / "audit_key.pub")), timeout_s=10.0)
    unsigned = repacked(archive, tmp_path / "unsigned.zip", SHA256SUMS_sig=None)
    assert "no signature" in checked_origin(unsigned, signing)
    old = repacked(archive, tmp_path / "old.zip", SHA256SUMS_sig=None, SHA256SUMS=None)
    assert "not signed" in checked_origin(old, signing)
    done = import_experiment(clinic, archive, silent)
    assert done.origin == f"The archive is as it was signed, with a key that is not of this leader: {listed}."


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"experiment_sqlite": b"other rows"}, "experiment.sqlite was changed"),
        ({"growth_yaml": None}, "profiles/growth.yaml is missing"),
        ({"audit_head_json": b"null"}, "audit_head.json was changed"),
        ({"SHA256SUMS": b""}, "experiment.sqlite was added"),
        ({"SHA256SUMS_sig": b"x"}, "SHA256SUMS.sig does not fit SHA256SUMS"),
    ],
)
def test_an_altered_archive_is_refused_and_says_where(
    lab: Runtime,
    make_leader: Callable[[str], Runtime],
    tmp_path: Path,
    replaced: dict[str, bytes | None],
    said: str,
) -> None:
    altered = repacked(signed_archive(lab, tmp_path / "wt.zip"), tmp_path / "altered.zip", **replaced)
    clinic = make_leader("clinic")
    with pytest.raises(AlteredArchiveError, match=said):
        import_experiment(clinic, altered, silent)
    assert rows_of(clinic, "experiments") == []
    assert list(clinic.paths.storage.glob(".experiment-*")) == []


def test_a_trail_whose_signed_head_was_altered_before_the_export_is_found(lab: Runtime, tmp_path: Path) -> None:
    signed_archive(lab, tmp_path / "first.zip")
    with closing(sqlite3.connect(lab.paths.database)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        connection.execute("UPDATE audit_heads SET hash = ?", ("b" * 64,))
        connection.commit()
    archive = Path(write_experiment(lab, "Wild type", output=tmp_path / "second.zip").path)
    with pytest.raises(AlteredArchiveError, match="head of the audit trail, entry 1"):
        checked_origin(archive, HeadSigning(lab.paths.secrets))


def test_an_archive_that_cannot_be_signed_says_so(
    lab: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_archive(lab, tmp_path / "first.zip")
    monkeypatch.setenv("PATH", "")
    done = write_experiment(lab, "Wild type", output=tmp_path / "second.zip")
    assert done.problems == ["the archive cannot be signed: ssh-keygen is not installed."]


def test_what_units_keep_comes_with_the_archive_and_the_silent_are_named() -> None:
    still = {
        "experiment": "a/b",
        "captured_at": "2026-03-01T00:00:00.000000Z",
        "image_id": "first",
        "capture_reason": "manual",
    }
    evil = still | {"image_id": "../evil"}

    def fetch(unit: str, method: str, path: str, **_: object) -> bytes:
        if unit == "w2":
            raise UnitUnreachableError("w2 does not answer")
        assert method == "GET"
        if path.endswith("/stills"):
            assert path == "/unit_api/camera/experiments/a%2Fb/stills"
            return json.dumps(
                {"unit": unit, "experiment": "a/b", "stills": [still, *([evil] if unit == "w3" else [])]}
            ).encode()
        if path == "/unit_api/config/specific":
            return b"[stirring.config]\ninitial_target_rpm=400\n[mqtt]\npassword=broker-secret\n"
        if path == "/unit_api/estimators":
            found = {"estimator_name": "fused", "y": "od_fused", "is_active": True, "pioreactor_unit": unit}
            return json.dumps({"od_fused": [found]} if unit == "w1" else {}).encode()
        return path.rpartition("/")[2].encode()

    told: list[str] = []
    found = dict(files_of_units(["w1", "w2", "w3"], "a/b", fetch, report=told.append))
    stills = ["stills/w1/first.jpg", "stills/w1/camera_stills_manifest.json"]
    assert list(found) == [
        *("config/units/w1.ini", "calibrations/w1.zip", "estimators/w1/od_fused/fused.yaml", *stills),
        *("config/units/w3.ini", "calibrations/w3.zip", "stills/w3/first.jpg"),
    ]
    assert b"initial_target_rpm=400" in found["config/units/w1.ini"]
    assert b"broker-secret" not in found["config/units/w1.ini"]
    assert found["estimators/w1/od_fused/fused.yaml"] == b"estimator_name: fused\ny: od_fused\n"
    assert found["stills/w1/first.jpg"] == b"first.jpg"
    assert [one.partition(":")[0] for one in told] == ["w2", "w3"]


@pytest.mark.parametrize("room", [0, 2_000, 40_000, 200_000])
def test_a_disk_that_fills_during_the_archive_of_an_experiment_leaves_nothing(lab: Runtime, room: int) -> None:
    lab.paths.exports.mkdir()
    with disk_with_room_for(room), pytest.raises(StorageError):
        write_experiment(lab, "Wild type", of_units=[("stills/unit1/a.jpg", os.urandom(400_000))])
    assert [file.name for file in lab.paths.exports.iterdir()] == [".lock"]
    write_experiment(lab, "Wild type")
    seen: list[Progress] = []
    with pytest.raises(StoppedError):
        write_experiment(lab, "Wild type", report=seen.append, is_stopping=lambda: bool(seen))
    assert [file.suffix for file in lab.paths.exports.iterdir() if file.name != ".lock"] == [".zip"]
    assert seen[0].total_rows >= 10
