"""Routes of the leader about calibrations on its workers."""

import io
import zipfile
from urllib.parse import quote

from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from pioreactor.http.fanout import Answered, ask_each
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import AddCalibration, device_name, file_name, unit_name
from pioreactor.web.tasks import Accepted

_ARCHIVE_TIMEOUT_S = 60.0


def _ask(leader: LeaderServices, unit: str, method: str, path: str, body: object = None) -> Accepted:
    workers = leader.workers_of(unit_name(unit))
    return leader.start_asking("calibrations", workers, method, f"/unit_api/{path}", json=body)


def _at(device: str, name: str) -> str:
    return f"{device_name(device)}/{quote(file_name(name))}"


@get("/workers/{unit:str}/calibrations", status_code=202, sync_to_thread=True)
def calibrations(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "GET", "calibrations")


@get("/workers/{unit:str}/active_calibrations", status_code=202, sync_to_thread=True)
def active_calibrations(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "GET", "active_calibrations")


@get("/workers/{unit:str}/calibrations/{device:str}", status_code=202, sync_to_thread=True)
def calibrations_of_device(leader: LeaderPorts, unit: FromPath[str], device: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "GET", f"calibrations/{device_name(device)}")


@get("/workers/{unit:str}/calibrations/{device:str}/{name:str}", status_code=202, sync_to_thread=True)
def one_calibration(leader: LeaderPorts, unit: FromPath[str], device: FromPath[str], name: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "GET", f"calibrations/{_at(device, name)}")


@post("/workers/{unit:str}/calibrations/{device:str}", status_code=202, sync_to_thread=True)
def add_calibration(
    leader: LeaderPorts, unit: FromPath[str], device: FromPath[str], data: JSONBody[AddCalibration]
) -> Accepted:
    return _ask(leader, unit, "POST", f"calibrations/{device_name(device)}", data)


@delete("/workers/{unit:str}/calibrations/{device:str}/{name:str}", status_code=202, sync_to_thread=True)
def delete_calibration(
    leader: LeaderPorts, unit: FromPath[str], device: FromPath[str], name: FromPath[str]
) -> Accepted:
    return _ask(leader, unit, "DELETE", f"calibrations/{_at(device, name)}")


@patch("/workers/{unit:str}/active_calibrations/{device:str}/{name:str}", status_code=202, sync_to_thread=True)
def use_calibration(leader: LeaderPorts, unit: FromPath[str], device: FromPath[str], name: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "PATCH", f"active_calibrations/{_at(device, name)}")


@delete("/workers/{unit:str}/active_calibrations/{device:str}", status_code=202, sync_to_thread=True)
def use_no_calibration(leader: LeaderPorts, unit: FromPath[str], device: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "DELETE", f"active_calibrations/{device_name(device)}")


@get("/workers/{unit:str}/zipped_calibrations", sync_to_thread=True)
def zipped_calibrations(leader: LeaderPorts, unit: FromPath[str]) -> Response[bytes]:
    """One archive with a folder per worker; `missing.txt` names the workers that did not answer, and why."""

    def fetch(name: str) -> bytes:
        path = "/unit_api/zipped_calibrations"
        return leader.units.fetch(name, "GET", path, timeout_s=_ARCHIVE_TIMEOUT_S).body

    buffer = io.BytesIO()
    missing = []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for answer in ask_each(leader.workers_of(unit_name(unit)), fetch):
            if not isinstance(answer, Answered):
                missing.append(f"{answer.unit}: {answer.message}")
                continue
            with zipfile.ZipFile(io.BytesIO(answer.value)) as one:
                for entry in one.infolist():
                    archive.writestr(f"{answer.unit}/{entry.filename}", one.read(entry))
        if missing:
            archive.writestr("missing.txt", "\n".join(missing) + "\n")
    headers = {"Content-Disposition": 'attachment; filename="calibration_yamls.zip"'}
    return Response(buffer.getvalue(), media_type="application/zip", headers=headers)


ROUTES = Router(
    "/",
    route_handlers=[
        *(calibrations, active_calibrations, calibrations_of_device, one_calibration, add_calibration),
        *(delete_calibration, use_calibration, use_no_calibration, zipped_calibrations),
    ],
    tags=["calibrations"],
)
