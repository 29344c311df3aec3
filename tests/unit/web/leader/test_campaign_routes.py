"""Campaigns over HTTP: from the definition to what is known, with rights and refusals."""

from typing import Any

import pytest
from tests.unit.campaigns.test_campaign_record import DEFINITION, value_of

URL = "/api/experiments/exp/campaigns"


@pytest.fixture
def client(leader: Any) -> Any:
    leader.add_workers("unit1", "unit2", experiment="exp")
    return leader.client


def test_a_campaign_from_its_definition_to_what_is_known(client: Any, leader: Any) -> None:
    made = client.post(URL, json={"definition": DEFINITION})
    assert made.status_code == 201, made.text
    assert client.post(URL, json={"definition": DEFINITION}).status_code == 409
    assert [one["campaign"] for one in client.get(URL).json()] == ["warm-and-fed"]
    assert client.get("/api/experiments/other/campaigns").json() == []
    for _ in range(3):
        arms = client.post(f"{URL}/warm-and-fed/arms", json={}).json()
        assert [arm["status"] for arm in arms] == ["waiting", "waiting"]
        for arm in arms:
            body = {"objective": value_of(arm["suggestion"]["setting"])}
            assert client.post(f"{URL}/warm-and-fed/arms/{arm['arm']}/result", json=body).status_code == 201
    known = client.get(f"{URL}/warm-and-fed/knowledge").json()
    assert (known["done"], known["settings_left"]) == (6, 6)
    assert [band["factor"] for band in known["bands"]] == ["temperature", "media"]
    assert "Best prediction" in client.get(f"{URL}/warm-and-fed/report").text
    [arm] = client.post(f"{URL}/warm-and-fed/arms", json={"count": 1}).json()
    assert arm["suggestion"]["expected_improvement"] > 0.0
    started = client.post(f"{URL}/warm-and-fed/arms/{arm['arm']}/start").json()
    assert (leader.services.unit.paths.experiment_profiles / started["profile"]).is_file()
    assert client.post(f"{URL}/warm-and-fed/end").status_code == 200
    shown = client.get(f"{URL}/warm-and-fed").json()
    assert (shown["campaign"]["ended_at"] is not None, shown["definition"]["hours"], len(shown["arms"])) == (True, 3, 7)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", {"definition": "campaign: x"}, 400),
        ("", {"definition": DEFINITION.replace("thermostat", "${{ 1 +")}, 400),
        ("/unknown/arms", {}, 404),
        ("/warm-and-fed/arms", {"count": 0}, 400),
        ("/warm-and-fed/arms", {"count": 1, "given": []}, 400),
        ("/warm-and-fed/arms", {"given": [{"temperature": 99.0, "media": 0.5}]}, 400),
        ("/warm-and-fed/arms/1/result", {"objective": 1.0}, 404),
        ("/warm-and-fed/arms/first/start", {}, 404),
        ("/warm-and-fed/arms/1/result", {"value": 1.0}, 400),
    ],
)
def test_requests_that_cannot_be_carried_out(client: Any, path: str, body: dict[str, object], status: int) -> None:
    client.post(URL, json={"definition": DEFINITION})
    assert client.post(URL + path, json=body).status_code == status


def test_a_campaign_belongs_to_its_experiment(client: Any) -> None:
    client.post(URL, json={"definition": DEFINITION})
    client.post("/api/experiments", json={"experiment": "other"})
    assert client.get("/api/experiments/other/campaigns/warm-and-fed").status_code == 404
    assert client.post("/api/experiments/other/campaigns/warm-and-fed/end").status_code == 404
