"""Descriptors in YAML that plugins carry beside their code: jobs, automations, charts and datasets."""

from __future__ import annotations

from typing import Literal

import msgspec


class SettingFile(msgspec.Struct):
    """One setting in the descriptor of a job, or field in that of an automation."""

    key: str
    type: Literal["numeric", "bool", "boolean", "string", "json", "select"] = "numeric"
    label: str | None = None
    unit: str | None = None
    description: str | None = None
    default: object = None
    display: bool = True
    min: float | None = None
    max: float | None = None
    options: list[str] | None = None


class JobFile(msgspec.Struct):
    """Descriptor of a job."""

    job_name: str
    display_name: str
    display: bool = True
    source: str | None = None
    description: str | None = None
    published_settings: list[SettingFile] = []


class AutomationFile(msgspec.Struct):
    """Descriptor of an automation."""

    automation_name: str
    display_name: str
    source: str | None = None
    description: str | None = None
    fields: list[SettingFile] = []


class ChartFile(msgspec.Struct):
    """Descriptor of a chart. `y_transformation` may hold a formula of JavaScript, which is not run."""

    chart_key: str
    data_source: str
    title: str
    y_axis_label: str
    mqtt_topic: str | list[str] | None = None
    source: str = "plugin"
    data_source_column: str | None = None
    payload_key: str | None = None
    fixed_decimals: int = 2
    down_sample: bool = True
    lookback: float | str | None = None
    y_transformation: str | None = None
    y_axis_domain: tuple[float, float] | None = None
    interpolation: str = "stepAfter"


class DatasetFile(msgspec.Struct):
    """Descriptor of a dataset that can be exported: a table, or a query."""

    dataset_name: str
    default_order_by: str | None = None
    description: str | None = None
    display_name: str | None = None
    has_experiment: bool = False
    has_unit: bool = False
    source: str = "plugin"
    table: str | None = None
    query: str | None = None
    timestamp_columns: list[str] = []
    always_partition_by_unit: bool = False
    column_descriptions: dict[str, str] = {}
    column_units: dict[str, str] = {}

    def __post_init__(self) -> None:
        if (self.table is None) == (self.query is None):
            raise ValueError("a dataset has either a table or a query")
