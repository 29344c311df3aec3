"""Forwarding of the unit's journal to the leader: entries are sent until they are acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import msgspec

from pioreactor import structs, topics
from pioreactor.clock.ports import Clock
from pioreactor.exc import StorageError
from pioreactor.messaging.ports import Message
from pioreactor.storage.ports import Journal, JournalEntry
from pioreactor.structs.journal import JournalAcknowledgment, JournalBatch, JournalRecord

log = logging.getLogger(__name__)

POLL_EVERY_S = 1.0
RECORDS_PER_BATCH = 250
BATCHES_IN_FLIGHT = 4
MAX_BATCH_BYTES = 500_000
MAX_RECORD_BYTES = 1_000_000
RESEND_AFTER_S = 10.0
REWIND_EVERY_S = 2.0
"""Shortest time between repetitions: the leader may request one for each batch in flight."""
TRIM_EVERY_S = 600.0
BURST_S = 2.0
"""Size of a burst after a pause, in seconds of the average rate."""


class JournalForwarder:
    """Sends the journal in order. A lost batch or acknowledgment causes a repetition and never loses a row."""

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
        """`bytes_per_s` limits the average rate, so that a backlog leaves bandwidth for live messages."""
        self._journal = journal
        self._clock = clock
        self._publish = publish
        self._unit = unit
        self._max_bytes = max_bytes
        self._journal_id = journal.journal_id
        self._former_names = list[tuple[str, int]](journal.former_names())
        self._acknowledged_seq = journal.acknowledged_seq()
        self._sent_seq = self._acknowledged_seq
        self._progress_at_s = clock.monotonic()
        self._rewound_at_s = float("-inf")
        self._trimmed_at_s = clock.monotonic()
        self._bytes_per_s = bytes_per_s
        self._budget_bytes = BURST_S * bytes_per_s
        self._refilled_at_s = clock.monotonic()

    @property
    def backlog(self) -> int:
        """Return the number of entries that the leader has not acknowledged."""
        return self._journal.last_seq() - self._journal.acknowledged_seq()

    def poll(self) -> None:
        """Send new entries, and again those that were not acknowledged in time. Called about once a second."""
        now_s = self._clock.monotonic()
        try:
            self._check_journal_id()
            if self._sent_seq > self._acknowledged_seq and now_s - self._progress_at_s >= RESEND_AFTER_S:
                self._rewind(now_s)
            self._send()
            if now_s - self._trimmed_at_s >= TRIM_EVERY_S:
                self._trimmed_at_s = now_s
                self._journal.trim(max_bytes=self._max_bytes)
        except StorageError as error:
            log.warning("The journal cannot be read (%s); retrying.", error)

    def _check_journal_id(self) -> None:
        """Start over with a journal that was recovered from damage: it has a new id and counts from its start."""
        if self._journal.journal_id == self._journal_id:
            return
        self._journal_id = self._journal.journal_id
        self._former_names = list[tuple[str, int]](self._journal.former_names())
        self._acknowledged_seq = self._sent_seq = self._journal.acknowledged_seq()
        log.warning("The journal was restarted: %s", self._journal.recovered)

    def _send(self) -> None:
        self._refill_budget()
        while (
            self._budget_bytes > 0 and self._sent_seq - self._acknowledged_seq < RECORDS_PER_BATCH * BATCHES_IN_FLIGHT
        ):
            entries = self._journal.read(after_seq=self._sent_seq, limit=RECORDS_PER_BATCH)
            if not entries:
                return
            if self._sent_seq == self._acknowledged_seq:
                self._progress_at_s = self._clock.monotonic()
            records = _fitting(entries)
            names = self._former_names if self._carried_over_seq() >= self._acknowledged_seq else []
            batch = msgspec.json.encode(JournalBatch(self._journal_id, self._sent_seq, records, names))
            self._publish(topics.journal_entries(self._unit), batch)
            self._budget_bytes -= len(batch)
            self._sent_seq = records[-1].seq
            if len(records) == len(entries) < RECORDS_PER_BATCH:
                return

    def _carried_over_seq(self) -> int:
        """Return the last entry from before the journal's current id, or -1 if it had no other."""
        return self._former_names[-1][1] if self._former_names else -1

    def _refill_budget(self) -> None:
        now_s = self._clock.monotonic()
        budget = self._budget_bytes + (now_s - self._refilled_at_s) * self._bytes_per_s
        self._budget_bytes = min(budget, BURST_S * self._bytes_per_s)
        self._refilled_at_s = now_s

    def on_acknowledgment(self, message: Message) -> None:
        """Handle an acknowledgment of committed entries, if it is for this journal."""
        try:
            acknowledgment = msgspec.json.decode(message.payload, type=JournalAcknowledgment)
        except msgspec.DecodeError as error:
            log.warning("An unreadable acknowledgment is skipped: %s.", error)
            return
        if acknowledgment.journal_id != self._journal.journal_id:
            return
        now_s, had = self._clock.monotonic(), self._acknowledged_seq
        self._journal.acknowledge(acknowledgment.through_seq)
        self._acknowledged_seq = self._journal.acknowledged_seq()
        if self._acknowledged_seq != had:
            self._progress_at_s = now_s
        # A leader that lost its database acknowledges less than before, and gets what the journal still holds.
        if self._acknowledged_seq < had or (acknowledgment.resend and now_s - self._rewound_at_s >= REWIND_EVERY_S):
            self._rewind(now_s)
        self._sent_seq = max(self._sent_seq, self._acknowledged_seq)
        self.poll()

    def resend(self) -> None:
        """Send unacknowledged entries again: the broker or the writer was away and may have missed them."""
        self._rewind(self._clock.monotonic())
        self.poll()

    def _rewind(self, now_s: float) -> None:
        """Continue after the last acknowledged entry."""
        self._rewound_at_s = self._progress_at_s = now_s
        self._sent_seq = self._acknowledged_seq


def _fitting(entries: Sequence[JournalEntry]) -> list[JournalRecord]:
    """Return as many of the first entries, at least one, as fit into a message of moderate size.

    A payload that is too long by itself is cut: it becomes unreadable, and the leader quarantines it.
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
