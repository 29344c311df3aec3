"""Tests of the MQTT packet codec, also with packets in pieces and with hostile input."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.messaging.packets import (
    Connect,
    ConnectReturnCode,
    MalformedPacketError,
    Packet,
    PacketType,
    Publication,
    decode_connect,
    decode_packet_id,
    decode_publish,
    decode_subscribe,
    decode_unsubscribe,
    encode,
    encode_acknowledgment,
    encode_connack,
    encode_connect,
    encode_pingresp,
    encode_publish,
    take_packet,
)

MAX_BYTES = 1_000_000
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
TOPICS = st.text(st.characters(exclude_characters="+#\0", exclude_categories=["Cs"]), min_size=1, max_size=50)
WILLS = st.builds(Publication, TOPICS, st.binary(max_size=100), st.sampled_from([0, 1, 2]), st.booleans())
PACKETS = st.builds(Packet, st.sampled_from(PacketType), st.integers(0, 15), st.binary(max_size=300))
DECODERS: list[Callable[[Packet], object]] = [
    decode_connect,
    decode_packet_id,
    decode_publish,
    decode_subscribe,
    decode_unsubscribe,
]


def only_packet(data: bytes) -> Packet:
    """Return the one packet that bytes hold."""
    buffer = bytearray(data)
    packet = take_packet(buffer, MAX_BYTES)
    assert packet is not None
    assert buffer == b""
    return packet


# round trips ----------------------------------------------------------------------------------------------------------


@given(TOPICS, st.binary(max_size=20_000), st.sampled_from([(0, None), (1, 1), (1, 65_535), (2, 300)]), st.booleans())
def test_publish_round_trip(topic: str, payload: bytes, qos: tuple[int, int | None], retain: bool) -> None:
    publication = Publication(topic, payload, qos[0], retain, qos[1])
    assert decode_publish(only_packet(encode_publish(publication))) == publication


@given(
    st.builds(
        Connect,
        st.just(4),
        client_id=TEXTS,
        keepalive_s=st.integers(0, 65_535),
        clean_session=st.booleans(),
        will=st.none() | WILLS,
        username=st.none() | TEXTS,
        password=st.none() | TEXTS,
    )
    | st.builds(
        Connect,
        st.just(5),
        client_id=TEXTS,
        keepalive_s=st.integers(0, 65_535),
        clean_session=st.booleans(),
        will=st.none() | WILLS,
        username=st.none() | TEXTS,
        password=st.none() | TEXTS,
        properties=st.binary(max_size=200),
    )
)
def test_connect_round_trip(connect: Connect) -> None:
    assert decode_connect(only_packet(encode_connect(connect))) == connect


@given(st.lists(PACKETS, max_size=6), st.data())
def test_packets_are_found_however_the_stream_is_cut(packets: list[Packet], data: st.DataObject) -> None:
    stream = b"".join(map(encode, packets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    buffer, found = bytearray(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        buffer += stream[start:end]
        while (packet := take_packet(buffer, MAX_BYTES)) is not None:
            found.append(packet)
    assert found == packets
    assert buffer == b""


@pytest.mark.parametrize("size", [0, 100, 127, 128, 16_383, 16_384])
def test_packet_is_taken_once_complete(size: int) -> None:
    whole = encode_publish(Publication("t", b"x" * size, 0, False))
    buffer = bytearray(whole[:-1])
    assert take_packet(buffer, MAX_BYTES) is None
    buffer += whole[-1:] + encode_pingresp()
    packet = take_packet(buffer, MAX_BYTES)
    assert packet is not None
    assert len(decode_publish(packet).payload) == size
    assert take_packet(buffer, MAX_BYTES) == Packet(PacketType.PINGRESP)


# hostile input --------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_any_bytes_are_packets_or_malformed(data: bytes) -> None:
    buffer = bytearray(data)
    try:
        while take_packet(buffer, 100) is not None:
            pass
    except MalformedPacketError:
        return
    assert len(buffer) <= 105


@given(PACKETS)
def test_any_body_is_decoded_or_malformed(packet: Packet) -> None:
    for decode in DECODERS:
        try:
            decode(packet)
        except MalformedPacketError:
            continue


@given(st.builds(Connect, st.sampled_from([4, 5]), TEXTS, st.just(60), st.just(True), WILLS, TEXTS, TEXTS), st.data())
def test_truncated_connect_is_malformed(connect: Connect, data: st.DataObject) -> None:
    packet = only_packet(encode_connect(connect))
    end = data.draw(st.integers(0, len(packet.body) - 1))
    with pytest.raises(MalformedPacketError):
        decode_connect(Packet(packet.type, packet.flags, packet.body[:end]))


def test_large_packet_is_refused_before_its_body_arrives() -> None:
    with pytest.raises(MalformedPacketError, match="larger"):
        take_packet(bytearray(b"\x30\xff\xff\x7f"), 1000)


@pytest.mark.parametrize("start", [b"\x30\xff\xff\xff\xff\x01", b"\x00\x00", b"\xf0\x00"])
def test_malformed_fixed_headers(start: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        take_packet(bytearray(start), MAX_BYTES)


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x04MQ",
        b"\x00\x04MQTT\x04\xc2\x00\x14\x00\x02id\x00\x09user",
        b"\x00\x02\xff\xff\x04\x02\x00\x14\x00\x00",
        b"\x00\x04MQTT\x05\x02\x00\x14\xff\xff\xff\xff\x00\x00\x00",
        b"\x00\x04MQTT\x05\x02\x00\x14\x09\x11\x00",
    ],
)
def test_malformed_connects(body: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        decode_connect(Packet(PacketType.CONNECT, 0, body))


def test_malformed_publications_and_packet_ids() -> None:
    for flags, body in ((6, b"\x00\x01t\x00\x01"), (2, b"\x00\x01t\x00")):
        with pytest.raises(MalformedPacketError):
            decode_publish(Packet(PacketType.PUBLISH, flags, body))
    with pytest.raises(MalformedPacketError):
        decode_packet_id(Packet(PacketType.PUBREL, 2, b"\x00"))
    with pytest.raises(MalformedPacketError):
        decode_subscribe(Packet(PacketType.SUBSCRIBE, 2, b"\x00\x07\x00\x03a/+"))


# examples from the wire -----------------------------------------------------------------------------------------------


def test_connect_with_will_and_credentials() -> None:
    body = b"\x00\x04MQTT\x04\xee\x00\x14\x00\x02id\x00\x01w\x00\x04lost\x00\x04user\x00\x02pw"
    connect = Connect(4, "id", 20, True, Publication("w", b"lost", 1, True), "user", "pw")
    assert decode_connect(Packet(PacketType.CONNECT, 0, body)) == connect
    assert encode_connect(connect) == bytes((0x10, len(body))) + body


def test_mqtt_5_connect_with_properties_of_connection_and_will() -> None:
    body = b"\x00\x04MQTT\x05\x06\x00\x14\x05\x11\x00\x00\x00\x0a\x00\x01i\x02\x01\x01\x00\x01w\x00\x01x"
    connect = decode_connect(Packet(PacketType.CONNECT, 0, body))
    assert connect.properties == b"\x11\x00\x00\x00\x0a"
    assert (connect.client_id, connect.will) == ("i", Publication("w", b"x", 0, False))


def test_only_the_level_of_an_unknown_version_is_decoded() -> None:
    connect = decode_connect(Packet(PacketType.CONNECT, 0, b"\x00\x04MQTT\x06\x02\x00\x14\xff"))
    assert (connect.protocol_level, connect.client_id) == (6, "")


def test_subscriptions() -> None:
    packet = Packet(PacketType.SUBSCRIBE, 2, b"\x00\x07\x00\x03a/+\x01\x00\x01#\x02")
    assert decode_subscribe(packet) == (7, [("a/+", 1), ("#", 2)])
    assert decode_unsubscribe(Packet(PacketType.UNSUBSCRIBE, 2, b"\x00\x08\x00\x03a/+")) == (8, ["a/+"])


def test_acknowledgments() -> None:
    assert encode_connack(ConnectReturnCode.NOT_AUTHORIZED) == b"\x20\x02\x00\x05"
    assert encode_acknowledgment(PacketType.SUBACK, 258, b"\x01\x80") == b"\x90\x04\x01\x02\x01\x80"
