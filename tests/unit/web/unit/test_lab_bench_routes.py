"""Routes of the lab bench of a simulated reactor."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.unit.web.conftest import client_of

from pioreactor.http.ports import Response
from pioreactor.twin.lab_bench import TwinLabBench
from pioreactor.twin.scenarios import SCENARIOS
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World
from pioreactor.web.unit.services import UnitServices

BENCH = "/unit_api/simulation/bench"


@pytest.fixture
def simulated(unit: UnitServices) -> Iterator[Any]:
    """The server of a worker whose reactor is simulated."""
    bench = TwinLabBench(World(SCENARIOS["ideal"], wiring(), seed=1, now_s=lambda: 0.0))
    unit.open_lab_bench = lambda: bench
    with client_of(unit) as client:
        yield client


def test_a_real_reactor_has_no_lab_bench(worker: Any) -> None:
    for answer in (worker.get(BENCH), worker.post(BENCH, json={"act": "tare"})):
        assert answer.status_code == 404
        assert "not simulated" in answer.json()["error"]


def test_a_standard_is_placed_and_the_culture_returned(simulated: Any) -> None:
    before = simulated.get(BENCH).json()
    assert before["vial"] == "culture"
    placed = simulated.post(BENCH, json={"act": "place_standard", "od": 0.5, "volume_ml": 12})
    assert placed.status_code == 200
    assert placed.json() == {**before, "vial": "standard", "standard_od": 0.5, "volume_ml": 12.0}
    assert simulated.get(BENCH).json() == placed.json()
    assert simulated.post(BENCH, json={"act": "put_culture_back"}).json() == before


def test_tubes_are_moved_to_the_cup_and_back(simulated: Any) -> None:
    assert simulated.post(BENCH, json={"act": "tare"}).json()["tubes"] == "cup"
    assert simulated.post(BENCH, json={"act": "lead_tubes_back"}).json()["tubes"] == "vial"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"act": "drink"},
        {"act": "place_standard"},
        {"act": "place_standard", "od": -1},
        {"act": "place_standard", "od": 1, "volume_ml": 50},
        {"act": "tare", "pump": "media"},
    ],
)
def test_invalid_actions_are_refused(simulated: Any, body: dict[str, Any]) -> None:
    before = simulated.get(BENCH).json()
    assert simulated.post(BENCH, json=body).status_code == 400
    assert simulated.get(BENCH).json() == before


def test_the_lab_bench_requires_authentication(simulated: Any) -> None:
    simulated.headers.pop("Authorization")
    assert simulated.get(BENCH).status_code == 401
    assert simulated.post(BENCH, json={"act": "tare"}).status_code == 401


def test_the_leader_relays_the_lab_bench_of_a_worker(leader: Any, simulated: Any) -> None:
    leader.client.put("/api/workers", json={"pioreactor_unit": "unit1"})

    def answer(request: Any) -> Response:
        body = None if request.json is None else msgspec.to_builtins(request.json)
        got = simulated.request(request.method, request.path, json=body)
        return Response(got.status_code, got.content, {name.lower(): text for name, text in got.headers.items()})

    leader.add_host("unit1", answer)
    path = "/api/workers/unit1/simulation/bench"
    placed = leader.client.post(path, json={"act": "place_standard", "od": 2})
    assert (placed.status_code, placed.json()["standard_od"]) == (200, 2.0)
    assert leader.client.get(path).json() == placed.json()
    assert leader.client.get("/api/workers/unit7/simulation/bench").status_code == 400
