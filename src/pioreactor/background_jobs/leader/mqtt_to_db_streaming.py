"""Database writer: commits the journals of all units to the leader's database and acknowledges them."""

from __future__ import annotations

from contextlib import ExitStack

import msgspec

from pioreactor import structs, topics
from pioreactor.background_jobs.leader.log_deduplicator import FAULT_LOG_INTERVAL_S, LogDeduplicator
from pioreactor.background_jobs.leader.topic_parsers import TopicToParserToTable as TopicToParserToTable
from pioreactor.background_jobs.leader.topic_parsers import produce_metadata as produce_metadata
from pioreactor.background_jobs.leader.topic_parsers import register_source_to_sink as register_source_to_sink
from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.exc import PioreactorError, StorageError
from pioreactor.jobs.job import LongRunningBackgroundJob
from pioreactor.messaging.ports import Message
from pioreactor.storage.ports import RecordSink, Row, ValueType
from pioreactor.structs.journal import JournalAcknowledgment, JournalBatch, JournalRecord
from pioreactor.types import UNIVERSAL_EXPERIMENT

STATISTICS_INTERVAL_S = 60.0
STATISTICS_CACHE = "mqtt_to_db_streaming"

MAX_BATCH_BYTES = 16_000_000
"""A forwarder sends far less. A larger batch would cost the leader memory and is skipped."""
MAX_SEQ = 2**62
MAX_QUARANTINED_CHARACTERS = 100_000
MAX_REASON_CHARACTERS = 500
MAX_JOURNALS_PER_UNIT = 4
DUPLICATE_NAME_AFTER_S = 120.0
"""A batch may still be in transit when its unit is restarted with a new journal id."""
RETRY_INTERVAL_S = 1.0
REPETITIONS_LOG_INTERVAL_S = 600.0
ROLL_UP_INTERVAL_S = 60.0
ROLL_UP_PAUSE_S = 0.3
"""Between two steps while many rows wait, as after an update or an import: records are written in between."""
MANY_WAITING = 10_000
MAX_BATCHES_TOGETHER = 64
"""Batches in one transaction, when more have arrived than were written meanwhile."""
MAX_BATCHES_KEPT = 32
"""Units of which a batch is kept while the database is unavailable; the other units resend theirs."""


def _decode_batch(payload: bytes) -> JournalBatch:
    """Return a batch with consecutive records; raise `ValueError` or `msgspec.DecodeError` for any other."""
    if len(payload) > MAX_BATCH_BYTES:
        raise ValueError(f"it has {len(payload) / 1e6:.0f} MB")
    batch = msgspec.json.decode(payload, type=JournalBatch)
    first = batch.records[0].seq if batch.records else 1
    if not 0 <= batch.follows < first < MAX_SEQ:
        raise ValueError(f"record {first} cannot follow {batch.follows}")
    if any(record.seq != first + n for n, record in enumerate(batch.records)):
        raise ValueError("its records are not consecutive")
    return batch


class MqttToDBStreamer(LongRunningBackgroundJob):
    """Write the journals of all units into the leader's database; runs from boot.

    A batch is committed before it is acknowledged. One that was written before is only acknowledged again.
    """

    job_name = "mqtt_to_db_streaming"

    def __init__(self, unit: str, experiment: str = UNIVERSAL_EXPERIMENT, sink: RecordSink | None = None) -> None:
        super().__init__(unit, experiment)
        if sink is None:
            if self.runtime.open_records is None:
                raise PioreactorError(f"{unit} is not the leader and has no database")
            sink = self.runtime.open_records()
        self._sink = sink
        self._rows_written = 0
        self._rows_refused = 0
        self._latest_error = ""
        self._is_failing = False
        self._journals: dict[str, dict[str, float]] = {}
        self._logged_remedy: str | None = None
        self._failure_logged_at_s = float("-inf")
        self._must_log_recovery = False
        self._kept: dict[str, JournalBatch] = {}
        self._arrived: list[tuple[str, JournalBatch]] = []
        self._warnings = LogDeduplicator(self.logger.warning)
        self._duplicate_names: set[str] = set()
        self.every(STATISTICS_INTERVAL_S, self._store_statistics)
        self.every(RETRY_INTERVAL_S, self._retry)
        self.every(ROLL_UP_INTERVAL_S, self._roll_up)
        self.every(REPETITIONS_LOG_INTERVAL_S, self._warnings.log_repetitions)
        entries = topics.journal_entries("+")
        self.subscribe_and_callback(self._on_batch, entries, allow_retained=False)

    @classmethod
    def run_from_options(cls, **options: object) -> str | None:
        """Run until the job has ended, with the alarms of the cluster beside it: a process of its own costs 25 MB."""
        with cls.from_options(**options) as job, ExitStack() as beside:
            if job.runtime.open_alarms is not None:
                from pioreactor.background_jobs.leader.alarm_job import AlarmJob

                try:
                    beside.enter_context(AlarmJob.from_options())
                except PioreactorError as error:
                    job.logger.error("There are no alarms: %s", error)
            job.block_until_disconnected()
        return None

    def _on_batch(self, message: Message) -> None:
        parts = topics.parse(message.topic)
        if parts is None:
            return
        try:
            batch = _decode_batch(message.payload)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            text = f"A batch of {parts.unit} cannot be read and is skipped: {error}."
            self._warnings.log(f"batches of {parts.unit}", text)
            return
        if not batch.records:
            return
        self._check_duplicate_name(parts.unit, batch.journal_id)
        self._arrived.append((parts.unit, batch))
        if len(self._arrived) == 1:
            self._lane.post(self._write_arrived)  # after the batches that have arrived by now

    def _write_arrived(self) -> None:
        while self._arrived:
            some, self._arrived = self._arrived[:MAX_BATCHES_TOGETHER], self._arrived[MAX_BATCHES_TOGETHER:]
            if len(some) == 1 or not self._write_together(some):
                self._write_one_by_one(some)

    def _write_one_by_one(self, arrived: list[tuple[str, JournalBatch]]) -> None:
        for unit, batch in arrived:
            self._write_or_keep(unit, batch)

    def _write_together(self, arrived: list[tuple[str, JournalBatch]]) -> bool:
        """Commit batches of several units in one transaction; return whether the database took them."""
        if self._is_failing:
            return False
        counted = self._rows_written, self._rows_refused
        acknowledgments: dict[tuple[str, str], tuple[int, bool]] = {}
        try:
            with self._sink.together():
                for unit, batch in arrived:
                    acknowledgments[unit, batch.journal_id] = self._store(unit, batch)
        except StorageError as error:
            self._rows_written, self._rows_refused = counted
            self.logger.debug("%d batches are written one by one: %s.", len(arrived), error)
            return False
        for (unit, journal_id), (stored, resend) in acknowledgments.items():
            self._acknowledge(unit, journal_id, stored, resend=resend)
        return True

    def _write_or_keep(self, unit: str, batch: JournalBatch) -> None:
        if self._is_failing and len(self._kept) < MAX_BATCHES_KEPT:
            # Each attempt may wait long for a lock; there is one per second, for all batches that are kept.
            self._kept.setdefault(unit, batch)
            return
        self._write(unit, batch)

    def _retry(self) -> None:
        """Write the batches that were kept as soon as the database accepts them."""
        while self._kept:
            unit = next(iter(self._kept))
            batch = self._kept[unit]
            # Batches after this one were not kept: the unit is requested to resend them.
            if not self._write(unit, batch, resend=True):
                return
            del self._kept[unit]

    def _check_duplicate_name(self, unit: str, journal_id: str) -> None:
        """Log once when two journals of one unit alternate: a replaced journal never comes back."""
        now_s = self.runtime.clock.monotonic()
        first_seen_s = self._journals.setdefault(unit, {})
        newest_s = max(first_seen_s.values(), default=now_s)
        alternates = first_seen_s.setdefault(journal_id, now_s) < newest_s < now_s - DUPLICATE_NAME_AFTER_S
        if alternates and unit not in self._duplicate_names:
            self._duplicate_names.add(unit)
            self.logger.error("Two machines have the name %s and their records are mixed up. Rename one of them.", unit)
        if len(first_seen_s) > MAX_JOURNALS_PER_UNIT:
            del first_seen_s[min(first_seen_s, key=first_seen_s.__getitem__)]

    def _write(self, unit: str, batch: JournalBatch, *, resend: bool = False) -> bool:
        """Commit and acknowledge; return whether the database was available. `resend` requests later batches again."""
        try:
            stored, has_gap = self._store(unit, batch)
        except StorageError as error:
            # Nothing is acknowledged, so the unit keeps its records.
            self._report_failure(error)
            if len(self._kept) < MAX_BATCHES_KEPT:
                self._kept.setdefault(unit, batch)
            return False
        self._acknowledge(unit, batch.journal_id, stored, resend=resend or has_gap)
        return True

    def _store(self, unit: str, batch: JournalBatch) -> tuple[int, bool]:
        """Return the last entry that is stored, and whether entries before this batch are missing."""
        stored = self._progress(unit, batch)
        if batch.follows > stored:
            self.logger.debug("%s sent records after %d, but the last one stored is %d.", unit, batch.follows, stored)
            return stored, True
        new = [record for record in batch.records if record.seq > stored]
        if new:
            stored = new[-1].seq
            self._commit(unit, batch, new, stored)
            self._report_recovery()
        return stored, False

    def _roll_up(self) -> None:
        if self._is_failing:
            return
        try:
            done = self._sink.roll_up()
        except StorageError as error:
            self.logger.debug("Roll-ups wait: %s.", error)
            return
        if done >= MANY_WAITING:
            self._lane.later(ROLL_UP_PAUSE_S, self._roll_up)

    def _report_failure(self, error: StorageError) -> None:
        self._latest_error = str(error)
        if self._is_failing:
            return
        self._is_failing = True
        now_s, remedy = self.runtime.clock.monotonic(), "" if error.remedy is None else f" {error.remedy}"
        if remedy != self._logged_remedy or now_s - self._failure_logged_at_s >= FAULT_LOG_INTERVAL_S:
            self._logged_remedy, self._failure_logged_at_s = remedy, now_s
            self._must_log_recovery = True
            self.logger.error("The database cannot be written: %s. Units keep their records.%s", error, remedy)

    def _report_recovery(self) -> None:
        self._is_failing = False
        if self._must_log_recovery:
            self._must_log_recovery = False
            self.logger.info("The database can be written again; units send their records.")

    def _progress(self, unit: str, batch: JournalBatch) -> int:
        """Return the last stored entry of this journal, under any id that the journal had."""
        stored = self._sink.progress(unit, batch.journal_id)
        if stored == 0:
            shared = [min(self._sink.progress(unit, name), through_seq) for name, through_seq in batch.former_names]
            stored = max(shared, default=0)
        return stored

    def _commit(self, unit: str, batch: JournalBatch, records: list[JournalRecord], through_seq: int) -> None:
        rows: list[Row] = []
        unreadable: list[Row] = []
        for record in records:
            try:
                rows += rows_of(record.topic, record.payload.encode(), record.recorded_at)
            except Exception as error:  # noqa: BLE001  a plugin's parser may raise anything and must not block other records
                unreadable.append(self._quarantined(unit, record, error))
        refused = self._sink.commit(
            rows + unreadable, progress=(unit, batch.journal_id, through_seq), former_names=batch.former_names
        )
        self._rows_written += len(rows) - len(refused)
        self._rows_refused += len(refused) + len(unreadable)
        for row, reason in refused:
            self._latest_error = reason
            text = f"A row for {row.table} from {unit} is in quarantine: {reason}. See: pio db quarantine list."
            self._warnings.log(f"{row.table} of {unit}", text)
        for row in unreadable:
            self._latest_error = str(row.values["reason"])
            text = f"A message of {unit} is in quarantine: {self._latest_error}. See: pio db quarantine list."
            self._warnings.log(str(row.values["topic"]), text)

    def _quarantined(self, unit: str, record: JournalRecord, error: Exception) -> Row:
        # The message of a parser's exception may repeat the whole payload, or half of a character of it.
        reason = f"{type(error).__name__}: {str(error)[:MAX_REASON_CHARACTERS]}"
        values: dict[str, ValueType] = {
            "received_at": structs.to_timestamp(self.runtime.clock.now()),
            "recorded_at": record.recorded_at,
            "pioreactor_unit": unit,
            "topic": record.topic,
            "payload": record.payload[:MAX_QUARANTINED_CHARACTERS],
            "reason": reason.encode("utf-8", "replace").decode(),
        }
        return Row("quarantined_rows", values)

    def _acknowledge(self, unit: str, journal_id: str, through_seq: int, *, resend: bool = False) -> None:
        acknowledgment = JournalAcknowledgment(journal_id, through_seq, resend)
        self.publish(topics.journal_acknowledged(unit), msgspec.json.encode(acknowledgment), qos=1, retain=True)

    def _store_statistics(self) -> None:
        written, refused = self._rows_written, self._rows_refused
        self._rows_written = self._rows_refused = 0
        try:
            cache = self.runtime.stores.volatile(STATISTICS_CACHE)
            cache.set("inserts_in_last_60s", written)
            cache.set("database_write_errors_in_last_60s", refused)
            cache.set("latest_database_write_error", self._latest_error)
        except StorageError as error:
            self.logger.debug("Statistics cannot be stored: %s.", error)

    def on_disconnected(self) -> None:
        self._write_arrived()
        close = getattr(self._sink, "close", None)
        if close is not None:
            close()
