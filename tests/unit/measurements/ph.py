"""A quantity that a plugin registers, for tests of what follows from a declaration."""

from collections.abc import Iterator
from contextlib import contextmanager

from pioreactor import measurements
from pioreactor.measurements import ChartSpec, ColumnSpec, MeasurementSpec, SeriesSpec, stream_table
from pioreactor.measurements.registry import unregister

PH = MeasurementSpec(
    name="ph",
    label="pH",
    description="pH of the culture.",
    topics=("ph_reading/ph",),
    payload=float,
    table=stream_table("ph_readings", ColumnSpec("ph", "real")),
    series=SeriesSpec("ph", digits=2),
    charts=(ChartSpec(key="ph", title="pH", y_axis_label="pH", domain=(0.0, 14.0)),),
)


@contextmanager
def registered() -> Iterator[None]:
    """Register the quantity within a `with` block."""
    measurements.register(PH)
    yield
    unregister(PH)
