"""Rehearsals over HTTP: started in a process of their own, with progress; canceled, listed, shown and refused."""

import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.unit.rehearsal.test_rehearse_command import NOW, forecast
from tests.unit.web.leader.test_export_routes import until

from pioreactor.experiment_profiles.kept_rehearsals import KeptRehearsals
from pioreactor.web.leader.rehearsal_runner import RehearsalRunner

PROFILE = 'version: "1.0"\nexperiment_profile_name: p\n'
URL = "/api/experiments/e 1/rehearsals"
SLOW = """
import sys, time
print('{"type":"progress","share":0.25}', flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    pass
"""
DONE = """print('a line of a job'); print('{"type":"result","id":"20300101T000000","rehearsal":null}')"""


@pytest.fixture
def rehearsing(leader: Any) -> Callable[[str], Any]:
    """Return the leader with a program in place of `pio rehearse`."""
    assert leader.client.post("/api/experiments", json={"experiment": "e 1"}).status_code == 201

    def with_program(program: str) -> Any:
        command = (sys.executable, "-c", program)
        leader.services.rehearsals = RehearsalRunner(command, {}, leader.services.unit.tasks.pause)
        return leader

    return with_program


def test_a_rehearsal_is_started_with_progress_and_canceled(rehearsing: Any) -> None:
    leader = rehearsing(SLOW)
    client = leader.client
    began = client.post(URL, json={"profile": PROFILE})
    assert until(lambda: (client.get(URL).json()["in_progress"] or {}).get("share")) == 0.25
    assert client.post(URL, json={"profile": PROFILE}).status_code == 409, "one at a time"
    assert client.delete("/api/experiments/other/rehearsals").status_code == 404
    assert client.delete(URL).status_code == 202
    ended = leader.result(began)
    assert (ended["status"], ended["error"]) == ("failed", "the rehearsal was canceled")
    assert client.get(URL).json() == {"in_progress": None, "kept": []}


def test_the_request_becomes_options_of_the_command(rehearsing: Any) -> None:
    leader = rehearsing("import sys; print('Error:', sys.argv[2:]); raise SystemExit(1)")
    body = {
        "profile": PROFILE, "units": ["unit1"], "from_now": True, "strain": "ecoli", "start_od": 0.1, "hours": 5,
        "bottles_ml": {"media": 250}, "max_minutes": 2,
    }  # fmt: skip
    error = leader.result(leader.client.post(URL, json=body))["error"]
    for option in ("--experiment=e 1", "--units=unit1", "--from-now", "--hours=5", "--media=250", "--max-minutes=2"):
        assert option in error
    assert "--waste" not in error


def test_a_rehearsal_that_has_ended_is_kept_listed_shown_and_compared(rehearsing: Any) -> None:
    leader = rehearsing(DONE)
    client = leader.client
    assert leader.result(client.post(URL, json={"profile": PROFILE}))["result"] == {"id": "20300101T000000"}
    found = msgspec.structs.replace(forecast(), experiment="e 1")
    id_ = KeptRehearsals(leader.services.unit.paths.rehearsals).keep(found, NOW)
    [row] = client.get(URL).json()["kept"]
    assert (row["id"], row["profile_name"], row["hazards"]) == (id_, "p", 0)
    assert client.get(f"{URL}/{id_}").json() == msgspec.to_builtins(found)
    assert {row["recorded"] for row in client.get(f"{URL}/{id_}/comparison").json()} == {0.0}
    assert client.get(f"{URL}/{id_}/comparison?began_at=soon").status_code == 400
    assert client.get(f"{URL}/20300101T000009").status_code == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"profile": "version: 2"}, 400),
        ({"profile": ""}, 400),
        ({"runs": 51}, 400),
        ({"hours": 8760}, 400),
        ({"strain": "/etc/passwd"}, 400),
        ({"units": ["../x"]}, 400),
        ({"bottles_ml": {"media": -1}}, 400),
        ({"max_minutes": 100_000}, 400),
    ],
)
def test_what_cannot_be_rehearsed_is_refused(rehearsing: Any, change: Any, status: int) -> None:
    answer = rehearsing(DONE).client.post(URL, json={"profile": PROFILE, **change})
    assert answer.status_code == status, answer.text


def test_an_experiment_that_does_not_exist_is_refused(leader: Any) -> None:
    assert leader.client.post("/api/experiments/none/rehearsals", json={"profile": PROFILE}).status_code == 404
