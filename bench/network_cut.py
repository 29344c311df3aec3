"""Cuts the network of a unit whose reactor is running, heals it, and counts what that cost.

Run: python -m bench.network_cut [--cut-s 30] [--speed 20] [--kinds "link down,silent,one way"] [--json FILE], as root.

Broker, web server and database writer live in one network namespace, the unit with its reactor in another one, with a
router in between (`bench.apart`). The unit stirs, reads OD, estimates growth, keeps 37 °C and doses once in a minute of
its time. At the middle of every cut an LED automation ends, or begins, so that what the leader knew before is not the
truth any more. What the unit's journal holds at the end is what the leader's database is compared with.
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.apart import CUTS, INSIDE, LEADER_ADDRESS, UNIT_ADDRESS, Cut, Network, network, run_inside, why_not
from bench.chaos_real import Counted, OutputWatch
from pioreactor import topics
from pioreactor.background_jobs.leader.recording import rows_of
from pioreactor.bootstrap.local import local_cluster
from pioreactor.cli.demo_experiment import Starts, begin_experiment
from pioreactor.cluster.local import LEADER, VIEWER, LocalCluster, LocalClusterPlan
from pioreactor.exc import StorageError
from pioreactor.messaging.mqtt import MqttBusFactory
from pioreactor.messaging.ports import Message
from pioreactor.storage.sqlite.journal import SqliteJournal
from pioreactor.storage.sqlite.stores import SqliteUnitStores
from pioreactor.structs import to_timestamp
from pioreactor.twin.remote import RemoteWorld

UNIT = "worker1"
EXPERIMENT = "cut"
PATIENCE_S = 90.0
LOOK_S = 0.05
ALIVE, ENDED = {"ready", "sleeping"}, {"disconnected", "lost"}
OCCASIONAL = "led_automation"
"""Ends in one cut and begins in the next."""
LIGHT = ("run", OCCASIONAL, "--automation-name", "light_dark_cycle", "--light-intensity", "10")
JOBS: Starts = (
    ("stirring", {"target_rpm": 500}),
    ("od_reading", {}),
    ("growth_rate_calculating", {}),
    ("temperature_automation", {"automation_name": "thermostat", "target_temperature": 37}),
    ("dosing_automation", {"automation_name": "chemostat", "exchange_volume_ml": 0.5, "duration": 1}),
)
SETTINGS_OF_RUNS = "_automation_settings"
"""Tables with one row for a run, which its end completes."""


@dataclass
class CutReport:
    """What one cut cost. Seconds are of real time, but for those that say otherwise."""

    kind: str
    cut_s: float
    cut_unit_s: float
    """The same in the unit's time."""
    readings: int = 0
    """Of OD that were made during the cut."""
    doses: int = 0
    """Records of media that was added; a dose has one for each second of pumping."""
    longest_pause_unit_s: float = 0.0
    """Between two OD readings of the cut, in the unit's time."""
    usual_pause_unit_s: float = 0.0
    """The longest of as long a time before."""
    growth_rates: int = 0
    """Estimated during the cut, by a job that hears the OD readings of another."""
    longest_growth_pause_unit_s: float = 0.0
    """Between two estimates, in the unit's time."""
    coldest_celsius: float = 0.0
    warmest_celsius: float = 0.0
    waiting: int = 0
    """Records that the leader did not have when the cut was healed."""
    lost_said_after_s: float | None = None
    """From the cut until the leader said that a job was lost; None: never."""
    states_true_after_s: float = 0.0
    """From healing until the leader's states were the truth and stayed it."""
    records_safe_after_s: float = 0.0
    """From healing until the leader had everything recorded before it."""
    said_safe_after_s: float = 0.0
    """From healing until the unit said that everything recorded before it is safe."""
    heard_after_s: dict[str, float] = field(default_factory=dict)
    """From healing until the first message of each job."""
    reachable_after_s: float = 0.0
    """From healing until the leader's page could ask the unit's API."""


@dataclass
class Report:
    """What was counted in all."""

    cuts: list[CutReport] = field(default_factory=list)
    entries: int = 0
    entries_missing_in_journal: int = 0
    rows: int = 0
    lost: int = 0
    duplicated: int = 0
    lost_or_doubled: list[str] = field(default_factory=list)
    """The first of them, in words."""
    lies: list[str] = field(default_factory=list)
    """States that were told of living jobs while the network was whole."""
    longest_on_without_owner_s: float = 0.0


@dataclass(frozen=True)
class Heard:
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
    """Hears at the leader's broker what comes from the unit, and what is said of its jobs."""

    def __init__(self, cluster: LocalCluster) -> None:
        assert cluster.broker is not None
        self._lock = threading.Lock()
        self._heard: list[Heard] = []
        self.states: dict[str, tuple[str, float]] = {}
        """Of each job: what is said of it, and since when."""
        self._bus = MqttBusFactory(cluster.broker.address(VIEWER), "cut").connect("cut")
        self._bus.subscribe(f"pioreactor/{UNIT}/#", self._hear)

    def _hear(self, message: Message) -> None:
        heard = Heard(time.monotonic(), message.topic, message.payload)
        with self._lock:
            self._heard.append(heard)
            if heard.is_state:
                self.states[heard.job] = heard.payload.decode(), heard.at_s

    def since(self, moment_s: float) -> list[Heard]:
        with self._lock:
            return [heard for heard in self._heard if heard.at_s >= moment_s]

    def close(self) -> None:
        self._bus.close()


class Trial:
    """A cluster of a leader and one unit that lives behind the network's cable."""

    def __init__(self, net: Network, directory: Path, *, speed: float, say: Callable[[str], None]) -> None:
        self.report = Report()
        self._net = net
        self._say = say
        self._speed = speed
        plan = LocalClusterPlan(
            directory,
            workers=1,
            speed=speed,
            port=4999,
            experiment=EXPERIMENT,
            hosts={LEADER: LEADER_ADDRESS, UNIT: UNIT_ADDRESS},
            enter={UNIT: net.enter_unit},
        )
        self.cluster = local_cluster(plan, say=say)
        self._paths = self.cluster.paths(UNIT)
        self._counted = Counted()
        self._guests: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self.cluster.start()
        begin_experiment(self.cluster, jobs=JOBS, between=self.cluster.start_records)
        self._journal = SqliteJournal(self._paths.journal)
        self._stores = SqliteUnitStores(self._paths)
        self._world = RemoteWorld(self.cluster.twin_socket(UNIT))
        self._listener = Listener(self.cluster)
        self._watch = OutputWatch(self.cluster.twin_socket(UNIT), self._paths.locks, self._counted)
        self._watch.start()
        self._pio(*LIGHT)
        self._wait_for(lambda: len(self._truth()) == len(JOBS) + 2 and self._is_true(), "the jobs are ready")
        self._wait_for(lambda: self._doses_since(0.0) > 0, "the first dose")

    def close(self) -> None:
        """End everything that was started, as far as that had come."""
        watch = getattr(self, "_watch", None)
        if watch is not None:
            watch.ending.set()
            watch.join()
        for name in ("_listener", "_world", "_stores", "_journal"):
            part = getattr(self, name, None)
            if part is not None and hasattr(part, "close"):
                part.close()
        self.cluster.stop()
        for guest in self._guests:
            guest.wait(10.0)

    # ---- the unit, seen from within ------------------------------------------------------------------------

    def _pio(self, *words: str) -> None:
        model = {"MODEL_NAME": "pioreactor_20ml", "MODEL_VERSION": "1.5", "EXPERIMENT": EXPERIMENT, "ACTIVE": "1"}
        command = [*self._net.enter_unit, sys.executable, "-m", "pioreactor.cli.main", *words]
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
        """End the occasional job where it runs, or begin it: the leader cannot hear of it."""
        if OCCASIONAL in self._truth():
            self._guests.pop().send_signal(signal.SIGINT)
        else:
            self._pio(*LIGHT)

    def _doses_since(self, seq: float) -> int:
        entries = self._journal.read(after_seq=int(seq), limit=1_000_000)
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
        with suppress(Exception):
            return self.cluster.http.request("GET", f"{self.cluster.url_of(UNIT)}/unit_api/health", timeout_s=1.0).ok
        return False

    # ---- a cut ---------------------------------------------------------------------------------------------

    def _wait_for(self, condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> float:
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > within_s:
                raise TimeoutError(f"not within {within_s:g} s: {what}; {self._untrue()}")
            self.cluster.look_after()
            time.sleep(LOOK_S)
        return time.monotonic() - began

    def _live(self, seconds: float) -> None:
        """Let time pass, and note what is falsely said meanwhile if the network is whole."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.cluster.look_after()
            time.sleep(0.1)

    def cut(self, kind: Cut, seconds: float) -> CutReport:
        """Cut the network for so long, heal it, and wait until the leader knows everything again."""
        before = self._journal.last_seq()
        self._say(f"{kind}: cut for {seconds:g} s.")
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
        self._describe_cut(report, before, last)
        said = [h.at_s - began for h in self._listener.since(began) if h.is_state and h.payload == b"lost"]
        report.lost_said_after_s = round(min(said), 2) if said else None
        self.report.cuts.append(report)
        self._say(json.dumps(asdict(report)))
        return report

    def _pass(self, seconds: float) -> list[float]:
        """Let time pass; return the temperatures of the liquid."""
        until = time.monotonic() + seconds
        celsius = [self._world.snapshot().liquid_celsius]
        while time.monotonic() < until:
            self._live(min(0.5, max(0.0, until - time.monotonic())))
            celsius.append(self._world.snapshot().liquid_celsius)
        return celsius

    def _recover(self, report: CutReport, healed: float, last: int) -> None:
        awaited: dict[str, Callable[[], bool]] = {
            "records_safe_after_s": lambda: self._acknowledged() >= last,
            "said_safe_after_s": lambda: self._said_safe(healed) >= last,
            "reachable_after_s": self._can_ask_unit,
            "heard": lambda: set(self._first_heard(healed)) >= self._truth(),
        }
        true_since: float | None = None
        while awaited or true_since is None or time.monotonic() - true_since < 3.0:
            now = time.monotonic()
            for name in [name for name, condition in awaited.items() if condition()]:
                del awaited[name]
                if name != "heard":
                    setattr(report, name, round(now - healed, 2))
            true_since = (true_since if true_since is not None else now) if self._is_true() else None
            if now - healed > PATIENCE_S:
                raise TimeoutError(f"it did not recover: {[*awaited]}, {self._untrue()}")
            self.cluster.look_after()
            time.sleep(LOOK_S)
        report.states_true_after_s = round(true_since - healed, 2)
        report.heard_after_s = {job: round(at, 2) for job, at in sorted(self._first_heard(healed).items())}

    def _said_safe(self, since: float) -> int:
        """Return the last number that the unit has called safe since then."""
        said = [h.payload for h in self._listener.since(since) if h.topic == topics.monitor(UNIT, "safe_up_to")]
        return int(json.loads(said[-1])["acknowledged_seq"]) if said and said[-1] else 0

    def _first_heard(self, healed: float) -> dict[str, float]:
        """Return when each living job was first heard after healing [s]. What the broker itself says does not count."""
        first: dict[str, float] = {}
        for heard in self._listener.since(healed):
            if heard.job in self._truth() and heard.payload != b"lost":
                first.setdefault(heard.job, heard.at_s - healed)
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
        self.report.lies = self._untrue()
        self._watch.ending.set()
        self._watch.join()
        self.report.longest_on_without_owner_s = round(self._counted.longest_orphan_s, 2)
        self.cluster._stop_jobs()
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
def trial(directory: Path, *, speed: float, say: Callable[[str], None]) -> Iterator[Trial]:
    """Yield a running cluster. The caller has a network namespace of his own."""
    with network() as net:
        made = Trial(net, directory, speed=speed, say=say)
        try:
            made.start()
            yield made
        finally:
            made.close()


def count(arguments: Sequence[str], *, within_s: float = 3600.0) -> Report:
    """Run this benchmark in namespaces of its own; nothing of it is left when this returns or raises."""
    with tempfile.TemporaryDirectory(prefix="pio-cut-", ignore_cleanup_errors=True) as directory:
        result = Path(directory) / "report.json"
        apart = run_inside("bench.network_cut", [*arguments, "--data", directory, "--json", str(result)])
        try:
            status = apart.wait(within_s)
        finally:
            apart.kill()
            apart.wait()
        if status != 0:
            raise RuntimeError(f"the trial ended with {status}")
        read = json.loads(result.read_text())
    cuts = [CutReport(**cut) for cut in read.pop("cuts")]
    return Report(cuts, **read)


def table(report: Report) -> str:
    """Return what was counted as text for docs."""
    names = [name for name in asdict(report.cuts[0]) if name not in ("kind", "heard_after_s")] if report.cuts else []
    lines = [f"{'':<28}" + "".join(f"{cut.kind:>12}" for cut in report.cuts)]
    for name in names:
        lines.append(f"{name:<28}" + "".join(f"{_shown(getattr(cut, name)):>12}" for cut in report.cuts))
    slowest = [max(cut.heard_after_s.values()) for cut in report.cuts]
    lines.append(f"{'every job heard after_s':<28}" + "".join(f"{value:>12g}" for value in slowest))
    whole = {name: value for name, value in asdict(report).items() if name != "cuts"}
    return "\n".join([*lines, "", *(f"{name:<28}{_shown(value):>12}" for name, value in whole.items())])


def _shown(value: object) -> str:
    return "none" if value in (None, []) else f"{value:g}" if isinstance(value, float) else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cut-s", type=float, default=30.0, help="length of each cut in real time [s]")
    parser.add_argument("--speed", type=float, default=20.0, help="how many times faster the cluster lives")
    parser.add_argument("--kinds", default=",".join(CUTS), help="of cuts, in order, separated by commas")
    parser.add_argument("--json", type=Path, default=None, help="where to write the report")
    parser.add_argument("--data", type=Path, default=None, help=argparse.SUPPRESS)
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.inside:
        return _outside(asked)
    kinds: list[Any] = [kind.strip() for kind in asked.kinds.split(",")]
    began = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {words}", file=sys.stderr, flush=True)

    with trial(asked.data, speed=asked.speed, say=say) as made:
        for kind in kinds:
            made.cut(kind, asked.cut_s)
            made._live(2.0)
        report = made.finish()
    asked.json.write_text(json.dumps(asdict(report)))
    return 0


def _outside(asked: argparse.Namespace) -> int:
    trouble = why_not()
    if trouble is not None:
        print(f"This machine cannot make network namespaces: {trouble}", file=sys.stderr)
        return 2
    report = count(["--cut-s", str(asked.cut_s), "--speed", str(asked.speed), "--kinds", asked.kinds])
    if asked.json is not None:
        asked.json.write_text(json.dumps(asdict(report), indent=2) + "\n")
    print(table(report))
    return int(bool(report.lost or report.duplicated or report.lies))


if __name__ == "__main__":
    sys.exit(main())
