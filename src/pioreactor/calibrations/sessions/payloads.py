"""A session and its present step, as they are kept and as they travel."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

import msgspec

SessionStatus = Literal["in_progress", "complete", "failed", "aborted"]
StepType = Literal["info", "confirm", "form", "action", "result"]
Values = dict[str, Any]
"""A JSON object; which fields it has, the protocol and its steps define."""
FieldType = Literal["string", "float", "int", "bool", "float_list", "choice"]


class CalibrationSession(msgspec.Struct, kw_only=True):
    """State of a session: the current step, and the data recorded so far. `data` holds plain JSON values only."""

    session_id: str
    protocol_name: str
    target_device: str
    status: SessionStatus
    step_id: str
    data: Values
    created_at: str
    updated_at: str
    result: Values | None = None
    error: str | None = None


class CalibrationStepField(msgspec.Struct, kw_only=True):
    """One value that a person is asked for; bounds are inclusive."""

    name: str
    label: str
    field_type: FieldType
    required: bool = True
    default: object = None
    options: list[str] | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_error_msg: str | None = None
    max_error_msg: str | None = None
    help_text: str | None = None


class FieldOptions(TypedDict, total=False):
    """What a field may have besides its name, its type and its label."""

    required: bool
    default: object
    minimum: float | None
    maximum: float | None
    min_error_msg: str | None
    max_error_msg: str | None
    help_text: str | None


class CalibrationStep(msgspec.Struct, kw_only=True):
    """What is shown and asked. `metadata`: image, loading_images, chart, table, actions, bench, guidance, result,
    primary_action_label (text of the button that begins an action)."""

    step_type: StepType
    title: str
    body: str = ""
    step_id: str = ""
    fields: list[CalibrationStepField] = []
    metadata: Values = {}


def utc_iso_timestamp() -> str:
    """Return this moment as sessions note it: ISO 8601, UTC, milliseconds."""
    from pioreactor.runtime import context
    from pioreactor.structs.encoding import to_timestamp

    return to_timestamp(context.current().clock.now())
