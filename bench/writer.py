"""How many rows a second the database writer takes in, beside raw inserts of the same rows, and what a journal costs.

Run: python -m bench.writer [ROWS]. "Writer" is everything from a batch's payload on: decoding, parsing each message,
one transaction for rows and progress. "Raw" is `executemany` of the finished rows into the same tables, one transaction
for as many rows, with the same pragmas. The reference took in 4,400 rows/s (spec core §14).
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from pioreactor import structs
from pioreactor.background_jobs.leader.mqtt_to_db_streaming import MqttToDBStreamer
from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.background_jobs.monitor.forwarding import RECORDS_PER_BATCH
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.messaging.ports import Message
from pioreactor.runtime import context
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.leader.migrate import upgrade
from pioreactor.storage.sqlite.journal import SqliteJournal
from pioreactor.structs.journal import JournalBatch, JournalRecord

START = datetime(2030, 1, 1, tzinfo=UTC)
UNITS = 4
PRAGMAS = ("PRAGMA synchronous=NORMAL", "PRAGMA temp_store=MEMORY", "PRAGMA cache_size=-4000")


def recorded(number: int) -> tuple[str, bytes, datetime]:
    """Return one message as jobs record them: OD, growth rate, temperature and doses in turn."""
    at = START + timedelta(milliseconds=250 * number)
    top = f"pioreactor/unit{number % UNITS + 1}/bench"
    match number % 4:
        case 0:
            reading: structs.JSONPrintedStruct = structs.ODReading(
                timestamp=at, angle="90", od=0.1234 + 1e-6 * number, channel="2", ir_led_intensity=80.0
            )
            topic = f"{top}/od_reading/od2"
        case 1:
            reading, topic = (
                structs.GrowthRate(growth_rate=0.3, timestamp=at),
                f"{top}/growth_rate_calculating/growth_rate",
            )
        case 2:
            reading = structs.Temperature(temperature=37.01, timestamp=at)
            topic = f"{top}/temperature_automation/temperature"
        case _:
            reading = structs.DosingEvent(
                volume_change=0.0911, event="add_media", source_of_event="bench", timestamp=at
            )
            topic = f"{top}/dosing_events"
    return topic, structs.encode(reading), at


def batches(messages: list[tuple[str, bytes, datetime]], size: int) -> list[Message]:
    """Return the messages as one unit's forwarder sends them."""
    sent = []
    for first in range(0, len(messages), size):
        records = [
            JournalRecord(first + n + 1, topic, payload.decode(), structs.to_timestamp(at))
            for n, (topic, payload, at) in enumerate(messages[first : first + size])
        ]
        batch = JournalBatch("bench", first, records)
        sent.append(Message("pioreactor/unit1/$experiment/journal/entries", msgspec.json.encode(batch)))
    return sent


def writer_seconds(directory: Path, sent: list[Message]) -> float:
    """Return how long the writer takes for all batches, acknowledgments included."""
    simulation = build_simulation(data_root=directory)
    sink = SqliteRecordSink(directory / "writer.sqlite")
    with context.using(simulation.units[0].runtime):
        job = MqttToDBStreamer("unit1", sink=sink)
        started = time.perf_counter()
        for message in sent:
            job._on_batch(message)
            job._write_arrived()  # each by itself: the most transactions that there can be
        spent = time.perf_counter() - started
        job.clean_up()
    return spent


def raw_seconds(directory: Path, messages: list[tuple[str, bytes, datetime]], size: int) -> float:
    """Return how long plain inserts of the same rows take, each transaction as large as the writer's."""
    path = directory / "raw.sqlite"
    upgrade(path)
    grouped = []
    for first in range(0, len(messages), size):
        groups: dict[tuple[str, tuple[str, ...]], list[tuple[object, ...]]] = {}
        for topic, payload, at in messages[first : first + size]:
            for row in rows_of(topic, payload, structs.to_timestamp(at)):
                groups.setdefault((row.table, tuple(row.values)), []).append(tuple(row.values.values()))
        grouped.append(groups)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(pragma)
        started = time.perf_counter()
        for groups in grouped:
            connection.execute("BEGIN IMMEDIATE")
            for (table, columns), rows in groups.items():
                holes = ", ".join("?" * len(columns))
                connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({holes})", rows)
            connection.execute("COMMIT")
        return time.perf_counter() - started


def journal_seconds(directory: Path, messages: list[tuple[str, bytes, datetime]], *, at_once: int) -> float:
    """Return how long appending takes, so many entries in a transaction, each synced to the disk."""
    journal = SqliteJournal(directory / f"journal{at_once}.sqlite")
    journal.append(messages[:1])
    started = time.perf_counter()
    for first in range(0, len(messages), at_once):
        journal.append(messages[first : first + at_once])
    spent = time.perf_counter() - started
    journal.close()
    return spent


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    messages = [recorded(number) for number in range(count)]
    print(f"{'rows per batch':<18}{'writer rows/s':>14}{'raw rows/s':>14}{'ratio':>8}")
    for size in (RECORDS_PER_BATCH, 1000):
        ours, raw = [], []
        for _ in range(3):
            with tempfile.TemporaryDirectory() as directory:
                raw.append(raw_seconds(Path(directory), messages, size))
                ours.append(writer_seconds(Path(directory), batches(messages, size)))
        print(f"{size:<18}{count / min(ours):>14,.0f}{count / min(raw):>14,.0f}{min(raw) / min(ours):>8.2f}")
    print(f"\n{'entries at once':<18}{'µs per entry':>14}")
    for at_once, total in ((1, 2_000), (4, 4_000), (50, 20_000)):
        with tempfile.TemporaryDirectory() as directory:
            spent = journal_seconds(Path(directory), messages[:total], at_once=at_once)
        print(f"{at_once:<18}{1e6 * spent / min(total, count):>14.0f}")


if __name__ == "__main__":
    main()
