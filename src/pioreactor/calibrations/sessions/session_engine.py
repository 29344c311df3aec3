"""Engine of a session: renders its step, validates inputs, carries the step out, saves the result."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from pioreactor.calibrations.sessions import session_store
from pioreactor.calibrations.sessions.actions import Executor, perform_here
from pioreactor.calibrations.sessions.inputs import SessionInputs, parse
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep
from pioreactor.calibrations.sessions.session_context import TERMINAL, Mode, SessionContext, SessionStep, StepRegistry
from pioreactor.exc import ConflictError, InvalidRequestError
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.structs.encoding import to_timestamp


class SessionEngine:
    """Engine of one session. A failing step leaves the session unchanged, but does not reverse hardware actions."""

    def __init__(
        self,
        step_registry: StepRegistry,
        session: CalibrationSession,
        *,
        mode: Mode = "ui",
        runtime: Runtime | None = None,
        executor: Executor = perform_here,
    ) -> None:
        self.session = session
        self._steps: StepRegistry = {**step_registry, **{k: v for k, v in TERMINAL.items() if k not in step_registry}}
        self._mode: Mode = mode
        self._runtime = runtime if runtime is not None else context.current()
        self._executor = executor

    @property
    def has_ended(self) -> bool:
        return self.session.status != "in_progress"

    def step(self) -> CalibrationStep:
        """Return the current step as it is to be shown."""
        return self._render(self._context(copy.deepcopy(self.session), None))

    def advance(self, inputs: Mapping[str, object]) -> CalibrationStep:
        """Carry the current step out with these inputs and return the next.

        Raise `InvalidRequestError` for inputs that do not fit, or the error of the hardware work; the session is
        unchanged then.
        """
        self._refuse_ended()
        working = copy.deepcopy(self.session)
        ctx = self._context(working, None)
        ctx.inputs = parse(self._render(ctx), inputs)
        try:
            following = self._step_of(working).advance(ctx)
        except (ValueError, KeyError) as error:
            raise InvalidRequestError(str(error.args[0]) if error.args else str(error)) from error
        self._refuse_aborted(working)
        before = session_store.Snapshot(self.session.step_id, copy.deepcopy(self.session.data))
        if following is not None:
            working.step_id = following.step_id
        if (working.step_id, working.data) != (before.step_id, before.data):
            session_store.remember(self._runtime, working.session_id, before)
        self._keep(working)
        return self.step()

    def undo(self) -> CalibrationStep:
        """Go back to before the last step; raise `ConflictError` at the beginning or after the end."""
        self._refuse_ended()
        last = session_store.take_back(self._runtime, self.session.session_id)
        if last is None:
            raise ConflictError("there is no step to go back to")
        working = copy.deepcopy(self.session)
        working.step_id, working.data = last.step_id, last.data
        self._keep(working)
        return self.step()

    def abort(self) -> CalibrationStep:
        """Cancel the session. Once it has ended, this changes nothing."""
        if not self.has_ended:
            working = copy.deepcopy(self.session)
            working.status, working.step_id = "aborted", "ended"
            self._keep(working)
        return self.step()

    def _refuse_ended(self) -> None:
        if self.has_ended:
            raise ConflictError(f"the session has ended ({self.session.status})", remedy="Start a new session.")

    def _refuse_aborted(self, working: CalibrationSession) -> None:
        """Raise `ConflictError` if the session was canceled while the step was carried out."""
        if session_store.load(self._runtime, working.session_id).status == "aborted":
            raise ConflictError("the session was canceled meanwhile", remedy="Start a new session.")

    def _keep(self, working: CalibrationSession) -> None:
        working.updated_at = to_timestamp(self._runtime.clock.now())
        session_store.save(self._runtime, working)
        for name in CalibrationSession.__struct_fields__:
            setattr(self.session, name, getattr(working, name))

    def _context(self, session: CalibrationSession, inputs: SessionInputs | None) -> SessionContext:
        return SessionContext(session, self._runtime, mode=self._mode, executor=self._executor, inputs=inputs)

    def _step_of(self, session: CalibrationSession) -> SessionStep:
        step = self._steps.get(session.step_id)
        if step is None:
            raise ConflictError(
                f"this version of {session.protocol_name} has no step {session.step_id!r}",
                remedy="Cancel the session and start a new one.",
            )
        return step()

    def _render(self, ctx: SessionContext) -> CalibrationStep:
        rendered = self._step_of(ctx.session).render(ctx)
        rendered.step_id = ctx.session.step_id
        return rendered
