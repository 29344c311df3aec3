"""A step of a session, and its context: the session, its inputs, hardware actions and storage of results.

The two refer to each other, since a step is given its context, and a context ends a session with a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from pioreactor.calibrations.sessions.actions import Answer, Executor
from pioreactor.calibrations.sessions.inputs import SessionInputs
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep, Values
from pioreactor.calibrations.sessions.steps import result as show_result
from pioreactor.exc import InvalidRequestError, UnusableCalibrationError
from pioreactor.runtime.context import Runtime

if TYPE_CHECKING:
    from pioreactor.calibrations.judged_store import Judgment
    from pioreactor.calibrations.judgment import Asked
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

    def save_calibration(
        self, calibration: CalibrationBase, device: str | None = None, *, asked: Asked = MappingProxyType({})
    ) -> Values:
        """Save a calibration and return it as plain data.

        Under HTTP it becomes active at once, unless there are doubts about it: then the user is asked, as is always
        done in a terminal. A doubtful one that has the name of the active one is renamed. Raise
        `UnusableCalibrationError` if it would give wrong numbers: nothing is saved then.
        """
        from pioreactor.calibrations import judgment

        where = device if device is not None else self.device
        try:
            saved = judgment.save_judged(self.runtime, where, calibration, activate=self.mode == "ui", asked=asked)
        except UnusableCalibrationError as error:
            raise UnusableCalibrationError(
                f"{error}; it was not saved",
                remedy="Step back and measure again, or cancel. What is in use stays as it is.",
            ) from error
        self.note_saved("calibration", where, saved.name, active=saved.active, judgment=saved.judgment)
        return msgspec.to_builtins(calibration)  # type: ignore[no-any-return]

    def save_usable(self, made: Sequence[tuple[CalibrationBase, str]]) -> list[str]:
        """Save what one session made for several devices; return the reason for each that would give wrong numbers.

        Raise `UnusableCalibrationError` if all would: nothing is saved then.
        """
        refused: list[UnusableCalibrationError] = []
        for calibration, device in made:
            try:
                self.save_calibration(calibration, device)
            except UnusableCalibrationError as error:
                refused.append(error)
        if refused and len(refused) == len(made):
            raise refused[0]
        return [str(error) for error in refused]

    def note_saved(
        self, kind: str, device: str, name: str, *, active: bool | None = None, judgment: Judgment | None = None
    ) -> None:
        """Record in the session's result that an artifact was saved, whether it is active, and how good it is."""
        is_active = self.mode == "ui" if active is None else active
        saved: Values = {"kind": kind, "device": device, "name": name, "active": is_active}
        if judgment is not None:
            saved["judgment"] = msgspec.to_builtins(judgment)
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
