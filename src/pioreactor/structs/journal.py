"""What a unit's journal and the leader's database writer say to each other (ours alone)."""

import msgspec


class JournalRecord(msgspec.Struct, array_like=True):
    """One journal entry on its way: seq, topic, payload, moment it was recorded (ISO)."""

    seq: int
    topic: str
    payload: str
    recorded_at: str


class JournalBatch(msgspec.Struct, omit_defaults=True):
    """A stretch of a journal: all that the unit has after `follows`, up to the last record.

    `former_names` are names that the journal had before, each with its last entry, while the leader may not know that
    it has those entries already.
    """

    journal_id: str
    follows: int
    records: list[JournalRecord]
    former_names: list[tuple[str, int]] = []


class JournalAcknowledgement(msgspec.Struct):
    """Everything up to here is in the leader's database; `resend` asks for what comes after, again."""

    journal_id: str
    through_seq: int
    resend: bool = False
