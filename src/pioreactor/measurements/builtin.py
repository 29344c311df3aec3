"""Every recorded quantity of pioreactor itself.

One more is one more entry here, a revision that creates its table, and a job that publishes it.
"""

from typing import Final

from pioreactor import structs
from pioreactor.measurements import parsing
from pioreactor.measurements.spec import (
    BY_CHANNEL,
    BY_UNIT,
    EXPERIMENT,
    TIMESTAMP,
    UNIT,
    ActivityColumn,
    ChartSpec,
    ColumnSpec,
    ExportSpec,
    MeasurementSpec,
    SeriesSpec,
    TableSpec,
    stream_table,
)

_PHOTODIODE: Final = ColumnSpec("channel", "integer", allowed=(1, 2, 3, 4))
_SOURCE_OF_EVENT: Final = ColumnSpec("source_of_event", "text", required=False)

OD: Final = MeasurementSpec(
    name="od",
    label="Optical density",
    description="Optical density of each photodiode channel, in the units of its calibration if it has one.",
    topics=("od_reading/od1", "od_reading/od2", "od_reading/od3", "od_reading/od4"),
    payload=structs.ODReading | structs.CalibratedODReading,
    table=stream_table(
        "od_readings",
        ColumnSpec("od_reading", "real", unit="OD", field="od"),
        ColumnSpec("angle", "integer", unit="°"),
        _PHOTODIODE,
        index=BY_CHANNEL,
    ),
    series=SeriesSpec("od_reading", digits=7, channel="channel"),
    charts=(
        ChartSpec(
            key="optical_density",
            title="Optical density",
            y_axis_label="OD",
            decimals=3,
            interpolation="linear",
            log_scale=True,
            position=50,
        ),
    ),
    activity=(ActivityColumn("od_reading", "od_reading", "mean"),),
    export=ExportSpec("od_readings", "Optical density of each channel."),
)

RAW_OD: Final = MeasurementSpec(
    name="raw_od",
    label="Raw optical density",
    description="Signal of each photodiode channel relative to the reference, before calibration.",
    topics=("od_reading/raw_od1", "od_reading/raw_od2", "od_reading/raw_od3", "od_reading/raw_od4"),
    payload=structs.ODReading,
    table=stream_table(
        "raw_od_readings",
        ColumnSpec("od_reading", "real", unit="AU", field="od"),
        _PHOTODIODE,
        index=BY_CHANNEL,
    ),
    series=SeriesSpec("od_reading", digits=7, channel="channel"),
    charts=(
        ChartSpec(
            key="raw_optical_density",
            title="Raw optical density",
            y_axis_label="AU",
            decimals=3,
            interpolation="linear",
            shown_by_default=False,
            log_scale=True,
            position=80,
        ),
    ),
    export=ExportSpec("raw_od_readings", "Signal of each photodiode channel before calibration."),
)

OD_FUSED: Final = MeasurementSpec(
    name="od_fused",
    label="Fused optical density",
    description="Optical density estimated from all photodiode channels together.",
    topics=("od_reading/od_fused",),
    payload=structs.ODFused,
    table=stream_table("od_readings_fused", ColumnSpec("od_reading", "real", unit="OD", field="od_fused")),
    series=SeriesSpec("od_reading", digits=7),
    charts=(
        ChartSpec(
            key="fused_optical_density",
            title="Fused optical density",
            y_axis_label="OD",
            decimals=3,
            interpolation="linear",
            shown_by_default=False,
            log_scale=True,
            position=90,
        ),
    ),
    activity=(ActivityColumn("od_fused", "od_reading", "mean"),),
    export=ExportSpec("od_readings_fused", "Optical density estimated from all photodiode channels together."),
)

OD_FILTERED: Final = MeasurementSpec(
    name="od_filtered",
    label="Normalized optical density",
    description="Optical density relative to the start of the experiment, filtered.",
    topics=("growth_rate_calculating/od_filtered",),
    payload=structs.ODFiltered,
    table=stream_table(
        "od_readings_filtered", ColumnSpec("normalized_od_reading", "real", unit="nOD", field="od_filtered")
    ),
    series=SeriesSpec("normalized_od_reading", digits=7),
    charts=(
        ChartSpec(
            key="normalized_optical_density",
            title="Normalized optical density",
            y_axis_label="nOD",
            interpolation="linear",
            log_scale=True,
            position=40,
        ),
    ),
    activity=(ActivityColumn("normalized_od_reading", "normalized_od_reading", "mean"),),
    export=ExportSpec("od_readings_filtered", "Optical density relative to the start, filtered."),
)

TEMPERATURE: Final = MeasurementSpec(
    name="temperature",
    label="Temperature",
    description="Temperature of the liquid.",
    topics=("temperature_automation/temperature",),
    payload=structs.Temperature,
    table=stream_table("temperature_readings", ColumnSpec("temperature_c", "real", unit="°C", field="temperature")),
    series=SeriesSpec("temperature_c", digits=2),
    charts=(
        ChartSpec(key="temperature", title="Temperature", y_axis_label="Temperature, °C", decimals=1, position=60),
    ),
    activity=(ActivityColumn("temperature_c", "temperature_c", "mean"),),
    export=ExportSpec("temperature_readings", "Temperature of the liquid."),
)

GROWTH_RATE: Final = MeasurementSpec(
    name="growth_rate",
    label="Implied growth rate",
    description="Specific growth rate that the optical density implies.",
    topics=("growth_rate_calculating/growth_rate",),
    payload=structs.GrowthRate,
    table=stream_table("growth_rates", ColumnSpec("rate", "real", unit="1/h", field="growth_rate")),
    series=SeriesSpec("rate", digits=5),
    charts=(
        ChartSpec(key="implied_growth_rate", title="Implied growth rate", y_axis_label="Growth rate, h⁻¹", position=10),
        ChartSpec(
            key="implied_daily_growth_rate",
            title="Implied daily growth rate",
            y_axis_label="Growth rate, d⁻¹",
            transformation="per_hour_to_per_day",
            shown_by_default=False,
            position=20,
        ),
    ),
    activity=(ActivityColumn("growth_rate", "rate", "mean"),),
    export=ExportSpec("growth_rates", "Specific growth rate that the optical density implies."),
)

GROWTH_RATE_BAND: Final = MeasurementSpec(
    name="growth_rate_band",
    label="95 % band of the growth rate",
    description="Bounds between which the growth rate lies with a probability of 95 %.",
    topics=("growth_rate_calculating/estimate",),
    payload=structs.GrowthRateEstimate,
    table=stream_table(
        "growth_rate_bands", ColumnSpec("lower_95", "real", unit="1/h"), ColumnSpec("upper_95", "real", unit="1/h")
    ),
    export=ExportSpec("growth_rate_bands", "95 % bands of the growth rates."),
)

MEASURED_RPM: Final = MeasurementSpec(
    name="measured_rpm",
    label="Stirring speed",
    description="Measured speed of the stir bar's motor.",
    topics=("stirring/measured_rpm",),
    payload=structs.MeasuredRPM,
    table=stream_table("stirring_rates", ColumnSpec("measured_rpm", "real", unit="RPM")),
    series=SeriesSpec("measured_rpm"),
    activity=(ActivityColumn("measured_rpm", "measured_rpm", "mean"),),
    export=ExportSpec("stirring_rates", "Measured speed of the stirrer."),
)

LED_CHANGES: Final = MeasurementSpec(
    name="led_change_events",
    label="LED changes",
    description="New intensity of an LED [%].",
    topics=("led_change_events",),
    payload=structs.LEDChangeEvent,
    table=stream_table(
        "led_change_events",
        ColumnSpec("channel", "text", allowed=("A", "B", "C", "D")),
        ColumnSpec("intensity", "real", unit="%"),
        _SOURCE_OF_EVENT,
        index=BY_UNIT,
    ),
    qos=0,
    retain=False,
    activity=tuple(
        ActivityColumn(f"led_{channel.lower()}_intensity_update", "intensity", "last", when=("channel", channel))
        for channel in ("A", "B", "C", "D")
    ),
    export=ExportSpec("led_change_events", "Changes of the LEDs' intensities."),
)

DOSING: Final = MeasurementSpec(
    name="dosing_events",
    label="Doses",
    description="Volume moved by a pump [mL].",
    topics=("dosing_events",),
    payload=structs.DosingEvent,
    table=stream_table(
        "dosing_events",
        ColumnSpec("event", "text"),
        ColumnSpec("volume_change_ml", "real", unit="mL", field="volume_change"),
        _SOURCE_OF_EVENT,
    ),
    retain=False,
    activity=tuple(
        ActivityColumn(f"{event}_ml", "volume_change_ml", "sum", when=("event", event))
        for event in ("add_media", "remove_waste", "add_alt_media")
    ),
    export=ExportSpec("dosing_events", "Liquid that pumps moved."),
)

ALT_MEDIA_FRACTION: Final = MeasurementSpec(
    name="alt_media_fraction",
    label="Fraction of alternative media",
    description="Fraction of the culture's volume that is alternative media.",
    topics=("bioreactor/alt_media_fraction",),
    payload=structs.BioreactorValue,
    parse=parsing.parse_vial_variable("alt_media_fraction"),
    table=stream_table("alt_media_fractions", ColumnSpec("alt_media_fraction", "real", field="value")),
    series=SeriesSpec("alt_media_fraction"),
    charts=(
        ChartSpec(
            key="fraction_of_volume_that_is_alternative_media",
            title="Fraction of volume that is alternative media",
            y_axis_label="Fraction",
            domain=(0.0, 1.0),
            shown_by_default=False,
            position=30,
        ),
    ),
    export=ExportSpec("alt_media_fractions", "Fraction of the volume that is alternative media."),
)

VOLUME: Final = MeasurementSpec(
    name="current_volume_ml",
    label="Volume",
    description="Volume of the liquid in the vial.",
    topics=("bioreactor/current_volume_ml",),
    payload=structs.BioreactorValue,
    parse=parsing.parse_vial_variable("liquid_volume"),
    table=stream_table("liquid_volumes", ColumnSpec("liquid_volume", "real", unit="mL", field="value")),
    series=SeriesSpec("liquid_volume"),
    charts=(
        ChartSpec(
            key="current_volume_ml",
            title="Volume",
            y_axis_label="Volume, mL",
            decimals=1,
            shown_by_default=False,
            position=70,
        ),
    ),
    export=ExportSpec("liquid_volumes", "Volume of the liquid in the vial."),
)

IR_LED_INTENSITY: Final = MeasurementSpec(
    name="relative_intensity_of_ir_led",
    label="Relative intensity of the IR LED",
    description="Output of the IR LED relative to the first reading of the experiment.",
    topics=("od_reading/relative_intensity_of_ir_led",),
    payload=structs.RelativeIntensity,
    table=stream_table(
        "ir_led_intensities",
        ColumnSpec("relative_intensity", "real", field="relative_intensity_of_ir_led"),
        index=BY_UNIT,
    ),
    series=SeriesSpec("relative_intensity"),
    export=ExportSpec("ir_led_intensities", "Output of the IR LED relative to the first reading."),
)

PWM_DUTIES: Final = MeasurementSpec(
    name="pwm_dcs",
    label="PWM duty cycles",
    description="Duty cycle of each active PWM channel [%].",
    topics=("pwms/channel_dc",),
    former_topics=("pwms/dc",),
    payload=structs.PWMDutyCycles,
    parse=parsing.parse_pwm_duties,
    table=stream_table(
        "pwm_dcs",
        *(ColumnSpec(f"channel_{n}", "real", required=False, unit="%") for n in range(1, 6)),
        index=BY_UNIT,
    ),
    qos=0,
    export=ExportSpec("pwm_dcs", "Duty cycles of the PWM channels."),
)

OD_BLANKS: Final = MeasurementSpec(
    name="od_blanks",
    label="OD blanks",
    description="Mean signal of a channel with a blank vial.",
    topics=("od_blank/mean/+",),
    address="od_blank/mean/{channel}",
    payload=float,
    parse=parsing.parse_od_blank,
    table=stream_table(
        "od_blanks",
        ColumnSpec("channel", "text", allowed=("1", "2")),
        ColumnSpec("angle", "integer", required=False, unit="°"),
        ColumnSpec("od_reading", "real", unit="AU"),
    ),
    export=ExportSpec("od_blanks", "Mean signals with a blank vial."),
)

LOGS: Final = MeasurementSpec(
    name="logs",
    label="Logs",
    description="Log message.",
    topics=("logs/#",),
    address="logs/{source}/{level}",
    payload=structs.Log,
    parse=parsing.parse_log,
    table=TableSpec(
        "logs",
        (
            *(EXPERIMENT, UNIT, TIMESTAMP),
            *(ColumnSpec("message", "text"), ColumnSpec("source", "text")),
            *(ColumnSpec("level", "text", required=False), ColumnSpec("task", "text", required=False)),
        ),
        indices=(
            ("experiment", "timestamp"),
            ("experiment", "level", "timestamp"),
            ("pioreactor_unit", "timestamp"),
            ("level", "timestamp"),
        ),
    ),
    qos=0,
    retain=False,
    export=ExportSpec("logs", "Log messages."),
)


def _automation_settings(kind: str) -> MeasurementSpec:
    """Settings of an automation and the time during which they applied."""
    name = f"{kind}_automation_settings"
    columns = (
        *(EXPERIMENT, UNIT, ColumnSpec("started_at", "text"), ColumnSpec("ended_at", "text", required=False)),
        *(ColumnSpec("automation_name", "text"), ColumnSpec("settings", "blob")),
    )
    return MeasurementSpec(
        name=name,
        label=f"Settings of {kind} automations",
        description="Settings of an automation and the time during which they applied.",
        topics=(f"{kind}_automation/{name}",),
        payload=structs.AutomationSettings,
        table=TableSpec(name, columns, indices=(BY_UNIT,), time_column=None),
        retain=False,
        export=ExportSpec(name, f"Settings of {kind} automations and when they applied."),
    )


def _automation_events(kind: str) -> MeasurementSpec:
    name = f"{kind}_automation_events"
    return MeasurementSpec(
        name=name,
        label=f"Events of {kind} automations",
        description=f"Latest event of a {kind} automation.",
        topics=(f"{kind}_automation/latest_event",),
        payload=structs.AutomationEvent,
        parse=parsing.parse_automation_event,
        table=stream_table(
            name,
            ColumnSpec("event_name", "text"),
            ColumnSpec("message", "text", required=False),
            ColumnSpec("data", "text", required=False),
            index=BY_UNIT,
        ),
        export=ExportSpec(name, f"Events of {kind} automations."),
    )


PROFILE_RUNS: Final = MeasurementSpec(
    name="experiment_profile_runs",
    label="Runs of experiment profiles",
    description="Name of the running experiment profile.",
    topics=("experiment_profile/+/experiment_profile_name",),
    address="experiment_profile/{job}/experiment_profile_name",
    payload=str,
    parse=parsing.parse_profile_run,
    table=TableSpec(
        "experiment_profile_runs",
        (ColumnSpec("started_at", "text"), ColumnSpec("experiment_profile_name", "text"), EXPERIMENT),
        indices=(("experiment",),),
        time_column="started_at",
    ),
    export=ExportSpec("experiment_profile_runs", "Experiment profiles and when they were started."),
)

_KINDS: Final = ("dosing", "led", "temperature")

BUILT_IN: Final[tuple[MeasurementSpec, ...]] = (
    *(OD, RAW_OD, OD_FUSED, OD_FILTERED, TEMPERATURE, GROWTH_RATE, GROWTH_RATE_BAND, MEASURED_RPM),
    *(LED_CHANGES, DOSING, ALT_MEDIA_FRACTION, VOLUME, IR_LED_INTENSITY, PWM_DUTIES, OD_BLANKS, LOGS),
    *(_automation_settings(kind) for kind in _KINDS),
    *(_automation_events(kind) for kind in _KINDS),
    PROFILE_RUNS,
)
"""In the order of the columns of the activity table."""
