"""One sequence: a cluster boots, hours pass with faults, everything is healed, and the counts are taken."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bench.chaos.cluster import Machine, build_cluster, jobs_of
from bench.chaos.faults import LONGEST_DELAY_S, Fault, FaultInjector, draw, quiet_logs
from pioreactor import structs
from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.calibrations.defaults import ML_PER_S
from pioreactor.states import JobState
from pioreactor.storage.ports import ValueType

SETTLING_S = 60.0
LOOK_S = 0.1
LOOK_CLOSELY_S = 5.0
"""After each fault, outputs are looked at closely for so long."""
LOOK_NOW_AND_THEN_S = 20.0
ORPHAN_BOUND_S = 1.0
ORPHAN_BOUND_UNWATCHED_S = 3.0
STATES_WITHIN_S = 2.0
DRAINED_WITHIN_S = 300.0
PERSON_RETURNS_S = 30.0
SERVICES_BACK_WITHIN_S = 30.0
CUTS_DOSES = {
    "cut_power",
    "put_back_journal",
    "kill_job",
    "kill_while_dosing",
    "kill_output_guard_and_jobs",
    "fill_disk",
}
DOSE_ERROR_PER_CUT_ML = 1.05 * ML_PER_S
"""What a pump moves between two notes of its run."""

RowKey = tuple[str, tuple[tuple[str, ValueType], ...]]


@dataclass
class Counts:
    """What was counted in one sequence. `broken` says in words what must not be."""

    seed: int
    faults: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    lost: int = 0
    duplicated: int = 0
    states: int = 0
    lying_states: int = 0
    orphans: int = 0
    longest_orphan_s: float = 0.0
    longest_unwatched_orphan_s: float = 0.0
    fullest_vial: float = 0.0
    """The largest volume that was in a vial, as a part of what may be in it."""
    spilled_ml: float = 0.0
    hottest_board_celsius: float = 0.0
    drained_s: float = 0.0
    worst_dose_error_ml: float = 0.0
    digest: str = ""
    """Of all rows in the leader's database: equal seeds, equal digests."""
    broken: list[str] = field(default_factory=list)


class Sequence:
    """Runs one sequence. Equal seeds give equal counts."""

    def __init__(self, seed: int, *, hours: float, how_many: int, only: Iterable[str] | None = None) -> None:
        self.counts = Counts(seed)
        self.faults = draw(seed, hours=hours, how_many=how_many)
        if only is not None:
            self.faults = [fault for fault in self.faults if fault.kind in set(only)]
        self._hours = hours
        self.cluster = build_cluster(seed)
        self._clock = self.cluster.simulation.clock
        self._injector = FaultInjector(self.cluster)
        self._unowned_since: dict[tuple[str, str], float] = {}
        self._unwatched_until: dict[str, float] = {}
        self._limits = {
            name: (
                machine.unit.runtime.model().reactor_max_fill_volume_ml,
                machine.unit.runtime.model().max_temp_to_shutdown,
            )
            for name, machine in self.cluster.machines.items()
        }

    @property
    def _machines(self) -> list[Machine]:
        return list(self.cluster.machines.values())

    def run(self) -> Counts:
        with quiet_logs():
            for machine in self._machines:
                machine.boot()
            self._clock.sleep(SETTLING_S / 2)
            self._person_looks()
            self._clock.sleep(SETTLING_S / 2)
            self._go_through(self.faults)
            self._heal()
            self._count_states()
            self._drain()
            self._count_rows()
            self._count_doses()
        self.counts.faults = self._injector.counts
        return self.counts

    # ---- hours -----------------------------------------------------------------------------------------------

    def _go_through(self, faults: list[Fault]) -> None:
        """Let each fault begin and end at its moment; look at outputs meanwhile."""
        start_s = self._clock.monotonic()
        number = 0
        agenda: list[tuple[float, int, Callable[[], None]]] = []

        def plan(at_s: float, do: Callable[[], None]) -> None:
            nonlocal number
            number += 1
            heapq.heappush(agenda, (at_s, number, do))

        def begin(fault: Fault) -> None:
            if fault.kind.startswith("kill_output_guard"):
                self._unwatched_until[fault.unit] = self._clock.monotonic() + ORPHAN_BOUND_UNWATCHED_S
            ending = self._injector.make(fault)
            now_s = self._clock.monotonic()
            if ending is not None:
                plan(now_s + fault.lasts_s, ending)
            plan(now_s + PERSON_RETURNS_S, self._person_looks)

        for fault in faults:
            plan(start_s + fault.at_s, lambda fault=fault: begin(fault))  # type: ignore[misc]
        end_s = start_s + self._hours * 3600.0
        while agenda:
            at_s, _, do = heapq.heappop(agenda)
            self._wait_until(at_s)
            do()
            self._watch_closely()
        self._wait_until(end_s)

    def _wait_until(self, at_s: float) -> None:
        while (remaining_s := at_s - self._clock.monotonic()) > 0:
            self._clock.sleep(min(remaining_s, LOOK_NOW_AND_THEN_S))
            self._look()

    def _watch_closely(self) -> None:
        until_s = self._clock.monotonic() + LOOK_CLOSELY_S
        while self._clock.monotonic() < until_s:
            self._look()
            self._clock.sleep(LOOK_S)

    def _person_looks(self) -> None:
        """Start what should run and does not, as a person would who looks at the page."""
        for machine in self._machines:
            if not machine.has_power:
                continue
            running = {process.name for process in machine.unit.processes if process.is_alive}
            for words in machine.jobs:
                if words[0] not in running:
                    machine.start(words)

    # ---- what must hold at any time ----------------------------------------------------------------------------

    def _look(self) -> None:
        for machine in self._machines:
            self._look_at_outputs(machine)
            world = machine.unit.world
            world.advance()
            max_ml, max_celsius = self._limits[machine.unit.name]
            counts = self.counts
            counts.fullest_vial = max(counts.fullest_vial, world.vessel.volume_ml / max_ml)
            counts.hottest_board_celsius = max(counts.hottest_board_celsius, world.thermal.board)
            counts.spilled_ml = max(counts.spilled_ml, world.vessel.spilled_ml)
            if world.vessel.spilled_ml > 0:
                self._break(f"{machine.unit.name} spilled")
            if world.vessel.volume_ml > max_ml:
                self._break(f"the vial of {machine.unit.name} was fuller than it may be")
            if world.thermal.board > max_celsius:
                self._break(f"{machine.unit.name} was too hot")

    def _look_at_outputs(self, machine: Machine) -> None:
        unit = machine.unit
        now_s = self._clock.monotonic()
        pins = unit.world.wires.pwm_roles
        lit = {f"pwm-{pin}": unit.world.outputs.get(role, 0.0) for pin, role in pins.items()}
        lit |= {f"led-{channel}": level for channel, level in unit.world.optics.leds.items()}
        for resource, level in lit.items():
            key = (unit.name, resource)
            if not level > 0 or unit.ownership.holder(resource) is not None:
                self._unowned_since.pop(key, None)
                continue
            if key not in self._unowned_since:
                self.counts.orphans += 1
            lasted_s = now_s - self._unowned_since.setdefault(key, now_s)
            unwatched = self._unwatched_until.get(unit.name, -1.0) >= self._unowned_since[key]
            bound_s = ORPHAN_BOUND_UNWATCHED_S if unwatched else ORPHAN_BOUND_S
            name = "longest_unwatched_orphan_s" if unwatched else "longest_orphan_s"
            setattr(self.counts, name, max(getattr(self.counts, name), lasted_s))
            if lasted_s > bound_s + LOOK_S / 2:
                self._break(f"{resource} of {unit.name} was on without an owner at {now_s:.0f} s")

    def _break(self, words: str) -> None:
        if words not in self.counts.broken:
            self.counts.broken.append(words)

    # ---- the end -----------------------------------------------------------------------------------------------

    def _heal(self) -> None:
        """Take all faults back and wait until everything that runs from boot is there."""
        if not self.cluster.simulation.broker.is_running():
            self.cluster.simulation.broker.start()
        self.cluster.sink.fault = ""
        for machine in self._machines:
            machine.disk.is_full = False
            machine.unit.set_link(None)
            machine.unit.mend_network()
            if not machine.has_power:
                machine.boot()
        # What a bad link still holds back arrives late: it is part of the fault.
        self._clock.sleep(LONGEST_DELAY_S)
        until_s = self._clock.monotonic() + SERVICES_BACK_WITHIN_S
        while not all(self._serves(machine) for machine in self._machines):
            if self._clock.monotonic() > until_s:
                self._break("services did not come back")
                return
            self._clock.sleep(0.5)

    @staticmethod
    def _serves(machine: Machine) -> bool:
        running = {job.job_name for job in jobs_of(machine.unit).values()} | {"output_guard"}
        return set(machine.services) <= running and machine.started["output_guard"].is_alive

    def _count_states(self) -> None:
        """Compare each retained state with the truth, once `STATES_WITHIN_S` have passed."""
        self._clock.sleep(STATES_WITHIN_S)
        retained = self.cluster.simulation.broker.retained
        for machine in self._machines:
            truth = {topic: job.state.encode() for topic, job in jobs_of(machine.unit).items()}
            prefix = f"pioreactor/{machine.unit.name}/"
            told = {t: p for t, p in retained.items() if t.startswith(prefix) and t.endswith("/$state")}
            self.counts.states += len(told | truth)
            for topic in sorted(told | truth):
                if topic in truth:
                    is_true = told.get(topic) == truth[topic]
                else:
                    is_true = told[topic] in (JobState.LOST.encode(), JobState.DISCONNECTED.encode(), b"")
                if not is_true:
                    self.counts.lying_states += 1
                    self._break(f"{topic} says {told.get(topic)!r}, in truth {truth.get(topic)!r}")

    def _drain(self) -> None:
        started_s = self._clock.monotonic()
        while self._clock.monotonic() - started_s < DRAINED_WITHIN_S:
            journals = [machine.journal for machine in self._machines]
            if all(journal.acknowledged_seq() >= journal.last_seq() - 5 for journal in journals):
                break
            self._clock.sleep(1.0)
        self.counts.drained_s = self._clock.monotonic() - started_s
        # Everybody ends in order, the ones that bring records last, so that the last words arrive, too.
        for machine in self._machines:
            machine.unit.stop_jobs(leave=("monitor", "mqtt_to_db_streaming"))
        self._clock.sleep(30.0)

    def _count_rows(self) -> None:
        truth: Counter[RowKey] = Counter()
        gone: Counter[RowKey] = Counter()
        for machine in self._machines:
            for place, (topic, payload, recorded_at) in enumerate(machine.journal.appended):
                for row in rows_of(topic, payload, structs.to_timestamp(recorded_at)):
                    expected = gone if place in machine.journal.gone else truth
                    expected[row.table, tuple(row.values.items())] += 1
        written = Counter((table, tuple(row.items())) for table, rows in self.cluster.sink.rows.items() for row in rows)
        self._except_last_words(truth, written)
        counts = self.counts
        counts.digest = hashlib.sha256(repr(self.cluster.sink.rows).encode()).hexdigest()[:16]
        counts.rows = truth.total()
        counts.lost = (truth - written).total()
        # What was on its way when its journal was put back may have arrived.
        counts.duplicated = (written - truth - gone).total()
        if counts.lost:
            self._break(f"{counts.lost} rows were lost, such as {next(iter((truth - written).items()))}")
        if counts.duplicated:
            self._break(
                f"{counts.duplicated} rows were duplicated, such as {next(iter((written - truth - gone).items()))}"
            )

    def _except_last_words(self, truth: Counter[RowKey], written: Counter[RowKey]) -> None:
        """Leave out what is still on its way at this moment, if it is what the forwarders hold as unacknowledged."""
        for machine in self._machines:
            journal = machine.journal
            for entry in journal.read(after_seq=journal.acknowledged_seq(), limit=10_000):
                for row in rows_of(entry.topic, entry.payload, structs.to_timestamp(entry.recorded_at)):
                    key = (row.table, tuple(row.values.items()))
                    if written[key] < truth[key]:
                        truth[key] -= 1
            if journal.last_seq() - journal.acknowledged_seq() > 50:
                self._break(f"{machine.unit.name} still has {journal.last_seq() - journal.acknowledged_seq()} entries")

    def _count_doses(self) -> None:
        """Compare the totals of the volume ledger with how long the pumps ran."""
        names = {"media": "media_added", "alt_media": "alt_media_added", "waste": "waste_removed"}
        for machine in self._machines:
            store = machine.unit.stores.persistent("bioreactor")
            for role, name in names.items():
                told_ml = sum(
                    float(value)
                    for key, value in store.items()
                    if isinstance(key, tuple) and key[1] == f"cumulative_{name}_ml" and isinstance(value, int | float)
                )
                error_ml = told_ml - ML_PER_S * machine.on_seconds.get(role, 0.0)
                if role == "waste":
                    error_ml = max(0.0, error_ml)  # below the efflux tube the pump draws air, which is not counted
                if abs(error_ml) > abs(self.counts.worst_dose_error_ml):
                    self.counts.worst_dose_error_ml = error_ml
                self._bound_dose_error(machine, role, error_ml)

    def _bound_dose_error(self, machine: Machine, role: str, error_ml: float) -> None:
        """An interruption may cost what a pump moves in a second, a power cut what it moves between two notes."""
        cuts = sum(fault.kind in CUTS_DOSES for fault in self.faults)
        bound_ml = 1e-6 + DOSE_ERROR_PER_CUT_ML * cuts
        if abs(error_ml) > bound_ml:
            self._break(f"the volume ledger of {machine.unit.name} is {error_ml:.3f} mL of {role} off")
