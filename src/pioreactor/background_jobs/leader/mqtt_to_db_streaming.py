"""Writes what units have recorded into the leader's database, then tells them that they need not keep it."""

from __future__ import annotations

import msgspec

from pioreactor import structs, topics
from pioreactor.background_jobs.leader.log_deduplicator import Complaints
from pioreactor.background_jobs.leader.topic_parsers import TopicToParserToTable as TopicToParserToTable
from pioreactor.background_jobs.leader.topic_parsers import produce_metadata as produce_metadata
from pioreactor.background_jobs.leader.topic_parsers import register_source_to_sink as register_source_to_sink
from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.exc import PioreactorError, StorageError
from pioreactor.jobs.job import LongRunningBackgroundJob
from pioreactor.messaging.ports import Message
from pioreactor.storage.ports import RecordSink, Row, ValueType
from pioreactor.structs.journal import JournalAcknowledgement, JournalBatch, JournalRecord
from pioreactor.types import UNIVERSAL_EXPERIMENT

STATISTICS_EVERY_S = 60.0
STATISTICS_CACHE = "mqtt_to_db_streaming"

MAX_BATCH_BYTES = 16_000_000
"""A forwarder sends far less. Whoever sends more costs the leader memory, and is not read."""
LARGEST_SEQ = 2**62
MAX_QUARANTINED_CHARACTERS = 100_000
MAX_REASON_CHARACTERS = 500
JOURNALS_REMEMBERED = 4
NAMESAKE_AFTER_S = 120.0
"""A batch may be under way for a while when its unit is started again, and has another journal id, meanwhile."""
TRY_AGAIN_EVERY_S = 1.0
SAY_TROUBLE_EVERY_S = 600.0
"""How often trouble of one kind that comes and goes is said: a disk that is nearly full takes some batches and refuses
others."""
SUM_UP_EVERY_S = 600.0
MAX_BATCHES_KEPT = 32
"""Units of which a batch is kept while the database takes none; the others send theirs again by themselves."""


def _read_batch(payload: bytes) -> JournalBatch:
    """Return a batch whose records follow one another; raise `ValueError` or `msgspec.DecodeError` for any other."""
    if len(payload) > MAX_BATCH_BYTES:
        raise ValueError(f"it has {len(payload) / 1e6:.0f} MB")
    batch = msgspec.json.decode(payload, type=JournalBatch)
    first = batch.records[0].seq if batch.records else 1
    if not 0 <= batch.follows < first < LARGEST_SEQ:
        raise ValueError(f"record {first} cannot follow {batch.follows}")
    if any(record.seq != first + n for n, record in enumerate(batch.records)):
        raise ValueError("its records do not follow one another")
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
        self._in_trouble = False
        self._journals: dict[str, dict[str, float]] = {}
        self._trouble_said: str | None = None
        self._trouble_said_at_s = float("-inf")
        self._owes_good_news = False
        self._kept: dict[str, JournalBatch] = {}
        self._complaints = Complaints(self.logger.warning)
        self._namesakes: set[str] = set()
        self.every(STATISTICS_EVERY_S, self._store_statistics)
        self.every(TRY_AGAIN_EVERY_S, self._try_again)
        self.every(SUM_UP_EVERY_S, self._complaints.sum_up)
        entries = topics.journal_entries("+")
        self.subscribe_and_callback(self._hear_batch, entries, allow_retained=False)

    def _hear_batch(self, message: Message) -> None:
        parts = topics.parse(message.topic)
        if parts is None:
            return
        try:
            batch = _read_batch(message.payload)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            words = f"A batch of {parts.unit} cannot be read and is left out: {error}."
            self._complaints.complain(f"batches of {parts.unit}", words)
            return
        if not batch.records:
            return
        self._notice_namesakes(parts.unit, batch.journal_id)
        if self._in_trouble and len(self._kept) < MAX_BATCHES_KEPT:
            # Each try may wait long for a lock; one is made every second, for all that is kept.
            self._kept.setdefault(parts.unit, batch)
            return
        self._write(parts.unit, batch)

    def _try_again(self) -> None:
        """Write what was kept as soon as the database takes it, without waiting for units to send it again."""
        while self._kept:
            unit = next(iter(self._kept))
            batch = self._kept[unit]
            # What followed this batch was not kept: the unit is asked for it.
            if not self._write(unit, batch, resend=True):
                return
            del self._kept[unit]

    def _notice_namesakes(self, unit: str, journal_id: str) -> None:
        """Say once when two journals of one name take turns: one that was replaced never comes back."""
        now_s = self.runtime.clock.monotonic()
        first_heard_s = self._journals.setdefault(unit, {})
        newest_s = max(first_heard_s.values(), default=now_s)
        takes_turns = first_heard_s.setdefault(journal_id, now_s) < newest_s < now_s - NAMESAKE_AFTER_S
        if takes_turns and unit not in self._namesakes:
            self._namesakes.add(unit)
            self.logger.error(
                "Two machines call themselves %s. Their records are mixed up: give one of them another name.", unit
            )
        if len(first_heard_s) > JOURNALS_REMEMBERED:
            del first_heard_s[min(first_heard_s, key=first_heard_s.__getitem__)]

    def _write(self, unit: str, batch: JournalBatch, *, resend: bool = False) -> bool:
        """Commit and acknowledge; say whether the database answered. `resend` asks for all that comes after, again."""
        try:
            have = self._have(unit, batch)
            if batch.follows > have:
                self.logger.debug("%s sent what follows %d, but %d is the last here.", unit, batch.follows, have)
                self._acknowledge(unit, batch.journal_id, have, resend=True)
                return True
            new = [record for record in batch.records if record.seq > have]
            if new:
                have = new[-1].seq
                self._commit(unit, batch, new, have)
                self._be_well()
        except StorageError as error:
            # Nothing is acknowledged, so the unit keeps everything, too.
            self._be_in_trouble(error)
            if len(self._kept) < MAX_BATCHES_KEPT:
                self._kept.setdefault(unit, batch)
            return False
        self._acknowledge(unit, batch.journal_id, have, resend=resend)
        return True

    def _be_in_trouble(self, error: StorageError) -> None:
        self._latest_error = str(error)
        if self._in_trouble:
            return
        self._in_trouble = True
        now_s, remedy = self.runtime.clock.monotonic(), "" if error.remedy is None else f" {error.remedy}"
        if remedy != self._trouble_said or now_s - self._trouble_said_at_s >= SAY_TROUBLE_EVERY_S:
            self._trouble_said, self._trouble_said_at_s = remedy, now_s
            self._owes_good_news = True
            self.logger.error("Rows cannot be written: %s. They stay on the units.%s", error, remedy)

    def _be_well(self) -> None:
        self._in_trouble = False
        if self._owes_good_news:
            self._owes_good_news = False
            self.logger.info("Rows can be written again; units send what they kept.")

    def _have(self, unit: str, batch: JournalBatch) -> int:
        """Return the last entry of this journal that is in the database, under any name that the journal had."""
        have = self._sink.progress(unit, batch.journal_id)
        if have == 0:
            shared = [min(self._sink.progress(unit, name), through_seq) for name, through_seq in batch.former_names]
            have = max(shared, default=0)
        return have

    def _commit(self, unit: str, batch: JournalBatch, records: list[JournalRecord], through_seq: int) -> None:
        rows: list[Row] = []
        unreadable: list[Row] = []
        for record in records:
            try:
                rows += rows_of(record.topic, record.payload.encode(), record.recorded_at)
            except Exception as error:  # noqa: BLE001  a plugin's parser may raise anything, and must not hold up others
                unreadable.append(self._quarantined(unit, record, error))
        refused = self._sink.commit(
            rows + unreadable, progress=(unit, batch.journal_id, through_seq), former_names=batch.former_names
        )
        self._rows_written += len(rows) - len(refused)
        self._rows_refused += len(refused) + len(unreadable)
        for row, reason in refused:
            self._latest_error = reason
            words = f"A row for {row.table} from {unit} is in quarantine: {reason}. See: pio db quarantine list."
            self._complaints.complain(f"{row.table} of {unit}", words)
        for row in unreadable:
            self._latest_error = str(row.values["reason"])
            words = f"A message of {unit} is in quarantine: {self._latest_error}. See: pio db quarantine list."
            self._complaints.complain(str(row.values["topic"]), words)

    def _quarantined(self, unit: str, record: JournalRecord, error: Exception) -> Row:
        # A parser's words may repeat the whole payload, or half of a character of it.
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
        said = JournalAcknowledgement(journal_id, through_seq, resend)
        self.publish(topics.journal_acknowledged(unit), msgspec.json.encode(said), qos=1, retain=True)

    def _store_statistics(self) -> None:
        written, refused = self._rows_written, self._rows_refused
        self._rows_written = self._rows_refused = 0
        try:
            cache = self.runtime.stores.volatile(STATISTICS_CACHE)
            cache.set("inserts_in_last_60s", written)
            cache.set("database_write_errors_in_last_60s", refused)
            cache.set("latest_database_write_error", self._latest_error)
        except StorageError as error:
            self.logger.debug("Statistics cannot be stored at present: %s.", error)

    def on_disconnected(self) -> None:
        close = getattr(self._sink, "close", None)
        if close is not None:
            close()
