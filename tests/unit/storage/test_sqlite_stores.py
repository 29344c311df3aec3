"""What only files do: several processes, reboots, damage, files of the reference."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pioreactor.exc import InvalidRequestError, JobPresentError, StorageError
from pioreactor.processes import liveness
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite import stores as stores_module
from pioreactor.storage.sqlite.stores import SqliteUnitStores

REGISTRATION = {
    "unit": "u",
    "experiment": "e",
    "job_source": "user",
    "leader": "l",
    "pid": os.getpid(),
    "is_long_running": False,
    "started_at": "2026-11-22T08:00:00.000Z",
}


def run_python(code: str, *arguments: str, count: int = 1) -> list[str]:
    """Run the code in `count` processes at once and return what each printed."""
    started = [
        subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    printed = [process.communicate(timeout=60)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * count
    return printed


def test_only_one_of_many_threads_may_register_the_job(tmp_path: Path) -> None:
    stores = [SqliteUnitStores(Paths.below(tmp_path)) for _ in range(6)]
    refused: list[JobPresentError] = []
    barrier = threading.Barrier(len(stores))

    def register(mine: SqliteUnitStores) -> None:
        barrier.wait()
        try:
            mine.jobs().register(job_name="stirring", exclusive=True, **REGISTRATION)  # type: ignore[arg-type]
        except JobPresentError as error:
            refused.append(error)

    threads = [threading.Thread(target=register, args=(mine,)) for mine in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == len(stores) - 1
    assert len(stores[0].jobs().running()) == 1
    for mine in stores:
        mine.close()


def test_a_killed_process_is_not_running_and_a_later_process_with_its_pid_is_another(tmp_path: Path) -> None:
    stores = SqliteUnitStores(Paths.below(tmp_path))
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    jobs = stores.jobs()
    job_id = jobs.register(job_name="stirring", exclusive=True, **(REGISTRATION | {"pid": sleeper.pid}))  # type: ignore[arg-type]
    (running,) = jobs.running()
    assert running.process_started_at == liveness.process_started_at(sleeper.pid)
    assert not liveness.is_alive(sleeper.pid, (running.process_started_at or 0.0) - 1.0)

    sleeper.kill()
    sleeper.communicate()
    assert jobs.running() == []
    assert jobs.get(job_id) is not None
    jobs.register(job_name="stirring", exclusive=True, **REGISTRATION)  # type: ignore[arg-type]
    stores.close()


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "print(1, flush=True)"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not liveness.is_alive(child.pid, None)
    child.communicate()


def test_transactions_of_two_processes_never_lose_an_increment(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.stores import SqliteUnitStores
stores = SqliteUnitStores(Paths.below(Path(sys.argv[1])))
cache = stores.volatile("bioreactor")
for _ in range(200):
    with cache.transaction():
        cache.set(("exp", "volume"), cache.get(("exp", "volume"), 0) + 1)
stores.close()
"""
    run_python(code, str(tmp_path), count=3)
    stores = SqliteUnitStores(Paths.below(tmp_path))
    assert stores.volatile("bioreactor").get(("exp", "volume")) == 600
    stores.close()


def test_the_volatile_file_is_empty_after_a_reboot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = SqliteUnitStores(Paths.below(tmp_path))
    before.volatile("leds").set("A", 1)
    before.persistent("kept").set("A", 1)
    before.jobs().register(job_name="stirring", exclusive=True, **REGISTRATION)  # type: ignore[arg-type]
    before.close()

    monkeypatch.setattr(stores_module, "boot_id", lambda: "another boot")
    after = SqliteUnitStores(Paths.below(tmp_path))
    assert after.volatile("leds").items() == []
    assert after.persistent("kept").items() == [("A", 1)]
    assert after.jobs().history() == []
    after.close()


def test_a_registry_of_the_reference_is_taken_over(tmp_path: Path) -> None:
    paths = Paths.below(tmp_path)
    paths.cache.mkdir(parents=True)
    with sqlite3.connect(paths.volatile_store) as old:
        old.execute(
            "CREATE TABLE pio_job_metadata (job_id INTEGER PRIMARY KEY AUTOINCREMENT, unit TEXT NOT NULL, experiment "
            "TEXT NOT NULL, job_name TEXT NOT NULL, job_source TEXT NOT NULL, started_at TEXT NOT NULL, is_running "
            "INTEGER NOT NULL, leader TEXT NOT NULL, pid INTEGER NOT NULL, is_long_running_job INTEGER NOT NULL, "
            "ended_at TEXT)"
        )
        old.execute(
            "INSERT INTO pio_job_metadata VALUES (7, 'u', 'e', 'monitor', 'user', '2026', 1, 'l', ?, 1, NULL)",
            (os.getpid(),),
        )
    old.close()
    stores = SqliteUnitStores(paths)
    (monitor,) = stores.jobs().running()
    assert (monitor.job_id, monitor.job_name, monitor.is_long_running_job) == (7, "monitor", True)
    stores.close()


def test_nothing_is_created_before_the_first_use(tmp_path: Path) -> None:
    stores = SqliteUnitStores(Paths.below(tmp_path))
    stores.persistent("cache")
    stores.journal()
    stores.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "a b", "x; DROP TABLE y", "a-b"])
def test_a_cache_name_is_one_word(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequestError):
        SqliteUnitStores(Paths.below(tmp_path)).persistent(name)


def test_a_file_that_is_no_database_is_a_storage_error_that_names_it(tmp_path: Path) -> None:
    paths = Paths.below(tmp_path)
    paths.storage.mkdir(parents=True)
    paths.persistent_store.write_bytes(b"no database " * 1000)
    stores = SqliteUnitStores(paths)
    with pytest.raises(StorageError, match="local_persistent"):
        stores.persistent("cache").get("key")
    stores.close()


def test_a_table_created_in_a_broken_transaction_is_created_again(tmp_path: Path) -> None:
    stores = SqliteUnitStores(Paths.below(tmp_path))
    with pytest.raises(ZeroDivisionError), stores.volatile("outer").transaction():
        stores.volatile("inner").set("a", 1)
        raise ZeroDivisionError
    stores.volatile("inner").set("a", 2)
    assert stores.volatile("inner").get("a") == 2
    stores.close()
