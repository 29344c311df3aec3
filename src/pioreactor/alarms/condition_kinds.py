"""Description of each kind of condition with its fields, for the panel, the API and the command line."""

from inspect import getdoc
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from pioreactor.alarms.condition_types import Condition

FieldKind: TypeAlias = Literal["number", "text", "texts"]
_NUMBERS: Final = (msgspec.inspect.FloatType, msgspec.inspect.IntType)


class ConditionField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a condition. `texts` is a list of words; `default` is None where none is given."""

    name: str
    kind: FieldKind
    is_required: bool
    default: float | str | tuple[str, ...] | None = None


class ConditionKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of condition: `type` names it in a rule, `help` says when it holds."""

    type: str
    help: str
    fields: tuple[ConditionField, ...]


def condition_kinds() -> list[ConditionKind]:
    """Return all kinds, as their structs declare them."""
    return [_kind(struct) for struct in get_args(Condition)]


def _kind(struct: type[msgspec.Struct]) -> ConditionKind:
    config = struct.__struct_config__
    text = " ".join((getdoc(struct) or "").split())
    [described] = msgspec.inspect.multi_type_info([struct])
    fields = described.fields if isinstance(described, msgspec.inspect.StructType) else ()
    return ConditionKind(type=str(config.tag), help=text, fields=tuple(map(_field, fields)))


def _field(field: msgspec.inspect.Field) -> ConditionField:
    known = field.type.types if isinstance(field.type, msgspec.inspect.UnionType) else (field.type,)
    kind: FieldKind = "text"
    if any(isinstance(one, _NUMBERS) for one in known):
        kind = "number"
    elif any(isinstance(one, msgspec.inspect.VarTupleType) for one in known):
        kind = "texts"
    return ConditionField(
        name=field.encode_name,
        kind=kind,
        is_required=field.required,
        default=None if field.default is msgspec.NODEFAULT else field.default,
    )
