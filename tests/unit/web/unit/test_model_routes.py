"""Routes of a unit about its reactor model."""

import os
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tests.unit.web.conftest import result_of

from pioreactor.identity.unit_model import stored_model

FORTY = {"model_name": "pioreactor_40ml", "model_version": "1.5"}
TWENTY = {"model_name": "pioreactor_20ml", "model_version": "1.5"}


def start_job(unit: Any, name: str, *, long_running: bool = False) -> int:
    job_id = unit.stores.jobs().register(
        unit=unit.name,
        experiment="exp",
        job_name=name,
        job_source="user",
        pid=os.getpid(),
        leader="leader1",
        is_long_running=long_running,
        started_at="2030-01-01T00:00:00.000Z",
        exclusive=True,
    )
    return int(job_id)


def test_the_model_is_kept_by_the_unit_and_used_at_once(worker: Any, unit: Any) -> None:
    assert worker.put("/unit_api/model", json=TWENTY).json() == TWENTY
    assert stored_model(unit.stores) == ("pioreactor_20ml", "1.5")
    described = worker.get("/unit_api/model").json()
    assert described | TWENTY == described
    assert described["reactor_max_fill_volume_ml"] == 18.0
    path = "/unit_api/bioreactor/experiments/exp"
    assert worker.patch(path, json={"values": {"current_volume_ml": 30}}).status_code == 400, "the vial holds 20 mL"
    worker.put("/unit_api/model", json=FORTY)
    assert worker.patch(path, json={"values": {"current_volume_ml": 30}}).status_code == 200


def test_an_unknown_model_is_refused(worker: Any, unit: Any) -> None:
    wrong: list[object] = [{**FORTY, "model_version": "9"}, {"model_name": "x"}, {**FORTY, "more": "1"}, []]
    for body in wrong:
        assert worker.put("/unit_api/model", json=body).status_code == 400, body
    assert stored_model(unit.stores) is None


def test_the_model_does_not_change_while_activities_run(worker: Any, unit: Any) -> None:
    worker.put("/unit_api/model", json=TWENTY)
    start_job(unit, "monitor", long_running=True)
    assert worker.put("/unit_api/model", json=FORTY).status_code == 200, "services do not count"
    job = start_job(unit, "stirring")
    refused = worker.put("/unit_api/model", json=TWENTY)
    assert (refused.status_code, "stirring" in refused.json()["error"]) == (409, True)
    assert worker.put("/unit_api/model", json=FORTY).status_code == 200, "what it is already is no change"
    unit.stores.jobs().finish(job, ended_at="2030-01-01T00:01:00.000Z")
    assert worker.put("/unit_api/model", json=TWENTY).status_code == 200


def test_a_custom_model_that_is_gone_keeps_its_name(worker: Any, unit: Any) -> None:
    unit.stores.persistent("pioreactor_model").set("model", '{"model_name":"gone","model_version":"1.0"}')
    assert worker.get("/unit_api/model").json() == {"model_name": "gone", "model_version": "1.0"}


def test_the_hardware_is_checked_on_request(worker: Any, unit: Any) -> None:
    without = SimpleNamespace(is_hat_present=lambda: False)
    broken = SimpleNamespace(is_hat_present=lambda: True, missing=lambda: ["ADC"])
    for rig, expected in ((without, (False, [])), (broken, (True, ["ADC"]))):
        unit.runtime = replace(unit.runtime, open_rig=lambda rig=rig: rig)
        for method in (worker.post, worker.patch):
            found = result_of(worker, method("/unit_api/hardware/check"))["result"]
            assert (found["is_hat_present"], found["missing"]) == expected
