"""The policy for MQTT packets of browsers: they may subscribe and acknowledge, and may not publish."""

from dataclasses import dataclass, replace

from pioreactor.exc import InvalidRequestError, NotPermittedError
from pioreactor.messaging.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Connect,
    Packet,
    PacketType,
    decode_connect,
    split_properties,
)

MAX_PACKET_BYTES = 64 * 1024
"""A subscriber sends subscriptions and acknowledgments, all of them small."""
_MAX_KEEPALIVE_S = 300
_ALLOWED_PROPERTIES = frozenset({0x17, 0x19, 0x21, 0x22, 0x27})
"""What a browser wants to receive, and how much. Without a session expiry interval (0x11) the broker keeps no session
of a browser that has gone; authentication is ours."""
_ALLOWED_TYPES = frozenset(
    {
        PacketType.PUBACK,
        PacketType.PUBREC,
        PacketType.PUBCOMP,
        PacketType.SUBSCRIBE,
        PacketType.UNSUBSCRIBE,
        PacketType.PINGREQ,
        PacketType.DISCONNECT,
    }
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The broker account of browsers, which may subscribe and nothing else."""

    username: str
    password: str


def checked_packet(packet: Packet) -> Packet:
    """Return the packet to send to the broker; raise `NotPermittedError` for a type that a subscriber does not need.

    DISCONNECT loses its properties: one of them can extend the session.
    """
    if packet.type not in _ALLOWED_TYPES:
        raise NotPermittedError("browsers may only subscribe", remedy="Send commands over HTTP.")
    return Packet(PacketType.DISCONNECT) if packet.type == PacketType.DISCONNECT else packet


def subscriber_connect(packet: Packet, *, client_id: str, credentials: Credentials | None) -> Connect:
    """Return a browser's CONNECT with our client id and the browsers' credentials, a clean session that ends with
    the connection, and no will.

    The client id is ours because a broker disconnects an earlier client of the same id. Raise `InvalidRequestError`
    for a packet that is not a CONNECT of MQTT 3.1.1 or 5.
    """
    if packet.type != PacketType.CONNECT:
        raise InvalidRequestError("the first packet must be CONNECT")
    connect = decode_connect(packet)
    if connect.protocol_name != "MQTT" or connect.protocol_level not in (MQTT_3_1_1, MQTT_5):
        raise InvalidRequestError("the protocol must be MQTT 3.1.1 or 5")
    return replace(
        connect,
        client_id=client_id,
        keepalive_s=min(connect.keepalive_s, _MAX_KEEPALIVE_S) if connect.keepalive_s else _MAX_KEEPALIVE_S,
        clean_session=True,
        will=None,
        properties=b"".join(text for key, text in split_properties(connect.properties) if key in _ALLOWED_PROPERTIES),
        username=credentials.username if credentials is not None else None,
        password=credentials.password if credentials is not None else None,
    )
