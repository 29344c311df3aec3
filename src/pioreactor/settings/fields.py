"""Reads one configuration value by the type of its field, and says in words what the field takes."""

import math
import types
from dataclasses import dataclass
from inspect import get_annotations
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
BLANK = ("", None)


class NotAcceptedError(ValueError):
    """A text does not fit its field; the caller knows the file, section and key and says so."""


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One key of a section, as the reference pages and error messages speak of it."""

    key: str
    type: object
    default: object
    description: str
    unit: str
    is_secret: bool
    obsolete: str = ""
    """Why the key has no effect; blank for one that has."""
    le_by_model: str | None = None


def quantity(
    description: str,
    *,
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    obsolete: str = "",
    le_by_model: str | None = None,
) -> msgspec.Meta:
    """Return the annotation of a number: bounds (inclusive `ge`, `le`), unit and help.

    `obsolete`: why the key is accepted and has no effect. `le_by_model` names the field of a reactor model that is the
    upper bound on units of that model.
    """
    bounds: dict[str, Any] = {"ge": ge, "gt": gt, "le": le, "lt": lt}  # msgspec types each pair of bounds apart
    extra = {"unit": unit, "obsolete": obsolete, "le_by_model": le_by_model}
    meta: msgspec.Meta = msgspec.Meta(**bounds, description=description, extra=extra)
    return meta


def text(description: str, *, secret: bool = False, obsolete: str = "") -> msgspec.Meta:
    """Return the annotation of anything that is not a number. Secrets are neither shown nor logged.

    `obsolete`: why the key is accepted and has no effect.
    """
    return msgspec.Meta(description=description, extra={"secret": secret, "obsolete": obsolete})


def describe(section: type[msgspec.Struct]) -> list[FieldDescription]:
    """Return the keys of a section in the order of their declaration."""
    described = []
    for field in msgspec.structs.fields(section):
        meta = _metas(field.type)
        extra: dict[str, object] = {}
        for part in meta:
            extra |= part.extra or {}
        default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        le_by_model = extra.get("le_by_model")
        description = next((part.description for part in meta if part.description), "")
        described.append(
            FieldDescription(
                key=field.encode_name,
                type=field.type,
                default=None if default is msgspec.NODEFAULT else default,
                description=description,
                unit=str(extra.get("unit", "")),
                is_secret=bool(extra.get("secret", False)),
                obsolete=str(extra.get("obsolete", "")),
                le_by_model=None if le_by_model is None else str(le_by_model),
            )
        )
    return described


@dataclass(frozen=True, slots=True)
class FieldLimits:
    """Unit and inclusive bounds of a numeric key."""

    unit: str | None = None
    ge: float | None = None
    le: float | None = None


def limits_of(section: type[msgspec.Struct], key: str) -> FieldLimits:
    """Return the unit and the inclusive bounds that a section declares for one of its keys."""
    metas = _metas(get_annotations(section)[key])
    unit = _unit(metas)
    return FieldLimits(unit if unit else None, _declared(metas, "ge"), _declared(metas, "le"))


def read(value: str | None, type_: object) -> object:
    """Return the typed value of a text; raise `NotAcceptedError` when it does not fit."""
    bare, _ = _unwrap(type_)
    if get_origin(bare) in (Union, types.UnionType):
        return _read_any_of(value, type_, get_args(bare))
    if get_origin(bare) is Literal:
        return _read_word(value, get_args(bare))
    if bare is bool:
        return _read_switch(value)
    if bare is str:
        return "" if value is None else value
    return _read_number(value, type_)


def expected(type_: object) -> str:
    """Say what a field takes: "a number from 0 to 1500", "one of rpi, sim"."""
    bare, metas = _unwrap(type_)
    if get_origin(bare) in (Union, types.UnionType):
        arms = [arm for arm in get_args(bare) if arm is not type(None)]
        parts = [expected(_with_metas(arm, metas)) for arm in arms]
        return " or ".join(parts + (["blank"] if len(arms) < len(get_args(bare)) else []))
    if get_origin(bare) is Literal:
        words = [str(word) for word in get_args(bare)]
        return words[0] if len(words) == 1 else "one of " + ", ".join(words)
    if bare is bool:
        return "yes or no (1/0, true/false, on/off)"
    if bare is str:
        return "text"
    noun = "a whole number" if bare is int else "a number"
    return " ".join([noun, *_bounds(metas)])


def ascii_number(text: str) -> str:
    """Return a numeral of ASCII characters; raise `ValueError` for the digits of other scripts and for `1_000`."""
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    return text


def to_text(value: object) -> str:
    """Return how a value is written in a file. Switches are 1 and 0: plugins read them as numbers too."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def _unwrap(type_: object) -> tuple[object, list[msgspec.Meta]]:
    if get_origin(type_) is Annotated:
        inner, *metas = get_args(type_)
        bare, more = _unwrap(inner)
        return bare, [meta for meta in metas if isinstance(meta, msgspec.Meta)] + more
    return type_, []


def _metas(type_: object) -> list[msgspec.Meta]:
    bare, metas = _unwrap(type_)
    if get_origin(bare) in (Union, types.UnionType):
        for arm in get_args(bare):
            metas = metas + _metas(arm)
    return metas


def _with_metas(arm: object, metas: list[msgspec.Meta]) -> object:
    bare, own = _unwrap(arm)
    for meta in own if own else metas:
        bare = Annotated[bare, meta]
    return bare


def _bounds(metas: list[msgspec.Meta]) -> list[str]:
    ge, gt, le, lt = (_declared(metas, bound) for bound in ("ge", "gt", "le", "lt"))
    limits = [f"from {ge:g} to {le:g}"] if ge is not None and le is not None else _one_sided(ge, gt, le, lt)
    unit = _unit(metas)
    return [*limits, f"[{unit}]"] if unit else limits


def _declared(metas: list[msgspec.Meta], bound: str) -> float | None:
    """Return the first declared value of a bound."""
    declared: list[float | None] = [getattr(meta, bound) for meta in metas]
    return next((value for value in declared if value is not None), None)


def _one_sided(ge: float | None, gt: float | None, le: float | None, lt: float | None) -> list[str]:
    bounds = {"of at least": ge, "above": gt, "up to": le, "below": lt}
    return [f"{words} {value:g}" for words, value in bounds.items() if value is not None]


def _unit(metas: list[msgspec.Meta]) -> str:
    units = [meta.extra["unit"] for meta in metas if meta.extra and meta.extra.get("unit")]
    return str(units[0]) if units else ""


def _read_any_of(value: str | None, type_: object, arms: tuple[object, ...]) -> object:
    if type(None) in arms and value in BLANK:
        return None
    for arm in arms:
        if arm is type(None):
            continue
        try:
            return read(value, arm)
        except NotAcceptedError:
            continue
    raise NotAcceptedError(expected(type_))


def _read_word(value: str | None, words: tuple[object, ...]) -> object:
    for word in words:
        if value is not None and str(word).casefold() == value.casefold():
            return word
    raise NotAcceptedError(expected(Literal[words]))


def _read_switch(value: str | None) -> bool:
    word = (value if value is not None else "").lower()
    if word not in TRUE | FALSE:
        raise NotAcceptedError(expected(bool))
    return word in TRUE


def _read_number(value: str | None, type_: object) -> object:
    bare, _ = _unwrap(type_)
    try:
        number = float(ascii_number(value)) if value is not None else math.nan
    except ValueError:
        raise NotAcceptedError(expected(type_)) from None
    if not math.isfinite(number) or (bare is int and not number.is_integer()):
        raise NotAcceptedError(expected(type_))
    try:
        return msgspec.convert(int(number) if bare is int else number, type_)
    except msgspec.ValidationError:
        raise NotAcceptedError(expected(type_)) from None
