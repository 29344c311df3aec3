"""Simulated units: each has the connections, live topics, states and journal of a unit whose default jobs run.

Run by `bench.site`. What a unit publishes, how often and how large it is was recorded from a unit of `pio demo`:
about 1.3 live messages a second, and a batch of records each second in which something was recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from bench.site.connections import KEEPALIVE_S, MqttConnection
from pioreactor import topics
from pioreactor.background_jobs.monitor.forwarding import (
    BATCHES_IN_FLIGHT,
    POLL_EVERY_S,
    RECORDS_PER_BATCH,
    RESEND_AFTER_S,
)
from pioreactor.messaging.packets import MQTT_3_1_1, Connect, Publication
from pioreactor.structs.journal import JournalAcknowledgment, JournalBatch, JournalRecord

CONNECTIONS_PER_S = 200
MONITOR = "monitor"
JOBS = ("stirring", "od_reading", "growth_rate_calculating", "temperature_automation", "dosing_automation")


@dataclass(frozen=True)
class Publishes:
    """One topic of a unit. `{at}` is the time, `{n}` a number that changes."""

    job: str
    rest: str
    every_s: float
    payload: str
    is_recorded: bool = True
    is_of_cluster: bool = False


PUBLISHED = (
    Publishes("stirring", "pwms/channel_dc", 5, '{"timestamp":"{at}","channels":{"1":30.1{n},"5":25.01467}}'),
    Publishes(
        "od_reading",
        "od_reading/ods",
        5,
        '{"timestamp":"{at}","ods":{"2":{"calibrated":0,"timestamp":"{at}","angle":"90","od":0.5{n},'
        '"channel":"2","ir_led_intensity":80.0}}}',
        is_recorded=False,
    ),
    Publishes(
        "od_reading",
        "od_reading/od2",
        5,
        '{"calibrated":0,"timestamp":"{at}","angle":"90","od":0.5{n},"channel":"2","ir_led_intensity":80.0}',
    ),
    Publishes(
        "od_reading",
        "od_reading/relative_intensity_of_ir_led",
        30,
        '{"relative_intensity_of_ir_led":0.98{n},"timestamp":"{at}"}',
    ),
    Publishes(
        "growth_rate_calculating",
        "growth_rate_calculating/growth_rate",
        5,
        '{"growth_rate":0.2{n},"timestamp":"{at}"}',
    ),
    Publishes(
        "growth_rate_calculating",
        "growth_rate_calculating/od_filtered",
        5,
        '{"od_filtered":1.0{n},"timestamp":"{at}"}',
    ),
    Publishes(
        "growth_rate_calculating",
        "growth_rate_calculating/estimate",
        5,
        '{"growth_rate":0.2{n},"lower_95":0.1,"upper_95":0.4,"od_filtered":1.0,"pump_gain":1.0,"pump_gain_sd":0.1,'
        '"noise_cv":0.00584,"outlier":false,"timestamp":"{at}"}',
    ),
    Publishes("temperature_automation", "temperature_automation/heater_duty_cycle", 5, "25.{n}", is_recorded=False),
    Publishes(
        "temperature_automation",
        "temperature_automation/temperature",
        30,
        '{"temperature":36.{n},"timestamp":"{at}"}',
    ),
    Publishes("stirring", "stirring/measured_rpm", 30, '{"measured_rpm":498.{n},"timestamp":"{at}"}'),
    Publishes("stirring", "stirring/duty_cycle", 30, "30.1{n}", is_recorded=False),
    Publishes(
        MONITOR,
        "monitor/computer_statistics",
        60,
        '{"disk_usage_percent":20,"cpu_usage_percent":9.{n},"available_memory_percent":60,"available_disk_space":79.9,'
        '"cpu_temperature_celcius":41.0,"timestamp":"{at}"}',
        is_recorded=False,
        is_of_cluster=True,
    ),
    Publishes(
        MONITOR,
        "monitor/safe_up_to",
        60,
        '{"acknowledged_seq":{n},"waiting":0,"timestamp":"{at}"}',
        is_recorded=False,
        is_of_cluster=True,
    ),
)


def timestamp() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"


@dataclass
class Counted:
    """What all units did together."""

    live: int = 0
    records: int = 0
    acknowledged: int = 0
    od_readings: int = 0
    resent: int = 0
    late_s: list[float] = field(default_factory=list)
    """How late a tick of a unit began: of the generator itself."""
    acknowledged_after_s: list[float] = field(default_factory=list)


class SimulatedUnit:
    """A unit that publishes on time, and keeps its records until they are acknowledged."""

    def __init__(self, name: str, experiment: str, password: str, counted: Counted, chance: random.Random) -> None:
        self.name = name
        self._experiment = experiment
        self._password = password
        self._counted = counted
        self._journal_id = f"{chance.getrandbits(64):016x}"
        self._records: list[JournalRecord] = []
        self._acknowledged = self._sent = self._seq = 0
        self._progress_at_s = 0.0
        self._sent_at_s: dict[int, float] = {}
        self._connections: dict[str, MqttConnection] = {}
        offset = chance.random()
        self._next_s = [offset * each.every_s for each in PUBLISHED]
        self._offset_s = offset
        self._chance = chance

    @property
    def backlog(self) -> int:
        return self._seq - self._acknowledged

    async def connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        for job in (MONITOR, *JOBS):
            experiment = "$experiment" if job == MONITOR else self._experiment
            filters = [topics.set_setting(unit, experiment, job, "+") for unit in (self.name, "$broadcast")]
            on_publication: Callable[[Publication], None] = _ignore
            if job == MONITOR:
                filters += [topics.journal_acknowledged(self.name)]
                on_publication = self._on_acknowledgment
            will = Publication(topics.state(self.name, experiment, job), b"lost", 1, True)
            connect = Connect(MQTT_3_1_1, f"{self.name}-{job}", KEEPALIVE_S, True, will, self.name, self._password)
            connection = MqttConnection(connect, filters, on_publication)
            await loop.create_connection(partial(_itself, connection), "127.0.0.1", port)
            await connection.ready
            connection.publish(topics.state(self.name, experiment, job), b"ready", qos=1, retain=True)
            self._connections[job] = connection

    async def run(self, until: asyncio.Event) -> None:
        """Publish until told to end; then only send what is not acknowledged yet."""
        began = time.monotonic()
        tick = 0
        while True:
            due = began + self._offset_s + tick * POLL_EVERY_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            if not until.is_set():
                self._counted.late_s.append(now - due)
                self._publish_due(now - began)
            self._forward(now)
            tick += 1
            if tick % (KEEPALIVE_S // 2) == 0:
                for connection in self._connections.values():
                    connection.ping()

    def _publish_due(self, at_s: float) -> None:
        for index, each in enumerate(PUBLISHED):
            if self._next_s[index] > at_s:
                continue
            self._next_s[index] += each.every_s
            stamp = timestamp()
            payload = each.payload.replace("{at}", stamp).replace("{n}", str(self._chance.randrange(1000, 9999)))
            experiment = "$experiment" if each.is_of_cluster else self._experiment
            topic = topics.event(self.name, experiment, each.rest)
            if each.is_recorded:
                self._seq += 1
                self._records.append(JournalRecord(self._seq, topic, payload, stamp))
                self._counted.records += 1
                self._counted.od_readings += each.rest == "od_reading/od2"
            self._connections[each.job].publish(topic, payload.encode(), qos=1, retain=True)
            self._counted.live += 1

    def _forward(self, now: float) -> None:
        if self._sent > self._acknowledged and now - self._progress_at_s >= RESEND_AFTER_S:
            self._counted.resent += 1
            self._sent, self._progress_at_s = self._acknowledged, now
        while self._sent < self._seq and self._sent - self._acknowledged < RECORDS_PER_BATCH * BATCHES_IN_FLIGHT:
            first = self._sent - self._acknowledged
            records = self._records[first : first + RECORDS_PER_BATCH]
            if self._sent == self._acknowledged:
                self._progress_at_s = now
            batch = msgspec.json.encode(JournalBatch(self._journal_id, self._sent, records))
            self._connections[MONITOR].publish(topics.journal_entries(self.name), batch, qos=1, retain=False)
            self._sent = records[-1].seq
            self._sent_at_s[self._sent] = now

    def _on_acknowledgment(self, publication: Publication) -> None:
        acknowledgment = msgspec.json.decode(publication.payload, type=JournalAcknowledgment)
        if acknowledgment.journal_id != self._journal_id or acknowledgment.through_seq <= self._acknowledged:
            return
        now = time.monotonic()
        newly = acknowledgment.through_seq - self._acknowledged
        del self._records[:newly]
        self._acknowledged = acknowledgment.through_seq
        self._sent = max(self._sent, self._acknowledged)
        self._progress_at_s = now
        self._counted.acknowledged += newly
        for seq in [seq for seq in self._sent_at_s if seq <= self._acknowledged]:
            self._counted.acknowledged_after_s.append(now - self._sent_at_s.pop(seq))


def _itself(connection: MqttConnection) -> MqttConnection:
    return connection


def _ignore(_publication: Publication) -> None:
    return


def names(units: int) -> list[str]:
    return [f"unit{number:04}" for number in range(1, units + 1)]


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def run(port: int, experiment: str, passwords: dict[str, str]) -> None:
    """Publish until the input is closed, wait until all is acknowledged, and print what was done."""
    loop = asyncio.get_running_loop()
    counted, chance, until = Counted(), random.Random(1), asyncio.Event()
    units = [SimulatedUnit(n, experiment, p, counted, random.Random(chance.random())) for n, p in passwords.items()]
    for unit in units:
        await unit.connect(port)
        await asyncio.sleep(len(JOBS) / CONNECTIONS_PER_S)
    tasks = [asyncio.create_task(unit.run(until)) for unit in units]
    print(json.dumps({"connected": len(units)}), flush=True)
    commands: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(sys.stdin, lambda: commands.put_nowait(sys.stdin.readline().strip()))
    while await commands.get() == "report":
        print(json.dumps(_report(counted, units)), flush=True)
        counted.late_s.clear()
        counted.acknowledged_after_s.clear()
    until.set()
    drained_from = time.monotonic()
    while any(unit.backlog for unit in units) and time.monotonic() - drained_from < 60.0:
        await asyncio.sleep(0.1)
    print(json.dumps(_report(counted, units)), flush=True)
    for task in tasks:
        task.cancel()


def _report(counted: Counted, units: list[SimulatedUnit]) -> dict[str, float]:
    return {
        "live_messages": counted.live,
        "records": counted.records,
        "od_readings": counted.od_readings,
        "backlog": sum(unit.backlog for unit in units),
        "resent": counted.resent,
        "late_p95_ms": 1e3 * quantile(counted.late_s, 0.95),
        "acknowledged_p50_ms": 1e3 * quantile(counted.acknowledged_after_s, 0.5),
        "acknowledged_p95_ms": 1e3 * quantile(counted.acknowledged_after_s, 0.95),
        "acknowledged_max_ms": 1e3 * max(counted.acknowledged_after_s, default=0.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--passwords", type=Path, required=True, help="JSON object of units and their passwords")
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
    asyncio.run(run(asked.port, asked.experiment, json.loads(asked.passwords.read_text())))


if __name__ == "__main__":
    main()
