"""Builders of what a step shows: `steps.info`, `steps.form`, …"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pioreactor.calibrations.sessions.payloads import CalibrationStep, CalibrationStepField


def info(title: str, body: str, metadata: Mapping[str, object] | None = None) -> CalibrationStep:
    """Show something to read."""
    return CalibrationStep(step_type="info", title=title, body=body, metadata=dict(metadata or {}))


def confirm(title: str, body: str, metadata: Mapping[str, object] | None = None) -> CalibrationStep:
    """Show something that a person must have done."""
    return CalibrationStep(step_type="confirm", title=title, body=body, metadata=dict(metadata or {}))


def form(
    title: str, body: str, fields: Sequence[CalibrationStepField], metadata: Mapping[str, object] | None = None
) -> CalibrationStep:
    """Ask for values."""
    return CalibrationStep(step_type="form", title=title, body=body, fields=list(fields), metadata=dict(metadata or {}))


def action(title: str, body: str, metadata: Mapping[str, object] | None = None, *, button: str = "") -> CalibrationStep:
    """Announce that the next step moves hardware; `button` is the text of what begins it, "Start" when empty."""
    label = {"primary_action_label": button} if button else {}
    return CalibrationStep(step_type="action", title=title, body=body, metadata={**(metadata or {}), **label})


def result(values: Mapping[str, object] | None, title: str = "Done", body: str = "") -> CalibrationStep:
    """Show what came out; a `chart` in it becomes the step's chart."""
    metadata: dict[str, object] = {"result": dict(values or {})}
    if values and "chart" in values:
        metadata["chart"] = values["chart"]
    return CalibrationStep(step_type="result", title=title, body=body, metadata=metadata)


def redo_last(label: str = "Redo the last one") -> dict[str, object]:
    """Return the extra button that takes back the last measurement of a loop."""
    return {"label": label, "inputs": {"action": "redo_last"}}


def vial_offer(od: float, field: str | None = None) -> dict[str, object]:
    """Return metadata of a step that exchanges the vial; a simulated lab bench offers a standard of this OD600.

    `field` is the step's field that takes the OD600 of the standard that was placed.
    """
    return {"bench": {"vial": {"od": od, "field": field}}}


def lens_offer() -> dict[str, object]:
    """Return metadata of a step at which a person turns the lens of the camera, which a simulated lab bench offers."""
    return {"bench": {"lens": {}}}


def cup_offer(field: str | None = None) -> dict[str, object]:
    """Return metadata of a step that pumps into a cup on a scale, which a simulated lab bench offers.

    `field` is the step's field that takes what the scale shows [mL].
    """
    return {"bench": {"cup": {"field": field}}}
