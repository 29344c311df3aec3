"""Kills, freezes and restarts the real processes of a small cluster at random, and counts as `bench.chaos` does.

Run: python -m bench.chaos_real [--each 12 | --faults 40] [--kinds WORDS] [--seed 1] [--freeze 100].

There are Mosquitto (or the embedded broker),
a reactor, an output guard, a monitor, the database writer, a job that records 40 rows a second, and one that doses.
What the unit's journal holds at the end is the truth that the leader's database is compared with.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.trust import describe
from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.bootstrap.process import build_runtime
from pioreactor.calibrations.defaults import install_simulated
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.plan import LEADER, VIEWER, DemoPlan
from pioreactor.devices.ownership import FileLockOwnership
from pioreactor.exc import PioreactorError, StorageError
from pioreactor.messaging.mqtt import MqttBusFactory
from pioreactor.messaging.ports import Message
from pioreactor.processes.service import Service
from pioreactor.storage.sqlite.journal import SqliteJournal
from pioreactor.structs import to_timestamp
from pioreactor.twin.remote_buses import connect_buses

WORKER = "worker1"
EXPERIMENT = "chaos"
RECOVERS_WITHIN_S = 90.0
LOOK_S = 0.02
PINS = (12, 13, 16)
KINDS = (
    "kill writer",
    "kill monitor",
    "kill output_guard",
    "kill recorder",
    "kill pump",
    "kill pump and output_guard",
    "kill broker",
    "broker forgets",
    "kill reactor",
    "freeze writer",
    "freeze monitor",
    "freeze recorder",
    "freeze broker",
    "freeze output_guard",
)

RECORDER = """
from pioreactor.jobs.job import BackgroundJob
from pioreactor import structs, topics
class Recorder(BackgroundJob):
    job_name = "recorder"
    number = 0
    def __init__(self):
        super().__init__("worker1", "chaos")
        self.every(0.025, self.record)
    def record(self):
        self.number += 1
        reading = structs.MeasuredRPM(measured_rpm=float(self.number), timestamp=self.runtime.clock.now())
        self.publish(topics.event("worker1", "chaos", "stirring/measured_rpm"), reading)
with Recorder() as job:
    job.block_until_disconnected()
"""


@dataclass
class Counted:
    """What was counted."""

    rows: int = 0
    lost: int = 0
    duplicated: int = 0
    lying_states: list[str] = field(default_factory=list)
    longest_orphan_s: float = 0.0
    longest_unwatched_orphan_s: float = 0.0
    recoveries: dict[str, list[float]] = field(default_factory=dict)


class OutputWatch(threading.Thread):
    """Looks at the pumps' outputs and their locks all the time."""

    def __init__(self, socket: Path, locks: Path, counted: Counted) -> None:
        super().__init__(name="output watch", daemon=True)
        self._socket = socket
        self._buses = connect_buses(socket)
        self._ownership = FileLockOwnership(locks)
        self._counted = counted
        self.unwatched_until = 0.0
        self.ending = threading.Event()

    def run(self) -> None:
        since: dict[int, tuple[float, bool]] = {}
        while not self.ending.wait(LOOK_S):
            for pin in PINS:
                try:
                    on = self._buses.pwm.get_duty(pin) > 0 and self._ownership.holder(f"pwm-{pin}") is None
                    on = on and self._buses.pwm.get_duty(pin) > 0
                except (PioreactorError, OSError):
                    on = False
                    self._connect_again()
                if not on:
                    since.pop(pin, None)
                    continue
                now = time.monotonic()
                began, unwatched = since.setdefault(pin, (now, now < self.unwatched_until))
                name = "longest_unwatched_orphan_s" if unwatched else "longest_orphan_s"
                setattr(self._counted, name, max(getattr(self._counted, name), now - began))
        self._buses.close()

    def _connect_again(self) -> None:
        """The reactor itself may have been killed: a blind watch would find nothing for ever."""
        with suppress(PioreactorError, OSError):
            self._buses.close()
            self._buses = connect_buses(self._socket)


class RealChaos:
    """A cluster of one leader and one worker without web servers; everything in it is a service that comes back."""

    def __init__(self, directory: Path, *, seed: int, freeze_s: float) -> None:
        self.counted = Counted()
        self._random = random.Random(seed)
        self._freeze_s = freeze_s
        plan = DemoPlan(directory, workers=1, scenario="water", experiment=EXPERIMENT)
        self.cluster = DemoCluster(plan, log=lambda _message: None)
        self.cluster.prepare()
        self._paths = self.cluster.paths(WORKER)
        self._journal = SqliteJournal(self._paths.journal)
        self._watch: OutputWatch | None = None

    def start(self) -> None:
        runtime = build_runtime(self._environment(WORKER), quiet=True, handles_signals=False)
        install_simulated(runtime)
        runtime.stores.close()
        pio = (sys.executable, "-m", "pioreactor.cli.main", "run")
        self._add(WORKER, "reactor", self.cluster.twin_argv(WORKER, 1))
        self._wait_for(lambda: self.cluster.plan.twin_socket(WORKER).exists())
        self.cluster.add_output_guard(WORKER, self._environment(WORKER)).name = "output_guard"
        self._add(LEADER, "writer", [*pio, "mqtt_to_db_streaming"])
        self._add(WORKER, "monitor", [*pio, "monitor"])
        self._add(WORKER, "recorder", [sys.executable, "-c", RECORDER])
        self._add(WORKER, "pump", [*pio, "remove_waste", "--duration", "20"])
        self._wait_for(lambda: self._acknowledged() > 0)
        self._watch = OutputWatch(self.cluster.plan.twin_socket(WORKER), self._paths.locks, self.counted)
        self._watch.start()

    def _environment(self, unit: str) -> dict[str, str]:
        model = {"MODEL_NAME": "pioreactor_20ml", "MODEL_VERSION": "1.5"}
        return {**self.cluster.environment(unit), "EXPERIMENT": EXPERIMENT, "ACTIVE": "1", **model}

    def _add(self, unit: str, name: str, argv: list[str]) -> None:
        log_path = self.cluster.plan.directory / unit / f"{name}.out"
        # What is killed again and again is back at once: a pump that waits cannot be orphaned.
        service = Service(name, argv, self._environment(unit), log_path, max_restart_delay_s=1.0)
        service.start()
        self.cluster.services.append(service)

    def _service(self, name: str) -> Service:
        return next(service for service in self.cluster.services if service.name == name)

    def _acknowledged(self) -> int:
        try:
            return self._journal.acknowledged_seq()
        except StorageError:
            return 0

    def _last(self) -> int:
        return self._journal.last_seq()

    def _wait_for(self, condition: object, within_s: float = RECOVERS_WITHIN_S) -> float:
        assert callable(condition)
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > within_s:
                raise TimeoutError("it did not recover")
            self.cluster.check_services()
            time.sleep(0.05)
        return time.monotonic() - began

    # ---- faults --------------------------------------------------------------------------------------------

    def fault(self, kind: str) -> str:
        """Do something bad and wait until what is recorded after it is safe; return what it was."""
        time.sleep(self._random.uniform(0.0, 1.0))
        verb, _, what = kind.partition(" ")
        if kind == "broker forgets":
            self._kill_broker(forget=True)
        elif kind == "kill broker":
            self._kill_broker(forget=False)
        elif kind == "freeze broker":
            assert self.cluster.broker is not None and self.cluster.broker.pid is not None
            self._freeze(self.cluster.broker.pid)
        elif verb == "freeze":
            process = self._service(what).process
            assert process is not None
            self._freeze(process.pid)
        else:
            self._kill(what.split(" and "))
        seq = self._last() + 1
        took = self._wait_for(lambda: self._acknowledged() >= seq and all(s.is_running for s in self.cluster.services))
        self.counted.recoveries.setdefault(kind, []).append(took)
        return kind

    def _kill(self, names: list[str]) -> None:
        if "output_guard" in names and self._watch is not None:
            self._watch.unwatched_until = time.monotonic() + 5.0
        for name in names:
            process = self._service(name).process
            if process is not None:
                process.kill()

    def _freeze(self, pid: int) -> None:
        """Stop a process for a while. A frozen output guard is ended and started again before that while is over."""
        if self._watch is not None and pid == getattr(self._service("output_guard").process, "pid", None):
            self._watch.unwatched_until = time.monotonic() + self._freeze_s + 5.0
            self._kill(["pump"])
        os.kill(pid, signal.SIGSTOP)
        until = time.monotonic() + self._random.uniform(0.2, 1.0) * self._freeze_s
        while time.monotonic() < until:
            self.cluster.check_services()
            time.sleep(0.1)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def _kill_broker(self, *, forget: bool) -> None:
        broker = self.cluster.broker
        assert broker is not None and broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        broker.stop()
        if forget:
            for name in ("mosquitto.db", "retained.msgpack"):
                (broker.directory / name).unlink(missing_ok=True)
        time.sleep(self._random.uniform(0.0, 2.0))
        broker.start()

    # ---- counting --------------------------------------------------------------------------------------------

    def finish(self) -> Counted:
        """Let everything calm down, compare states and rows, and end it all."""
        time.sleep(1.0)
        self._compare_states()
        for name in ("recorder", "pump"):
            self._end(name)
        self._wait_for(lambda: self._acknowledged() >= self._last() - 1)
        time.sleep(2.0)
        self._end("monitor")
        self._end("writer")
        self._compare_rows()
        return self.counted

    def _end(self, name: str) -> None:
        service = self._service(name)
        self.cluster.services.remove(service)
        assert service.process is not None
        service.process.terminate()
        service.process.wait(20.0)

    def _compare_states(self) -> None:
        assert self.cluster.broker is not None
        told: dict[str, bytes] = {}
        bus = MqttBusFactory(self.cluster.broker.address(VIEWER), "chaos").connect("chaos")

        def on_message(message: Message) -> None:
            told[message.topic] = message.payload

        bus.subscribe(f"pioreactor/{WORKER}/+/+/$state", on_message)
        expected = {
            f"pioreactor/{WORKER}/$experiment/monitor/$state": b"ready",
            f"pioreactor/{WORKER}/{EXPERIMENT}/recorder/$state": b"ready",
        }
        try:
            self._wait_for(lambda: all(told.get(t) == s for t, s in expected.items()), within_s=5.0)
        except TimeoutError:
            self.counted.lying_states = [f"{t} says {told.get(t)!r}" for t, s in expected.items() if told.get(t) != s]
        bus.close()

    def _compare_rows(self) -> None:
        truth: Counter[tuple[object, ...]] = Counter()
        for entry in self._journal.read(after_seq=0, limit=10_000_000):
            if entry.topic.endswith("measured_rpm") and entry.seq <= self._acknowledged():
                for row in rows_of(entry.topic, entry.payload, to_timestamp(entry.recorded_at)):
                    truth[row.values["timestamp"], row.values["measured_rpm"]] += 1
        with closing(sqlite3.connect(self.cluster.paths(LEADER).database)) as connection:
            written = Counter(connection.execute("SELECT timestamp, measured_rpm FROM stirring_rates"))
        self.counted.rows = truth.total()
        self.counted.lost = (truth - written).total()
        self.counted.duplicated = (written - truth).total()

    def close(self) -> None:
        if self._watch is not None:
            self._watch.ending.set()
            self._watch.join()
        for service in self.cluster.services:
            if service.process is not None and service.is_running:
                service.process.send_signal(signal.SIGCONT)
        self.cluster.stop()
        self._journal.close()


@contextmanager
def real_chaos(*, seed: int, freeze_s: float = 3.0) -> Iterator[RealChaos]:
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as directory:
        chaos = RealChaos(Path(directory), seed=seed, freeze_s=freeze_s)
        try:
            chaos.start()
            yield chaos
        finally:
            chaos.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=40, help="how many, drawn at random")
    parser.add_argument("--each", type=int, default=0, help="instead: each kind so many times, in random order")
    parser.add_argument("--kinds", default="", help="with --each: only kinds with this in their name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--freeze", type=float, default=10.0, help="longest freeze [s]; keep-alive is longer than 60 s")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    plan = [kind for kind in KINDS if asked.kinds in kind] * asked.each
    chance.shuffle(plan)
    plan = plan if asked.each else [chance.choice(KINDS) for _ in range(asked.faults)]
    with real_chaos(seed=asked.seed, freeze_s=asked.freeze) as chaos:
        for number, kind in enumerate(plan, start=1):
            print(f"{number} of {len(plan)}: {chaos.fault(kind)}", file=sys.stderr, flush=True)
        counted = chaos.finish()
    for kind, seconds in sorted(counted.recoveries.items()):
        print(describe(kind, seconds))
    print(f"rows {counted.rows}, lost {counted.lost}, duplicated {counted.duplicated}")
    print(f"false states: {', '.join(counted.lying_states) if counted.lying_states else 'none'}")
    print(
        f"longest on without an owner: {counted.longest_orphan_s:.2f} s; with the output guard killed as well: "
        f"{counted.longest_unwatched_orphan_s:.2f} s"
    )
    return int(bool(counted.lost or counted.duplicated or counted.lying_states))


if __name__ == "__main__":
    sys.exit(main())
