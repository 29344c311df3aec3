"""All declared quantities: the built-in ones, and those that plugins register."""

import re
from functools import lru_cache
from typing import Final

from pioreactor import topics
from pioreactor.exc import ConfigurationError
from pioreactor.measurements.builtin import BUILT_IN
from pioreactor.measurements.spec import MeasurementSpec

ACTIVITY_TABLE: Final = "pioreactor_unit_activity_data"
RESERVED_TABLES: Final = frozenset(
    {
        *(
            ACTIVITY_TABLE,
            "experiments",
            "experiment_tags",
            "experiment_chart_preferences",
            "pioreactor_unit_labels",
            "workers",
        ),
        *("audit_heads", "audit_trail", "alarms", "alarm_channels", "alarm_deliveries", "alarm_events"),
        *("alarm_rules", "alarm_shelves"),
        *("rollup_buckets", "rollup_changes", "rollup_progress", "rollup_series"),
        *("experiment_worker_assignments", "experiment_worker_assignments_history", "config_files_histories"),
        *("calibrations", "journal_progress", "quarantined_rows", "people", "access_tokens"),
        *("invitations", "alembic_version", "agent_proposals", "agent_acts"),
        *("campaigns", "campaign_arms", "campaign_results"),
    }
)
"""Tables of the leader's database that hold no measurements."""

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]*")
_registered: list[MeasurementSpec] = []
_extra_filters: list[str] = []
_revision = 0


def register(spec: MeasurementSpec) -> MeasurementSpec:
    """Add the quantity of a plugin and return it: units record it, and the leader stores, serves and draws it.

    Registering the same declaration again changes nothing. Raises `ConfigurationError` when its name, its table, one
    of its topics or the key of one of its charts belongs to another quantity.
    """
    if spec in _registered:
        return spec
    for known in all_specs():
        _check_clash(spec, known)
    _check_foreign(spec)
    _registered.append(spec)
    _forget_matches()
    return spec


def _check_foreign(spec: MeasurementSpec) -> None:
    """Raise `ConfigurationError` for what only built-in quantities may have."""
    table = spec.table.name
    if table in RESERVED_TABLES or table.startswith("sqlite_"):
        raise ConfigurationError(f"measurement {spec.name}: the table {table} belongs to pioreactor")
    for name in (table, *(column.name for column in spec.table.columns)):
        if not _IDENTIFIER.fullmatch(name):
            raise ConfigurationError(
                f"measurement {spec.name}: {name!r} is not a valid name of a table or column",
                remedy="Use lower-case letters, digits and underscores.",
            )
    if spec.activity:
        raise ConfigurationError(f"measurement {spec.name}: {ACTIVITY_TABLE} has columns of built-in quantities only")


def _check_clash(spec: MeasurementSpec, known: MeasurementSpec) -> None:
    charts = {chart.key for chart in spec.charts} & {chart.key for chart in known.charts}
    clashes = {
        f"the name {spec.name}": spec.name == known.name,
        f"the table {spec.table.name}": spec.table.name == known.table.name,
        f"the topic {' '.join(spec.topics)}": bool(set(spec.recorded_topics) & set(known.recorded_topics)),
        f"the chart {' '.join(charts)}": bool(charts),
    }
    for what, is_taken in clashes.items():
        if is_taken:
            raise ConfigurationError(
                f"measurement {spec.name}: {what} is taken by the measurement {known.name}", remedy="Choose another."
            )


def unregister(spec: MeasurementSpec) -> None:
    """Remove a quantity that was registered (tests)."""
    _registered.remove(spec)
    _forget_matches()


def registered_specs() -> tuple[MeasurementSpec, ...]:
    """Return the quantities of plugins."""
    return tuple(_registered)


def all_specs() -> tuple[MeasurementSpec, ...]:
    """Return every quantity: the built-in ones first, then those of plugins in the order of their registration."""
    return (*BUILT_IN, *_registered)


def series_specs() -> dict[str, MeasurementSpec]:
    """Return the quantities that have a time series, by table."""
    return {spec.table.name: spec for spec in all_specs() if spec.series is not None}


def recorded_filters() -> tuple[str, ...]:
    """Return the MQTT filters of everything that the leader's database stores."""
    declared = (topics.of_any_unit(topic) for spec in all_specs() for topic in spec.recorded_topics)
    return (*declared, *_extra_filters)


def also_record(topic_filter: str) -> None:
    """Write this topic to the journals of units too: a plugin stores it by a parser of its own."""
    if topic_filter not in _extra_filters:
        _extra_filters.append(topic_filter)
        _forget_matches()


@lru_cache(maxsize=512)
def is_recorded(topic: str) -> bool:
    """Return whether messages on this topic must reach the leader's database."""
    parts = topics.parse(topic)
    if parts is None or topics.is_testing(parts.experiment):
        return False
    return any(topics.matches(known, topic) for known in recorded_filters())


def specs_of_topic(topic: str) -> tuple[MeasurementSpec, ...]:
    """Return the quantities that a topic carries."""
    return tuple(
        spec
        for spec in all_specs()
        if any(topics.matches(topics.of_any_unit(known), topic) for known in spec.recorded_topics)
    )


def revision() -> int:
    """Return a number that changes with every registration: results derived from the declarations are cached by it."""
    return _revision


def _forget_matches() -> None:
    global _revision
    _revision += 1
    is_recorded.cache_clear()
