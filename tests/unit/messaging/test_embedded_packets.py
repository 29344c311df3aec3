"""Bytes become packets and packets bytes, also when they come in pieces or are wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.messaging.embedded.packets import (
    ConnectCode,
    Kind,
    MalformedPacketError,
    Packet,
    Publication,
    answer,
    connack,
    pingresp,
    publish,
    read_connect,
    read_packet_id,
    read_publish,
    read_subscribe,
    read_unsubscribe,
    split,
)

MOST = 1_000_000


@given(
    st.text(st.characters(exclude_characters="+#\0", exclude_categories=["Cs"]), min_size=1, max_size=50),
    st.binary(max_size=20_000),
    st.sampled_from([(0, None), (1, 1), (1, 65_535), (2, 300)]),
    st.booleans(),
)
def test_publications_survive_the_wire(
    topic: str, payload: bytes, quality: tuple[int, int | None], retain: bool
) -> None:
    publication = Publication(topic, payload, quality[0], retain, quality[1])
    buffer = bytearray(publish(publication))
    packet = split(buffer, MOST)
    assert packet is not None
    assert read_publish(packet) == publication
    assert buffer == b""


@pytest.mark.parametrize("size", [0, 100, 127, 128, 16_383, 16_384])
def test_a_packet_that_comes_byte_by_byte_is_cut_off_once_complete(size: int) -> None:
    whole = publish(Publication("t", b"x" * size, 0, False))
    buffer = bytearray(whole[:-1])
    assert split(buffer, MOST) is None
    buffer += whole[-1:] + pingresp()
    packet = split(buffer, MOST)
    assert packet is not None
    assert len(read_publish(packet).payload) == size
    assert split(buffer, MOST) == Packet(Kind.PINGRESP, 0, b"")


def test_a_packet_that_is_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(MalformedPacketError, match="larger"):
        split(bytearray(b"\x30\xff\xff\x7f"), 1000)


@pytest.mark.parametrize("start", [b"\x30\xff\xff\xff\xff\x01", b"\x00\x00", b"\xf0\x00"])
def test_malformed_starts(start: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        split(bytearray(start), MOST)


def test_a_connect_is_read_with_its_will_and_credentials() -> None:
    body = b"\x00\x04MQTT\x04\xee\x00\x14\x00\x02id\x00\x01w\x00\x04lost\x00\x04user\x00\x02pw"
    connect = read_connect(Packet(Kind.CONNECT, 0, body))
    assert (connect.protocol_level, connect.client_id, connect.keepalive_s) == (4, "id", 20)
    assert connect.clean_session
    assert connect.will == Publication("w", b"lost", 1, True)
    assert (connect.username, connect.password) == ("user", "pw")


def test_a_connect_of_another_version_is_read_only_as_far_as_it_is_understood() -> None:
    body = b"\x00\x04MQTT\x05\x02\x00\x14\x05\x11\x00\x00\x00\x0a\x00\x01i"
    assert read_connect(Packet(Kind.CONNECT, 0, body)).protocol_level == 5


def test_subscriptions_are_read() -> None:
    packet = Packet(Kind.SUBSCRIBE, 2, b"\x00\x07\x00\x03a/+\x01\x00\x01#\x02")
    assert read_subscribe(packet) == (7, [("a/+", 1), ("#", 2)])
    assert read_unsubscribe(Packet(Kind.UNSUBSCRIBE, 2, b"\x00\x08\x00\x03a/+")) == (8, ["a/+"])


@pytest.mark.parametrize(
    "packet",
    [
        Packet(Kind.CONNECT, 0, b"\x00\x04MQ"),
        Packet(Kind.CONNECT, 0, b"\x00\x04MQTT\x04\xc2\x00\x14\x00\x02id\x00\x09user"),
        Packet(Kind.CONNECT, 0, b"\x00\x02\xff\xff\x04\x02\x00\x14\x00\x00"),
    ],
)
def test_malformed_connects(packet: Packet) -> None:
    with pytest.raises(MalformedPacketError):
        read_connect(packet)


def test_malformed_publications_and_numbers() -> None:
    for packet in (Packet(Kind.PUBLISH, 6, b"\x00\x01t\x00\x01"), Packet(Kind.PUBLISH, 2, b"\x00\x01t\x00")):
        with pytest.raises(MalformedPacketError):
            read_publish(packet)
    with pytest.raises(MalformedPacketError):
        read_packet_id(Packet(Kind.PUBREL, 2, b"\x00"))
    with pytest.raises(MalformedPacketError):
        read_subscribe(Packet(Kind.SUBSCRIBE, 2, b"\x00\x07\x00\x03a/+"))


def test_answers() -> None:
    assert connack(ConnectCode.NOT_PERMITTED) == b"\x20\x02\x00\x05"
    assert answer(Kind.SUBACK, 258, b"\x01\x80") == b"\x90\x04\x01\x02\x01\x80"
