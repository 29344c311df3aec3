"""An update that is cut or fails at any operation leaves a leader that works, with all that it has recorded."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.unit.updates.signed_archive import make
from tests.unit.updates.updating_machine import Machine, Plan, PowerCut, update_in_process

from pioreactor.bootstrap import build_runtime
from pioreactor.exc import ConflictError, PioreactorError
from pioreactor.updates.bundle import SIGNATURE, Bundle
from pioreactor.updates.errors import UpdateFailedError, UpdateRefusedError
from pioreactor.updates.ports import ReleaseSource
from pioreactor.updates.signature import Signers
from pioreactor.updates.unit_update import UnitUpdate

WAYS = ("cut within", "cut after", "error", "errors", "full")


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Iterator[Path]]:
    """Folders for machines, in memory where there is such a file system: failures are many, and files small."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as root:
        yield (Path(root) / str(number) for number in range(100_000))


def fresh(folders: Iterator[Path], **options: object) -> Machine:
    folder = next(folders)
    folder.mkdir()
    return Machine(folder, **options)  # type: ignore[arg-type]


def attempt(machine: Machine, version: str = "2.0", source: ReleaseSource | None = None) -> str:
    """Update; after a power cut, switch the machine on until it is up. Return how it went."""
    try:
        machine.updater().update(source if source is not None else machine.release(version))
        return "installed"
    except PioreactorError as error:
        way = "refused" if isinstance(error, UpdateRefusedError) else "failed"
    except PowerCut:
        way = "cut"
    while way == "cut" or not machine.is_running:
        try:
            machine.reboot()
            break
        except PowerCut:
            continue
    return way


def operations_of_an_update(folders: Iterator[Path], **options: object) -> int:
    machine = fresh(folders, **options)
    attempt(machine)
    return machine.plan.count


@pytest.fixture(scope="module")
def hostile(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """Releases that are not installed: not signed as they are, or genuine and old."""
    folder = tmp_path_factory.mktemp("hostile")
    signers = Signers((keys / "signers",))

    def bundle(key: str, version: str, name: str) -> Path:
        return make(folder, keys / key, version, wheel_bytes=200).rename(folder / f"{name}.zip")

    def altered(archive: Path, name: str, change: Callable[[str, bytes], bytes]) -> Path:
        target = folder / f"{name}.zip"
        with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
            for file in old.namelist():
                new.writestr(file, change(file, old.read(file)))
        return target

    new = bundle("ours", "2.0", "genuine")
    cut = folder / "cut short.zip"
    cut.write_bytes(new.read_bytes()[:-100])
    archives = (
        bundle("other", "2.0", "another key"), cut, bundle("ours", "0.9", "old"), bundle("ours", "1.0", "present"),
        altered(new, "another version", lambda name, text: text.replace(b'"2.0"', b'"3.0"')),
        altered(new, "another wheel", lambda name, text: text[:-1] + b"x" if name.endswith(".whl") else text),
        altered(new, "no signature", lambda name, text: b"" if name == SIGNATURE else text),
    )  # fmt: skip
    return {archive.stem: Bundle(archive, signers) for archive in archives}


def refused_releases(folders: Iterator[Path], hostile: dict[str, Bundle], generator: random.Random) -> int:
    """Try each of them several times, also on a disk that fails; return how often."""
    tries = [name for name in hostile for _ in range(8)]
    for number, name in enumerate(tries):
        plan = Plan(generator.randrange(4), generator.choice(WAYS)) if number % 2 else Plan()
        machine = fresh(folders, plan=plan)
        how = attempt(machine, source=hostile[name])
        assert how == "refused" or (number % 2 and how in ("cut", "failed")), (name, plan, how)
        assert machine.check_works() == "1.0", (name, plan)
        assert machine.installation.installed() == ["1.0"], "nothing of it is left"
    return len(tries)


def test_five_hundred_failures_leave_a_leader_that_works(folders: Iterator[Path], hostile: dict[str, Bundle]) -> None:
    count = operations_of_an_update(folders)
    chosen = [(at, way) for at in range(count) for way in WAYS]
    ended: dict[str, int] = {}
    for at, way in chosen:
        machine = fresh(folders, plan=Plan(at, way))
        how = attempt(machine)
        version = machine.check_works()
        ended[f"{way}: {how}, {version}"] = ended.get(f"{way}: {how}, {version}", 0) + 1
        assert (how == "installed") <= (version == "2.0")
        if at % 4 == 0:
            machine.plan = Plan()
            assert attempt(machine, "3.0") == "installed", (at, way, machine.reports)
            assert machine.check_works() == "3.0"
    # Failures in the rollback of a failed update, and a second cut while the first is undone.
    for bad in ("migration", "wheel", "trial", "services"):
        for at in range(operations_of_an_update(folders, bad=bad)):
            for way in ("cut after", "full"):
                machine = fresh(folders, plan=Plan(at, way), bad=bad)
                assert attempt(machine) != "installed"
                assert machine.check_works() == "1.0", (bad, at, way)
                chosen.append((at, way))
    generator = random.Random(1)
    for _ in range(40):
        machine = fresh(folders, plan=Plan(generator.randrange(count), "cut after"))
        with pytest.raises(PowerCut):
            machine.updater().update(machine.release("2.0"))
        machine.plan = Plan(generator.randrange(12), generator.choice(("cut before", "cut within", "cut after")))
        attempt_to_boot(machine)
        machine.check_works()
        chosen.append((0, "twice"))
    refused = refused_releases(folders, hostile, generator)
    assert len(chosen) + refused >= 500, (len(chosen), refused)
    assert any(key.startswith("cut after: cut, 2.0") for key in ended), ended


def test_a_killed_update_leaves_a_leader_that_works(folders: Iterator[Path]) -> None:
    """A process of its own updates, and SIGKILL ends it: nothing of it is unwound. `UPDATE_KILLS` sets how many."""
    kills = int(os.environ.get("UPDATE_KILLS", "16"))
    count = operations_of_an_update(folders)
    generator, versions = random.Random(2), set()
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.unit.updates.updating_machine"])
    for number in range(kills):
        # Each part of an update has its share.
        at = min(count - 1, int((number + generator.random()) * count / kills))
        plan = Plan(at, generator.choice(("kill before", "kill within", "kill after")))
        machine = fresh(folders)
        update = processes.Process(target=update_in_process, args=(machine.folder, plan))
        update.start()
        update.join(30)
        assert update.exitcode == -signal.SIGKILL, plan
        # As the service does when the update has ended in any way, or as the machine does at its next start.
        undo = machine.reboot if number % 2 else machine.updater().recover
        undo()
        versions.add(machine.check_works())
        assert machine.faults(machine.installation.current.resolve()) == frozenset(), plan
        assert attempt(machine, "3.0") == "installed", plan
        assert machine.check_works() == "3.0"
    assert versions == {"1.0", "2.0"}


def attempt_to_boot(machine: Machine) -> None:
    while True:
        try:
            machine.reboot()
            return
        except PowerCut:
            continue


@pytest.mark.parametrize("bad", ["wheel", "migration", "trial", "services"])
def test_a_bad_release_leaves_the_version_before(folders: Iterator[Path], bad: str) -> None:
    machine = fresh(folders, bad=bad)
    with pytest.raises(UpdateFailedError):
        machine.updater().update(machine.release("2.0"))
    assert machine.check_works() == "1.0"
    assert machine.installation.installed() == ["1.0"]
    last = machine.updater().journal.last()
    assert last is not None and not last.is_installed and last.to_version == "2.0"
    left = {path.name for path in machine.folder.iterdir()} - {"of-2.0.sqlite"}
    assert left == {"root", "pioreactor.sqlite"}, "only what the new version wrote is kept aside"


def test_old_and_present_versions_are_refused(folders: Iterator[Path]) -> None:
    machine = fresh(folders)
    machine.updater().update(machine.release("2.0"))
    for version in ("1.1", "1.0", "2.0"):
        with pytest.raises(UpdateRefusedError):
            machine.updater().update(machine.release(version))
        assert machine.check_works() == "2.0"


def test_going_back_on_purpose_keeps_the_schema_it_can_use(folders: Iterator[Path]) -> None:
    machine = fresh(folders)
    machine.updater().update(machine.release("1.1"))
    machine.updater().update(machine.release("1.0"), allow_older=True)
    assert machine.check_works() == "1.0"
    assert not (machine.folder / "backups").exists(), "no database was replaced"


@pytest.mark.parametrize("version", ["1.0", "1.1", "2.0"])
def test_no_version_goes_back_to_a_schema_before_that_of_the_data(folders: Iterator[Path], version: str) -> None:
    machine = fresh(folders)
    machine.updater().update(machine.release("3.0"))
    machine.plan = Plan()
    with pytest.raises(UpdateRefusedError, match=f"{version} cannot read this database: its schema is 0003") as refused:
        machine.updater().update(machine.release(version), allow_older=True)
    assert refused.value.remedy is not None
    assert machine.check_works() == "3.0"
    assert {"build", "copy database", "stop services"}.isdisjoint(machine.plan.names), "nothing was tried"


def test_jobs_are_not_disturbed_without_consent(folders: Iterator[Path]) -> None:
    machine = fresh(folders, jobs=["stirring"])
    with pytest.raises(UpdateRefusedError, match="stirring"):
        machine.updater().update(machine.release("2.0"))
    assert machine.check_works() == "1.0"
    assert machine.updater().update(machine.release("2.0"), even_with_jobs=True).is_installed


def test_two_versions_before_stay_and_the_database_before_becomes_a_backup(folders: Iterator[Path]) -> None:
    machine = fresh(folders)
    for version in ("1.1", "2.0", "3.0"):
        machine.updater().update(machine.release(version))
    assert machine.installation.installed() == ["1.1", "2.0", "3.0"]
    assert machine.installation.previous_version() == "2.0"
    backups = sorted(path.name for path in (machine.folder / "backups").iterdir())
    assert backups == ["pioreactor-20261129T120000-002.sqlite", "pioreactor-20261129T120000.sqlite"], "of one second"


def test_one_update_at_a_time(folders: Iterator[Path]) -> None:
    machine = fresh(folders)
    with machine.installation.lock(), pytest.raises(PioreactorError, match="in progress"):
        machine.updater().update(machine.release("2.0"))


class Listener:
    """Where progress goes to; it cannot be written any more."""

    def __init__(self, error: Exception) -> None:
        self.error, self.calls = error, 0

    def __call__(self, _: str) -> None:
        self.calls += 1
        raise self.error


LOST = (BrokenPipeError(32, "Broken pipe"), OSError(28, "No space left on device"), ValueError("I/O on closed file"),
        ConflictError("the broker is away"), RuntimeError("callback"))  # fmt: skip


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("bad", ["", "wheel", "migration", "trial", "services"])
def test_progress_that_cannot_be_reported_changes_nothing(folders: Iterator[Path], bad: str, error: Exception) -> None:
    told, lost = fresh(folders, bad=bad), fresh(folders, bad=bad, listener=(listener := Listener(error)))
    assert attempt(lost) == attempt(told) == ("failed" if bad else "installed")
    assert lost.check_works() == told.check_works() == ("1.0" if bad else "2.0")
    assert lost.reports == told.reports, "the other listeners are told all the same"
    assert lost.updater().journal.last() == told.updater().journal.last()
    assert listener.calls == len(lost.reports) >= 3
    # The same for what is undone at the next start.
    lost.plan, lost.bad = Plan(12, "cut after"), ""
    assert attempt(lost, "3.0") == "cut"
    lost.check_works()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("not foreseen")], ids=["Ctrl-C", "unforeseen"])
def test_what_nobody_foresaw_is_undone_as_well(folders: Iterator[Path], error: BaseException) -> None:
    count = operations_of_an_update(folders)
    for at in range(count):
        machine = fresh(folders, plan=Plan(at, "raise", error=error))
        try:
            machine.updater().update(machine.release("2.0"))
        except PioreactorError:
            assert machine.check_works() == "1.0", at
        else:
            assert machine.check_works() == "2.0", at


@pytest.mark.parametrize("is_full", [False, True])
def test_the_log_of_updates_is_written_whatever_else_fails(tmp_path: Path, is_full: bool) -> None:
    environment = {"DOT_PIOREACTOR": str(tmp_path), "RUN_PIOREACTOR": str(tmp_path), "HOSTNAME": "leader"}
    runtime = build_runtime(environment, asks_leader=False, handles_signals=False)
    unit = UnitUpdate(runtime, environment, fresh(iter([tmp_path / "m"])).installation)
    assert unit.installation is not None
    log = unit.installation.root / "update.log"
    if is_full:
        log.mkdir()  # as little to be written as a full disk
    told: list[str] = []
    unit.updater(report=told.append).report("one")
    unit.updater(report=Listener(BrokenPipeError())).report("two")
    assert told == ["one"]
    assert is_full or [line.split(" ", 1)[1] for line in log.read_text().splitlines()] == ["one", "two"]


def test_a_leader_whose_data_are_on_a_server_is_not_updated_but_says_its_version(tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text(
        "[cluster.topology]\nleader_hostname=leader\n[storage]\ndatabase=postgresql://127.0.0.1/lab\n", encoding="utf-8"
    )
    environment = {"DOT_PIOREACTOR": str(tmp_path), "RUN_PIOREACTOR": str(tmp_path), "HOSTNAME": "leader"}
    runtime = build_runtime(environment, asks_leader=False, handles_signals=False)
    unit = UnitUpdate(runtime, environment, fresh(iter([tmp_path / "m"])).installation)
    assert (unit.state().version, unit.state().in_progress) == ("1.0", None)
    with pytest.raises(ConflictError, match="PostgreSQL") as caught:
        unit.refuse_server_database()
    assert "pio database move sqlite" in (caught.value.remedy or "")
