"""Declarations of recorded quantities: what is derived from them, and which ones are refused."""

from collections.abc import Iterator

import pytest

from pioreactor import measurements, structs
from pioreactor.exc import ConfigurationError
from pioreactor.measurements import (
    ActivityColumn,
    ChartSpec,
    ColumnSpec,
    MeasurementSpec,
    SeriesSpec,
    TableSpec,
    stream_table,
)
from pioreactor.measurements.registry import unregister

TOPIC = "pioreactor/unit1/exp1/ph_reading/ph"


def _spec(
    name: str = "ph", *, table: str = "ph_readings", topic: str = "ph_reading/ph", chart: str = "ph"
) -> MeasurementSpec:
    return MeasurementSpec(
        name=name,
        label="pH",
        description="pH of the culture.",
        topics=(topic,),
        payload=float,
        table=stream_table(table, ColumnSpec("ph", "real")),
        series=SeriesSpec("ph", digits=2),
        charts=(ChartSpec(key=chart, title="pH", y_axis_label="pH"),),
    )


@pytest.fixture
def ph() -> Iterator[MeasurementSpec]:
    spec = measurements.register(_spec())
    yield spec
    unregister(spec)


def test_a_registered_quantity_is_recorded_and_parsed(ph: MeasurementSpec) -> None:
    assert measurements.is_recorded(TOPIC)
    assert measurements.specs_of_topic(TOPIC) == (ph,)
    assert measurements.parser_of(ph)(TOPIC, b"6.9") == {"ph": 6.9}
    assert measurements.series_specs()["ph_readings"] == ph


def test_topics_are_recorded_only_while_their_quantity_is_registered() -> None:
    assert not measurements.is_recorded(TOPIC)
    spec = measurements.register(_spec())
    assert measurements.is_recorded(TOPIC)
    unregister(spec)
    assert not measurements.is_recorded(TOPIC)


def test_registering_the_same_declaration_twice_changes_nothing(ph: MeasurementSpec) -> None:
    measurements.register(_spec())
    assert measurements.registered_specs().count(ph) == 1


@pytest.mark.parametrize(
    ("clash", "reason"),
    [
        (_spec("od_fused"), "the name od_fused is taken by the measurement od_fused"),
        (_spec(table="od_readings"), "the table od_readings is taken by the measurement od"),
        (_spec(table="workers"), "the table workers belongs to pioreactor"),
        (_spec(table="ph readings"), "'ph readings' is not a valid name of a table or column"),
        (_spec(topic="od_reading/od_fused"), "the topic od_reading/od_fused is taken by the measurement od_fused"),
        (_spec(chart="temperature"), "the chart temperature is taken by the measurement temperature"),
    ],
)
def test_clashes_with_other_quantities_are_refused(clash: MeasurementSpec, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        measurements.register(clash)
    assert clash not in measurements.registered_specs()


def test_a_declaration_names_only_columns_of_its_table() -> None:
    table = TableSpec("ph_readings", (ColumnSpec("ph", "real"),))
    with pytest.raises(ConfigurationError, match="table ph_readings has no column 'acidity'"):
        MeasurementSpec(
            name="ph",
            label="pH",
            description="",
            topics=("ph_reading/ph",),
            payload=float,
            table=table,
            activity=(ActivityColumn("ph", "acidity", "mean"),),
        )


def test_a_struct_fills_the_columns_that_name_its_fields() -> None:
    topic = "pioreactor/unit1/exp1/od_reading/od2"
    [od] = measurements.specs_of_topic(topic)
    payload = (
        b'{"calibrated":1,"timestamp":"2026-01-01T00:00:00.5Z","angle":"90","od":0.25,"channel":"2",'
        b'"ir_led_intensity":80.0,"calibration_name":"c"}'
    )
    assert measurements.parser_of(od)(topic, payload) == {
        "timestamp": "2026-01-01T00:00:00.500Z",
        "od_reading": 0.25,
        "angle": 90,
        "channel": 2,
    }


def test_each_built_in_quantity_has_its_own_name_table_and_topics() -> None:
    specs = measurements.BUILT_IN
    assert len({spec.name for spec in specs}) == len({spec.table.name for spec in specs}) == len(specs)
    topics = [topic for spec in specs for topic in spec.topics]
    assert len(set(topics)) == len(topics)
    assert all(spec.payload in (float, str) or spec.parse or hasattr(structs, _name(spec)) for spec in specs)


def _name(spec: MeasurementSpec) -> str:
    [first, *_] = getattr(spec.payload, "__args__", (spec.payload,))
    return str(getattr(first, "__name__"))  # noqa: B009  a union has members of any type
