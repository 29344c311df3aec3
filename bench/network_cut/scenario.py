"""A cluster whose unit lives behind a cable, what is done to that cable, and what is counted then."""

from __future__ import annotations

import itertools
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.chaos_real import Counted, OutputWatch
from bench.network_cut.netns import (
    LEADER_ADDRESS,
    UNIT_ADDRESS,
    Cut,
    Network,
    network,
)
from bench.network_cut.report import CutReport, Report
from pioreactor import topics
from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.experiment import Jobs, start_experiment
from pioreactor.demo.plan import LEADER, VIEWER, DemoPlan
from pioreactor.exc import PioreactorError, StorageError
from pioreactor.messaging.mqtt import MqttBusFactory
from pioreactor.messaging.ports import Message
from pioreactor.storage.sqlite.journal import SqliteJournal
from pioreactor.storage.sqlite.stores import SqliteUnitStores
from pioreactor.structs import to_timestamp
from pioreactor.twin.remote_buses import RemoteWorld

UNIT = "worker1"
EXPERIMENT = "cut"
PATIENCE_S = 90.0
LOOK_S = 0.05
STAYS_TRUE_S = 3.0
ALIVE, ENDED = {"ready", "sleeping"}, {"disconnected", "lost"}
OCCASIONAL = "led_automation"
"""Ends in one cut and begins in the next."""
LIGHT = ("run", OCCASIONAL, "--automation-name", "light_dark_cycle", "--light-intensity", "10")
JOBS: Jobs = (
    ("stirring", {"target_rpm": 500}),
    ("od_reading", {}),
    ("growth_rate_calculating", {}),
    ("temperature_automation", {"automation_name": "thermostat", "target_temperature": 37}),
    ("dosing_automation", {"automation_name": "chemostat", "exchange_volume_ml": 0.5, "duration": 1}),
)
SETTINGS_OF_RUNS = "_automation_settings"
"""Tables with one row for a run, which its end completes."""


@dataclass(frozen=True)
class ReceivedMessage:
    """A message at the leader's broker."""

    at_s: float
    topic: str
    payload: bytes

    @property
    def job(self) -> str:
        return self.topic.split("/")[3]

    @property
    def is_state(self) -> bool:
        return self.topic.endswith("/$state")


class Listener:
    """Receives at the leader's broker what the unit and its jobs publish."""

    def __init__(self, cluster: DemoCluster) -> None:
        assert cluster.broker is not None
        self._lock = threading.Lock()
        self._received: list[ReceivedMessage] = []
        self.states: dict[str, tuple[str, float]] = {}
        """Of each job: what is said of it, and since when."""
        self._bus = MqttBusFactory(cluster.broker.address(VIEWER), "cut").connect("cut")
        self._bus.subscribe(f"pioreactor/{UNIT}/#", self._on_message)

    def _on_message(self, message: Message) -> None:
        received = ReceivedMessage(time.monotonic(), message.topic, message.payload)
        with self._lock:
            self._received.append(received)
            if received.is_state:
                self.states[received.job] = received.payload.decode(), received.at_s

    def since(self, moment_s: float) -> list[ReceivedMessage]:
        with self._lock:
            return [received for received in self._received if received.at_s >= moment_s]

    def close(self) -> None:
        self._bus.close()


class Scenario:
    """A cluster of a leader and one unit that lives behind the network's cable."""

    def __init__(self, net: Network, directory: Path, *, speed: float, log: Callable[[str], None]) -> None:
        self.report = Report()
        self._net = net
        self._log = log
        self._speed = speed
        plan = DemoPlan(
            directory,
            workers=1,
            speed=speed,
            port=4999,
            experiment=EXPERIMENT,
            hosts={LEADER: LEADER_ADDRESS, UNIT: UNIT_ADDRESS},
            command_prefix={UNIT: net.unit_prefix},
        )
        self.cluster = DemoCluster(plan, log=log)
        self._paths = self.cluster.paths(UNIT)
        self._counted = Counted()
        self._guests: list[subprocess.Popen[bytes]] = []
        self._ends = ExitStack()

    def start(self) -> None:
        self.cluster.start()
        start_experiment(self.cluster, jobs=JOBS, before_jobs=self.cluster.start_boot_services)
        self._journal = self._ends.enter_context(closing(SqliteJournal(self._paths.journal)))
        self._stores = self._ends.enter_context(closing(SqliteUnitStores(self._paths)))
        self._listener = self._ends.enter_context(closing(Listener(self.cluster)))
        self._world = RemoteWorld(self.cluster.plan.twin_socket(UNIT))
        self._watch = OutputWatch(self.cluster.plan.twin_socket(UNIT), self._paths.locks, self._counted)
        self._watch.start()
        self._ends.callback(self._end_watch)
        self._pio(*LIGHT)
        self._wait_for(lambda: len(self._truth()) == len(JOBS) + 2 and self._is_true(), "the jobs are ready")
        self._wait_for(lambda: self._doses_since(0) > 0, "the first dose")
        self._whole_since = time.monotonic()

    def _end_watch(self) -> None:
        self._watch.ending.set()
        self._watch.join()

    def close(self) -> None:
        """End everything that was started, as far as that had come."""
        self._ends.close()
        self.cluster.stop()
        for guest in self._guests:
            guest.wait(10.0)

    # ---- the unit, seen from within ------------------------------------------------------------------------

    def _pio(self, *words: str) -> None:
        model = {"MODEL_NAME": "pioreactor_20ml", "MODEL_VERSION": "1.5", "EXPERIMENT": EXPERIMENT, "ACTIVE": "1"}
        command = [*self._net.unit_prefix, sys.executable, "-m", "pioreactor.cli.main", *words]
        with (self.cluster.plan.directory / UNIT / "guest.out").open("ab") as log:
            self._guests.append(
                subprocess.Popen(
                    command,
                    env={**self.cluster.environment(UNIT), **model},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )

    def _truth(self) -> set[str]:
        return {record.job_name for record in self._stores.jobs().running()}

    def _toggle(self) -> None:
        """End the occasional job where it runs, or start it; the leader cannot be notified."""
        if OCCASIONAL in self._truth():
            self._guests.pop().send_signal(signal.SIGINT)
        else:
            self._pio(*LIGHT)

    def _doses_since(self, seq: int) -> int:
        entries = self._journal.read(after_seq=seq, limit=1_000_000)
        return sum(e.topic.endswith("/dosing_events") and b"add_media" in e.payload for e in entries)

    def _acknowledged(self) -> int:
        try:
            return self._journal.acknowledged_seq()
        except StorageError:
            return 0

    # ---- the leader ----------------------------------------------------------------------------------------

    def _is_true(self) -> bool:
        return not self._untrue()

    def _untrue(self) -> list[str]:
        living = self._truth()
        said = {job: state for job, (state, _) in self._listener.states.items()}
        wrong = [f"{job} runs but is {said.get(job)}" for job in living if said.get(job) not in ALIVE]
        return wrong + [f"{job} is {s} but ended" for job, s in said.items() if job not in living and s not in ENDED]

    def _can_ask_unit(self) -> bool:
        with suppress(PioreactorError):
            url = f"{self.cluster.plan.url_of(UNIT)}/unit_api/health"
            return self.cluster.http.request("GET", url, timeout_s=1.0).ok
        return False

    # ---- a cut ---------------------------------------------------------------------------------------------

    def _wait_for(self, condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> float:
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > within_s:
                raise TimeoutError(f"not within {within_s:g} s: {what}; {self._untrue()}")
            self.cluster.check_services()
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def live(self, seconds: float) -> None:
        """Let time pass."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.cluster.check_services()
            time.sleep(0.1)

    def cut(self, kind: Cut, seconds: float) -> CutReport:
        """Cut the network for so long, heal it, and wait until the leader knows everything again."""
        self._note_lies()
        before = self._journal.last_seq()
        self._log(f"{kind}: cut for {seconds:g} s.")
        began = time.monotonic()
        self._net.cut(kind)
        celsius = self._pass(seconds / 2)
        self._toggle()
        celsius += self._pass(seconds / 2 - (time.monotonic() - began - seconds / 2))
        self._net.heal(kind)
        healed = time.monotonic()
        last = self._journal.last_seq()
        took = healed - began
        report = CutReport(kind, round(took, 2), round(took * self._speed, 1))
        report.waiting = last - self._acknowledged()
        report.coldest_celsius, report.warmest_celsius = round(min(celsius), 2), round(max(celsius), 2)
        self._recover(report, healed, last)
        self._whole_since = time.monotonic()
        self._describe_cut(report, before, last)
        said = [h.at_s - began for h in self._listener.since(began) if h.is_state and h.payload == b"lost"]
        report.lost_said_after_s = round(min(said), 2) if said else None
        self.report.cuts.append(report)
        self._log(json.dumps(asdict(report)))
        return report

    def _note_lies(self) -> None:
        """Note what was falsely said since the last cut was healed and put right."""
        received = [h for h in self._listener.since(self._whole_since) if h.is_state and h.payload == b"lost"]
        self.report.lies += [f"{h.job} was called lost" for h in received if h.job in self._truth()] + self._untrue()

    def _pass(self, seconds: float) -> list[float]:
        """Let time pass; return the temperatures of the liquid."""
        until = time.monotonic() + seconds
        celsius = [self._world.snapshot().liquid_celsius]
        while time.monotonic() < until:
            self.live(min(0.5, max(0.0, until - time.monotonic())))
            celsius.append(self._world.snapshot().liquid_celsius)
        return celsius

    def _recover(self, report: CutReport, healed: float, last: int) -> None:
        awaited: dict[str, Callable[[], bool]] = {
            "records_safe_after_s": lambda: self._acknowledged() >= last,
            "said_safe_after_s": lambda: self._said_safe(healed) >= last,
            "reachable_after_s": self._can_ask_unit,
            "received": lambda: set(self._first_received(healed)) >= self._truth(),
        }
        true_since: float | None = None
        while awaited or true_since is None or time.monotonic() - true_since < STAYS_TRUE_S:
            now = time.monotonic()
            for name in [name for name, condition in awaited.items() if condition()]:
                del awaited[name]
                if name != "received":
                    setattr(report, name, round(now - healed, 2))
            untrue = self._untrue()
            report.put_right_last = untrue if untrue else report.put_right_last
            true_since = (true_since if true_since is not None else now) if not untrue else None
            if now - healed > PATIENCE_S:
                raise TimeoutError(f"it did not recover: {[*awaited]}, {self._untrue()}")
            self.cluster.check_services()
            time.sleep(LOOK_S)
        report.states_true_after_s = round(true_since - healed, 2)
        report.heard_after_s = {job: round(at, 2) for job, at in sorted(self._first_received(healed).items())}

    def _said_safe(self, since: float) -> int:
        """Return the last number that the unit has called safe since then."""
        said = [h.payload for h in self._listener.since(since) if h.topic == topics.monitor(UNIT, "safe_up_to")]
        return int(json.loads(said[-1])["acknowledged_seq"]) if said and said[-1] else 0

    def _first_received(self, healed: float) -> dict[str, float]:
        """Return when each running job was first received after healing [s], not counting the broker's wills."""
        first: dict[str, float] = {}
        for received in self._listener.since(healed):
            if received.job in self._truth() and received.payload != b"lost":
                first.setdefault(received.job, received.at_s - healed)
        return first

    def _describe_cut(self, report: CutReport, before: int, last: int) -> None:
        entries = self._journal.read(after_seq=before, limit=last - before)
        readings = [e.recorded_at for e in entries if e.topic.endswith("/od_reading/od_fused")]
        readings = readings or [e.recorded_at for e in entries if "/od_reading/od" in e.topic]
        report.readings = len(readings)
        report.doses = sum(e.topic.endswith("/dosing_events") and b"add_media" in e.payload for e in entries)
        report.longest_pause_unit_s = _longest_pause(readings)
        estimates = [e.recorded_at for e in entries if e.topic.endswith("/growth_rate_calculating/growth_rate")]
        report.growth_rates = len(estimates)
        report.longest_growth_pause_unit_s = _longest_pause(estimates)
        earlier = self._journal.read(after_seq=max(0, before - (last - before)), limit=last - before)
        report.usual_pause_unit_s = _longest_pause([e.recorded_at for e in earlier if "/od_reading/od" in e.topic])

    # ---- counting ------------------------------------------------------------------------------------------

    def finish(self) -> Report:
        """End the jobs with the network whole, wait for the last record, and compare."""
        self._note_lies()
        self._end_watch()
        self.report.longest_on_without_owner_s = round(self._counted.longest_orphan_s, 2)
        self.cluster.stop_jobs()
        self._wait_for(lambda: self._acknowledged() >= self._journal.last_seq(), "the last records are safe")
        entries = self._journal.read(after_seq=0, limit=10_000_000)
        self.report.entries = len(entries)
        self.report.entries_missing_in_journal = self._journal.last_seq() - len({entry.seq for entry in entries})
        with closing(SqliteJournal(self.cluster.paths(LEADER).journal)) as of_leader:
            # What the leader itself says of its units is in the same tables.
            self._wait_for(
                lambda: of_leader.acknowledged_seq() >= of_leader.last_seq(), "the leader's records are safe"
            )
            entries += of_leader.read(after_seq=0, limit=10_000_000)
        truth: Counter[tuple[str, str]] = Counter()
        for entry in entries:
            for row in rows_of(entry.topic, entry.payload, to_timestamp(entry.recorded_at)):
                truth[row.table, _key(row.values)] += 1
        written = self._written({table for table, _ in truth})
        once = {key for key in truth if key[0].endswith(SETTINGS_OF_RUNS)}
        truth.update({key: 1 - truth[key] for key in once})
        self.report.rows = truth.total()
        self.report.lost = (truth - written).total()
        self.report.duplicated = (written - truth).total()
        self.report.lost_or_doubled = [repr(key) for key in [*(truth - written), *(written - truth)][:10]]
        return self.report

    def _written(self, tables: set[str]) -> Counter[tuple[str, str]]:
        written: Counter[tuple[str, str]] = Counter()
        with closing(sqlite3.connect(self.cluster.paths(LEADER).database)) as connection:
            connection.row_factory = sqlite3.Row
            for table in sorted(tables):
                written.update((table, _key(dict(row))) for row in connection.execute(f"SELECT * FROM {table}"))
        return written


def _key(values: dict[str, Any]) -> str:
    """Return a row as text, without what it lacks: rows of one table may have other columns."""
    return repr(sorted((k, v) for k, v in values.items() if v is not None and k != "id"))


def _longest_pause(moments: Sequence[Any]) -> float:
    times = sorted({moment.timestamp() for moment in moments})
    return round(max((b - a for a, b in itertools.pairwise(times)), default=0.0), 2)


@contextmanager
def scenario(directory: Path, *, speed: float, log: Callable[[str], None]) -> Iterator[Scenario]:
    """Yield a running cluster. The caller has a network namespace of his own."""
    with network() as net:
        made = Scenario(net, directory, speed=speed, log=log)
        try:
            made.start()
            yield made
        finally:
            made.close()
