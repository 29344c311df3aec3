"""Routes of the leader that pass guided calibrations, protocols and estimators on to a worker."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import device_name, file_name, unit_name
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.calibration_sessions import (
    LONGEST_STEP_S,
    AdvanceSession,
    MoveSession,
    SessionAnswer,
    StartSession,
)

_TIMEOUT_S = 30.0
_SESSIONS = "/unit_api/calibrations/sessions"


def _ask(leader: LeaderServices, unit: str, method: str, path: str) -> Accepted:
    workers = leader.workers_of(unit_name(unit))
    return leader.start_asking("calibrations", workers, method, f"/unit_api/{path}")


def _pass_on(
    leader: LeaderServices, unit: str, method: str, path: str, body: Any = None, *, timeout_s: float = _TIMEOUT_S
) -> SessionAnswer:
    """Ask one worker and wait: a session is a conversation, and belongs to one unit."""
    (worker,) = leader.workers_of(unit_name(unit, broadcast=False))
    answer: Any = leader.units.ask(worker, method, path, json=body, timeout_s=timeout_s)
    return answer  # type: ignore[no-any-return]  # the unit's own words, not read again


@get("/workers/{unit:str}/calibration_protocols", status_code=202, sync_to_thread=True)
def calibration_protocols(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "GET", "calibration_protocols")


@get("/workers/{unit:str}/calibrations/sessions", status_code=202, sync_to_thread=True)
def sessions_of_workers(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    """Sessions of one worker, or of all (`$broadcast`); those in progress can be gone on with, from anywhere."""
    return _ask(leader, unit, "GET", "calibrations/sessions")


@post("/workers/{unit:str}/calibrations/sessions", status_code=201, sync_to_thread=True)
def start_session(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[StartSession]) -> SessionAnswer:
    return _pass_on(leader, unit, "POST", _SESSIONS, data)


@get("/workers/{unit:str}/calibrations/sessions/{session_id:uuid}", sync_to_thread=True)
def one_session(leader: LeaderPorts, unit: FromPath[str], session_id: FromPath[UUID]) -> SessionAnswer:
    return _pass_on(leader, unit, "GET", f"{_SESSIONS}/{session_id}")


@post("/workers/{unit:str}/calibrations/sessions/{session_id:uuid}/inputs", status_code=200, sync_to_thread=True)
def advance_session(
    leader: LeaderPorts, unit: FromPath[str], session_id: FromPath[UUID], data: JSONBody[AdvanceSession]
) -> SessionAnswer:
    path = f"{_SESSIONS}/{session_id}/inputs"
    return _pass_on(leader, unit, "POST", path, data, timeout_s=LONGEST_STEP_S + _TIMEOUT_S)


@post("/workers/{unit:str}/calibrations/sessions/{session_id:uuid}/undo", status_code=200, sync_to_thread=True)
def undo_step(
    leader: LeaderPorts, unit: FromPath[str], session_id: FromPath[UUID], data: JSONBody[MoveSession]
) -> SessionAnswer:
    return _pass_on(leader, unit, "POST", f"{_SESSIONS}/{session_id}/undo", data)


@post("/workers/{unit:str}/calibrations/sessions/{session_id:uuid}/abort", status_code=200, sync_to_thread=True)
def abort_session(leader: LeaderPorts, unit: FromPath[str], session_id: FromPath[UUID]) -> SessionAnswer:
    return _pass_on(leader, unit, "POST", f"{_SESSIONS}/{session_id}/abort")


@get("/workers/{unit:str}/estimators", status_code=202, sync_to_thread=True)
def estimators(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "GET", "estimators")


@get("/workers/{unit:str}/active_estimators", status_code=202, sync_to_thread=True)
def active_estimators(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "GET", "active_estimators")


@get("/workers/{unit:str}/estimators/{device:str}", status_code=202, sync_to_thread=True)
def estimators_of_device(leader: LeaderPorts, unit: FromPath[str], device: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "GET", f"estimators/{device_name(device)}")


@get("/workers/{unit:str}/estimators/{device:str}/{name:str}", status_code=202, sync_to_thread=True)
def one_estimator(leader: LeaderPorts, unit: FromPath[str], device: FromPath[str], name: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "GET", f"estimators/{_at(device, name)}")


@delete("/workers/{unit:str}/estimators/{device:str}/{name:str}", status_code=202, sync_to_thread=True)
def delete_estimator(leader: LeaderPorts, unit: FromPath[str], device: FromPath[str], name: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "DELETE", f"estimators/{_at(device, name)}")


@patch("/workers/{unit:str}/active_estimators/{device:str}/{name:str}", status_code=202, sync_to_thread=True)
def use_estimator(leader: LeaderPorts, unit: FromPath[str], device: FromPath[str], name: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "PATCH", f"active_estimators/{_at(device, name)}")


@delete("/workers/{unit:str}/active_estimators/{device:str}", status_code=202, sync_to_thread=True)
def use_no_estimator(leader: LeaderPorts, unit: FromPath[str], device: FromPath[str]) -> Accepted:
    return _ask(leader, unit, "DELETE", f"active_estimators/{device_name(device)}")


def _at(device: str, name: str) -> str:
    return f"{device_name(device)}/{quote(file_name(name))}"


ROUTES = Router(
    "/",
    route_handlers=[
        *(
            calibration_protocols,
            sessions_of_workers,
            start_session,
            one_session,
            advance_session,
            undo_step,
            abort_session,
        ),
        *(estimators, active_estimators, estimators_of_device, one_estimator, delete_estimator),
        *(use_estimator, use_no_estimator),
    ],
    tags=["calibration sessions"],
)
