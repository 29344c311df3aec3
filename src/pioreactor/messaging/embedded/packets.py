"""The packets of MQTT 3.1.1, as bytes and back.

Source: OASIS, MQTT Version 3.1.1, chapters 2 and 3. Only what a broker reads and writes.
"""

from dataclasses import dataclass, field
from enum import IntEnum


class Kind(IntEnum):
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


class ConnectCode(IntEnum):
    """The broker's answer to a client that connects."""

    ACCEPTED = 0
    WRONG_PROTOCOL = 1
    WRONG_CLIENT_ID = 2
    WRONG_CREDENTIALS = 4
    NOT_PERMITTED = 5


class MalformedPacketError(ValueError):
    """The client does not speak MQTT 3.1.1, or sends more than is allowed."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, its body not yet read."""

    kind: Kind
    flags: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Publication:
    """What a PUBLISH packet or a will says."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    packet_id: int | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    """Who connects, and what is said when the client vanishes."""

    protocol_level: int
    client_id: str
    keepalive_s: int
    clean_session: bool
    will: Publication | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def split(buffer: bytearray, largest_bytes: int) -> Packet | None:
    """Cut the first packet off a buffer; None when it is not complete yet."""
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
        raise MalformedPacketError("the length of a packet is malformed")
    if length > largest_bytes:
        raise MalformedPacketError(f"a packet of {length} bytes is larger than {largest_bytes}")
    end = position + 1 + length
    if len(buffer) < end:
        return None
    first, body = buffer[0], bytes(buffer[position + 1 : end])
    del buffer[:end]
    try:
        return Packet(Kind(first >> 4), first & 0x0F, body)
    except ValueError:
        raise MalformedPacketError(f"there is no packet of kind {first >> 4}") from None


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._body[self._at : self._at + count]
        if len(taken) < count:
            raise MalformedPacketError("a packet ends too early")
        self._at += count
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def sized(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            return self.sized().decode()
        except UnicodeDecodeError:
            raise MalformedPacketError("a text is not UTF-8") from None

    def rest(self) -> bytes:
        rest = self._body[self._at :]
        self._at = len(self._body)
        return rest

    def more(self) -> bool:
        return self._at < len(self._body)


def read_connect(packet: Packet) -> Connect:
    reader = _Reader(packet.body)
    reader.text()
    level, flags, keepalive_s, client_id = reader.byte(), reader.byte(), reader.number(), ""
    if level not in (3, 4):
        return Connect(level, client_id, keepalive_s, True)
    client_id = reader.text()
    will = None
    if flags & 0x04:
        will = Publication(reader.text(), reader.sized(), (flags >> 3) & 3, bool(flags & 0x20))
    username = reader.text() if flags & 0x80 else None
    password = reader.sized().decode("utf-8", "replace") if flags & 0x40 else None
    return Connect(level, client_id, keepalive_s, bool(flags & 0x02), will, username, password)


def read_publish(packet: Packet) -> Publication:
    reader = _Reader(packet.body)
    qos = (packet.flags >> 1) & 3
    if qos == 3:
        raise MalformedPacketError("there is no QoS 3")
    topic = reader.text()
    packet_id = reader.number() if qos else None
    return Publication(topic, reader.rest(), qos, bool(packet.flags & 1), packet_id)


def read_packet_id(packet: Packet) -> int:
    return _Reader(packet.body).number()


def read_subscribe(packet: Packet) -> tuple[int, list[tuple[str, int]]]:
    """Return the packet's number, and filters with the quality asked for."""
    reader = _Reader(packet.body)
    number, wanted = reader.number(), []
    while reader.more():
        wanted.append((reader.text(), reader.byte() & 3))
    return number, wanted


def read_unsubscribe(packet: Packet) -> tuple[int, list[str]]:
    reader = _Reader(packet.body)
    number, filters = reader.number(), []
    while reader.more():
        filters.append(reader.text())
    return number, filters


def _packet(kind: Kind, flags: int, *parts: bytes) -> bytes:
    length = sum(map(len, parts))
    head = bytearray([kind << 4 | flags])
    while True:
        length, low = length >> 7, length & 0x7F
        head.append(low | (0x80 if length else 0))
        if not length:
            break
    return b"".join((bytes(head), *parts))


def connack(code: ConnectCode) -> bytes:
    """A session is never present: this broker keeps none."""
    return _packet(Kind.CONNACK, 0, bytes([0, code]))


def publish(publication: Publication) -> bytes:
    topic = publication.topic.encode()
    number = publication.packet_id.to_bytes(2, "big") if publication.packet_id is not None else b""
    flags = publication.qos << 1 | int(publication.retain)
    return _packet(Kind.PUBLISH, flags, len(topic).to_bytes(2, "big"), topic, number, publication.payload)


def answer(kind: Kind, packet_id: int, body: bytes = b"") -> bytes:
    return _packet(kind, 0, packet_id.to_bytes(2, "big"), body)


def pingresp() -> bytes:
    return _packet(Kind.PINGRESP, 0)
