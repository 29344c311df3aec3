"""Recorded quantities, each declared once; filters, parsers, tables, series, charts and docs are derived from it."""

from pioreactor.measurements.builtin import BUILT_IN as BUILT_IN
from pioreactor.measurements.parsing import parser_of as parser_of
from pioreactor.measurements.registry import ACTIVITY_TABLE as ACTIVITY_TABLE
from pioreactor.measurements.registry import all_specs as all_specs
from pioreactor.measurements.registry import also_record as also_record
from pioreactor.measurements.registry import is_recorded as is_recorded
from pioreactor.measurements.registry import recorded_filters as recorded_filters
from pioreactor.measurements.registry import register as register
from pioreactor.measurements.registry import registered_specs as registered_specs
from pioreactor.measurements.registry import revision as revision
from pioreactor.measurements.registry import series_specs as series_specs
from pioreactor.measurements.registry import specs_of_topic as specs_of_topic
from pioreactor.measurements.spec import ActivityColumn as ActivityColumn
from pioreactor.measurements.spec import ChartSpec as ChartSpec
from pioreactor.measurements.spec import ColumnSpec as ColumnSpec
from pioreactor.measurements.spec import ExportSpec as ExportSpec
from pioreactor.measurements.spec import MeasurementSpec as MeasurementSpec
from pioreactor.measurements.spec import SeriesSpec as SeriesSpec
from pioreactor.measurements.spec import TableSpec as TableSpec
from pioreactor.measurements.spec import stream_table as stream_table
