"""Files are replaced in one step, drafts of killed writers are swept, and others on the computer read none of it."""

import ast
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pioreactor import private_files
from pioreactor.exc import StorageError
from pioreactor.private_files import complete_file, free_path, write_atomically
from pioreactor.storage.artifacts import DiskArtifacts
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.shared_connection import open_sqlite

SRC = Path(__file__).parents[3] / "src" / "pioreactor"
HOLDS_A_DRAFT = """
import sys, time
from pathlib import Path
from pioreactor import private_files
with private_files._draft(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def drafts(folder: Path) -> list[Path]:
    return list(folder.glob(".draft-*"))


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that is in the middle of a write."""
    process = subprocess.Popen([sys.executable, "-c", HOLDS_A_DRAFT, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_draft_is_swept_when_its_writer_was_killed_and_not_before(
    tmp_path: Path, writer: "subprocess.Popen[bytes]"
) -> None:
    (held,) = drafts(tmp_path)
    write_atomically(tmp_path / "config.ini", "[a]\n")
    assert drafts(tmp_path) == [held]
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    write_atomically(tmp_path / "config.ini", "[b]\n")
    assert drafts(tmp_path) == []
    assert (tmp_path / "config.ini").read_text() == "[b]\n"


@pytest.mark.parametrize("fails", ["fsync", "fchmod"])
def test_a_write_that_fails_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "config.ini"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_files.os, fails, full)  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert drafts(tmp_path) == []


def test_a_draft_that_is_swept_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, is_first = private_files.fcntl.flock, iter([True])  # type: ignore[attr-defined]

    def swept(descriptor: int, kind: int) -> None:
        if next(is_first, False):
            drafts(tmp_path)[0].unlink()
        lock(descriptor, kind)

    monkeypatch.setattr(private_files.fcntl, "flock", swept)  # type: ignore[attr-defined]
    write_atomically(tmp_path / "a", "x")
    assert (tmp_path / "a").read_text() == "x"


def test_permissions_stay_and_new_files_are_not_for_others(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new", "x")
    write_atomically(tmp_path / "secret", b"x", mode=0o600)
    (tmp_path / "old").write_text("")
    (tmp_path / "old").chmod(0o640)
    write_atomically(tmp_path / "old", "x")
    assert [mode(tmp_path / name) for name in ("new", "secret", "old")] == [0o660, 0o600, 0o640]
    write_atomically(tmp_path / ("n" * 255), "x")


def test_a_calibration_that_cannot_be_written_is_an_error_of_storage(tmp_path: Path) -> None:
    paths = Paths.below(tmp_path)
    paths.calibrations.parent.mkdir(parents=True)
    paths.calibrations.write_text("a file where the folder belongs")
    with pytest.raises(StorageError):
        DiskArtifacts(paths).write("calibrations", "od90", "a", "x: 1")


def test_a_complete_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "export.zip"
    with complete_file(target) as unfinished:
        unfinished.write_text("x")
        assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["export.zip"]


@pytest.mark.parametrize(("raised", "seen"), [(OSError("full"), StorageError), (KeyError("x"), KeyError)])
def test_of_a_file_that_is_not_completed_nothing_is_left(
    tmp_path: Path, raised: Exception, seen: type[Exception]
) -> None:
    (tmp_path / "export.zip").write_text("earlier")
    with pytest.raises(seen), complete_file(tmp_path / "export.zip") as unfinished:
        unfinished.write_text("half")
        raise raised
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("export.zip", "earlier")]


def open_leader_database(path: Path) -> None:
    LeaderDatabase.open(path).close()


def open_unit_database(path: Path) -> None:
    connection = open_sqlite(path, synchronous="OFF")
    connection.execute("CREATE TABLE IF NOT EXISTS a (b)")
    assert all(mode(file) & 0o007 == 0 for file in path.parent.iterdir())
    connection.close()


@pytest.mark.parametrize("opens", [open_leader_database, open_unit_database])
def test_databases_are_not_for_others(tmp_path: Path, opens: Callable[[Path], None]) -> None:
    """Also those that an earlier version made."""
    path = tmp_path / "a.sqlite"
    for _ in range(2):
        opens(path)
        assert mode(path) & 0o007 == 0
        path.chmod(0o664)


def test_every_process_begins_by_restricting_new_files() -> None:
    """Help and version of `pio` are answered before: they make no file."""
    mains = [path for path in SRC.rglob("*.py") if '__name__ == "__main__"' in path.read_text()]
    mains.remove(SRC / "install" / "__main__.py")  # what it installs is for every account
    assert len(mains) >= 5
    for path in mains:
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        firsts = {function.name: first_statement(function) for function in functions}
        assert "restrict_new_files()" in (firsts["main"], firsts.get("_run")), path


def first_statement(function: ast.FunctionDef) -> str:
    """Return the first statement that is neither the docstring nor an import."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return next((ast.unparse(node) for node in body if not isinstance(node, ast.ImportFrom)), "")


NAMED_OTHERWISE = {
    "camera_still.py": "ends in random digits",
    "certificates.py": "the time until which a certificate is valid, in no name",
    "journal_recovery.py": "each damaged file is replaced once",
    "request.py": "names within an archive, and one that the exporter makes free",
}


def test_names_with_a_time_are_made_free() -> None:
    """Two things of one second each keep what was there before."""
    found = [
        f"{path.name}:{number}"
        for path in SRC.rglob("*.py")
        if path.name not in NAMED_OTHERWISE
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "%H%M%S" in line and "free_path(" not in line
    ]
    assert found == []


def test_free_paths_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    for _ in range(12):
        free_path(tmp_path / "x-20260301T000000.sqlite").touch()
    (tmp_path / "x-20260301T000001.sqlite").touch()
    stems = sorted(path.stem.removeprefix("x-20260301T00000") for path in tmp_path.iterdir())
    assert stems == ["0", *(f"0-{number:03}" for number in range(2, 13)), "1"]
