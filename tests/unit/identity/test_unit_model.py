"""The model that a unit keeps: before its environment and its leader, across restarts, and for running services."""

from dataclasses import replace
from pathlib import Path

import pytest

from pioreactor.bootstrap import build_runtime
from pioreactor.devices.guard import HeatingLimits
from pioreactor.exc import StorageError
from pioreactor.identity.unit_model import ModelInForce, change_model, store_model, stored_model
from pioreactor.models import DEFAULT_MODEL, find_model, load_models
from pioreactor.output_guard.guard_process import build_output_guard, refresh_limits
from pioreactor.runtime.context import Runtime
from pioreactor.storage.memory import MemoryUnitStores
from pioreactor.testing.simulation import simulated_bench


def unit_in(folder: Path, **environment: str) -> Runtime:
    (folder / "config.ini").write_text("[hardware]\nrig=sim\n[cluster.topology]\nleader_hostname=leader1\n")
    places = {"DOT_PIOREACTOR": str(folder), "RUN_PIOREACTOR": str(folder / "run"), "HOSTNAME": "unit1"}
    return build_runtime({**places, **environment}, quiet=True, handles_signals=False, asks_leader=False)


def test_it_survives_a_restart_and_wins_over_the_environment(tmp_path: Path) -> None:
    given = {"MODEL_NAME": "pioreactor_20ml", "MODEL_VERSION": "1.1"}
    first = unit_in(tmp_path, **given)
    assert first.identity.model() == ("pioreactor_20ml", "1.1")
    assert first.model().reactor_capacity_ml == 20
    change_model(first.stores, first.paths.models, "pioreactor_40ml", "1.0")
    assert first.model().reactor_capacity_ml == 40, "a running service follows"
    first.stores.close()

    second = unit_in(tmp_path, **given)
    assert second.identity.model() == ("pioreactor_40ml", "1.0")
    assert second.model().reactor_max_fill_volume_ml == 33
    second.stores.close()


@pytest.mark.parametrize("text", ["", "{}", '{"model_name":"","model_version":"1"}', "[1]", "torn {"])
def test_what_is_not_a_model_is_none_or_an_error_and_can_be_replaced(tmp_path: Path, text: str) -> None:
    stores = MemoryUnitStores()
    stores.persistent("pioreactor_model").set("model", text)
    try:
        assert stored_model(stores) is None
    except StorageError as error:
        assert "pio model set" in (error.remedy or "")
    change_model(stores, tmp_path, "pioreactor_40ml", "1.5")
    assert stored_model(stores) == ("pioreactor_40ml", "1.5")


def test_a_store_that_fails_later_keeps_the_model_in_force() -> None:
    stores = MemoryUnitStores()
    store_model(stores, "pioreactor_20ml", "1.0")
    model = ModelInForce(stores, lambda: find_model(load_models(None), "pioreactor_20ml", "1.0"))
    found = model()
    stores.persistent("pioreactor_model").set("model", "torn {")
    assert model() is found


def test_the_output_guard_follows_a_change_of_the_model(tmp_path: Path) -> None:
    cool = HeatingLimits.of(find_model(load_models(None), "pioreactor_20ml", "1.0"))
    with simulated_bench() as bench:
        simulated = bench.unit.runtime
        stores = simulated.stores
        identity = replace(simulated.identity, own_model=lambda: stored_model(stores))
        model = ModelInForce(stores, lambda: find_model(load_models(None), *(identity.model() or DEFAULT_MODEL)))
        runtime = replace(simulated, identity=identity, model=model)
        guard = build_output_guard(runtime)
        assert guard.limits.shutdown_above > cool.shutdown_above
        change_model(stores, tmp_path, "pioreactor_20ml", "1.0")
        refresh_limits(guard, runtime)
        assert guard.limits == cool
        stores.persistent("pioreactor_model").set("model", "torn {")
        refresh_limits(guard, runtime)
        assert guard.limits == cool
