"""Routes of the leader about records that could not be stored."""

from pathlib import Path
from typing import Any

from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.ports import Row


def test_quarantined_records_are_listed_retried_and_discarded(leader: Any, tmp_path: Path) -> None:
    client, topic = leader.client, "pioreactor/unit1/exp/bioreactor/current_volume_ml"
    sink = SqliteRecordSink(tmp_path / "leader.sqlite")
    at = "2030-01-01T00:00:00.000Z"
    kept = {"received_at": at, "recorded_at": at, "pioreactor_unit": "unit1", "topic": topic, "reason": "?"}
    sink.commit([Row("quarantined_rows", {**kept, "payload": text}) for text in ("14.5", "x" * 500, "y")])
    sink.close()
    found = client.get("/api/quarantine").json()
    assert (found["total"], [row["id"] for row in found["rows"]]) == (3, [3, 2, 1])
    assert len(found["rows"][1]["payload"]) == 200
    assert client.get("/api/quarantine?limit=0").json() == {"total": 3, "rows": []}
    assert client.get("/api/quarantine?skip=-1").status_code == 400
    assert len(client.get("/api/quarantine/2").json()["payload"]) == 500
    assert client.get("/api/quarantine/9").status_code == 404

    tried = leader.result(client.post("/api/quarantine/retry", json={"ids": [1, 2]}))
    assert (tried["result"]["stored"], tried["result"]["failed"]) == (1, 1)
    assert "DecodeError" in tried["result"]["reasons"]["2"]
    assert leader.result(client.post("/api/quarantine/retry", json={}))["result"]["failed"] == 2

    assert client.delete("/api/quarantine/2").status_code == 200
    assert client.delete("/api/quarantine/2").status_code == 404
    assert client.get("/api/quarantine").json()["total"] == 1
    client.headers.pop("Authorization")
    for answer in (client.get("/api/quarantine"), client.delete("/api/quarantine/3")):
        assert answer.status_code == 401
