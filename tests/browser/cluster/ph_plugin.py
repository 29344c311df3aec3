"""A plugin that adds one recorded quantity."""

from pioreactor import measurements
from pioreactor.background_jobs.base import BackgroundJobContrib
from pioreactor.jobs.measurement import Measurement
from pioreactor.measurements import ChartSpec, ColumnSpec, MeasurementSpec, SeriesSpec, stream_table

PH = measurements.register(
    MeasurementSpec(
        name="ph",
        label="pH",
        description="pH of the culture.",
        topics=("ph_reading/ph",),
        payload=float,
        table=stream_table("ph_readings", ColumnSpec("ph", "real")),
        series=SeriesSpec("ph", digits=3),
        charts=(ChartSpec(key="ph", title="pH", y_axis_label="pH"),),
    )
)


class PhReader(BackgroundJobContrib):
    job_name = "ph_reading"
    ph = Measurement[float](label="pH", quantity="ph")

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit=unit, experiment=experiment, plugin_name="ph_plugin")
        self.every(5.0, lambda: setattr(self, "ph", 6.9))
