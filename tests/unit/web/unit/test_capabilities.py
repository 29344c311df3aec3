"""Routes of a unit about descriptors of its jobs, and about its vial."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pioreactor import structs
from pioreactor.jobs.published_attribute import PublishedAttribute
from pioreactor.jobs.settings import Setting
from pioreactor.models import BUILTIN_MODELS, find_model
from pioreactor.web.descriptors import describe_job


class _Warmer:
    """Declaration of a job whose setting is bounded by the model."""

    job_name = "warmer"
    display_name = "Warmer"
    description = ""
    display = True
    source = "plugin"
    alarm_rules = ()
    warmth = Setting(30.0, label="Warmth", le=100, le_by_model="max_temp_to_reduce_heating")
    published: ClassVar[Mapping[str, PublishedAttribute[Any]]] = {"warmth": warmth}
    settings: ClassVar[Mapping[str, Setting[Any]]] = {"warmth": warmth}


def test_descriptors_come_from_the_declarations(worker: Any) -> None:
    [stirring] = worker.get("/unit_api/jobs/descriptors").json()
    target = next(s for s in stirring["published_settings"] if s["key"] == "target_rpm")
    assert target == {
        "key": "target_rpm",
        "type": "numeric",
        "display": True,
        "unit": "RPM",
        "label": "Target stir RPM",
        "min": 0.0,
        "max": 1500.0,
        "default": 500.0,
    }
    measured = next(s for s in stirring["published_settings"] if s["key"] == "measured_rpm")
    assert measured["editable"] is False
    [turbidostat] = worker.get("/unit_api/automations/descriptors/dosing").json()
    assert [field["key"] for field in turbidostat["fields"]] == ["target_biomass"]
    assert worker.get("/unit_api/automations/descriptors/nonsense").status_code == 400
    assert {group["key"] for group in worker.get("/unit_api/settings/descriptors").json()} == {
        "bioreactor",
        "leds",
        "pwms",
    }
    capabilities = worker.get("/unit_api/capabilities").json()
    assert {c["job_name"] for c in capabilities} == {"stirring", "dosing_automation"}


def test_bounds_are_those_of_the_units_own_model(worker: Any) -> None:
    for capacity_ml in (20.0, 40.0):
        model = {"model_name": f"pioreactor_{capacity_ml:.0f}ml", "model_version": "1.5"}
        assert worker.put("/unit_api/model", json=model).status_code == 200
        [vial] = [
            group for group in worker.get("/unit_api/settings/descriptors").json() if group["key"] == "bioreactor"
        ]
        bounds = {setting["key"]: setting["max"] for setting in vial["published_settings"]}
        assert (bounds["current_volume_ml"], bounds["efflux_tube_volume_ml"]) == (capacity_ml, capacity_ml)
        refused = worker.patch(
            "/unit_api/bioreactor/experiments/exp", json={"values": {"current_volume_ml": capacity_ml + 1}}
        )
        assert refused.status_code == 400, "what is offered is what the unit accepts"


def test_settings_of_jobs_are_bounded_by_the_model() -> None:
    job = _Warmer()
    for version, most in (("1.0", 63.0), ("1.5", 78.0)):
        model = find_model(BUILTIN_MODELS, "pioreactor_20ml", version)
        [described] = describe_job(job, model).published_settings
        assert described.max == most
    [described] = describe_job(job).published_settings
    assert described.max == 100


def test_variables_of_the_vial_are_set_together_or_not_at_all(worker: Any, unit: Any) -> None:
    path = "/unit_api/bioreactor/experiments/my exp"
    assert worker.patch(path, json={"values": {"current_volume_ml": 14.0, "nonsense": 1}}).status_code == 400
    assert (
        worker.patch(path, json={"values": {"current_volume_ml": 14.0, "alt_media_fraction": 1.5}}).status_code == 400
    )
    assert worker.patch(path, json={"values": {"current_volume_ml": 100.0}}).status_code == 400
    assert worker.get(path).json()["values"]["current_volume_ml"] == 15.0, "what the configuration begins with"
    assert unit.bus.published == []

    assert worker.patch(path, json={"values": {"current_volume_ml": 14.0}}).json()["values"] == {
        "current_volume_ml": 14.0,
        "efflux_tube_volume_ml": 15.0,
        "alt_media_fraction": 0.0,
        "cumulative_media_added_ml": 0.0,
        "cumulative_alt_media_added_ml": 0.0,
        "cumulative_waste_removed_ml": 0.0,
    }
    topic = "pioreactor/unit1/my exp/bioreactor/current_volume_ml"
    [(published, payload, qos, retain)] = unit.bus.published
    assert (published, qos, retain) == (topic, 1, True)
    value = structs.decode_bioreactor_value(payload)
    assert isinstance(value, structs.BioreactorValue)
    assert (value.value, value.timestamp.tzinfo is not None) == (14.0, True)
    assert [entry.topic for entry in unit.stores.journal().read(after_seq=0, limit=9)] == [topic], (
        "the database receives it"
    )
