"""Structs that are told apart by a tag, among them those that plugins define later."""

from datetime import datetime
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


def kinds_of(base: type[T]) -> dict[str, type[T]]:
    """Return all subclasses by tag, including those of plugins; the newest definition of a tag wins."""
    kinds: dict[str, type[T]] = {}
    queue: list[type[T]] = [base]
    while queue:
        kind = queue.pop(0)
        queue += kind.__subclasses__()
        tag: object = kind.__struct_config__.tag
        if kind is not base and isinstance(tag, str):
            kinds[tag] = kind
    return kinds


def from_tagged(raw: object, base: type[T]) -> T:
    """Return the struct in plain data; raise `msgspec.ValidationError` with the reason if it is invalid."""
    tag_field = base.__struct_config__.tag_field
    tag = raw.get(tag_field) if isinstance(raw, dict) else None
    kinds = kinds_of(base)
    if tag not in kinds:
        known = ", ".join(sorted(kinds))
        raise msgspec.ValidationError(
            f"unknown {tag_field} {tag!r}; known: {known}" if tag else f"{tag_field} is missing"
        )
    return msgspec.convert(raw, kinds[tag], builtin_types=(datetime,))
