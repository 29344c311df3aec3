"""The packets of MQTT 3.1.1, and the CONNECT packet of MQTT 5, decoded from and encoded to bytes.

Source: OASIS, MQTT Version 3.1.1, chapters 2 and 3; MQTT Version 5.0, section 3.1. Every decoder raises
`MalformedPacketError`, and nothing else, for bytes that are not what the standard asks for.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from pioreactor.exc import InvalidRequestError

MQTT_3_1, MQTT_3_1_1, MQTT_5 = 3, 4, 5
"""Protocol levels, as CONNECT states them."""


class PacketType(IntEnum):
    """The upper half of a packet's first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class ConnectReturnCode(IntEnum):
    """The result that CONNACK reports."""

    ACCEPTED = 0
    UNACCEPTABLE_PROTOCOL_VERSION = 1
    IDENTIFIER_REJECTED = 2
    BAD_USERNAME_OR_PASSWORD = 4
    NOT_AUTHORIZED = 5


_MQTT_5_REASONS = {
    ConnectReturnCode.ACCEPTED: 0x00,
    ConnectReturnCode.UNACCEPTABLE_PROTOCOL_VERSION: 0x84,
    ConnectReturnCode.IDENTIFIER_REJECTED: 0x85,
    ConnectReturnCode.BAD_USERNAME_OR_PASSWORD: 0x86,
    ConnectReturnCode.NOT_AUTHORIZED: 0x87,
}

_PROPERTY_BYTES = {
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4),
}
"""Length of the value by property identifier, for those of a fixed length."""
_BINARY_PROPERTIES = frozenset({0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F})
_SUBSCRIPTION_IDENTIFIER = 0x0B
_USER_PROPERTY = 0x26


class MalformedPacketError(InvalidRequestError):
    """The bytes are not MQTT, or exceed a limit."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet whose body is not decoded yet."""

    type: PacketType
    flags: int = 0
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Publication:
    """The content of a PUBLISH packet or of a will."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    packet_id: int | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    """The content of a CONNECT packet. Of a level other than 3, 4 or 5 only the level is decoded."""

    protocol_level: int
    client_id: str
    keepalive_s: int
    clean_session: bool
    will: Publication | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    protocol_name: str = "MQTT"
    properties: bytes = b""
    """Encoded properties of MQTT 5, without their length. Those of a will are skipped."""


# framing --------------------------------------------------------------------------------------------------------------


def take_packet(buffer: bytearray, max_bytes: int) -> Packet | None:
    """Remove the first packet from a buffer and return it; None while it is incomplete.

    Raise `MalformedPacketError` for an unknown type or a body of more than `max_bytes`, before the body has arrived.
    """
    length, shift = 0, 0
    for position in range(1, 5):
        if position >= len(buffer):
            return None
        byte = buffer[position]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    else:
        raise MalformedPacketError("the remaining length takes more than 4 bytes")
    if length > max_bytes:
        raise MalformedPacketError(f"a packet of {length} bytes is larger than {max_bytes}")
    end = position + 1 + length
    if len(buffer) < end:
        return None
    first, body = buffer[0], bytes(buffer[position + 1 : end])
    del buffer[:end]
    try:
        return Packet(PacketType(first >> 4), first & 0x0F, body)
    except ValueError:
        raise MalformedPacketError(f"packet type {first >> 4} is unknown") from None


def encode(packet: Packet) -> bytes:
    """Return a packet as bytes."""
    head = bytes([packet.type << 4 | packet.flags])
    return b"".join((head, _variable_length(len(packet.body)), packet.body))


class _Reader:
    """Reads the fields of a body from front to back."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0

    def take(self, count: int) -> bytes:
        taken = self._body[self._position : self._position + count]
        if len(taken) < count:
            raise MalformedPacketError("the packet is truncated")
        self._position += count
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def uint16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def variable_length(self) -> int:
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise MalformedPacketError("a variable-length integer takes more than 4 bytes")

    def binary(self) -> bytes:
        return self.take(self.uint16())

    def text(self) -> str:
        try:
            return self.binary().decode()
        except UnicodeDecodeError:
            raise MalformedPacketError("a string is not UTF-8") from None

    def rest(self) -> bytes:
        rest = self._body[self._position :]
        self._position = len(self._body)
        return rest

    @property
    def position(self) -> int:
        return self._position

    def has_more(self) -> bool:
        return self._position < len(self._body)


def _variable_length(value: int) -> bytes:
    encoded = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        encoded.append(low | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


def _uint16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _binary(value: bytes) -> bytes:
    return _uint16(len(value)) + value


def _text(value: str) -> bytes:
    return _binary(value.encode())


# packet types ---------------------------------------------------------------------------------------------------------


def decode_connect(packet: Packet) -> Connect:
    """Return the content of a CONNECT packet."""
    reader = _Reader(packet.body)
    name, level, flags, keepalive_s = reader.text(), reader.byte(), reader.byte(), reader.uint16()
    if level not in (MQTT_3_1, MQTT_3_1_1, MQTT_5):
        return Connect(level, "", keepalive_s, True, protocol_name=name)
    properties = reader.take(reader.variable_length()) if level == MQTT_5 else b""
    client_id = reader.text()
    will = None
    if flags & 0x04:
        if level == MQTT_5:
            reader.take(reader.variable_length())
        will = Publication(reader.text(), reader.binary(), (flags >> 3) & 3, bool(flags & 0x20))
    username = reader.text() if flags & 0x80 else None
    password = reader.binary().decode("utf-8", "replace") if flags & 0x40 else None
    return Connect(
        level,
        client_id,
        keepalive_s,
        bool(flags & 0x02),
        will,
        username,
        password,
        protocol_name=name,
        properties=properties,
    )


def encode_connect(connect: Connect) -> bytes:
    """Return a CONNECT packet."""
    is_mqtt_5 = connect.protocol_level == MQTT_5
    flags = 0x02 if connect.clean_session else 0
    payload = [_text(connect.client_id)]
    if connect.will is not None:
        flags |= 0x04 | connect.will.qos << 3 | (0x20 if connect.will.retain else 0)
        payload += [_variable_length(0)] if is_mqtt_5 else []
        payload += [_text(connect.will.topic), _binary(connect.will.payload)]
    if connect.username is not None:
        flags |= 0x80
        payload.append(_text(connect.username))
    if connect.password is not None:
        flags |= 0x40
        payload.append(_text(connect.password))
    head = [_text(connect.protocol_name), bytes((connect.protocol_level, flags)), _uint16(connect.keepalive_s)]
    if is_mqtt_5:
        head.append(_variable_length(len(connect.properties)) + connect.properties)
    return encode(Packet(PacketType.CONNECT, 0, b"".join(head + payload)))


def encode_connack(code: ConnectReturnCode, *, protocol_level: int = MQTT_3_1_1) -> bytes:
    """Return a CONNACK packet without "session present", in the form that the client's protocol level expects."""
    if protocol_level != MQTT_5:
        return encode(Packet(PacketType.CONNACK, 0, bytes([0, code])))
    reason = _MQTT_5_REASONS[code]
    return encode(Packet(PacketType.CONNACK, 0, bytes([0, reason]) + _variable_length(0)))


def split_properties(properties: bytes) -> list[tuple[int, bytes]]:
    """Return identifier and encoded form, identifier included, of each property of MQTT 5 (section 2.2.2)."""
    reader, found = _Reader(properties), []
    while reader.has_more():
        start = reader.position
        identifier = reader.variable_length()
        _skip_property_value(reader, identifier)
        found.append((identifier, properties[start : reader.position]))
    return found


def _skip_property_value(reader: _Reader, identifier: int) -> None:
    if identifier in _PROPERTY_BYTES:
        reader.take(_PROPERTY_BYTES[identifier])
    elif identifier == _SUBSCRIPTION_IDENTIFIER:
        reader.variable_length()
    elif identifier in _BINARY_PROPERTIES:
        reader.binary()
    elif identifier == _USER_PROPERTY:
        reader.binary()
        reader.binary()
    else:
        raise MalformedPacketError(f"property {identifier} is unknown")


def decode_publish(packet: Packet) -> Publication:
    """Return the content of a PUBLISH packet."""
    reader = _Reader(packet.body)
    qos = (packet.flags >> 1) & 3
    if qos == 3:
        raise MalformedPacketError("QoS 3 does not exist")
    topic = reader.text()
    packet_id = reader.uint16() if qos else None
    return Publication(topic, reader.rest(), qos, bool(packet.flags & 1), packet_id)


def encode_publish(publication: Publication) -> bytes:
    """Return a PUBLISH packet."""
    packet_id = _uint16(publication.packet_id) if publication.packet_id is not None else b""
    flags = publication.qos << 1 | int(publication.retain)
    return encode(Packet(PacketType.PUBLISH, flags, _text(publication.topic) + packet_id + publication.payload))


def decode_packet_id(packet: Packet) -> int:
    """Return the packet identifier of an acknowledgment."""
    return _Reader(packet.body).uint16()


def encode_acknowledgment(packet_type: PacketType, packet_id: int, body: bytes = b"") -> bytes:
    """Return an acknowledgment (PUBACK, PUBREC, PUBCOMP, SUBACK, UNSUBACK)."""
    return encode(Packet(packet_type, 0, _uint16(packet_id) + body))


def decode_subscribe(packet: Packet) -> tuple[int, list[tuple[str, int]]]:
    """Return the packet identifier, and each topic filter with the requested QoS."""
    reader = _Reader(packet.body)
    packet_id, requested = reader.uint16(), []
    while reader.has_more():
        requested.append((reader.text(), reader.byte() & 3))
    return packet_id, requested


def decode_unsubscribe(packet: Packet) -> tuple[int, list[str]]:
    """Return the packet identifier and the topic filters."""
    reader = _Reader(packet.body)
    packet_id, filters = reader.uint16(), []
    while reader.has_more():
        filters.append(reader.text())
    return packet_id, filters


def encode_pingresp() -> bytes:
    """Return a PINGRESP packet."""
    return encode(Packet(PacketType.PINGRESP))
