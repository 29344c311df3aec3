"""Configuration values for a single run, from the command line or a profile."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pioreactor.exc import ConfigurationError


class Override(NamedTuple):
    """One temporary value."""

    section: str
    key: str
    value: str


def parse_overrides(triples: Iterable[Sequence[object]]) -> tuple[Override, ...]:
    """Return typed overrides of `[section, key, value]` lists, as in requests and profiles."""
    parsed = []
    for triple in triples:
        if isinstance(triple, str) or len(triple) != 3:
            raise ConfigurationError(f"a configuration override has a section, a key and a value, not {triple!r}")
        section, key, value = (_as_text(part) for part in triple)
        if not section or not key:
            raise ConfigurationError("a configuration override needs a section and a key")
        parsed.append(Override(section, key, value))
    return tuple(parsed)


def _as_text(part: object) -> str:
    if part is None:
        return ""
    if isinstance(part, bool):
        return "1" if part else "0"
    return str(part).strip()
