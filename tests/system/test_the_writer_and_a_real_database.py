"""The database writer as a process, with its SQLite file: killed, locked out, without space, and fed with nonsense."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pioreactor import structs, topics
from pioreactor.background_jobs.leader.mqtt_to_db_streaming import MAX_BATCH_BYTES
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.plan import LEADER, VIEWER, DemoPlan
from pioreactor.exc import StorageError
from pioreactor.messaging.mqtt import MqttBusFactory
from pioreactor.processes.service import Service
from pioreactor.storage.sqlite.journal import SqliteJournal

pytestmark = pytest.mark.system

WORKER = "worker1"
EXPERIMENT = "records"
TOPIC = topics.event(WORKER, EXPERIMENT, "stirring/measured_rpm")
BUSY_TIMEOUT_MS = 300
DISK_BYTES = 40_000_000

WRITER = f"""
from pioreactor.storage.leader.ingest import sqlite_sink as sink
sink._SHARED = ("PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", *sink._SHARED[1:])
from pioreactor.cli.fast_start import start_and_exit
start_and_exit("mqtt_to_db_streaming")
"""
"""The writer as it starts from boot, except that it waits less long for locks."""


@contextmanager
def small_disk(at: Path, size_bytes: int) -> Iterator[None]:
    """Put a small file system there, as root."""
    at.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(at)]
    assert mount is not None, "a small file system needs `apt-get install mount`"
    done = subprocess.run([mount, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (
        f"a small file system can be mounted by root only, with `sudo make test`: {done.stderr}"
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


class Scene:
    """A broker, a unit's monitor and the leader's writer; the test is the job that records."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        plan = DemoPlan(directory, workers=1, scenario="water", experiment=EXPERIMENT)
        self.cluster = DemoCluster(plan, log=lambda _message: None)
        self.database = self.cluster.paths(LEADER).database
        self.recorded = 0
        self.numbers: dict[int, int] = {}

    def start(self) -> None:
        self.cluster.prepare()
        self.journal = SqliteJournal(self.cluster.paths(WORKER).journal)
        pio = (sys.executable, "-m", "pioreactor.cli.main", "run")
        self.writer = self._add(LEADER, "mqtt_to_db_streaming", [sys.executable, "-c", WRITER])
        self._add(WORKER, "monitor", [*pio, "monitor"])
        # There is no web server here: the monitor asks it for 8 s at its start, and forwards nothing meanwhile.
        for _ in range(3):
            self.record(1)
            self.wait_until_safe()

    def _add(self, unit: str, name: str, argv: list[str]) -> Service:
        model = {"MODEL_NAME": "pioreactor_20ml", "MODEL_VERSION": "1.5", "EXPERIMENT": EXPERIMENT, "ACTIVE": "1"}
        environment = {**self.cluster.environment(unit), **model}
        service = Service(name, argv, environment, self.directory / f"{name}.out", max_restart_delay_s=0.2)
        service.start()
        self.cluster.services.append(service)
        return service

    def stop(self) -> None:
        self.cluster.stop()
        self.journal.close()

    def record(self, count: int) -> None:
        entries = []
        for _ in range(count):
            self.recorded += 1
            at = datetime.now(UTC)
            entries.append(
                (TOPIC, structs.encode(structs.MeasuredRPM(measured_rpm=float(self.recorded), timestamp=at)), at)
            )
        last = self.journal.append(entries)
        self.numbers |= {last - n: self.recorded - n for n in range(count)}

    def wait_for(self, condition: Callable[[], bool], within_s: float = 20.0) -> float:
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < within_s, "\n".join(s.log_tail() for s in self.cluster.services)
            self.cluster.check_services()
            time.sleep(0.02)
        return time.monotonic() - began

    def wait_until_safe(self, within_s: float = 20.0) -> float:
        """Wait until all that was recorded up to here is acknowledged; return for how long [s]."""
        seq = self.journal.last_seq()
        return self.wait_for(lambda: self.journal.acknowledged_seq() >= seq, within_s)

    def written(self) -> Counter[float]:
        return Counter(rpm for (rpm,) in self.look("SELECT measured_rpm FROM stirring_rates"))

    def look(self, sql: str) -> list[tuple[float, ...]]:
        with closing(sqlite3.connect(self.database, timeout=5.0)) as connection:
            return connection.execute(sql).fetchall()

    def assert_everything_once(self) -> None:
        self.wait_until_safe()
        assert self.written() == Counter(float(number) for number in range(1, self.recorded + 1))

    def assert_nothing_acknowledged_is_missing(self) -> None:
        acknowledged = self.journal.acknowledged_seq()
        numbers = {float(number) for seq, number in self.numbers.items() if seq <= acknowledged}
        assert numbers <= set(self.written())

    def said(self, words: str) -> list[str]:
        """Return the log entries with these words, without those of alarms, which quote them."""
        lines = self.cluster.paths(LEADER).log_file.read_text(errors="replace").splitlines()
        return [line for line in lines if words in line and "[alarms]" not in line]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="writer-", ignore_cleanup_errors=True) as directory:
        built = Scene(Path(directory))
        with small_disk(built.database.parent, DISK_BYTES):
            try:
                built.start()
                yield built
            finally:
                built.stop()


def test_a_writer_killed_again_and_again_writes_everything_once(scene: Scene) -> None:
    """At random moments while records come in as fast as they are sent."""
    chance = random.Random(11)
    kills = 0
    for _ in range(9):
        until = time.monotonic() + chance.uniform(0.05, 0.6)
        while time.monotonic() < until:
            scene.record(40)
            scene.cluster.check_services()
            time.sleep(0.005)
        if scene.writer.is_running:
            assert scene.writer.process is not None
            scene.writer.process.send_signal(signal.SIGKILL)
            scene.writer.process.wait()
            kills += 1
        scene.assert_nothing_acknowledged_is_missing()
    assert kills >= 5
    scene.assert_everything_once()


def test_a_database_locked_for_longer_than_the_writer_waits(scene: Scene) -> None:
    scene.wait_for(lambda: scene.writer.is_running)
    words = "records. Another program holds the database"
    before = len(scene.said(words))
    with closing(sqlite3.connect(scene.database, isolation_level=None, timeout=5.0)) as other:
        other.execute("BEGIN EXCLUSIVE")
        acknowledged = scene.journal.acknowledged_seq()
        for _ in range(30):
            scene.record(10)
            time.sleep(BUSY_TIMEOUT_MS / 2000)
        assert scene.journal.acknowledged_seq() <= acknowledged + 1, "what was committed before the lock"
        assert scene.writer.is_running
        other.execute("ROLLBACK")
    assert scene.wait_until_safe() < 5.0, "it recovers at once, not when units send again"
    scene.assert_everything_once()
    assert len(scene.said(words)) == before + 1, "once, and not every second"


def test_a_disk_that_is_full_and_then_is_not(scene: Scene) -> None:
    ballast = scene.database.with_name("ballast")
    before, said_before = scene.journal.acknowledged_seq(), len(scene.said("database or disk is full. Units keep"))
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass

    def is_told() -> bool:
        scene.record(20)
        return len(scene.said("database or disk is full. Units keep their records.")) > said_before

    try:
        scene.wait_for(is_told)
        assert scene.writer.is_running
        assert scene.journal.acknowledged_seq() >= before
        scene.assert_nothing_acknowledged_is_missing()
        assert "Free space on the disk" in scene.said("The database cannot be written")[-1]
        for _ in range(20):
            scene.record(20)
            time.sleep(0.1)
        assert len(scene.said("database or disk is full. Units keep their records.")) == said_before + 1
    finally:
        ballast.unlink()
    assert scene.wait_until_safe() < 8.0
    scene.assert_everything_once()


def test_payloads_that_are_corrupt_hostile_or_giant_hold_up_nobody(scene: Scene) -> None:
    quarantined = scene.look("SELECT count(*) FROM quarantined_rows")[0][0]
    assert scene.cluster.broker is not None
    bus = MqttBusFactory(scene.cluster.broker.address(VIEWER), "hostile").connect("hostile")
    try:
        scene.wait_for(bus.is_connected)
        deep = b'{"journal_id":"x","follows":0,"records":[],"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        for payload in (b"", b"\x00\xff" * 500, b"{", deep, b" " * (MAX_BATCH_BYTES + 1)):
            bus.publish(topics.journal_entries(WORKER), payload)
        now = datetime.now(UTC)
        bad = (b"{not json", b"\xff\xfe", b"", b"[" * 200_000, b"x" * 3_000_000, b'{"measured_rpm":1e999}')
        scene.journal.append([(TOPIC, payload, now) for payload in bad])
        scene.journal.append([(topics.event(WORKER, EXPERIMENT, "bioreactor/current_volume_ml"), b"nan", now)])
        scene.record(50)
        scene.assert_everything_once()
    finally:
        bus.close()
    assert scene.writer.is_running
    assert scene.look("SELECT count(*) FROM quarantined_rows")[0][0] - quarantined == len(bad) + 1
    longest = max(len(line) for line in scene.said("quarantine"))
    assert longest < 2_000, "what is said of a giant payload does not repeat it"


def test_a_database_put_in_the_place_of_the_open_one_gets_the_rows(scene: Scene) -> None:
    """Otherwise they would go into a file without a name, and be acknowledged."""
    scene.wait_until_safe()
    copy = scene.database.with_name("copy.sqlite")
    with closing(sqlite3.connect(scene.database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=WAL")
    scene.cluster.services.remove(scene.writer)
    for suffix in ("-wal", "-shm"):
        Path(f"{scene.database}{suffix}").unlink(missing_ok=True)
    os.replace(copy, scene.database)
    scene.cluster.services.append(scene.writer)
    scene.record(20)
    scene.assert_everything_once()


# ---- the journal of a unit -----------------------------------------------------------------------------------------


def test_a_journal_on_a_full_disk_gives_up_only_what_is_acknowledged(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1_000_000):
        journal = SqliteJournal(tmp_path / "disk" / "journal.sqlite", reserve_bytes=400_000)
        at = datetime.now(UTC)
        entries = [(TOPIC, msgspec.json.encode({"n": number, "x": "x" * 60}), at) for number in range(50)]
        try:
            appended, full = 0, False
            while not full:
                try:
                    appended = journal.append(entries)
                except StorageError as error:
                    full = True
                    assert "full" in str(error)
                assert appended < 100_000
            assert len(journal.read(after_seq=0, limit=100_000)) == appended, "nothing unacknowledged is given up"
            journal.acknowledge(appended - 100)
            for _ in range(200):
                last = journal.append(entries)
                journal.acknowledge(last - 100)
            assert last == appended + 200 * len(entries)
            kept = journal.read(after_seq=last - 100, limit=1000)
            assert [entry.seq for entry in kept] == list(range(last - 99, last + 1))
        finally:
            journal.close()
