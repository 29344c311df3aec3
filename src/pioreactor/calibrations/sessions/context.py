"""A step of a session, and its context: the session, its inputs, hardware actions and storage of results.

The two refer to each other, since a step is given its context, and a context ends a session with a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from pioreactor.calibrations.sessions.actions import Answer, Executor
from pioreactor.calibrations.sessions.inputs import SessionInputs
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep, Values
from pioreactor.calibrations.sessions.steps import result as show_result
from pioreactor.exc import InvalidRequestError
from pioreactor.runtime.context import Runtime

if TYPE_CHECKING:
    from pioreactor.calibrations.models import CalibrationBase

Mode = Literal["cli", "ui"]


class SessionContext:
    """Given to `render` and `advance`. Changes to `data` count only when `advance` returns."""

    def __init__(
        self,
        session: CalibrationSession,
        runtime: Runtime,
        *,
        mode: Mode,
        executor: Executor,
        inputs: SessionInputs | None = None,
    ) -> None:
        self.session = session
        self.runtime = runtime
        self.mode = mode
        self.inputs = inputs if inputs is not None else SessionInputs(None)
        self._executor = executor

    @property
    def data(self) -> Values:
        return self.session.data

    @property
    def device(self) -> str:
        return self.session.target_device

    @property
    def unit(self) -> str:
        return self.runtime.unit

    @property
    def wants_redo(self) -> bool:
        """Return whether "redo the last one" was chosen."""
        return bool(self.inputs.get("action") == "redo_last")

    def ensure(self, condition: object, message: str) -> None:
        """Raise `InvalidRequestError` with this message unless the condition holds."""
        if not condition:
            raise InvalidRequestError(message)

    def perform(self, action: str, **payload: object) -> Answer:
        """Perform an action and return its result; its error becomes the error of the step."""
        return self._executor(action, {**payload, "session_id": self.session.session_id})

    def save_calibration(self, calibration: CalibrationBase, device: str | None = None) -> Values:
        """Save a calibration and return it as plain data.

        Under HTTP it becomes active at once; in a terminal the user is asked afterwards.
        """
        from pioreactor.calibrations import store

        where = device if device is not None else self.device
        store.save(self.runtime, where, calibration)
        if self.mode == "ui":
            store.set_active(self.runtime, where, calibration.calibration_name)
        self.note_saved("calibration", where, calibration.calibration_name)
        return msgspec.to_builtins(calibration)  # type: ignore[no-any-return]

    def note_saved(self, kind: str, device: str, name: str) -> None:
        """Record in the session's result that an artifact was saved."""
        saved = {"kind": kind, "device": device, "name": name, "active": self.mode == "ui"}
        self.session.data.setdefault("saved", []).append(saved)

    def complete(self, result: Values) -> SessionStep:
        """Mark the session complete with this result; return the final step."""
        self.session.status = "complete"
        self.session.result = {**result, "saved": self.session.data.get("saved", [])}
        return CalibrationComplete()

    def fail(self, why: str) -> SessionStep:
        """Mark the session failed with this reason; return the final step."""
        self.session.status = "failed"
        self.session.error = why
        return SessionEnded()


class SessionStep:
    """One step. `render` must only look; `advance` acts, and returns the next step or None to stay."""

    step_id: ClassVar[str] = ""

    def render(self, ctx: SessionContext) -> CalibrationStep:  # noqa: ARG002  subclasses look
        raise LookupError(f"{type(self).__name__} shows nothing")

    def advance(self, ctx: SessionContext) -> SessionStep | None:  # noqa: ARG002  subclasses look
        return None


StepRegistry = dict[str, type[SessionStep]]
"""step_id → class of the step; the first is where a session starts unless the protocol says otherwise."""


class CalibrationComplete(SessionStep):
    """The end: shows what was saved."""

    step_id = "complete"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        found = ctx.session.result if ctx.session.result is not None else {}
        return show_result(found, "Calibration complete", str(found.get("message", "")))


class SessionEnded(SessionStep):
    """The end of a session that was canceled or failed."""

    step_id = "ended"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        why = ctx.session.error
        return show_result(ctx.session.result, "Session ended", why if why is not None else "Nothing was saved.")


TERMINAL: StepRegistry = {"complete": CalibrationComplete, "ended": SessionEnded}


def registry_of(*classes: type[SessionStep]) -> StepRegistry:
    """Return these steps and the terminal ones by their ids."""
    return {**{step.step_id: step for step in classes}, **TERMINAL}
