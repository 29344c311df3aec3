"""Routes of the leader about measurements and logs."""

import json
from datetime import timedelta
from typing import Any

from tests.unit.web.conftest import ON_BOTH_DATABASES

from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
from pioreactor.storage.ports import Row
from pioreactor.structs.encoding import to_timestamp


@ON_BOTH_DATABASES
def test_readings_and_logs(leader: Any) -> None:
    leader.add_workers("unit1", experiment="exp")
    at = to_timestamp(leader.services.unit.clock.now())
    common = {"experiment": "exp", "pioreactor_unit": "unit1", "timestamp": at}
    sink = open_record_sink(leader.services.database.location)
    sink.commit(
        [
            Row("od_readings", {**common, "od_reading": 0.5, "angle": 90, "channel": 2}),
            Row("logs", {**common, "message": "hello", "source": "app", "level": "INFO", "task": "stirring"}),
            Row("logs", {**common, "message": "detail", "source": "app", "level": "DEBUG", "task": "stirring"}),
        ]
    )
    sink.close()

    client = leader.client
    series = client.get("/api/experiments/exp/time_series/od_readings").json()
    assert series == {"series": ["unit1-2"], "data": [[{"x": at, "y": 0.5}]]}
    assert client.get("/api/workers/unit1/experiments/exp/time_series/od_readings").json() == series
    generic = client.get("/api/experiments/exp/time_series/od_readings/od_reading?lookback=1").json()
    assert generic["data"] == [[{"x": at, "y": 0.5}]]
    assert client.get("/api/experiments/exp/time_series/od_readings?target_points=0").status_code == 400
    assert client.get("/api/experiments/exp/time_series/od_readings?lookback=x").status_code == 400
    assert client.get("/api/experiments/exp/time_series/nothing").status_code == 404
    for route in ("experiments/exp/time_series/od_readings", "workers/unit1/experiments/exp/time_series/od_readings"):
        assert client.get(f"/api/{route}?start_time={at}&end_time={at}").json() == series
        assert client.get(f"/api/{route}?end_time=2020-01-01T00:00:00Z&lookback=1e7").json()["series"] == []
        assert client.get(f"/api/{route}?start_time=2021-01-01T00:00:00Z&end_time=2020-01-01").status_code == 400
        assert client.get(f"/api/{route}?start_time=yesterday").status_code == 400
    assert client.get("/api/experiments/exp/media_rates").json() == {"all": {"mediaRate": 0.0, "altMediaRate": 0.0}}

    for path in ("logs", "experiments/exp/logs", "experiments/exp/recent_logs", "units/unit1/logs"):
        assert [row["message"] for row in client.get(f"/api/{path}").json()] == ["hello"], path
    assert len(client.get("/api/logs?min_level=DEBUG").json()) == 2
    assert client.get("/api/logs?min_level=LOUD").status_code == 400
    assert client.get("/api/units/unit1/system_logs").json() == []


@ON_BOTH_DATABASES
def test_recent_logs_are_as_many_as_asked_for(leader: Any) -> None:
    leader.add_workers("unit1", experiment="exp")
    at = to_timestamp(leader.services.unit.clock.now())
    common = {"experiment": "exp", "pioreactor_unit": "unit1", "timestamp": at, "source": "app", "task": "stirring"}
    sink = open_record_sink(leader.services.database.location)
    sink.commit([Row("logs", {**common, "message": f"message {n}", "level": "INFO"}) for n in range(120)])
    sink.close()

    for path in ("/api/experiments/exp/recent_logs", "/api/workers/unit1/experiments/exp/recent_logs"):
        assert len(leader.client.get(path).json()) == 50, "the default"
        for lines in (1, 7, 100):
            rows = leader.client.get(f"{path}?lines={lines}").json()
            assert (len(rows), rows[0]["message"]) == (lines, "message 119"), "the newest ones"
        for wrong in ("0", "101", "-1", "many", "1.5"):
            assert leader.client.get(f"{path}?lines={wrong}").status_code == 400, wrong


def test_log_entries_cannot_inject_topic_levels(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", experiment="exp")
    leader.bus.published.clear()
    path = "/api/workers/{}/experiments/exp/logs"
    body = {"message": "fed by hand", "source": "user", "level": "info", "timestamp": "2026-11-22T12:00:00Z"}

    assert leader.client.post(path.format("$broadcast"), json=body).status_code == 202
    assert [p[0] for p in leader.bus.published] == [
        "pioreactor/unit1/exp/logs/ui/info",
        "pioreactor/unit2/exp/logs/ui/info",
    ]
    journal = leader.services.unit.stores.journal()
    kept = [entry.topic for entry in journal.read(after_seq=0, limit=99) if "/exp/" in entry.topic]
    assert kept == [p[0] for p in leader.bus.published], "the database receives it, with or without a broker"
    for wrong in ({"source_": "a/b"}, {"level": "LOUD"}, {"timestamp": "yesterday"}):
        assert leader.client.post(path.format("unit1"), json=body | wrong).status_code == 400, wrong


def test_large_responses_are_compressed(leader: Any) -> None:
    answer = leader.client.get("/api/schema/openapi.json")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["openapi"]


def test_a_person_writes_notes_under_the_own_name_only(leader: Any) -> None:
    """Whatever the body says of its source, task and time."""
    leader.add_workers("unit1", experiment="exp")
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    now = leader.services.unit.clock.now()
    forged = {"source": "monitor", "source_": "app", "task": "od_reading", "level": "ERROR"}

    def write(ago_s: float) -> Any:
        body = forged | {"message": "OD is 7", "timestamp": to_timestamp(now - timedelta(seconds=ago_s))}
        leader.bus.published.clear()
        return leader.client.post("/api/workers/unit1/experiments/exp/logs", json=body)

    for ago_s, message in (
        (0, "OD is 7 (pioreactor)"),
        (7200, f"OD is 7 (pioreactor, written {now:%Y-%m-%d %H:%M} UTC)"),
    ):
        assert write(ago_s).status_code == 202
        topic, payload = leader.bus.published[0][:2]
        assert topic == "pioreactor/unit1/exp/logs/ui/error"
        entry = json.loads(payload)
        assert (entry["source"], entry["task"], entry["message"]) == ("ui", "note", message)
    assert "future" in write(-3600).json()["error"]
    assert leader.bus.published == []
