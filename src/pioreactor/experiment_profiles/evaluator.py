"""Evaluation of the expressions of a profile in the context of one action."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

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
class EvaluationContext:
    """Values that an expression may refer to."""

    unit: str
    experiment: str
    job_name: str
    hours_elapsed: float
    inputs: Mapping[str, Value]
    look_up: Callable[[str, str, str], object]
    """(unit, job, setting) → decoded value last published by the job; raises `ExpressionError` if there is none."""
    random: Callable[[], float]
    action_count: int = 0

    def variable(self, word: str) -> Value | None:
        """Return an input or a built-in variable; None for a word that stands for itself."""
        if word in self.inputs:
            value = self.inputs[word]
            return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        built_in: dict[str, Value] = {
            "unit": self.unit,
            "experiment": self.experiment,
            "job_name": self.job_name,
            "hours_elapsed": self.hours_elapsed,
            "action_count": float(self.action_count),
        }
        return built_in.get(word)


def evaluate(text: str, context: EvaluationContext) -> Value:
    """Return the value of an expression, bare or in brackets; raise `ExpressionError` or `InvalidProfileError`."""
    return value_of(parse(bare(text)), context)


def is_true(condition: Condition | None, context: EvaluationContext, *, unless_given: bool = True) -> bool:
    """Return whether a condition is true."""
    if condition is None:
        return unless_given
    if isinstance(condition, bool | int | float):
        return bool(condition)
    return _truth(value_of(parse(bare(condition)), context), condition)


def readings_in(condition: Condition | None, context: EvaluationContext) -> str:
    """Return the values that a condition reads, such as `od2.od = 0.007`; empty if it reads none."""
    if not isinstance(condition, str):
        return ""
    found = {
        ".".join((lookup.setting, *lookup.keys)): as_text(_looked_up(lookup, context))
        for lookup in _lookups(parse(bare(condition)))
    }
    return ", ".join(f"{name} = {value}" for name, value in found.items())


def _lookups(tree: Expression) -> Iterator[Lookup]:
    match tree:
        case Lookup():
            yield tree
        case Signed(_, operand) | Negated(operand):
            yield from _lookups(operand)
        case Operation(_, left, right):
            yield from _lookups(left)
            yield from _lookups(right)


def resolve_option(value: object, context: EvaluationContext) -> object:
    """Return an option's value; an expression in brackets that makes up the whole text keeps its type."""
    if isinstance(value, str) and (stripped := value.strip()).startswith("${{") and stripped.endswith("}}"):
        return evaluate(stripped, context)
    return value


def interpolate(message: str, context: EvaluationContext) -> str:
    """Return the text with each bracketed_expressions expression replaced by its value."""
    return _BRACKETED.sub(lambda found: as_text(evaluate(found[1], context)), message)


def bracketed_expressions(message: str) -> Iterator[str]:
    """Yield each bracketed_expressions expression in a text."""
    for found in _BRACKETED.finditer(message):
        yield found[1]


def as_text(value: object) -> str:
    """Return a value as text, whole numbers without a fraction."""
    return f"{value:g}" if isinstance(value, float) and value == int(value) and abs(value) < 1e15 else str(value)


def value_of(tree: Expression, context: EvaluationContext) -> Value:
    match tree:
        case Constant(value):
            return value
        case Word(word):
            return _word(word, context)
        case Call(function):
            return _call(function, context)
        case Lookup():
            return _looked_up(tree, context)
        case Signed(sign, operand):
            number = _number(value_of(operand, context), sign)
            return -number if sign == "-" else number
        case Negated(operand):
            return not _truth(value_of(operand, context), "not")
        case Operation("and" | "or" as sign, left, right):
            decided = _truth(value_of(left, context), sign)
            return decided if decided is (sign == "or") else _truth(value_of(right, context), sign)
        case Operation(sign, left, right):
            return _operation(sign, value_of(left, context), value_of(right, context))


def _call(function: str, context: EvaluationContext) -> Value:
    if function == "random":
        return context.random()
    value = context.variable(function)
    assert value is not None, "the grammar accepts only functions that every context defines"
    return value


def _word(word: str, context: EvaluationContext) -> Value:
    known = context.variable(word)
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
        raise ExpressionError(f"{as_text(left)} {sign} {as_text(right)} is not a real number")
    return result


def _are_equal(left: Value, right: Value) -> bool:
    """Compare two values: booleans equal 1 or 0, since jobs publish either; texts are compared literally."""
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and left == right
    return float(left) == float(right)


def _number(value: Value, sign: str) -> float:
    if isinstance(value, str):
        raise ExpressionError(
            f"{value!r} is not a number, as {sign!r} requires",
            remedy="A word that is not an input stands for itself; check its spelling.",
        )
    return float(value)


def _truth(value: Value, where: str) -> bool:
    if isinstance(value, str):
        raise ExpressionError(
            f"{value!r} is neither true nor false, as {where!r} requires",
            remedy="Compare it with a value, or check whether it is a misspelled input.",
        )
    return bool(value)


def _looked_up(lookup: Lookup, context: EvaluationContext) -> Value:
    unit = context.unit if lookup.unit is None else lookup.unit
    job = context.job_name if lookup.job is None else lookup.job
    value = context.look_up(unit, job, lookup.setting)
    for key in _keys_into(value, lookup.keys, job):
        if not isinstance(value, Mapping) or key not in value:
            known = ", ".join(map(str, value)) if isinstance(value, Mapping) else "none"
            raise ExpressionError(f"{unit}:{job}:{lookup.setting} has no {key!r}", remedy=f"Available keys: {known}.")
        value = value[key]
    return _plain(value, f"{unit}:{job}:{lookup.setting}")


def _keys_into(value: object, keys: tuple[str, ...], job: str) -> tuple[str, ...]:
    """Return the keys that select a value: `.value` of a vial variable may be omitted, and be absent."""
    if isinstance(value, Mapping) and not keys and value.keys() == {"timestamp", "value"}:
        return ("value",)
    if job == "bioreactor" and isinstance(value, int | float) and keys == ("value",):
        return ()  # a unit of an earlier version publishes the bare number
    return keys


def _plain(value: object, what: str) -> Value:
    """Return a published value as number, boolean or text; jobs publish booleans as `True` and `False`."""
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
    raise ExpressionError(f"{what} is not a single value", remedy=f"Select one of its keys with a dot: {what}.key")
