"""Routes of a unit about its configuration files."""

from typing import Any


def test_a_units_own_configuration_is_checked_before_it_is_written(worker: Any, unit: Any) -> None:
    good = {"code": "[stirring.config]\ninitial_target_rpm=400\n"}
    assert worker.patch("/unit_api/config/specific", json=good).status_code == 200
    assert worker.get("/unit_api/config/specific").text == good["code"]
    assert worker.get("/unit_api/config/merged").json()["stirring.config"]["initial_target_rpm"] == "400"

    bad = worker.patch("/unit_api/config/specific", json={"code": "[stirring.config]\ninitial_target_rpm=fast\n"})
    assert bad.status_code == 400
    assert "initial_target_rpm" in bad.json()["error"]
    assert worker.get("/unit_api/config/specific").text == good["code"]
