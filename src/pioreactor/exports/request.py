"""What is to be exported, as a command or a request states it."""

import re
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from pioreactor.exc import InvalidRequestError
from pioreactor.exports.dataset import Dataset
from pioreactor.storage.leader.dataset_rows import RowFilter, RowSource
from pioreactor.structs.encoding import to_timestamp

FileFormat: TypeAlias = Literal["csv", "parquet"]


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Datasets of one experiment (`$experiment`: of the cluster itself), in a time range (inclusive), of some units.

    `units`: None for all. Times must have an offset from UTC.
    """

    datasets: list[str]
    experiment: str
    partition_by_unit: bool = False
    partition_by_experiment: bool = True
    start_time: datetime | None = None
    end_time: datetime | None = None
    units: list[str] | None = None
    format: FileFormat = "csv"

    def check(self) -> None:
        """Raise `InvalidRequestError` with the reason if the request is not valid."""
        if not self.experiment.strip():
            raise InvalidRequestError("name the experiment that is to be exported")
        for name, moment in (("start_time", self.start_time), ("end_time", self.end_time)):
            if moment is not None and moment.tzinfo is None:
                raise InvalidRequestError(
                    f"{name} has no offset from UTC", remedy="Write 2026-01-31T08:00:00Z, or …+01:00."
                )
            if moment is not None:
                try:
                    to_timestamp(moment)
                except OverflowError as error:
                    raise InvalidRequestError(f"{name} is not a time that the calendar has") from error
        if self.start_time is not None and self.end_time is not None and self.end_time < self.start_time:
            raise InvalidRequestError("end_time is before start_time")
        if self.units is not None and not self.units:
            raise InvalidRequestError("`units` is empty", remedy="Name units, or omit it for all.")

    def filter_for(self, dataset: Dataset, *, unit: str | None = None) -> RowFilter:
        """Return which rows of a dataset are exported; those of one `unit` if it is given."""
        units = (unit,) if unit is not None else None if self.units is None else tuple(self.units)
        return RowFilter(
            experiment=self.experiment if dataset.has_experiment else None,
            units=units if dataset.has_unit else None,
            time_column=dataset.timestamp_columns[0] if dataset.timestamp_columns else None,
            since=None if self.start_time is None else to_timestamp(self.start_time),
            until=None if self.end_time is None else to_timestamp(self.end_time),
            order_by=dataset.order(),
        )

    def is_split_by_unit(self, dataset: Dataset) -> bool:
        return dataset.has_unit and (self.partition_by_unit or dataset.always_partition_by_unit)

    def name_of_file(self, dataset: Dataset, unit: str | None, moment: datetime) -> str:
        """Return the path of a file in the archive."""
        is_of_one = dataset.has_experiment and self.partition_by_experiment
        parts = (
            dataset.dataset_name,
            safe_name(self.experiment) if is_of_one else "all_experiments",
            "all_units" if unit is None else safe_name(unit),
            f"{moment:%Y%m%d%H%M%S}",
        )
        return f"{dataset.dataset_name}/{'-'.join(parts)}.{self.format}"


def source_of(dataset: Dataset) -> RowSource:
    return RowSource(table=dataset.table, query=dataset.query)


def safe_name(name: str) -> str:
    """Return a name of an experiment or unit as a part of the name of a file on any system."""
    return re.sub(r"[^\w.+-]", "_", name.strip()).lstrip(".") or "_"


def archive_name(experiment: str, moment: datetime) -> str:
    """Return the name of the archive."""
    return f"export_{safe_name(experiment)}_{moment:%Y%m%d%H%M%S}.zip"
