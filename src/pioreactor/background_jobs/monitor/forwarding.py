"""Brings the unit's journal to the leader: sends what is not acknowledged, again and again until it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import msgspec

from pioreactor import structs, topics
from pioreactor.clock.ports import Clock
from pioreactor.exc import StorageError
from pioreactor.messaging.ports import Message
from pioreactor.storage.ports import Journal, JournalEntry
from pioreactor.structs.journal import JournalAcknowledgement, JournalBatch, JournalRecord

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
RECORDS_PER_BATCH = 250
BATCHES_IN_FLIGHT = 4
MAX_BATCH_BYTES = 500_000
MAX_RECORD_BYTES = 1_000_000
RESEND_AFTER_S = 10.0
REWIND_EVERY_S = 2.0
"""How often a leader that asks for a repetition is given one: it may ask once for each batch in flight."""
TRIM_EVERY_S = 600.0
SAVED_UP_S = 2.0
"""So many seconds' worth of bytes may be sent at once after a while of silence."""


class JournalForwarder:
    """Goes through the journal in order. A lost batch or acknowledgement costs a repetition, never a row."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        publish: Callable[[str, bytes], None],
        *,
        unit: str,
        max_bytes: int,
        bytes_per_s: float = 1e9,
    ) -> None:
        """`bytes_per_s` is what may be sent on average: a backlog must leave room for what is said live."""
        self._journal = journal
        self._clock = clock
        self._publish = publish
        self._unit = unit
        self._max_bytes = max_bytes
        self._journal_id = journal.journal_id
        self._former_names = list[tuple[str, int]](journal.former_names())
        self._leader_has = journal.acknowledged_seq()
        self._sent_seq = self._leader_has
        self._progress_at_s = clock.monotonic()
        self._rewound_at_s = float("-inf")
        self._trimmed_at_s = clock.monotonic()
        self._bytes_per_s = bytes_per_s
        self._may_send_bytes = SAVED_UP_S * bytes_per_s
        self._saved_at_s = clock.monotonic()

    @property
    def backlog(self) -> int:
        """Return how many entries the leader has not acknowledged."""
        return self._journal.last_seq() - self._journal.acknowledged_seq()

    def look(self) -> None:
        """Send what is new; send again what has waited too long. Call it about once a second."""
        now_s = self._clock.monotonic()
        try:
            self._notice_new_journal()
            if self._sent_seq > self._leader_has and now_s - self._progress_at_s >= RESEND_AFTER_S:
                self._rewind(now_s)
            self._send()
            if now_s - self._trimmed_at_s >= TRIM_EVERY_S:
                self._trimmed_at_s = now_s
                self._journal.trim(max_bytes=self._max_bytes)
        except StorageError as error:
            log.warning("The journal cannot be read (%s); it is tried again.", error)

    def _notice_new_journal(self) -> None:
        """Begin anew with a journal that was recovered from damage: it has another name and counts from its start."""
        if self._journal.journal_id == self._journal_id:
            return
        self._journal_id = self._journal.journal_id
        self._former_names = list[tuple[str, int]](self._journal.former_names())
        self._leader_has = self._sent_seq = self._journal.acknowledged_seq()
        log.warning("The journal begins anew: %s", self._journal.recovered)

    def _send(self) -> None:
        self._save_up()
        while self._may_send_bytes > 0 and self._sent_seq - self._leader_has < RECORDS_PER_BATCH * BATCHES_IN_FLIGHT:
            entries = self._journal.read(after_seq=self._sent_seq, limit=RECORDS_PER_BATCH)
            if not entries:
                return
            if self._sent_seq == self._leader_has:
                self._progress_at_s = self._clock.monotonic()
            records = _fitting(entries)
            names = self._former_names if self._brought_along_seq() >= self._leader_has else []
            batch = msgspec.json.encode(JournalBatch(self._journal_id, self._sent_seq, records, names))
            self._publish(topics.journal_entries(self._unit), batch)
            self._may_send_bytes -= len(batch)
            self._sent_seq = records[-1].seq
            if len(records) == len(entries) < RECORDS_PER_BATCH:
                return

    def _brought_along_seq(self) -> int:
        """Return the last entry that is older than the journal's present name, -1 when it had no other."""
        return self._former_names[-1][1] if self._former_names else -1

    def _save_up(self) -> None:
        now_s = self._clock.monotonic()
        saved = self._may_send_bytes + (now_s - self._saved_at_s) * self._bytes_per_s
        self._may_send_bytes = min(saved, SAVED_UP_S * self._bytes_per_s)
        self._saved_at_s = now_s

    def hear_acknowledgement(self, message: Message) -> None:
        """Take the leader's word for what it has committed, if it speaks of this journal."""
        try:
            said = msgspec.json.decode(message.payload, type=JournalAcknowledgement)
        except msgspec.DecodeError as error:
            log.warning("An acknowledgement cannot be read and is left out: %s.", error)
            return
        if said.journal_id != self._journal.journal_id:
            return
        now_s, had = self._clock.monotonic(), self._leader_has
        self._journal.acknowledge(said.through_seq)
        self._leader_has = self._journal.acknowledged_seq()
        if self._leader_has != had:
            self._progress_at_s = now_s
        # A leader that lost its database says less than before, and is sent what the journal still holds.
        if self._leader_has < had or (said.resend and now_s - self._rewound_at_s >= REWIND_EVERY_S):
            self._rewind(now_s)
        self._sent_seq = max(self._sent_seq, self._leader_has)
        self.look()

    def send_again(self) -> None:
        """Repeat what is not acknowledged: the broker or the writer was away, and may never have had it."""
        self._rewind(self._clock.monotonic())
        self.look()

    def _rewind(self, now_s: float) -> None:
        """Begin again after what the leader has."""
        self._rewound_at_s = self._progress_at_s = now_s
        self._sent_seq = self._leader_has


def _fitting(entries: Sequence[JournalEntry]) -> list[JournalRecord]:
    """Return as many of the first entries, at least one, as make a message of moderate size.

    A payload that is too long by itself is cut: it cannot be read any more, and the leader keeps it apart.
    """
    records: list[JournalRecord] = []
    size = 0
    for entry in entries:
        payload = entry.payload[:MAX_RECORD_BYTES].decode("utf-8", "replace")
        size += len(payload) + len(entry.topic)
        if records and size > MAX_BATCH_BYTES:
            break
        records.append(JournalRecord(entry.seq, entry.topic, payload, structs.to_timestamp(entry.recorded_at)))
    return records
