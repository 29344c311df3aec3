"""`pio db quarantine`, and what `pio status` says of records."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.ports import Row, ValueType

VOLUME = "pioreactor/unit1/batch 3/bioreactor/current_volume_ml"


def quarantined(desk: Any) -> None:
    """Put two messages into quarantine, of which one can be read."""
    sink = SqliteRecordSink(desk.runtime.paths.database)
    kept: dict[str, ValueType] = {
        "received_at": "2030-01-02T00:00:00.000Z",
        "recorded_at": "2030-01-01T00:00:00.000Z",
        "pioreactor_unit": "unit1",
        "topic": VOLUME,
        "reason": "ValueError: no number",
    }
    sink.commit([Row("quarantined_rows", {**kept, "payload": payload}) for payload in ("14.5", "a lot")])
    sink.close()


def test_quarantine_is_listed_shown_and_tried_again(desk: Any) -> None:
    assert desk.pio("db", "quarantine", "list").status == 1, "there is no database yet"
    quarantined(desk)
    listed = desk.pio("db", "quarantine", "list")
    assert listed.out.splitlines()[0].split() == ["id", "received", "at", "unit", "for", "reason"]
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == ["2", "1"]
    found = json.loads(desk.pio("db", "quarantine", "list", "--json").out)
    assert (found["total"], found["rows"][0]["payload"]) == (2, "a lot")
    assert "a lot" in desk.pio("db", "quarantine", "show", "2").out
    assert json.loads(desk.pio("db", "quarantine", "show", "1", "--json").out)["topic"] == VOLUME
    assert desk.pio("db", "quarantine", "show", "9").status == 1

    assert desk.pio("db", "quarantine", "retry").status == 1, "which ones must be said"
    tried = desk.pio("db", "quarantine", "retry", "--all")
    assert tried.status == 1
    assert "1 of 2 stored." in tried.out
    assert "2 stays: DecodeError" in tried.err
    assert "14.5" in desk.pio("db", "-c", "SELECT liquid_volume, timestamp FROM liquid_volumes").out
    assert "2030-01-01T00:00:00.000Z" in desk.pio("db", "-c", "SELECT timestamp FROM liquid_volumes").out
    assert json.loads(desk.pio("db", "quarantine", "list", "--json").out)["total"] == 1


def test_quarantine_is_discarded_only_when_it_is_confirmed(desk: Any) -> None:
    quarantined(desk)
    assert desk.pio("db", "quarantine", "discard", "2").status == 1, "the question was not answered"
    assert desk.pio("db", "quarantine", "discard", "2", "7", "--yes").status == 1
    assert json.loads(desk.pio("db", "quarantine", "list", "--json").out)["total"] == 2
    assert desk.pio("db", "quarantine", "discard", "2", "--yes").out == "Discarded 1 records.\n"
    assert desk.pio("db", "quarantine", "discard", "--all", "--yes").status == 0
    assert desk.pio("db", "quarantine", "list").out == "Nothing is in quarantine.\n"


def test_status_tells_of_quarantine_and_up_to_when_records_are_safe(desk: Any) -> None:
    quarantined(desk)
    journal = desk.runtime.stores.journal()
    at = datetime(2030, 1, 1, 12, tzinfo=UTC)
    journal.append([(VOLUME, b"14", at + timedelta(seconds=n)) for n in range(5)])
    journal.acknowledge(2)
    found = {row["check"]: row for row in json.loads(desk.pio("status", "--json").out)["checks"]}
    assert found["storage:quarantine"]["verdict"] == "WARN"
    assert found["storage:quarantine"]["details"].startswith("2 records could not be stored")
    expected = "safe up to 2030-01-01T12:00:02.000Z; 3 entries not acknowledged by the leader yet"
    assert found["storage:journal"]["details"] == expected
