"""The language of expressions in profiles: text in, a tree out. All of the text is understood, or none of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pioreactor.experiment_profiles.profile_struct import InvalidProfileError

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

GRAMMAR = r"""
?start: or_expr
?or_expr: and_expr
    | or_expr _OR and_expr -> or_expr
?and_expr: not_expr
    | and_expr _AND not_expr -> and_expr
?not_expr: comparison
    | _NOT not_expr -> not_expr
?comparison: sum
    | sum COMPARISON sum -> comparison
?sum: product
    | sum ADD_OR_SUB product -> arithmetic
?product: signed
    | product MUL_OR_DIV signed -> arithmetic
?signed: power
    | ADD_OR_SUB signed -> signed
?power: atom
    | atom POWER signed -> arithmetic
?atom: NUMBER -> number
    | TEXT -> text
    | LOOKUP -> lookup
    | CALL -> call
    | WORD -> word
    | "(" or_expr ")"

_OR.2: /or\b/i
_AND.2: /and\b/i
_NOT.2: /not\b/i
COMPARISON: "<=" | ">=" | "==" | "!=" | "<" | ">"
POWER.2: "**"
MUL_OR_DIV: "*" | "/"
ADD_OR_SUB: "+" | "-"
NUMBER: /(\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+)/
TEXT: /"[^"]*"|'[^']*'/
CALL.3: /(random|unit|hours_elapsed|experiment|job_name)\(\s*\)/
LOOKUP.4: ("::" | HOST ":") JOB ":" PATH
HOST: /(unit\(\)|[0-9]*[A-Za-z_$][A-Za-z0-9_$-]*)/
JOB: /(job_name\(\)|[A-Za-z_][A-Za-z0-9_]*)/
PATH: /\$?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_$]+)*/
WORD: /[A-Za-z_$][A-Za-z0-9_$]*/
%ignore /\s+/
"""

Function: TypeAlias = Literal["random", "unit", "hours_elapsed", "experiment", "job_name"]

MAX_CHARACTERS: Final = 2000
MAX_DEPTH: Final = 100


@dataclass(frozen=True, slots=True)
class Constant:
    value: float | str


@dataclass(frozen=True, slots=True)
class Word:
    """An input, `true` or `false`, a built-in variable, or else itself as text."""

    word: str


@dataclass(frozen=True, slots=True)
class Call:
    function: Function


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a unit's job last said about a setting; None means: the unit, or the job, that the action is for."""

    unit: str | None
    job: str | None
    setting: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    sign: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Negated:
    operand: Expression


@dataclass(frozen=True, slots=True)
class Operation:
    """`and`, `or`, arithmetic, or a comparison."""

    operator: str
    left: Expression
    right: Expression


Expression: TypeAlias = Constant | Word | Call | Lookup | Signed | Negated | Operation


def bare(text: str) -> str:
    """Return what is inside of `${{ … }}`, or the text itself."""
    stripped = text.strip()
    if stripped.startswith("${{") and stripped.endswith("}}"):
        return stripped[3:-2].strip()
    return stripped


def parse(text: str) -> Expression:
    """Return the tree of an expression; raise `InvalidProfileError` that points to where it ends making sense."""
    from lark.exceptions import UnexpectedInput, UnexpectedToken

    if len(text) > MAX_CHARACTERS:
        raise InvalidProfileError(f"an expression of {len(text)} characters is longer than {MAX_CHARACTERS}")
    try:
        return _built(_parser().parse(text), MAX_DEPTH)
    except UnexpectedInput as error:
        is_at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        place = len(text) if is_at_end or error.pos_in_stream is None else error.pos_in_stream
        before, after = text[:place].strip(), text[place : place + 20].strip()
        where = f"after {before[-20:]!r}" if before else "at its beginning"
        what = f"{after!r} is not understood {where}" if after else f"something is missing {where}"
        raise InvalidProfileError(f"in the expression {text!r}, {what}") from error


@cache
def _parser() -> Lark:
    from lark import Lark  # only a leader that carries out a profile needs it

    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)


def _built(tree: Token | Tree[Token], depth: int) -> Expression:
    from lark import Tree

    assert isinstance(tree, Tree), "the grammar names every expression"
    if depth == 0:
        raise InvalidProfileError(f"an expression is nested more than {MAX_DEPTH} deep")
    built = partial(_built, depth=depth - 1)
    kind, parts = tree.data, tree.children
    match kind:
        case "number":
            return Constant(float(str(parts[0])))
        case "text":
            return Constant(str(parts[0])[1:-1])
        case "word":
            return Word(str(parts[0]))
        case "call":
            return Call(str(parts[0]).split("(")[0])  # type: ignore[arg-type]  # the grammar names the functions
        case "lookup":
            return _lookup(str(parts[0]))
        case "signed":
            return Signed(str(parts[0]), built(parts[1]))
        case "not_expr":
            return Negated(built(parts[0]))
        case "or_expr" | "and_expr":
            return Operation("or" if kind == "or_expr" else "and", built(parts[0]), built(parts[1]))
        case _:
            return Operation(str(parts[1]), built(parts[0]), built(parts[2]))


def _lookup(text: str) -> Lookup:
    unit, job, path = (text[1:] if text.startswith("::") else text).split(":", 2)
    setting, *keys = path.split(".")
    return Lookup(None if unit in ("", "unit()") else unit, None if job == "job_name()" else job, setting, tuple(keys))
