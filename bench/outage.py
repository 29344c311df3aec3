"""What 24 hours without the leader leave behind, and how long it takes until all of it is in the database.

Run: python -m bench.outage [HOURS]. One unit records one row a second in virtual time; its link delays each message by
20 ms. Journal and database are files, so the real time is that of this machine's disk.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pioreactor import structs, topics
from pioreactor.background_jobs.leader.mqtt_to_db_streaming import MqttToDBStreamer
from pioreactor.background_jobs.monitor.job import Monitor
from pioreactor.bootstrap.simulated import build_simulation, open_simulation_records
from pioreactor.jobs.job import BackgroundJob
from pioreactor.messaging.ports import Message
from pioreactor.storage.sqlite.journal import SqliteJournal

EXPERIMENT = "outage"


class Late:
    """A link on which every message takes as long."""

    def delays_s(self, message: Message) -> tuple[float, ...]:  # noqa: ARG002  they are all treated alike
        return (0.02,)


class Recorder(BackgroundJob):
    """One row a second."""

    job_name = "recorder"

    def __init__(self, unit: str) -> None:
        super().__init__(unit, EXPERIMENT)
        self.number = 0
        self.every(1.0, self._record)

    def _record(self) -> None:
        self.number += 1
        reading = structs.MeasuredRPM(measured_rpm=float(self.number), timestamp=self.runtime.clock.now())
        self.publish(topics.event(self.unit, EXPERIMENT, "stirring/measured_rpm"), reading)


def main() -> None:
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 24.0
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        sink = open_simulation_records(folder / "leader.sqlite")
        simulation = build_simulation(
            units=("leader", "worker"), experiment=EXPERIMENT, scenario="water", open_records=lambda: sink
        )
        leader, worker = simulation.units
        journal = SqliteJournal(folder / "journal.sqlite", synchronous="OFF")
        worker.stores._journal = journal  # type: ignore[assignment]
        worker.set_link(Late())

        def until_stopped(make: Callable[[str], BackgroundJob], unit: str) -> None:
            with make(unit) as job:
                job.block_until_disconnected()

        worker.run(lambda: until_stopped(Monitor, "worker"), name="monitor")
        worker.run(lambda: until_stopped(Recorder, "worker"), name="recorder")
        simulation.clock.sleep(3600.0 * hours)
        backlog = journal.last_seq() - journal.acknowledged_seq()
        sent_bytes = 0
        bus = simulation.broker.connect("meter")

        def meter(message: Message) -> None:
            nonlocal sent_bytes
            sent_bytes += len(message.payload)

        bus.subscribe(topics.journal_entries("worker"), meter)
        began_s, began = simulation.clock.monotonic(), time.perf_counter()
        leader.run(lambda: until_stopped(MqttToDBStreamer, "leader"), name="writer")
        while journal.last_seq() - journal.acknowledged_seq() > 2:
            simulation.clock.sleep(0.25)
        virtual_s, real_s = simulation.clock.monotonic() - began_s, time.perf_counter() - began
        print(
            f"{backlog} entries after {hours:g} h: drained in {virtual_s:.1f} s of virtual time, {real_s:.1f} s of real"
        )
        print(f"{sent_bytes / 1e6:.1f} MB, {sent_bytes / virtual_s / 1e6:.2f} MB/s of virtual time")
        for unit in simulation.units:
            unit.stop_jobs()
        simulation.clock.sleep(10.0)
        journal.close()
        sink.close()


if __name__ == "__main__":
    main()
