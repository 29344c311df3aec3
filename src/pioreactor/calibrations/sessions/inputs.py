"""What a person entered, read as the step's fields say: texts become numbers, bounds are checked."""

from __future__ import annotations

import builtins
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pioreactor.calibrations.sessions.payloads import CalibrationStep, CalibrationStepField
from pioreactor.exc import InvalidRequestError

_YES = frozenset({"yes", "y", "true", "1", "on"})
_NO = frozenset({"no", "n", "false", "0", "off"})
MAX_TEXT = 1000


class SessionInputs:
    """Values by name. `float("x", default=…)` and its like convert; a missing value without a default is refused."""

    def __init__(self, raw: Mapping[builtins.str, object] | None) -> None:
        self.raw: dict[builtins.str, Any] | None = None if raw is None else dict(raw)

    def __contains__(self, name: builtins.str) -> builtins.bool:
        return self.get(name) is not None

    def get(self, name: builtins.str, default: object = None) -> Any:
        value = (self.raw or {}).get(name)
        return default if _is_blank(value) else value

    def str(self, name: builtins.str, default: object = None) -> builtins.str:
        return _text(name, self._value(name, default))

    def float(self, name: builtins.str, default: object = None) -> builtins.float:
        return _number(name, self._value(name, default))

    def int(self, name: builtins.str, default: object = None) -> builtins.int:
        return _whole(name, self._value(name, default))

    def bool(self, name: builtins.str, default: object = None) -> builtins.bool:
        return _truth(name, self._value(name, default))

    def float_list(self, name: builtins.str, default: object = None) -> list[builtins.float]:
        return _numbers(name, self._value(name, default))

    def choice(self, name: builtins.str, options: Sequence[builtins.str], default: object = None) -> builtins.str:
        return _option(name, self._value(name, default), options)

    def _value(self, name: builtins.str, default: object) -> object:
        value = self.get(name, default)
        if value is None:
            raise InvalidRequestError(f"{name} is missing")
        return value


def chosen_action(step: CalibrationStep, raw: Mapping[str, object]) -> bool:
    """Return whether these inputs are one of the step's extra buttons: then its fields are not asked for."""
    return any(action.get("inputs") == dict(raw) for action in step.metadata.get("actions", []))


def parse(step: CalibrationStep, raw: Mapping[str, object]) -> SessionInputs:
    """Return typed values of all fields; raise `InvalidRequestError` naming the field that does not fit."""
    if chosen_action(step, raw):
        return SessionInputs(raw)
    values = dict(raw)
    for field in step.fields:
        given = values.get(field.name)
        if _is_blank(given):
            given = field.default
        if _is_blank(given):
            if field.required:
                raise InvalidRequestError(f"{field.label}: a value is needed")
            values.pop(field.name, None)
            continue
        values[field.name] = _read(field, given)
    return SessionInputs(values)


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _read(field: CalibrationStepField, given: object) -> object:
    label = field.label
    match field.field_type:
        case "float":
            value: object = _within(field, _number(label, given))
        case "int":
            value = int(_within(field, _whole(label, given)))
        case "bool":
            value = _truth(label, given)
        case "float_list":
            value = [_within(field, number) for number in _numbers(label, given)]
        case "choice":
            value = _option(label, given, field.options if field.options is not None else [])
        case _:
            value = _text(label, given)
    return value


def _within(field: CalibrationStepField, value: float) -> float:
    if field.minimum is not None and value < field.minimum:
        words = field.min_error_msg
        raise InvalidRequestError(
            words if words else f"{field.label}: {value:g} is too small, it must be at least {field.minimum:g}"
        )
    if field.maximum is not None and value > field.maximum:
        words = field.max_error_msg
        raise InvalidRequestError(
            words if words else f"{field.label}: {value:g} is too large, it must be at most {field.maximum:g}"
        )
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str | int | float) or len(str(value)) > MAX_TEXT:
        raise InvalidRequestError(f"{name}: {str(value)[:40]!r} is not a text of at most {MAX_TEXT} characters")
    return str(value).strip()


def _number(name: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRequestError(f"{name}: {str(value)[:40]!r} is not a number")
    return number


def _whole(name: str, value: object) -> int:
    number = _number(name, value)
    if number != int(number):
        raise InvalidRequestError(f"{name}: {number:g} is not a whole number")
    return int(number)


def _truth(name: str, value: object) -> bool:
    word = str(value).strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise InvalidRequestError(f"{name}: {word[:40]!r} is neither yes nor no")


def _numbers(name: str, value: object) -> list[float]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    numbers = [_number(name, part) for part in parts if not _is_blank(part)]
    if not numbers:
        raise InvalidRequestError(f"{name}: at least one number is needed")
    return numbers


def _option(name: str, value: Any, options: Sequence[str]) -> str:
    word = _text(name, value)
    if word not in options:
        raise InvalidRequestError(f"{name}: {word[:40]!r} is none of {', '.join(options)}")
    return word
