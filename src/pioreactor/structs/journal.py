"""Messages between a unit's journal and the leader's database writer."""

import msgspec


class JournalRecord(msgspec.Struct, array_like=True):
    """Journal entry: sequence number, topic, payload, time of recording (ISO 8601, UTC)."""

    seq: int
    topic: str
    payload: str
    recorded_at: str


class JournalBatch(msgspec.Struct, omit_defaults=True):
    """Consecutive entries of a journal: all after `follows`, up to the last record.

    `former_names` are earlier ids of the journal, each with its last entry, while the leader may hold these entries
    under an earlier id.
    """

    journal_id: str
    follows: int
    records: list[JournalRecord]
    former_names: list[tuple[str, int]] = []


class JournalAcknowledgment(msgspec.Struct):
    """All entries up to `through_seq` are committed; `resend` requests the entries after it again."""

    journal_id: str
    through_seq: int
    resend: bool = False
