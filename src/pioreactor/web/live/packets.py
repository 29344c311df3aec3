"""MQTT packets as browsers send them: taken apart just far enough to let readers read and nobody write."""

from dataclasses import dataclass

from pioreactor.exc import InvalidRequestError, NotPermittedError

CONNECT, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 3, 4, 5, 6, 7
SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 8, 10, 12, 14

LARGEST_PACKET = 64 * 1024
"""[bytes] A reader sends subscriptions and acknowledgements, all of them small."""
_READERS_PACKETS = frozenset({PUBACK, PUBREC, PUBCOMP, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT})
_LONGEST_KEEPALIVE_S = 300


class Packets:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the packets that are complete; `InvalidRequestError` for one that is malformed or too large."""
        self._rest += data
        complete = []
        while (length := _length(self._rest)) is not None and len(self._rest) >= length:
            complete.append(bytes(self._rest[:length]))
            del self._rest[:length]
        return complete


def kind_of(packet: bytes) -> int:
    return packet[0] >> 4


def check_reader(packet: bytes) -> None:
    """Refuse every packet but those that somebody who only reads has to send."""
    if kind_of(packet) not in _READERS_PACKETS:
        raise NotPermittedError("browsers may only listen", remedy="Send commands over HTTP.")


@dataclass(frozen=True, slots=True)
class Credentials:
    """How the broker knows the readers: an account that may subscribe and nothing else."""

    username: str
    password: str


def as_reader(packet: bytes, *, client_id: str, credentials: Credentials | None) -> bytes:
    """Return a CONNECT with our client id and the readers' credentials, a clean start, and no will.

    The client id is ours because a broker disconnects whoever holds the same one. Protocol 3.1.1 and 5.
    """
    if kind_of(packet) != CONNECT:
        raise InvalidRequestError("the first packet must be CONNECT")
    _, offset = _variable_length(packet, 1)
    name, offset = _text(packet, offset)
    if len(packet) < offset + 4:
        raise InvalidRequestError("the CONNECT packet is cut short")
    level, keepalive_s = packet[offset], int.from_bytes(packet[offset + 2 : offset + 4], "big")
    if name != b"MQTT" or level not in (4, 5):
        raise InvalidRequestError("the protocol must be MQTT 3.1.1 or 5")
    properties = b""
    if level == 5:
        length, start = _variable_length(packet, offset + 4)
        properties = _encode_length(length) + packet[start : start + length]
        if len(packet) < start + length:
            raise InvalidRequestError("the CONNECT packet is cut short")
    keepalive_s = min(keepalive_s, _LONGEST_KEEPALIVE_S) if keepalive_s else _LONGEST_KEEPALIVE_S
    flags = 0x02 | (0xC0 if credentials is not None else 0)
    body = _as_text(b"MQTT") + bytes((level, flags)) + keepalive_s.to_bytes(2, "big") + properties
    body += _as_text(client_id.encode())
    if credentials is not None:
        body += _as_text(credentials.username.encode()) + _as_text(credentials.password.encode())
    return bytes((CONNECT << 4,)) + _encode_length(len(body)) + body


def _length(data: bytearray) -> int | None:
    """Return the whole length of the packet that begins here; None while its length is not complete."""
    if len(data) < 2:
        return None
    if len(data) < 5 and all(byte & 0x80 for byte in data[1:]):
        return None
    remaining, offset = _variable_length(data, 1)
    if remaining + offset > LARGEST_PACKET:
        raise InvalidRequestError(f"a packet of {remaining} bytes is larger than {LARGEST_PACKET}")
    return remaining + offset


def _variable_length(data: bytes | bytearray, offset: int) -> tuple[int, int]:
    value = 0
    for index in range(4):
        if offset + index >= len(data):
            break
        byte = data[offset + index]
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return value, offset + index + 1
    raise InvalidRequestError("a length in an MQTT packet is malformed")


def _encode_length(length: int) -> bytes:
    encoded = bytearray()
    while True:
        length, digit = divmod(length, 128)
        encoded.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(encoded)


def _text(data: bytes, offset: int) -> tuple[bytes, int]:
    end = offset + 2 + int.from_bytes(data[offset : offset + 2], "big")
    if len(data) < end:
        raise InvalidRequestError("a text in an MQTT packet is cut short")
    return data[offset + 2 : end], end


def _as_text(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text
