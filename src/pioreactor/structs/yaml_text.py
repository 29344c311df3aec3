"""Reading of YAML that people send: limits on size, depth and aliases are checked before anything is built.

The C parser of PyYAML builds nested collections by recursion without a limit, which overflows the stack of the process;
an alias lets a kilobyte of text expand to gigabytes. Both are visible in the parser's events, which come one by one.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, overload

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    import yaml

T = TypeVar("T")

MAX_CHARACTERS: Final = 1_000_000
MAX_DEPTH: Final = 100
MAX_NODES: Final = 100_000
"""Counted after aliases are expanded."""


class InvalidYAMLError(ValueError):
    """A text is not YAML, or exceeds a limit."""


@overload
def read_yaml(text: str) -> object: ...


@overload
def read_yaml(text: str, type_: type[T]) -> T: ...


def read_yaml(text: str, type_: type[T] | None = None) -> object:
    """Return the content of a YAML text, of the type `type_` if one is given.

    Raise `InvalidYAMLError`, or `msgspec.ValidationError` for content that does not have the type.
    """
    import yaml  # costs 1 MB, and most processes read none

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if len(text) > MAX_CHARACTERS:
        raise InvalidYAMLError(f"{len(text)} characters are more than {MAX_CHARACTERS}")
    try:
        _check(yaml.parse(text, Loader=loader))
        content = yaml.load(text, Loader=loader)
    except InvalidYAMLError:
        raise
    except yaml.MarkedYAMLError as error:
        raise InvalidYAMLError(f"{_place(error.problem_mark)}{error.problem}") from error
    except yaml.YAMLError as error:
        raise InvalidYAMLError(str(error)) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML lets through what int(), float() and datetime() raise for a scalar that has only the form of one.
        raise InvalidYAMLError(f"a value does not have the form of its type: {error}") from error
    return content if type_ is None else msgspec.convert(content, type_, builtin_types=(datetime, date))


def _check(events: Iterable[yaml.Event]) -> None:
    """Raise `InvalidYAMLError` for collections that are nested too deeply, or too many nodes."""
    sizes = _Sizes()
    for event in events:
        sizes.add(event)
        if len(sizes.open_collections) > MAX_DEPTH:
            raise InvalidYAMLError(f"{_place(event.start_mark)}nested more than {MAX_DEPTH} deep")
        if sizes.count > MAX_NODES:
            raise InvalidYAMLError(f"{_place(event.start_mark)}more than {MAX_NODES} values, aliases expanded")


class _Sizes:
    """Counts nodes, those of aliases each time, and the collections that are open."""

    def __init__(self) -> None:
        self.count = 0
        self.open_collections: list[tuple[str | None, int]] = []
        self._by_anchor: dict[str | None, int] = {}

    def add(self, event: yaml.Event) -> None:
        import yaml

        match event:
            case yaml.AliasEvent():
                if event.anchor not in self._by_anchor:
                    raise InvalidYAMLError(f"{_place(event.start_mark)}*{event.anchor} refers to nothing before it")
                self.count += self._by_anchor[event.anchor]
            case yaml.CollectionStartEvent():
                self.open_collections.append((event.anchor, self.count))
                self.count += 1
            case yaml.ScalarEvent():
                self.count += 1
                self._by_anchor[event.anchor] = 1
            case yaml.CollectionEndEvent():
                anchor, count_before = self.open_collections.pop()
                self._by_anchor[anchor] = self.count - count_before


class _Mark(Protocol):
    line: int
    column: int


def _place(mark: _Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
