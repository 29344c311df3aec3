"""The faults themselves: each begins at a moment, lasts a while, and ends by itself or by `heal`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.chaos.cluster import EXPERIMENT, LEADER, WORKER, Cluster, Machine
from pioreactor import topics
from pioreactor.messaging.memory import RandomFaults

DAY_S = 86_400.0
LONGEST_DELAY_S = 30.0


@dataclass(frozen=True)
class Fault:
    """What happens, when [s], to which unit, for how long [s]. `number` seeds what is random about it."""

    at_s: float
    kind: str
    unit: str
    lasts_s: float
    number: int

    def __str__(self) -> str:
        return f"{self.at_s:7.1f} s  {self.kind} at {self.unit} for {self.lasts_s:.1f} s"


class FaultInjector:
    """Makes fault on a cluster and takes it back."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.counts: dict[str, int] = {}
        self.stepped_s = 0.0
        self._backups = [cluster.sink.copy()]
        self._journal_copies = {name: [machine.journal.copy()] for name, machine in cluster.machines.items()}
        self._a_journal_was_put_back = False

    def make(self, fault: Fault) -> Callable[[], None] | None:
        """Let it happen; return how it ends, None when it has no duration."""
        self.counts[fault.kind] = self.counts.get(fault.kind, 0) + 1
        machine = self._cluster.machines[fault.unit]
        self._backups.append(self._cluster.sink.copy())
        self._journal_copies[fault.unit].append(machine.journal.copy())
        ending: Callable[[], None] | None = getattr(self, f"_{fault.kind}")(machine, fault)
        return ending

    # ---- processes -----------------------------------------------------------------------------------------

    def _kill_job(self, machine: Machine, fault: Fault) -> None:
        """Kill one job of a person; a person starts it again after a while."""
        living = machine.user_jobs()
        if living:
            random.Random(fault.number).choice(living).kill()

    def _kill_service(self, machine: Machine, name: str) -> None:
        process = machine.started.get(name)
        if process is not None:
            process.kill()

    def _kill_monitor(self, machine: Machine, _fault: Fault) -> None:
        self._kill_service(machine, "monitor")

    def _kill_writer(self, _machine: Machine, _fault: Fault) -> None:
        self._kill_service(self._cluster.machines[LEADER], "mqtt_to_db_streaming")

    def _kill_output_guard(self, machine: Machine, _fault: Fault) -> None:
        self._kill_service(machine, "output_guard")

    def _kill_output_guard_and_jobs(self, machine: Machine, _fault: Fault) -> None:
        self._kill_service(machine, "output_guard")
        for process in machine.user_jobs():
            process.kill()

    def _dose_by_hand(self, machine: Machine, fault: Fault) -> None:
        """Not a fault in itself: it gives the others something to interrupt."""
        if not machine.has_power:
            return
        chosen = random.Random(fault.number)
        action = chosen.choice(["add_media", "add_alt_media", "remove_waste"])
        machine.start((action, "--duration", f"{chosen.uniform(2, 20):.1f}"))

    def _kill_while_dosing(self, machine: Machine, fault: Fault) -> None:
        self._dose_by_hand(machine, fault)
        clock = machine.unit.clock

        def kill() -> None:
            clock.sleep(random.Random(fault.number).uniform(0.5, 4.0))
            for process in machine.user_jobs():
                if process.name.startswith(("add_", "remove_", "dosing")):
                    process.kill()

        clock.spawn(kill, name="killer")

    def _pause_and_resume(self, machine: Machine, fault: Fault) -> Callable[[], None] | None:
        """A person pauses a job and resumes it later."""
        if not machine.jobs:
            return None
        job = random.Random(fault.number).choice([words[0] for words in machine.jobs])
        bus = self._cluster.simulation.broker.connect("person")
        topic = topics.set_setting(machine.unit.name, EXPERIMENT, job, "state")
        bus.publish(topic, b"sleeping")

        def resume() -> None:
            bus.publish(topic, b"ready")
            bus.close()

        return resume

    # ---- power, disk, clock ----------------------------------------------------------------------------------

    def _cut_power(self, machine: Machine, fault: Fault) -> Callable[[], None] | None:
        if not machine.has_power:
            return None
        machine.cut_power()
        if machine.unit.name == LEADER:
            self._cluster.sink.lose_newest(random.Random(fault.number).randint(0, 3))
            self._broker_goes()
            self._broker_comes_back()

        def power() -> None:
            if not machine.has_power:
                machine.boot()

        return power

    def _put_back_database(self, _machine: Machine, fault: Fault) -> None:
        """A person restores one of the backups: the units still hold what came later."""
        if self._a_journal_was_put_back:
            return  # what was in the newer database alone would be gone
        self._kill_writer(_machine, fault)
        self._cluster.sink.put_back(random.Random(fault.number).choice(self._backups))

    def _put_back_journal(self, machine: Machine, fault: Fault) -> Callable[[], None] | None:
        """The power goes, and comes back with an older copy of the journal: the leader may have what came later."""
        ending = self._cut_power(machine, fault)
        if ending is None:
            return None
        sink, journal = self._cluster.sink, machine.journal
        leader_has = sink.progress(machine.unit.name, journal.journal_id)
        for name, through_seq in journal.former_names():
            leader_has = max(leader_has, min(through_seq, sink.progress(machine.unit.name, name)))
        copies = self._journal_copies[fault.unit]
        chosen = random.Random(fault.number).randrange(len(copies))
        journal.put_back(copies[chosen], leader_has=leader_has)
        del copies[chosen + 1 :]
        sink.sync()
        self._a_journal_was_put_back = True
        return ending

    def _fill_disk(self, machine: Machine, _fault: Fault) -> Callable[[], None]:
        machine.disk.is_full = True

        def free() -> None:
            machine.disk.is_full = False

        return free

    def _database_refuses(self, _machine: Machine, _fault: Fault) -> Callable[[], None]:
        return self._database("refuses")

    def _database_is_silent(self, _machine: Machine, _fault: Fault) -> Callable[[], None]:
        return self._database("silent")

    def _database(self, how: str) -> Callable[[], None]:
        sink = self._cluster.sink
        sink.fault = how

        def end() -> None:
            sink.fault = ""

        return end

    def _step_clock(self, machine: Machine, fault: Fault) -> None:
        chosen = random.Random(fault.number)
        by_s = chosen.choice([1.0, 60.0, 3600.0, 30 * DAY_S, 3000 * DAY_S]) * chosen.choice([-1.0, 1.0])
        machine.unit.clock.step_wall_clock(by_s)
        self.stepped_s += by_s

    # ---- network -------------------------------------------------------------------------------------------

    def _bad_link(self, machine: Machine, fault: Fault) -> Callable[[], None]:
        """Messages are lost, repeated, late, and so in another order."""
        chosen = random.Random(fault.number)
        machine.unit.set_link(
            RandomFaults(
                fault.number,
                lost=chosen.uniform(0.0, 0.5),
                repeated=chosen.uniform(0.0, 0.5),
                delayed=chosen.uniform(0.0, 0.8),
                max_delay_s=chosen.choice([0.5, 5.0, LONGEST_DELAY_S]),
            )
        )
        return lambda: machine.unit.set_link(None)

    def _cut_network(self, machine: Machine, fault: Fault) -> Callable[[], None]:
        machine.unit.cut_network(announce=fault.number % 2 == 0)
        return machine.unit.mend_network

    def _broker_stops(self, _machine: Machine, _fault: Fault) -> Callable[[], None]:
        self._broker_goes()
        return self._broker_comes_back

    def _broker_forgets(self, _machine: Machine, _fault: Fault) -> Callable[[], None]:
        """It comes back without what it had retained."""
        self._broker_goes()
        self._cluster.simulation.broker._retained.clear()
        return self._broker_comes_back

    def _broker_goes(self) -> None:
        broker = self._cluster.simulation.broker
        if broker.is_running():
            broker.stop()

    def _broker_comes_back(self) -> None:
        broker = self._cluster.simulation.broker
        if not broker.is_running():
            broker.start()


WEIGHTS = {
    "kill_job": 5,
    "kill_monitor": 3,
    "kill_writer": 3,
    "kill_output_guard": 2,
    "kill_output_guard_and_jobs": 2,
    "dose_by_hand": 3,
    "kill_while_dosing": 4,
    "pause_and_resume": 2,
    "cut_power": 3,
    "put_back_database": 1,
    "put_back_journal": 1,
    "fill_disk": 2,
    "database_refuses": 2,
    "database_is_silent": 2,
    "step_clock": 2,
    "bad_link": 4,
    "cut_network": 3,
    "broker_stops": 2,
    "broker_forgets": 1,
}
LASTS_S = {"cut_power": (1.0, 120.0), "put_back_journal": (1.0, 120.0), "pause_and_resume": (5.0, 300.0)}


def draw(seed: int, *, hours: float, how_many: int) -> list[Fault]:
    """Return faults in the order of their moments; equal seeds give equal faults."""
    chosen = random.Random(f"faults {seed}")
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    moments = sorted(chosen.uniform(0.0, hours * 3600.0) for _ in range(how_many))
    found = []
    for at_s in moments:
        kind = chosen.choices(kinds, weights)[0]
        shortest, longest = LASTS_S.get(kind, (2.0, 600.0))
        lasts_s = shortest * (longest / shortest) ** chosen.random()
        unit = WORKER if chosen.random() < 0.75 else LEADER
        found.append(Fault(at_s, kind, unit, lasts_s, chosen.randrange(2**31)))
    return found


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Keep what parts of the cluster log about their faults off the terminal."""
    import contextlib
    import io
    import logging

    # Without any handler, Python writes warnings of modules to the terminal. Jobs have loggers of their own.
    silent = logging.NullHandler()
    logging.getLogger().addHandler(silent)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.getLogger().removeHandler(silent)
