"""Steps of a session: what they show, and where they lead. `steps.info`, `steps.form`, … build what is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pioreactor.calibrations.sessions.payloads import CalibrationStep, CalibrationStepField

if TYPE_CHECKING:
    from pioreactor.calibrations.sessions.context import SessionContext


def info(title: str, body: str, metadata: Mapping[str, Any] | None = None) -> CalibrationStep:
    """Show something to read."""
    return CalibrationStep(step_type="info", title=title, body=body, metadata=dict(metadata or {}))


def confirm(title: str, body: str, metadata: Mapping[str, Any] | None = None) -> CalibrationStep:
    """Show something that a person must have done."""
    return CalibrationStep(step_type="confirm", title=title, body=body, metadata=dict(metadata or {}))


def form(
    title: str, body: str, fields: Sequence[CalibrationStepField], metadata: Mapping[str, Any] | None = None
) -> CalibrationStep:
    """Ask for values."""
    return CalibrationStep(step_type="form", title=title, body=body, fields=list(fields), metadata=dict(metadata or {}))


def action(title: str, body: str, metadata: Mapping[str, Any] | None = None) -> CalibrationStep:
    """Announce that the next step moves hardware."""
    return CalibrationStep(step_type="action", title=title, body=body, metadata=dict(metadata or {}))


def result(values: Mapping[str, Any] | None, title: str = "Done", body: str = "") -> CalibrationStep:
    """Show what came out; a `chart` in it becomes the step's chart."""
    metadata: dict[str, Any] = {"result": dict(values or {})}
    if values and "chart" in values:
        metadata["chart"] = values["chart"]
    return CalibrationStep(step_type="result", title=title, body=body, metadata=metadata)


def redo_last(label: str = "Redo the last one") -> dict[str, Any]:
    """Return the extra button that takes back the last measurement of a loop."""
    return {"label": label, "inputs": {"action": "redo_last"}}


def vial_offer(od: float, field: str | None = None) -> dict[str, Any]:
    """Return metadata of a step that exchanges the vial; a simulated lab bench offers a standard of this OD600.

    `field` is the step's field that takes the OD600 of the standard that was placed.
    """
    return {"bench": {"vial": {"od": od, "field": field}}}


def cup_offer(field: str | None = None) -> dict[str, Any]:
    """Return metadata of a step that pumps into a cup on a scale, which a simulated lab bench offers.

    `field` is the step's field that takes what the scale shows [mL].
    """
    return {"bench": {"cup": {"field": field}}}


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
        return result(found, "Calibration complete", str(found.get("message", "")))


class SessionEnded(SessionStep):
    """The end of a session that was canceled or failed."""

    step_id = "ended"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        why = ctx.session.error
        return result(ctx.session.result, "Session ended", why if why is not None else "Nothing was saved.")


TERMINAL: StepRegistry = {"complete": CalibrationComplete, "ended": SessionEnded}


def registry_of(*classes: type[SessionStep]) -> StepRegistry:
    """Return these steps and the terminal ones by their ids."""
    return {**{step.step_id: step for step in classes}, **TERMINAL}
