"""The datasets that there are: declared quantities, tables of the cluster, and what plugins describe in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pioreactor import measurements
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.exports.dataset import Dataset
from pioreactor.measurements import ACTIVITY_TABLE, MeasurementSpec
from pioreactor.plugin_management.package_files import descriptors, read_descriptors

_AUTOMATION_KINDS: Final = ("dosing", "led", "temperature")


def all_datasets(own_folder: Path, plugins: Path) -> dict[str, Dataset]:
    """Return the datasets by name; a description of a plugin, or of the laboratory itself, replaces a built-in one."""
    found = {dataset.dataset_name: dataset for dataset in built_in_datasets()}
    described = [*descriptors(plugins, "exportable_datasets", Dataset), *read_descriptors(own_folder, Dataset)]
    found.update((dataset.dataset_name, dataset) for dataset in described)
    return found


def select_datasets(known: Mapping[str, Dataset], names: list[str]) -> list[Dataset]:
    """Return the datasets of these names, each once; raise an error for none, or for an unknown one."""
    if not names:
        raise InvalidRequestError("choose at least one dataset", remedy=f"There are {', '.join(known)}.")
    for name in names:
        if name not in known:
            raise NotFoundError(f"there is no dataset {name!r}", remedy=f"There are {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(names)]


def built_in_datasets() -> list[Dataset]:
    """Return those of the declared quantities, of plugins too, and of the cluster's own tables."""
    specs = [spec for spec in measurements.all_specs() if spec.export is not None]
    return [_activity(), _rollup(), *(_of_measurement(spec) for spec in specs), *_of_the_cluster()]


def _of_measurement(spec: MeasurementSpec) -> Dataset:
    if spec.export is None:
        raise ValueError(f"{spec.name} is not exported")
    table = spec.table
    if spec.name in {f"{kind}_automation_settings" for kind in _AUTOMATION_KINDS}:
        return _automation_settings(spec, spec.export.description)
    return Dataset(
        dataset_name=spec.export.name,
        display_name=spec.label,
        description=spec.export.description,
        table=table.name,
        has_experiment=table.has("experiment"),
        has_unit=table.has("pioreactor_unit"),
        default_order_by="timestamp" if table.has("timestamp") else None,
        timestamp_columns=("timestamp",) if table.has("timestamp") else (),
        column_units={column.name: column.unit for column in table.columns if column.unit is not None},
        column_descriptions={column.name: spec.description for column in table.columns if column.kind == "real"},
    )


def _automation_settings(spec: MeasurementSpec, description: str) -> Dataset:
    columns = "experiment, pioreactor_unit, started_at, ended_at, automation_name, settings, settings AS json_settings"
    return Dataset(
        dataset_name=spec.table.name,
        display_name=spec.label,
        description=description,
        query=f"SELECT {columns} FROM {spec.table.name}",
        has_experiment=True,
        has_unit=True,
        default_order_by="started_at",
        timestamp_columns=("started_at", "ended_at"),
        column_descriptions={"json_settings": "The settings as JSON."},
    )


def _activity() -> Dataset:
    columns = [(column, spec) for spec in measurements.BUILT_IN for column in spec.activity]
    return Dataset(
        dataset_name=ACTIVITY_TABLE,
        display_name="Unit activity timeline (recommended)",
        description="What each unit measured and did, one row for each moment; always a file for each unit.",
        table=ACTIVITY_TABLE,
        has_experiment=True,
        has_unit=True,
        default_order_by="timestamp",
        timestamp_columns=("timestamp",),
        always_partition_by_unit=True,
        column_units={column.name: unit for column, spec in columns if (unit := spec.table.column(column.source).unit)},
        column_descriptions={column.name: spec.description for column, spec in columns},
    )


def _rollup() -> Dataset:
    columns = [
        ({"mean": "avg", "sum": "sum"}[column.aggregation] + "_" + column.name, spec.table.column(column.source).unit)
        for spec in measurements.BUILT_IN
        for column in spec.activity
        if column.aggregation in ("mean", "sum")
    ]
    return Dataset(
        dataset_name=f"{ACTIVITY_TABLE}_rollup",
        display_name="Unit activity timeline, by minute",
        description="Means and sums of the unit activity timeline over each minute; always a file for each unit.",
        table=f"{ACTIVITY_TABLE}_rollup",
        has_experiment=True,
        has_unit=True,
        default_order_by="timestamp",
        timestamp_columns=("timestamp",),
        always_partition_by_unit=True,
        column_units={name: unit for name, unit in columns if unit is not None},
    )


def _of_the_cluster() -> list[Dataset]:
    return [
        Dataset(
            dataset_name="experiments",
            display_name="Experiments",
            description="All experiments of the cluster.",
            query="SELECT experiment, created_at, description FROM experiments",
            has_experiment=False,
            has_unit=False,
            default_order_by="created_at",
            timestamp_columns=("created_at",),
        ),
        Dataset(
            dataset_name="pioreactor_unit_labels",
            display_name="Labels of units",
            description="What each unit was called in the experiment.",
            table="pioreactor_unit_labels",
            has_experiment=True,
            has_unit=True,
            default_order_by="created_at",
            timestamp_columns=("created_at",),
        ),
        Dataset(
            dataset_name="calibrations",
            display_name="Calibrations (legacy)",
            description="Calibrations that older versions kept in the leader's database.",
            table="calibrations",
            has_experiment=False,
            has_unit=True,
            default_order_by="created_at",
            timestamp_columns=("created_at", "set_to_current_at"),
        ),
    ]
