"""Routes of a unit about its calibrations."""

import zipfile
from io import BytesIO
from typing import Any

from pioreactor.web.unit.services import UnitServices

CALIBRATION = """\
calibration_type: simple_peristaltic_pump
calibration_name: first
calibrated_on_pioreactor_unit: unit1
created_at: 2026-01-01T00:00:00Z
curve_data_:
  type: poly
  coefficients: [0.05, 0.0]
x: Duration
y: Volume
recorded_data: {x: [], y: []}
hz: 150.0
dc: 60.0
voltage: 12.0
"""


def test_calibrations_from_upload_to_deletion(worker: Any) -> None:
    path = "/unit_api/calibrations/media_pump"
    body = {"calibration_data": CALIBRATION, "set_as_active": True}
    made = worker.post(path, json=body)
    assert made.status_code == 201, made.text
    assert worker.post(path, json={"calibration_data": "x: ["}).status_code == 400
    assert worker.post("/unit_api/calibrations/od90", json=body).status_code == 409
    assert worker.post("/unit_api/calibrations/..", json=body).status_code in (400, 404, 405)

    [listed] = worker.get("/unit_api/calibrations").json()["media_pump"]
    assert (listed["calibration_name"], listed["is_active"], listed["pioreactor_unit"]) == ("first", True, "unit1")
    assert list(worker.get("/unit_api/active_calibrations").json()) == ["media_pump"]
    archive = zipfile.ZipFile(BytesIO(worker.get("/unit_api/zipped_calibrations").content))
    assert archive.namelist() == ["media_pump/first.yaml"]

    assert worker.delete("/unit_api/active_calibrations/media_pump").status_code == 200
    assert worker.get(f"{path}/first").json()["is_active"] is False
    assert worker.patch("/unit_api/active_calibrations/media_pump/second").status_code == 404
    assert worker.patch("/unit_api/active_calibrations/media_pump/first").status_code == 200
    assert worker.delete(f"{path}/first").status_code == 200
    assert worker.get("/unit_api/active_calibrations").json() == {}
    assert worker.get(f"{path}/first").status_code == 404


def test_a_calibration_that_would_give_wrong_numbers_is_refused_at_upload_and_at_activation(
    worker: Any, unit: UnitServices
) -> None:
    path = "/unit_api/calibrations/media_pump"
    for rate, reason in (("0.0", "constant"), ("-0.05", "falls"), (".nan", "not a finite number")):
        flawed = CALIBRATION.replace("[0.05,", f"[{rate},")
        refused = worker.post(path, json={"calibration_data": flawed, "set_as_active": True})
        assert refused.status_code == 400, refused.text
        assert reason in refused.text
        assert worker.get("/unit_api/calibrations").json() == {}
        unit.runtime.artifacts.write("calibrations", "media_pump", "first", flawed)
        assert worker.patch("/unit_api/active_calibrations/media_pump/first").status_code == 409
        assert worker.get("/unit_api/active_calibrations").json() == {}
        assert worker.delete(f"{path}/first").status_code == 200


RECORDED = CALIBRATION.replace("{x: [], y: []}", "{x: [10, 20, 30], y: [0.5, 1.0, 1.5]}")


def test_a_doubtful_upload_is_saved_and_not_active_until_it_is_asked_for_again(worker: Any) -> None:
    path = "/unit_api/calibrations/media_pump"
    made = worker.post(path, json={"calibration_data": RECORDED, "set_as_active": True}).json()
    assert (made["active"], made["judgment"]["grade"], made["judgment"]["doubts"]) == (True, "good", [])

    tenfold = RECORDED.replace("first", "second").replace("[0.05,", "[0.5,").replace("[0.5, 1.0, 1.5]", "[5, 10, 15]")
    made = worker.post(path, json={"calibration_data": tenfold, "set_as_active": True}).json()
    assert (made["name"], made["active"], made["judgment"]["ratio"]) == ("second", False, 0.1)
    assert "not active: For the same Volume it gives 0.1 times the Duration of 'first'" in made["msg"]
    assert worker.get("/unit_api/active_calibrations").json()["media_pump"]["calibration_name"] == "first"
    judged = {one["calibration_name"]: one["judgment"] for one in worker.get(path).json()}
    assert (judged["first"]["compared_with"], judged["second"]["compared_with"]) == (None, "first")

    assert worker.patch("/unit_api/active_calibrations/media_pump/second").status_code == 200
    assert worker.get("/unit_api/active_calibrations").json()["media_pump"]["calibration_name"] == "second"


def test_a_calibration_that_cannot_be_used_is_listed_with_the_reason(worker: Any, unit: UnitServices) -> None:
    unit.runtime.artifacts.write("calibrations", "media_pump", "first", CALIBRATION.replace("[0.05,", "[0.0,"))
    [listed] = worker.get("/unit_api/calibrations/media_pump").json()
    assert listed["judgment"]["grade"] == "unusable"
    assert "constant" in listed["judgment"]["summary"]
