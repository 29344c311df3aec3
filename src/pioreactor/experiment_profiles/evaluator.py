"""What an expression of a profile comes to, in the surroundings of one action."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.grammar import (
    Call,
    Constant,
    Expression,
    Lookup,
    Negated,
    Operation,
    Signed,
    Word,
    bare,
    parse,
)
from pioreactor.experiment_profiles.profile_struct import Condition

Value: TypeAlias = bool | float | str

_BRACKETED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TRUTHS: Final = {"true": True, "false": False}
_ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
}
_ORDER: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ExpressionError(PioreactorError):
    """An expression of a profile has no value at present."""

    code = "expression"
    status = 422


@dataclass(frozen=True, slots=True)
class Scene:
    """What an expression may speak of."""

    unit: str
    experiment: str
    job_name: str
    hours_elapsed: float
    inputs: Mapping[str, Value]
    look_up: Callable[[str, str, str], Any]
    """(unit, job, setting) → what the job last said, decoded; raises `ExpressionError` when nothing was said."""
    random: Callable[[], float]
    action_count: int = 0

    def named(self, word: str) -> Value | None:
        """Return an input, or something that every profile may name; None for a word that means itself."""
        if word in self.inputs:
            value = self.inputs[word]
            return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        own: dict[str, Value] = {
            "unit": self.unit,
            "experiment": self.experiment,
            "job_name": self.job_name,
            "hours_elapsed": self.hours_elapsed,
            "action_count": float(self.action_count),
        }
        return own.get(word)


def evaluate(text: str, scene: Scene) -> Value:
    """Return the value of an expression, bare or in brackets; raise `ExpressionError` or `InvalidProfileError`."""
    return value_of(parse(bare(text)), scene)


def holds(condition: Condition | None, scene: Scene, *, unless_given: bool = True) -> bool:
    """Return whether a condition is true."""
    if condition is None:
        return unless_given
    if isinstance(condition, bool | int | float):
        return bool(condition)
    return _truth(value_of(parse(bare(condition)), scene), condition)


def filled_in(value: Any, scene: Scene) -> Any:
    """Return an option's value: an expression in brackets that is all of the text keeps its type."""
    if isinstance(value, str) and (stripped := value.strip()).startswith("${{") and stripped.endswith("}}"):
        return evaluate(stripped, scene)
    return value


def interpolated(message: str, scene: Scene) -> str:
    """Return a text with each bracketed expression replaced by its value."""
    return _BRACKETED.sub(lambda found: as_text(evaluate(found[1], scene)), message)


def bracketed(message: str) -> Iterator[str]:
    """Give each expression in a text."""
    for found in _BRACKETED.finditer(message):
        yield found[1]


def as_text(value: Value) -> str:
    """Return a value as a person writes it: whole numbers without a fraction."""
    return f"{value:g}" if isinstance(value, float) and value == int(value) and abs(value) < 1e15 else str(value)


def value_of(tree: Expression, scene: Scene) -> Value:
    match tree:
        case Constant(value):
            return value
        case Word(word):
            return _word(word, scene)
        case Call(function):
            return scene.random() if function == "random" else _known(scene.named(function))
        case Lookup():
            return _looked_up(tree, scene)
        case Signed(sign, operand):
            number = _number(value_of(operand, scene), sign)
            return -number if sign == "-" else number
        case Negated(operand):
            return not _truth(value_of(operand, scene), "not")
        case Operation("and", left, right):
            return _truth(value_of(left, scene), "and") and _truth(value_of(right, scene), "and")
        case Operation("or", left, right):
            return _truth(value_of(left, scene), "or") or _truth(value_of(right, scene), "or")
        case Operation(sign, left, right):
            return _operation(sign, value_of(left, scene), value_of(right, scene))


def _known(value: Value | None) -> Value:
    assert value is not None, "the grammar names only functions that every scene answers"
    return value


def _word(word: str, scene: Scene) -> Value:
    known = scene.named(word)
    if known is not None:
        return known
    return _TRUTHS.get(word.lower(), word)


def _operation(sign: str, left: Value, right: Value) -> Value:
    if sign in ("==", "!="):
        return _are_equal(left, right) is (sign == "==")
    if sign in _ORDER:
        return _ORDER[sign](_number(left, sign), _number(right, sign))
    try:
        result = _ARITHMETIC[sign](_number(left, sign), _number(right, sign))
    except ZeroDivisionError as error:
        raise ExpressionError(f"{as_text(left)} {sign} {as_text(right)} divides by zero") from error
    except OverflowError as error:
        raise ExpressionError(f"{as_text(left)} {sign} {as_text(right)} is too large a number") from error
    if isinstance(result, complex):
        raise ExpressionError(f"{as_text(left)} {sign} {as_text(right)} is no real number")
    return result


def _are_equal(left: Value, right: Value) -> bool:
    """A truth value equals 1 or 0, as jobs may say either; texts are compared as they stand."""
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and left == right
    return float(left) == float(right)


def _number(value: Value, sign: str) -> float:
    if isinstance(value, str):
        raise ExpressionError(
            f"{value!r} is no number, as {sign!r} needs",
            remedy="A word that is no input stands for itself; look whether it is misspelled.",
        )
    return float(value)


def _truth(value: Value, where: str) -> bool:
    if isinstance(value, str):
        raise ExpressionError(
            f"{value!r} is neither true nor false, as {where!r} needs",
            remedy="Compare it with something, or look whether it is a misspelled input.",
        )
    return bool(value)


def _looked_up(lookup: Lookup, scene: Scene) -> Value:
    unit = scene.unit if lookup.unit is None else lookup.unit
    job = scene.job_name if lookup.job is None else lookup.job
    value = scene.look_up(unit, job, lookup.setting)
    for key in lookup.keys:
        if not isinstance(value, Mapping) or key not in value:
            known = ", ".join(map(str, value)) if isinstance(value, Mapping) else "none"
            raise ExpressionError(f"{unit}:{job}:{lookup.setting} has no {key!r}", remedy=f"What it has: {known}.")
        value = value[key]
    return _plain(value, f"{unit}:{job}:{lookup.setting}")


def _plain(value: Any, what: str) -> Value:
    """Return a number, truth or text of what a job said; jobs write truths as `True` and `False`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        if value.lower() in _TRUTHS:
            return _TRUTHS[value.lower()]
        try:
            return float(value)
        except ValueError:
            return value
    raise ExpressionError(f"{what} is no single value", remedy=f"Name one of its parts with a dot: {what}.key")
