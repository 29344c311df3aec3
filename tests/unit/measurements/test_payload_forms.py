"""Payloads of this version, of the reference's two versions and of former topics end in the same rows."""

import msgspec
import pytest

from pioreactor import measurements, topics
from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.storage.ports import Row

RECORDED = "2030-01-01T00:00:09.000Z"
MEASURED = "2030-01-01T00:00:00.168Z"
REFERENCE = "2030-01-01T00:00:00.168000Z"
OFFSET = "2030-01-01T02:00:00.168+02:00"


def row(rest: str, payload: bytes) -> Row:
    [only] = rows_of(topics.event("unit1", "exp", rest), payload, RECORDED)
    return only


@pytest.mark.parametrize("spelled", [MEASURED, REFERENCE, OFFSET])
@pytest.mark.parametrize(
    ("rest", "table", "column"),
    [
        ("bioreactor/current_volume_ml", "liquid_volumes", "liquid_volume"),
        ("bioreactor/alt_media_fraction", "alt_media_fractions", "alt_media_fraction"),
    ],
)
def test_a_vial_variable_is_an_object_with_its_time_or_a_bare_number(
    rest: str, table: str, column: str, spelled: str
) -> None:
    stored = row(rest, b'{"timestamp":"%s","value":0.5}' % spelled.encode())
    assert (stored.table, stored.values["timestamp"], stored.values[column]) == (table, MEASURED, 0.5)
    assert stored.values.keys() == row(rest, b"0.5").values.keys()
    for bare in (b"1", b"1.0"):
        former = row(rest, bare)
        assert (former.values["timestamp"], former.values[column]) == (RECORDED, 1.0)


@pytest.mark.parametrize(
    "payload", [b"nan", b"a lot", b"", b"{}", b'{"value":1.0}', b'{"timestamp":"x","value":1}', b"[1]"]
)
def test_what_is_neither_is_refused(payload: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, ValueError)):
        row("bioreactor/current_volume_ml", payload)


def test_duties_are_stored_by_channel_whether_they_come_by_channel_or_by_pin() -> None:
    channels = b'{"timestamp":"%s","channels":{"1":12.5,"5":3.0,"9":1.0}}' % REFERENCE.encode()
    stored = row("pwms/channel_dc", channels).values
    former = row("pwms/dc", b'{"17":12.5,"18":3.0,"99":1.0}').values
    assert (stored["channel_1"], stored["channel_5"], stored["timestamp"]) == (12.5, 3.0, MEASURED)
    assert {**former, "timestamp": MEASURED} == stored
    off = row("pwms/channel_dc", b'{"timestamp":"%s","channels":{}}' % MEASURED.encode()).values
    assert off["channel_1"] == row("pwms/dc", b"{}").values["channel_1"] == 0.0


@pytest.mark.parametrize("kind", ["dosing", "led", "temperature"])
def test_events_of_automations_carry_their_time(kind: str) -> None:
    event = b'{"event_name":"DilutionEvent","message":null,"data":{"a":1}%s}'
    stored = row(f"{kind}_automation/latest_event", event % b',"timestamp":"%s"' % REFERENCE.encode()).values
    former = row(f"{kind}_automation/latest_event", event % b"").values
    assert (stored["timestamp"], former["timestamp"]) == (MEASURED, RECORDED)
    assert {**former, "timestamp": MEASURED} == stored


def test_units_record_former_topics_too() -> None:
    filters = measurements.recorded_filters()
    assert {"pioreactor/+/+/pwms/dc", "pioreactor/+/+/pwms/channel_dc"} <= set(filters)
