"""The charts of the overview, as data: where the history is, what is heard live, and how it is drawn."""

from typing import Annotated, Literal

import msgspec

Transformation = Literal["none", "per_hour_to_per_day", "percent"]
"""What is done to a value before it is drawn; a name, never code."""


class Chart(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One chart. `mqtt_topic` is what follows unit and experiment; `payload_key` is null for bare numbers."""

    chart_key: str
    title: str
    data_source: str
    y_axis_label: str
    source: str = "app"
    data_source_column: str | None = None
    mqtt_topic: str | list[str] | None = None
    payload_key: str | None = None
    fixed_decimals: Annotated[int, msgspec.Meta(ge=0, le=10)] = 2
    down_sample: bool = True
    lookback: float | None = None
    """Hours; null for the laboratory's setting."""
    y_transformation: Transformation = "none"
    y_axis_domain: tuple[float, float] | None = None
    interpolation: str = "stepAfter"


_GROWTH = ("growth_rates", "growth_rate_calculating/growth_rate", "growth_rate")

BUILTIN: tuple[Chart, ...] = (
    Chart(
        chart_key="implied_growth_rate",
        title="Implied growth rate",
        data_source=_GROWTH[0],
        data_source_column="rate",
        mqtt_topic=_GROWTH[1],
        payload_key=_GROWTH[2],
        y_axis_label="Growth rate, h⁻¹",
    ),
    Chart(
        chart_key="implied_daily_growth_rate",
        title="Implied daily growth rate",
        data_source=_GROWTH[0],
        data_source_column="rate",
        mqtt_topic=_GROWTH[1],
        payload_key=_GROWTH[2],
        y_axis_label="Growth rate, d⁻¹",
        y_transformation="per_hour_to_per_day",
    ),
    Chart(
        chart_key="fraction_of_volume_that_is_alternative_media",
        title="Fraction of volume that is alternative media",
        data_source="alt_media_fractions",
        data_source_column="alt_media_fraction",
        mqtt_topic="bioreactor/alt_media_fraction",
        y_axis_label="Fraction",
        y_axis_domain=(0.0, 1.0),
    ),
    Chart(
        chart_key="normalized_optical_density",
        title="Normalized optical density",
        data_source="od_readings_filtered",
        data_source_column="normalized_od_reading",
        mqtt_topic="growth_rate_calculating/od_filtered",
        payload_key="od_filtered",
        y_axis_label="nOD",
        interpolation="linear",
    ),
    Chart(
        chart_key="optical_density",
        title="Optical density",
        data_source="od_readings",
        data_source_column="od_reading",
        mqtt_topic=["od_reading/od1", "od_reading/od2", "od_reading/od3", "od_reading/od4"],
        payload_key="od",
        y_axis_label="OD",
        fixed_decimals=3,
        interpolation="linear",
    ),
    Chart(
        chart_key="temperature",
        title="Temperature",
        data_source="temperature_readings",
        data_source_column="temperature_c",
        mqtt_topic="temperature_automation/temperature",
        payload_key="temperature",
        y_axis_label="Temperature, °C",
        fixed_decimals=1,
    ),
    Chart(
        chart_key="current_volume_ml",
        title="Volume",
        data_source="liquid_volumes",
        data_source_column="liquid_volume",
        mqtt_topic="bioreactor/current_volume_ml",
        y_axis_label="Volume, mL",
        fixed_decimals=1,
    ),
    Chart(
        chart_key="raw_optical_density",
        title="Raw optical density",
        data_source="raw_od_readings",
        data_source_column="od_reading",
        mqtt_topic=["od_reading/raw_od1", "od_reading/raw_od2", "od_reading/raw_od3", "od_reading/raw_od4"],
        payload_key="od",
        y_axis_label="AU",
        fixed_decimals=3,
        interpolation="linear",
    ),
    Chart(
        chart_key="fused_optical_density",
        title="Fused optical density",
        data_source="od_readings_fused",
        data_source_column="od_reading",
        mqtt_topic="od_reading/od_fused",
        payload_key="od_fused",
        y_axis_label="OD",
        fixed_decimals=3,
        interpolation="linear",
    ),
)
