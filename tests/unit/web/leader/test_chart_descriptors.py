"""Charts of the overview follow from the declared measurements, those of plugins too; it is read in one answer."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.unit.measurements.ph import registered
from tests.unit.web.security.test_access_tokens import as_program, created

from pioreactor.web.leader.overview import charts


@pytest.fixture
def ph() -> Iterator[None]:
    with registered():
        yield


def test_a_channel_and_the_keys_of_the_payload_come_from_the_columns() -> None:
    [od] = (chart for chart in charts() if chart.chart_key == "optical_density")
    assert (od.payload_key, od.channel_key, od.data_source_column) == ("od", "channel", "od_reading")
    assert od.mqtt_topic == ["od_reading/od1", "od_reading/od2", "od_reading/od3", "od_reading/od4"]
    [volume] = (chart for chart in charts() if chart.chart_key == "current_volume_ml")
    assert (volume.payload_key, volume.channel_key, volume.mqtt_topic) == (
        "value",
        None,
        "bioreactor/current_volume_ml",
    )


def test_built_in_charts_keep_their_order() -> None:
    assert [chart.chart_key for chart in charts()] == [
        "implied_growth_rate",
        "implied_daily_growth_rate",
        "fraction_of_volume_that_is_alternative_media",
        "normalized_optical_density",
        "optical_density",
        "temperature",
        "current_volume_ml",
        "raw_optical_density",
        "fused_optical_density",
    ]
    shown = {chart.chart_key for chart in charts() if chart.shown_by_default}
    assert shown == {"implied_growth_rate", "normalized_optical_density", "optical_density", "temperature"}


@pytest.mark.usefixtures("ph")
def test_the_chart_of_a_plugin_is_the_last_one() -> None:
    assert json.loads(msgspec.json.encode(charts()[-1])) == {
        "chart_key": "ph",
        "title": "pH",
        "data_source": "ph_readings",
        "y_axis_label": "pH",
        "source": "plugin",
        "data_source_column": "ph",
        "mqtt_topic": "ph_reading/ph",
        "y_axis_domain": [0.0, 14.0],
        "shown_by_default": True,
    }


PREFERENCES = "/api/experiments/exp/chart_preferences"


def test_charts_are_chosen_for_an_experiment(leader: Any) -> None:
    client = leader.client
    assert client.get(PREFERENCES).status_code == 404
    assert client.patch(PREFERENCES, json={"overview_chart_keys": []}).status_code == 404
    leader.add_workers("unit1", experiment="exp")
    assert client.get(PREFERENCES).json() == {"overview_chart_keys": None, "pioreactor_chart_keys": None}

    chosen = client.patch(PREFERENCES, json={"overview_chart_keys": ["temperature", "optical_density"]})
    assert chosen.status_code == 200, chosen.text
    expected = {"overview_chart_keys": ["temperature", "optical_density"], "pioreactor_chart_keys": None}
    assert chosen.json() == client.get(PREFERENCES).json() == expected
    both = client.patch(PREFERENCES, json={"overview_chart_keys": None, "pioreactor_chart_keys": []}).json()
    assert both == {"overview_chart_keys": None, "pioreactor_chart_keys": []}, "none is not the same as the default"

    refused: list[dict[str, Any]] = [
        {},
        {"overview_chart_keys": ["temperature", "temperature"]},
        {"overview_chart_keys": ["nothing"]},
        {"overview_chart_keys": "temperature"},
        {"overview": []},
    ]
    for wrong in refused:
        assert client.patch(PREFERENCES, json=wrong).status_code == 400, wrong
    assert client.get(PREFERENCES).json() == both

    leader.result(client.delete("/api/experiments/exp"))
    leader.add_workers("unit2", experiment="exp")
    assert client.get(PREFERENCES).json()["pioreactor_chart_keys"] is None, "a new experiment of the same name"


def test_the_overview_has_in_one_answer_what_other_routes_return_one_by_one(leader: Any) -> None:
    leader.add_workers("unit1", "unit2")
    leader.services.database.experiments.create("older", description="", tags=[])
    leader.services.database.experiments.create("newer without units", description="", tags=["a"])
    leader.services.database.assignments.assign("unit1", "older")
    leader.services.database.labels.set("older", "unit1", "left")

    def body(path: str) -> Any:
        return leader.client.get(f"/api/{path}").json()

    found = body("overview")
    assert found["experiment"] == "older"
    assert found["labels"] == {"unit1": "left"}
    for part, path in {
        "workers": "workers",
        "jobs": "jobs/descriptors",
        "charts": "charts/descriptors",
        "assigned": "experiments/older/workers",
        "labels": "experiments/older/unit_labels",
        "chart_preferences": "experiments/older/chart_preferences",
    }.items():
        assert found[part] == body(path), part
    ages = {"delta_hours"}
    assert found["experiments"] == [{key: row[key] for key in row if key not in ages} for row in body("experiments")]
    assert found["config"] == leader.client.get("/api/config/shared").text
    assert body("overview?experiment=newer without units")["experiment"] == "newer without units"
    assert body("overview?experiment=unknown")["experiment"] == "older"


def test_an_overview_without_experiments_has_none(leader: Any) -> None:
    found = leader.client.get("/api/overview").json()
    assert (found["experiment"], found["assigned"], found["labels"]) == (None, [], {})


def test_an_overview_that_has_not_changed_is_not_sent_again(leader: Any) -> None:
    leader.add_workers("unit1")
    first = leader.client.get("/api/overview")
    known = {"If-None-Match": first.headers["etag"]}
    again = leader.client.get("/api/overview", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    leader.services.database.experiments.create("new", description="", tags=[])
    assert leader.client.get("/api/overview", headers=known).json()["experiment"] == "new"


@pytest.mark.parametrize(
    ("areas", "status"), [(["experiments"], 403), (["cluster"], 403), (["cluster", "experiments"], 200)]
)
def test_a_token_for_a_part_of_the_overview_does_not_read_it(leader: Any, areas: list[str], status: int) -> None:
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    as_program(leader, created(leader, areas=areas)["token"])
    assert leader.client.get("/api/overview").status_code == status
