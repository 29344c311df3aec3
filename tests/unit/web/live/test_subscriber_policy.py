"""Tests of what browsers may send to the broker."""

import pytest

from pioreactor.exc import InvalidRequestError, NotPermittedError
from pioreactor.messaging.packets import Connect, Packet, PacketType, Publication, encode_connect, take_packet
from pioreactor.web.live.subscriber_policy import Credentials, checked_packet, subscriber_connect

VIEWER = Credentials("viewer", "secret")


def packet_of(connect: Connect) -> Packet:
    packet = take_packet(bytearray(encode_connect(connect)), 1_000_000)
    assert packet is not None
    return packet


def test_connect_gets_our_client_id_and_credentials_and_no_will() -> None:
    will = Publication("pioreactor/u/e/stirring/$state", b"lost", 1, True)
    requested = Connect(4, "my-job", 60, False, will, "leader", "guess")

    connect = subscriber_connect(packet_of(requested), client_id="browser-1", credentials=VIEWER)

    assert connect == Connect(4, "browser-1", 60, True, None, "viewer", "secret")


def test_mqtt_5_connect_keeps_harmless_properties_only() -> None:
    """A session expiry interval (0x11) would leave a session in the broker for every page that was opened."""
    properties = bytes((0x21, 0, 20))
    session_expiry, user_property = b"\x11\xff\xff\xff\xff", b"\x26\x00\x01a\x00\x01b"
    authentication = b"\x15\x00\x01m\x16\x00\x01d"
    requested = Connect(5, "my-job", 60, False, properties=session_expiry + properties + user_property + authentication)

    connect = subscriber_connect(packet_of(requested), client_id="b", credentials=None)

    assert connect == Connect(5, "b", 60, True, properties=properties)


@pytest.mark.parametrize(("requested_s", "granted_s"), [(0, 300), (20, 20), (300, 300), (65_535, 300)])
def test_keepalive_is_bounded(requested_s: int, granted_s: int) -> None:
    packet = packet_of(Connect(4, "x", requested_s, True))
    assert subscriber_connect(packet, client_id="b", credentials=None).keepalive_s == granted_s


@pytest.mark.parametrize(
    "packet",
    [
        Packet(PacketType.CONNECT),
        Packet(PacketType.SUBSCRIBE, 2, b"ab"),
        Packet(PacketType.CONNECT, 0, b"\x00\x04MQ"),
        packet_of(Connect(3, "x", 60, True, protocol_name="MQIsdp")),
        packet_of(Connect(4, "x", 60, True, protocol_name="HTTP")),
        Packet(PacketType.CONNECT, 0, b"\x00\x04MQTT\x06\x02\x00\x3c\x00\x01x"),
    ],
)
def test_other_first_packets_are_refused(packet: Packet) -> None:
    with pytest.raises(InvalidRequestError):
        subscriber_connect(packet, client_id="b", credentials=VIEWER)


@pytest.mark.parametrize("packet_type", [1, 2, 3, 6, 9, 11, 13])
def test_publishing_is_refused(packet_type: int) -> None:
    with pytest.raises(NotPermittedError):
        checked_packet(Packet(PacketType(packet_type)))


@pytest.mark.parametrize("packet_type", [4, 5, 7, 8, 10, 12, 14])
def test_subscribing_and_acknowledging_is_allowed(packet_type: int) -> None:
    checked_packet(Packet(PacketType(packet_type)))


def test_disconnect_cannot_extend_the_session() -> None:
    extending = Packet(PacketType.DISCONNECT, 0, b"\x00\x05\x11\xff\xff\xff\xff")
    assert checked_packet(extending) == Packet(PacketType.DISCONNECT)


@pytest.mark.parametrize("properties", [b"\x11\xff", b"\x7f\x00", b"\x26\x00\x01a", b"\xff\xff\xff\xff\xff"])
def test_malformed_properties_are_refused(properties: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        subscriber_connect(packet_of(Connect(5, "x", 60, True, properties=properties)), client_id="b", credentials=None)
