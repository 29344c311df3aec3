"""The tables of the leader's database as plain data: the one place that names their columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pioreactor import measurements

Kind = Literal["text", "real", "integer", "blob"]


@dataclass(frozen=True, slots=True)
class Column:
    """`needed`: a row without it is refused. `among`: the values it may have."""

    name: str
    kind: Kind
    needed: bool = False
    default: int | None = None
    among: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """`references`: column → the table whose column of the same name it must be found in, and go with."""

    name: str
    columns: tuple[Column, ...]
    indices: tuple[tuple[str, ...], ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    primary_key: tuple[str, ...] = ()
    references: tuple[tuple[str, str], ...] = ()


def _text(name: str, *, needed: bool = True, among: tuple[str, ...] = ()) -> Column:
    return Column(name, "text", needed=needed, among=among)


def _real(*names: str, needed: bool = True) -> tuple[Column, ...]:
    return tuple(Column(name, "real", needed=needed) for name in names)


_EXPERIMENT, _UNIT, _TIMESTAMP = _text("experiment"), _text("pioreactor_unit"), _text("timestamp")
_BY_UNIT = ("experiment", "pioreactor_unit")


def _measured(spec: measurements.TableSpec) -> Table:
    columns = (Column(c.name, c.kind, needed=c.required, among=c.allowed) for c in spec.columns)
    return Table(spec.name, tuple(columns), indices=spec.indices)


STREAM_TABLES: tuple[Table, ...] = (
    *(_measured(spec.table) for spec in measurements.BUILT_IN),
    Table(
        measurements.ACTIVITY_TABLE,
        (_EXPERIMENT, _UNIT, _TIMESTAMP)
        + _real(*(column.name for spec in measurements.BUILT_IN for column in spec.activity), needed=False),
        primary_key=("experiment", "pioreactor_unit", "timestamp"),
    ),
)
"""What the streamer (and its triggers) fill; all rows of an experiment go when it is deleted."""

_CLUSTER_TABLES: tuple[Table, ...] = (
    Table(
        "experiments",
        (_EXPERIMENT, _text("created_at"), _text("description", needed=False)),
        unique=(("experiment",), ("created_at", "experiment", "description")),
    ),
    Table(
        "experiment_tags",
        (_EXPERIMENT, _text("tag"), _text("created_at")),
        indices=(("experiment", "created_at", "tag"),),
        primary_key=("experiment", "tag"),
    ),
    Table(
        "pioreactor_unit_labels",
        (_EXPERIMENT, _UNIT, _text("label"), _text("created_at")),
        indices=(_BY_UNIT,),
        unique=(("pioreactor_unit", "experiment"), ("label", "experiment")),
    ),
    Table(
        "workers",
        (_UNIT, _text("added_at"), _text("model_name", needed=False), _text("model_version", needed=False))
        + (Column("is_active", "integer", needed=True, default=1),),
        unique=(("pioreactor_unit",),),
    ),
    Table(
        "experiment_worker_assignments",
        (_UNIT, _EXPERIMENT, _text("assigned_at")),
        indices=(("experiment",),),
        unique=(("pioreactor_unit",),),
        references=(("experiment", "experiments"), ("pioreactor_unit", "workers")),
    ),
    Table(
        "experiment_worker_assignments_history",
        (_UNIT, _EXPERIMENT, _text("assigned_at"), _text("unassigned_at", needed=False)),
        indices=(("experiment", "pioreactor_unit", "assigned_at", "unassigned_at"),),
        unique=(("pioreactor_unit", "experiment", "assigned_at"),),
    ),
    Table("config_files_histories", (_TIMESTAMP, _text("filename"), _text("data")), indices=(("filename",),)),
    Table(
        "calibrations",
        (_UNIT, _text("created_at"), _text("type"), _text("data"), _text("name"))
        + (Column("is_current", "integer", default=0), _text("set_to_current_at", needed=False)),
        unique=(("pioreactor_unit", "type", "name"),),
    ),
)

_OUR_OWN_TABLES: tuple[Table, ...] = (
    Table(
        "journal_progress",
        (_text("unit"), _text("journal_id"), Column("through_seq", "integer", needed=True)),
        primary_key=("unit", "journal_id"),
    ),
    Table(
        "quarantined_rows",
        (_text("received_at"), _text("pioreactor_unit", needed=False), _text("topic", needed=False))
        + (_text("table_name", needed=False), _text("payload"), _text("reason"))
        + (_text("recorded_at", needed=False),),
        indices=(("received_at",),),
    ),
    Table(
        "people",
        (_text("username"), _text("password_hash"), _text("created_at")),
        primary_key=("username",),
    ),
    Table(
        "access_tokens",
        (_text("token_hash"), _text("label"), _text("username"), _text("created_at"))
        + (_text("expires_at", needed=False),),
        indices=(("username",),),
        primary_key=("token_hash",),
    ),
)
"""What the reference does not have."""

TABLES: Mapping[str, Table] = {table.name: table for table in (*STREAM_TABLES, *_CLUSTER_TABLES, *_OUR_OWN_TABLES)}


def needed_columns() -> dict[str, dict[str, bool]]:
    """Return table → column → whether a row must give it."""
    return {
        table.name: {column.name: column.needed and column.default is None for column in table.columns}
        for table in TABLES.values()
    }


def tables_with_experiment() -> tuple[str, ...]:
    """Return the tables whose rows go with their experiment; the history of assignments stays."""
    kept = ("experiments", "experiment_worker_assignments_history")
    return tuple(
        table.name
        for table in TABLES.values()
        if table.name not in kept and any(column.name == "experiment" for column in table.columns)
    )
