"""Routes of a unit about guided calibrations: protocols, and sessions that advance step by step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, cast
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from pioreactor.calibrations import registry
from pioreactor.calibrations.sessions import session_store
from pioreactor.calibrations.sessions.actions import Executor, Payload
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep
from pioreactor.calibrations.sessions.session_engine import SessionEngine
from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.plugin_management import get_plugins
from pioreactor.runtime import context
from pioreactor.web.request_bodies import Body
from pioreactor.web.route_declarations import relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.calibration_executor import TIMEOUT_S, CalibrationActionError, StepTimeoutError
from pioreactor.web.unit.services import UnitPorts, UnitServices

STEP_TIMEOUT_S = TIMEOUT_S + 15.0
_POLL_INTERVAL_S = 0.05
_HARDWARE = "calibration-hardware"
Driver = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class StartSession(Body):
    """`driver` identifies the client that advances the session, such as a random name of a browser."""

    target_device: str
    protocol_name: str
    driver: Driver = "web"


class MoveSession(Body):
    """`take_over` replaces another driver, unless it is in the middle of a step."""

    driver: Driver = "web"
    take_over: bool = False


class AdvanceSession(Body):
    """`step_id` is the step that the inputs are for; 409 if it is no longer the current one."""

    inputs: dict[str, object] = msgspec.field(default_factory=dict)
    driver: Driver = "web"
    take_over: bool = False
    step_id: str | None = None


class SessionAnswer(msgspec.Struct):
    session: CalibrationSession
    step: CalibrationStep
    driver: str | None
    """The client that drives the session now."""


class DescribedProtocol(msgspec.Struct):
    id: str
    target_device: str
    protocol_name: str
    priority: int
    title: str
    description: str
    requirements: list[str]


@contextmanager
def _on(unit: UnitServices) -> Iterator[None]:
    """Register the protocols and make this unit the current one."""
    import pioreactor.procedures.protocols  # noqa: F401  importing registers them; late, because they import jobs

    get_plugins(unit.paths.plugins)
    with context.using(unit.runtime):
        yield


def _executor(unit: UnitServices) -> Executor:
    """Return an executor that runs hardware actions as tasks, one at a time, and asks other units over HTTP."""
    from pioreactor.procedures.protocols.od_fusion_offset import ESTIMATORS_OF_UNIT, estimators_in, question_for

    def perform(action: str, payload: Payload) -> dict[str, object]:
        if action == ESTIMATORS_OF_UNIT and str(payload["unit"]) != unit.name and unit.others is not None:
            other, leader = str(payload["unit"]), unit.runtime.identity.leader_hostname
            return estimators_in(unit.others.ask(leader, "GET", question_for(other), timeout_s=20.0), other)

        def work() -> dict[str, object]:
            with context.using(unit.runtime):
                return unit.perform(action, payload)

        return _wait(unit, unit.tasks.start(action, work, lock=_HARDWARE).task_id)

    return perform


def _wait(unit: UnitServices, task_id: str) -> dict[str, object]:
    for _ in range(int(STEP_TIMEOUT_S / _POLL_INTERVAL_S)):
        task = unit.tasks.find(task_id)
        if task.status == "succeeded":
            return cast(dict[str, object], task.result)
        if task.status == "failed":
            error = CalibrationActionError(str(task.error), remedy=task.remediation)
            error.relayed_status = task.error_status if task.error_status is not None else 500
            raise error
        if unit.tasks.pause(_POLL_INTERVAL_S):
            break
    raise StepTimeoutError("the step is still running")


def _engine(unit: UnitServices, session: CalibrationSession) -> SessionEngine:
    protocol = registry.get_protocol(session.target_device, session.protocol_name)
    return SessionEngine(protocol.step_registry, session, runtime=unit.runtime, executor=_executor(unit))


def _answer(unit: UnitServices, engine: SessionEngine) -> SessionAnswer:
    driver = session_store.driver_of(unit.runtime, engine.session.session_id)
    return SessionAnswer(engine.session, engine.step(), driver)


@relayed()
@get("/calibration_protocols", sync_to_thread=True)
def calibration_protocols(unit: UnitPorts) -> list[DescribedProtocol]:
    """Return the calibration protocols of this unit."""
    with _on(unit):
        found = [registry.describe(device, protocol) for device, protocol in registry.all_protocols()]
    return msgspec.convert(found, list[DescribedProtocol])


@relayed()
@get("/calibrations/sessions", sync_to_thread=True)
def sessions(unit: UnitPorts) -> list[CalibrationSession]:
    """Return the sessions of this unit, newest first; those in progress can be resumed."""
    return session_store.all_sessions(unit.runtime)


@relayed(waits=True, timeout_s=30.0)
@post("/calibrations/sessions", status_code=201, sync_to_thread=True)
def start_session(unit: UnitPorts, data: JSONBody[StartSession]) -> SessionAnswer:
    """Start a session; 409 when the unit is not ready."""
    with _on(unit):
        protocol = registry.get_protocol(data.target_device, data.protocol_name)
        if not protocol.step_registry:
            raise ConflictError(
                f"{data.protocol_name} runs only in a terminal",
                remedy=f"On the unit: pio calibrations run --device {data.target_device}",
            )
        session = protocol.start_session(data.target_device)
        session_store.save(unit.runtime, session)
        session_store.claim(unit.runtime, session.session_id, data.driver)
        return _answer(unit, _engine(unit, session))


@relayed(waits=True, timeout_s=30.0)
@get("/calibrations/sessions/{session_id:uuid}", sync_to_thread=True)
def one_session(unit: UnitPorts, session_id: FromPath[UUID]) -> SessionAnswer:
    with _on(unit):
        return _answer(unit, _engine(unit, session_store.load(unit.runtime, str(session_id))))


@relayed(waits=True)
@post("/calibrations/sessions/{session_id:uuid}/inputs", status_code=202, sync_to_thread=True)
def advance_session(unit: UnitPorts, session_id: FromPath[UUID], data: JSONBody[AdvanceSession]) -> Accepted:
    """Complete the current step in the background; the task's result is the session with its next step.

    Invalid inputs and hardware that fails make the task fail, and leave the session unchanged.
    """
    session_store.load(unit.runtime, str(session_id))
    return unit.tasks.start("calibration step", lambda: _advance(unit, str(session_id), data), pool="requests")


def _advance(unit: UnitServices, session_id: str, data: AdvanceSession) -> SessionAnswer:
    runtime = unit.runtime
    with _on(unit):
        with session_store.driving(runtime, session_id, data.driver, take_over=data.take_over):
            session = session_store.load(runtime, session_id)
            if data.step_id is not None and data.step_id != session.step_id:
                raise ConflictError(
                    f"the session is at step {session.step_id!r}, no longer at {data.step_id!r}",
                    remedy="Reload the session.",
                )
            engine = _engine(unit, session)
            engine.advance(data.inputs)
        return _answer(unit, engine)


@relayed(waits=True, timeout_s=30.0)
@post("/calibrations/sessions/{session_id:uuid}/undo", status_code=200, sync_to_thread=True)
def undo_step(unit: UnitPorts, session_id: FromPath[UUID], data: JSONBody[MoveSession]) -> SessionAnswer:
    """Undo the last step; actions of the hardware are not undone."""
    runtime = unit.runtime
    with _on(unit):
        session_store.load(runtime, str(session_id))
        with session_store.driving(runtime, str(session_id), data.driver, take_over=data.take_over):
            engine = _engine(unit, session_store.load(runtime, str(session_id)))
            engine.undo()
        return _answer(unit, engine)


@relayed(waits=True, timeout_s=30.0)
@post("/calibrations/sessions/{session_id:uuid}/abort", status_code=200, sync_to_thread=True)
def abort_session(unit: UnitPorts, session_id: FromPath[UUID]) -> SessionAnswer:
    """Cancel a session and stop its running action. Any client may: this is also how a pump is stopped."""
    runtime = unit.runtime
    with _on(unit):
        session = session_store.load(runtime, str(session_id))
        try:
            protocol = registry.get_protocol(session.target_device, session.protocol_name)
        except NotFoundError:  # its plugin was removed
            protocol = registry.CalibrationProtocol
        engine = SessionEngine(protocol.step_registry, session, runtime=runtime)
        had_ended = engine.has_ended
        engine.abort()
        if not had_ended:
            protocol.on_session_abort(session)
        return _answer(unit, engine)


ROUTES = Router(
    "/",
    route_handlers=[
        *(calibration_protocols, sessions, start_session, one_session, advance_session, undo_step, abort_session),
    ],
    tags=["calibration sessions of a unit"],
    opt=needs("calibrations"),
)
