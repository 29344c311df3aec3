"""Routes of a unit about its estimators and which of them are active."""

import msgspec
from litestar import Router, delete, get, patch
from litestar.params import FromPath

from pioreactor.estimators import store
from pioreactor.estimators.estimator_judgment import judge_usable
from pioreactor.estimators.models import EstimatorBase
from pioreactor.exc import UnusableCalibrationError
from pioreactor.web.request_bodies import device_name, file_name
from pioreactor.web.route_declarations import relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.unit.configuration import Changed
from pioreactor.web.unit.services import UnitPorts, UnitServices


def _described(unit: UnitServices, device: str, estimator: EstimatorBase) -> dict[str, object]:
    active = store.active_name(unit.runtime, device) == estimator.estimator_name
    fields: dict[str, object] = msgspec.to_builtins(estimator)
    return {**fields, "is_active": active, "pioreactor_unit": unit.name, "judgment": _judged(unit, device, estimator)}


def _judged(unit: UnitServices, device: str, estimator: EstimatorBase) -> object:
    try:
        store.check(estimator)
    except UnusableCalibrationError as error:
        return {"grade": "unusable", "summary": str(error), "doubts": [str(error)]}
    return msgspec.to_builtins(judge_usable(unit.runtime, device, estimator))


@relayed()
@get("/estimators", sync_to_thread=True)
def estimators(unit: UnitPorts) -> dict[str, list[dict[str, object]]]:
    """Return estimators by device, each with whether it is active."""
    found = store.list_all(unit.runtime)
    return {device: [_described(unit, device, one) for one in ones] for device, ones in found.items()}


@relayed()
@get("/estimators/{device:str}", sync_to_thread=True)
def estimators_of_device(unit: UnitPorts, device: FromPath[str]) -> list[dict[str, object]]:
    found = store.list_all(unit.runtime).get(device_name(device), [])
    return [_described(unit, device, one) for one in found]


@relayed()
@get("/estimators/{device:str}/{name:str}", sync_to_thread=True)
def one_estimator(unit: UnitPorts, device: FromPath[str], name: FromPath[str]) -> dict[str, object]:
    return _described(unit, device, store.load(unit.runtime, device_name(device), file_name(name)))


@relayed()
@delete("/estimators/{device:str}/{name:str}", status_code=200, sync_to_thread=True)
def delete_estimator(unit: UnitPorts, device: FromPath[str], name: FromPath[str]) -> Changed:
    kept = store.list_all(unit.runtime).get(device_name(device), [])
    before = [one for one in kept if one.estimator_name == name]
    store.delete(unit.runtime, device, file_name(name))
    return Changed(msgspec.to_builtins(before), [])


@relayed()
@get("/active_estimators", sync_to_thread=True)
def active_estimators(unit: UnitPorts) -> dict[str, dict[str, object]]:
    """Return the active estimator by device; missing or damaged ones are skipped."""
    active = store.active_names(unit.runtime)
    return {
        device: _described(unit, device, one)
        for device, ones in store.list_all(unit.runtime).items()
        for one in ones
        if active.get(device) == one.estimator_name
    }


@relayed()
@patch("/active_estimators/{device:str}/{name:str}", sync_to_thread=True)
def use_estimator(unit: UnitPorts, device: FromPath[str], name: FromPath[str]) -> Changed:
    """Use this estimator of a device from now on, in place of the one that was in use."""
    before = store.active_name(unit.runtime, device_name(device))
    store.set_active(unit.runtime, device, file_name(name))
    return Changed(before, name)


@relayed()
@delete("/active_estimators/{device:str}", status_code=200, sync_to_thread=True)
def use_no_estimator(unit: UnitPorts, device: FromPath[str]) -> Changed:
    """Use no estimator of a device from now on."""
    before = store.active_name(unit.runtime, device_name(device))
    store.set_active(unit.runtime, device, None)
    return Changed(before, None)


ROUTES = Router(
    "/",
    route_handlers=[
        *(estimators, estimators_of_device, one_estimator, delete_estimator),
        *(active_estimators, use_estimator, use_no_estimator),
    ],
    tags=["estimators of a unit"],
    opt=needs("calibrations"),
)
