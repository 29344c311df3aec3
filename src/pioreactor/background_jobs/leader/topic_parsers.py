"""From a recorded message to rows of the leader's database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from pioreactor import measurements, topics
from pioreactor.measurements import parser_of
from pioreactor.storage.ports import Row, ValueType

Parsed: TypeAlias = Mapping[str, ValueType] | Sequence[Mapping[str, ValueType]] | None
Parser: TypeAlias = Callable[[str, bytes], Parsed]


@dataclass(frozen=True)
class Metadata:
    """Unit, experiment and the remaining levels of a topic."""

    pioreactor_unit: str
    experiment: str
    rest_of_topic: list[str]


@dataclass(frozen=True)
class TopicToParserToTable:
    """Which topics go through which parser into which table. `parser(topic, payload)` returns rows, or None."""

    topic: str | Sequence[str]
    parser: Parser
    table: str

    @property
    def filters(self) -> tuple[str, ...]:
        return (self.topic,) if isinstance(self.topic, str) else tuple(self.topic)


@dataclass(frozen=True)
class _Route:
    """Where the messages of a topic go. `time_column` is filled with the moment of recording."""

    table: str
    parser: Parser
    has_unit: bool = True
    time_column: str | None = "timestamp"


def produce_metadata(topic: str) -> Metadata:
    """Return unit, experiment and the rest of a topic; raise `ValueError` if it does not begin with `pioreactor/`."""
    parts = topics.parse(topic)
    if parts is None:
        raise ValueError(f"{topic!r} is not a topic of a unit and an experiment")
    return Metadata(parts.unit, parts.experiment, list(parts.rest))


_registered: list[TopicToParserToTable] = []


def register_source_to_sink(source: TopicToParserToTable | Sequence[TopicToParserToTable]) -> None:
    """Store a plugin's messages in a table of the leader's database, which the plugin creates itself."""
    sources = [source] if isinstance(source, TopicToParserToTable) else list(source)
    for one in sources:
        _registered.append(one)
        for topic_filter in one.filters:
            measurements.also_record(topic_filter)
    _routes_of.cache_clear()


@lru_cache(maxsize=1024)
def _routes_of(topic: str, _revision: int) -> tuple[Metadata, tuple[_Route, ...]]:
    """Return what a topic states and where its messages go; the same topics come all the time."""
    metadata = produce_metadata(topic)
    if topics.is_testing(metadata.experiment):
        return metadata, ()
    declared = [
        _Route(spec.table.name, parser_of(spec), spec.table.has("pioreactor_unit"), spec.table.time_column)
        for spec in measurements.specs_of_topic(topic)
    ]
    brought = [
        _Route(source.table, source.parser)
        for source in _registered
        if any(topics.matches(known, topic) for known in source.filters)
    ]
    return metadata, (*declared, *brought)


def rows_of(topic: str, payload: bytes, recorded_at: str) -> list[Row]:
    """Return the rows of one recorded message, none for a test's.

    Raises whatever a parser raises for a payload that it cannot read, and `ValueError` for a topic of another program.
    """
    metadata, routes = _routes_of(topic, measurements.revision())
    rows: list[Row] = []
    for route in routes:
        parsed = route.parser(topic, payload)
        several = [parsed] if isinstance(parsed, Mapping) else parsed if parsed is not None else []
        rows += [_complete(route, one, metadata, recorded_at) for one in several]
    return rows


def _complete(route: _Route, values: Mapping[str, ValueType], metadata: Metadata, recorded_at: str) -> Row:
    row: dict[str, ValueType] = {"experiment": metadata.experiment}
    if route.has_unit:
        row["pioreactor_unit"] = metadata.pioreactor_unit
    if route.time_column is not None:
        row[route.time_column] = recorded_at
    return Row(route.table, {**row, **values})
