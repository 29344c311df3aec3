"""The declaration of a recorded quantity: plain, immutable values from which everything about it is derived."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from pioreactor.exc import ConfigurationError

ColumnKind: TypeAlias = Literal["text", "real", "integer", "blob"]
ColumnValue: TypeAlias = str | int | float | bytes | None
Rows: TypeAlias = Mapping[str, ColumnValue] | Sequence[Mapping[str, ColumnValue]] | None
"""Column → value of one row or of several; None for a message that leaves no row."""
Parser: TypeAlias = Callable[[str, bytes], Rows]
"""Takes a topic and a payload; raises what it likes for a payload that it cannot read."""
Aggregation: TypeAlias = Literal["mean", "sum", "last"]
Transformation: TypeAlias = Literal["none", "per_hour_to_per_day", "percent"]
"""What is done to a value before it is drawn; a name, never code."""

BY_TIME: Final = ("experiment", "pioreactor_unit", "timestamp")
BY_UNIT: Final = ("experiment", "pioreactor_unit")
BY_CHANNEL: Final = ("experiment", "pioreactor_unit", "channel", "timestamp")


class ColumnSpec(msgspec.Struct, frozen=True):
    """A column of a table.

    `required`: a row without a value is refused. `unit`: the unit of the numbers. `allowed`: the only values permitted.
    `field`: the field of the payload that fills the column, when its name differs.
    """

    name: str
    kind: ColumnKind
    required: bool = True
    unit: str | None = None
    allowed: tuple[str | int, ...] = ()
    field: str | None = None

    @property
    def source_field(self) -> str:
        return self.field if self.field is not None else self.name

    def allowed_in_sql(self) -> str:
        """Return the permitted values as a list of SQL literals."""
        return ", ".join(str(v) if isinstance(v, int) else "'" + v.replace("'", "''") + "'" for v in self.allowed)


EXPERIMENT: Final = ColumnSpec("experiment", "text")
UNIT: Final = ColumnSpec("pioreactor_unit", "text")
TIMESTAMP: Final = ColumnSpec("timestamp", "text")


class TableSpec(msgspec.Struct, frozen=True):
    """A table of the leader's database. `time_column` holds the moment of recording when the payload states none."""

    name: str
    columns: tuple[ColumnSpec, ...]
    indices: tuple[tuple[str, ...], ...] = ()
    time_column: str | None = "timestamp"

    def has(self, column: str) -> bool:
        return any(known.name == column for known in self.columns)

    def column(self, name: str) -> ColumnSpec:
        """Return a column; raise `ConfigurationError` if there is none of that name."""
        for known in self.columns:
            if known.name == name:
                return known
        raise ConfigurationError(f"table {self.name} has no column {name!r}")


class ActivityColumn(msgspec.Struct, frozen=True):
    """A column of `pioreactor_unit_activity_data`, copied from a column of the quantity's table.

    `aggregation` combines the values of one moment, and, except for `last`, those of a minute in the roll-up view.
    `when` restricts it to rows in which a column has a value, such as `("channel", "A")`.
    """

    name: str
    source: str
    aggregation: Aggregation
    when: tuple[str, str] | None = None


class SeriesSpec(msgspec.Struct, frozen=True):
    """A time series: a column of numbers, rounded to `digits`, one series per unit or per unit and channel.

    `channel` names the column of channels; its `allowed` values are the channels.
    """

    column: str
    digits: int | None = None
    channel: str | None = None


class ChartSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A chart of the quantity's series. Charts are shown in the order of `position`.

    `lookback`: hours, None for the laboratory's setting. `log_scale`: offer a logarithmic axis, and mark doses.
    """

    key: str
    title: str
    y_axis_label: str
    decimals: Annotated[int, msgspec.Meta(ge=0, le=10)] = 2
    transformation: Transformation = "none"
    domain: tuple[float, float] | None = None
    interpolation: str = "stepAfter"
    lookback: float | None = None
    down_sample: bool = True
    shown_by_default: bool = True
    log_scale: bool = False
    position: int = 1000


class ExportSpec(msgspec.Struct, frozen=True):
    """A dataset of the export: the rows of the quantity's table."""

    name: str
    description: str


class MeasurementSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded quantity, declared once.

    `topics` are what follows unit and experiment in MQTT topics (filters with `+` and `#` are allowed). `payload` is
    the struct of the message, or `float` for a bare number. The columns of `table` name the fields that fill them;
    `parse` replaces that for a quantity whose payload does not map to columns field by field.
    """

    name: str
    label: str
    description: str
    topics: tuple[str, ...]
    payload: object
    table: TableSpec
    parse: Parser | None = None
    qos: int = 1
    retain: bool = True
    former_topics: tuple[str, ...] = ()
    """Topics of earlier versions: nothing publishes them any more, and what other units send there is recorded."""
    address: str | None = None
    """The topic in the AsyncAPI document when it has parameters: `logs/{source}/{level}`."""
    series: SeriesSpec | None = None
    charts: tuple[ChartSpec, ...] = ()
    activity: tuple[ActivityColumn, ...] = ()
    export: ExportSpec | None = None

    def __post_init__(self) -> None:
        """Raise `ConfigurationError` for names that the table does not have."""
        names = [activity.source for activity in self.activity]
        names += [column for index in self.table.indices for column in index]
        if self.series is not None:
            names.append(self.series.column)
            names += [] if self.series.channel is None else [self.series.channel]
        for name in names:
            self.table.column(name)
        if self.charts and self.series is None:
            raise ConfigurationError(f"measurement {self.name} has a chart and no series")

    @property
    def recorded_topics(self) -> tuple[str, ...]:
        """Return every topic that is recorded, former ones included."""
        return (*self.topics, *self.former_topics)

    def payload_field(self, column: str) -> str | None:
        """Return the field of the payload that fills a column; None when the payload is a bare number."""
        return None if self.payload is float else self.table.column(column).source_field


def stream_table(name: str, *columns: ColumnSpec, index: tuple[str, ...] = BY_TIME) -> TableSpec:
    """Return a table that grows with time: experiment, unit and timestamp before the given columns.

    It does not refer to `experiments`: rows of the cluster's own pseudo experiment, and rows that arrive before or
    after the experiment exists, are stored as well. Deleting an experiment deletes its rows explicitly.
    """
    return TableSpec(name, (EXPERIMENT, UNIT, TIMESTAMP, *columns), (index,))
