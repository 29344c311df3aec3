"""Builders of the values a step asks for: `fields.float("volume_ml", label="Volume (mL)", minimum=0)`."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Unpack

from pioreactor.calibrations.sessions.payloads import CalibrationStepField, FieldOptions, FieldType


def _field(
    field_type: FieldType, name: builtins.str, label: builtins.str | None, **more: Unpack[FieldOptions]
) -> CalibrationStepField:
    shown = label if label is not None else name.replace("_", " ").capitalize()
    return CalibrationStepField(name=name, label=shown, field_type=field_type, **more)


def str(name: builtins.str, label: builtins.str | None = None, **more: Unpack[FieldOptions]) -> CalibrationStepField:
    """Ask for a text. `more`: default, required, help_text."""
    return _field("string", name, label, **more)


string = str
text = str


def float(name: builtins.str, label: builtins.str | None = None, **more: Unpack[FieldOptions]) -> CalibrationStepField:
    """Ask for a number. `more`: default, minimum, maximum (inclusive), min_error_msg, max_error_msg, help_text."""
    return _field("float", name, label, **more)


def int(name: builtins.str, label: builtins.str | None = None, **more: Unpack[FieldOptions]) -> CalibrationStepField:
    """Ask for a whole number. `more`: as for `float`."""
    return _field("int", name, label, **more)


def bool(name: builtins.str, label: builtins.str | None = None, **more: Unpack[FieldOptions]) -> CalibrationStepField:
    """Ask yes or no."""
    return _field("bool", name, label, **more)


def float_list(
    name: builtins.str, label: builtins.str | None = None, **more: Unpack[FieldOptions]
) -> CalibrationStepField:
    """Ask for numbers, separated by commas; bounds hold for each."""
    return _field("float_list", name, label, **more)


def choice(
    name: builtins.str, options: Sequence[builtins.str], label: builtins.str | None = None, **more: Unpack[FieldOptions]
) -> CalibrationStepField:
    """Ask for one of several words."""
    made = _field("choice", name, label, **more)
    made.options = list(options)
    return made
