"""Routes of a unit about its calibrations and which of them are active."""

import io
import zipfile

import msgspec
from litestar import MediaType, Response, Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from pioreactor.calibrations import store
from pioreactor.calibrations.judged_store import Judgment
from pioreactor.calibrations.judgment import judge_stored, save_judged
from pioreactor.calibrations.models import CalibrationBase
from pioreactor.exc import CalibrationError, InvalidRequestError, UnusableCalibrationError
from pioreactor.web.request_bodies import AddCalibration, device_name, file_name
from pioreactor.web.route_declarations import relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.unit.configuration import Changed
from pioreactor.web.unit.services import UnitPorts, UnitServices

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time stamp in archives, constant so that equal calibrations make equal archives."""


class AddedCalibration(msgspec.Struct):
    device: str
    name: str
    msg: str
    active: bool
    judgment: Judgment
    before: str | None
    """Which was in use."""
    after: str | None


def _described(unit: UnitServices, device: str, calibration: CalibrationBase) -> dict[str, object]:
    active = store.active_name(unit.runtime, device) == calibration.calibration_name
    fields: dict[str, object] = msgspec.to_builtins(calibration)
    return {**fields, "is_active": active, "pioreactor_unit": unit.name, "judgment": _judged(unit, device, calibration)}


def _judged(unit: UnitServices, device: str, calibration: CalibrationBase) -> dict[str, object]:
    try:
        store.check(calibration)
    except UnusableCalibrationError as error:
        return {"grade": "unusable", "summary": str(error), "doubts": [str(error)]}
    judged: dict[str, object] = msgspec.to_builtins(judge_stored(unit.runtime, device, calibration))
    return judged


@relayed()
@get("/calibrations", sync_to_thread=True)
def calibrations(unit: UnitPorts) -> dict[str, list[dict[str, object]]]:
    """Return calibrations by device, each with whether it is active."""
    found = store.list_all(unit.runtime)
    return {device: [_described(unit, device, one) for one in ones] for device, ones in found.items()}


@relayed()
@get("/calibrations/{device:str}", sync_to_thread=True)
def calibrations_of_device(unit: UnitPorts, device: FromPath[str]) -> list[dict[str, object]]:
    found = store.list_all(unit.runtime).get(device_name(device), [])
    return [_described(unit, device, one) for one in found]


@relayed()
@get("/calibrations/{device:str}/{name:str}", sync_to_thread=True)
def one_calibration(unit: UnitPorts, device: FromPath[str], name: FromPath[str]) -> dict[str, object]:
    return _described(unit, device, store.load(unit.runtime, device_name(device), file_name(name)))


@relayed(waits=True)
@get("/calibrations/{device:str}/{name:str}/file", media_type=MediaType.TEXT, sync_to_thread=True)
def calibration_file(unit: UnitPorts, device: FromPath[str], name: FromPath[str]) -> str:
    """Return a calibration as YAML, as it can be added to another unit."""
    return msgspec.yaml.encode(store.load(unit.runtime, device_name(device), file_name(name))).decode()


@relayed()
@post("/calibrations/{device:str}", status_code=201, sync_to_thread=True)
def add_calibration(unit: UnitPorts, device: FromPath[str], data: JSONBody[AddCalibration]) -> AddedCalibration:
    """Add a calibration as YAML; 400 when it is not valid, 409 when it is of another device.

    A doubtful one is not made active, whatever `set_as_active` says; `judgment` has the reasons. To use it
    nevertheless: PATCH active_calibrations.
    """
    try:
        calibration = store.parse(data.calibration_data)
        store.check(calibration)
    except CalibrationError as error:
        raise InvalidRequestError(str(error), remedy="Export a calibration for an example of the format.") from error
    file_name(calibration.calibration_name)
    before = store.active_name(unit.runtime, device_name(device))
    saved = save_judged(unit.runtime, device_name(device), calibration, activate=data.set_as_active)
    doubts = " ".join(saved.judgment.doubts)
    msg = f"Calibration saved, and not active: {doubts}" if doubts and data.set_as_active else "Calibration saved."
    return AddedCalibration(
        device, saved.name, msg, saved.active, saved.judgment, before, saved.name if saved.active else before
    )


@relayed()
@delete("/calibrations/{device:str}/{name:str}", status_code=200, sync_to_thread=True)
def delete_calibration(unit: UnitPorts, device: FromPath[str], name: FromPath[str]) -> Changed:
    kept = store.list_all(unit.runtime).get(device_name(device), [])
    before = [one for one in kept if one.calibration_name == name]
    store.delete(unit.runtime, device, file_name(name))
    return Changed(msgspec.to_builtins(before), [])


@relayed()
@get("/active_calibrations", sync_to_thread=True)
def active_calibrations(unit: UnitPorts) -> dict[str, dict[str, object]]:
    """Return the active calibration by device; missing or damaged ones are skipped."""
    active = store.active_names(unit.runtime)
    found = store.list_all(unit.runtime)
    return {
        device: _described(unit, device, one)
        for device, ones in found.items()
        for one in ones
        if active.get(device) == one.calibration_name
    }


@relayed()
@patch("/active_calibrations/{device:str}/{name:str}", sync_to_thread=True)
def use_calibration(unit: UnitPorts, device: FromPath[str], name: FromPath[str]) -> Changed:
    """Use this calibration of a device from now on, in place of the one that was in use."""
    before = store.active_name(unit.runtime, device_name(device))
    store.set_active(unit.runtime, device, file_name(name))
    return Changed(before, name)


@relayed()
@delete("/active_calibrations/{device:str}", status_code=200, sync_to_thread=True)
def use_no_calibration(unit: UnitPorts, device: FromPath[str]) -> Changed:
    """Use no calibration of a device from now on."""
    before = store.active_name(unit.runtime, device_name(device))
    store.set_active(unit.runtime, device, None)
    return Changed(before, None)


@get("/zipped_calibrations", sync_to_thread=True)
def zipped_calibrations(unit: UnitPorts) -> Response[bytes]:
    """Return all calibrations as one ZIP archive of YAML files, `<device>/<name>.yaml`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for device, ones in sorted(store.list_all(unit.runtime).items()):
            for one in ones:
                entry = zipfile.ZipInfo(f"{device}/{one.calibration_name}.yaml", _EPOCH)
                archive.writestr(entry, msgspec.yaml.encode(one))
    headers = {"Content-Disposition": f'attachment; filename="{unit.name}_calibrations.zip"'}
    return Response(buffer.getvalue(), media_type="application/zip", headers=headers)


ROUTES = Router(
    "/",
    route_handlers=[
        *(calibrations, calibrations_of_device, one_calibration, calibration_file, add_calibration),
        *(delete_calibration,),
        *(active_calibrations, use_calibration, use_no_calibration, zipped_calibrations),
    ],
    tags=["calibrations of a unit"],
    opt=needs("calibrations"),
)
