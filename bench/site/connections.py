"""MQTT over TCP and over a leader's WebSocket, as small as a generator of load needs it."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import Callable

from pioreactor.messaging.packets import (
    MQTT_3_1_1,
    Connect,
    Packet,
    PacketType,
    Publication,
    decode_publish,
    encode,
    encode_acknowledgment,
    encode_connect,
    encode_publish,
    take_packet,
)

MAX_PACKET_BYTES = 20_000_000
KEEPALIVE_S = 60
FRAME_BINARY, FRAME_CLOSE, FRAME_PING, FRAME_PONG = 0x2, 0x8, 0x9, 0xA


def subscribe_packet(filters: list[str], *, qos: int) -> bytes:
    body = struct.pack(">H", 1)
    for each in filters:
        text = each.encode()
        body += struct.pack(">H", len(text)) + text + bytes((qos,))
    return encode(Packet(PacketType.SUBSCRIBE, 2, body))


class MqttConnection(asyncio.Protocol):
    """One client of a broker. `on_publication` is called with what arrives; QoS 1 is acknowledged."""

    def __init__(self, connect: Connect, filters: list[str], on_publication: Callable[[Publication], None]) -> None:
        self._connect = connect
        self._filters = filters
        self._on_publication = on_publication
        self._buffer = bytearray()
        self._packet_id = 0
        self._transport: asyncio.Transport | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(encode_connect(self._connect))
        if self._filters:
            transport.write(subscribe_packet(self._filters, qos=1))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc if exc is not None else ConnectionError("the broker closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (packet := take_packet(self._buffer, MAX_PACKET_BYTES)) is not None:
            if packet.type == PacketType.CONNACK and not self.ready.done():
                if packet.body[1]:
                    self.ready.set_exception(ConnectionError(f"the broker refused the connection: {packet.body[1]}"))
                else:
                    self.ready.set_result(None)
            elif packet.type == PacketType.PUBLISH:
                publication = decode_publish(packet)
                if publication.packet_id is not None:
                    self._write(encode_acknowledgment(PacketType.PUBACK, publication.packet_id))
                self._on_publication(publication)

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> None:
        if qos:
            self._packet_id = self._packet_id % 65535 + 1
        self._write(encode_publish(Publication(topic, payload, qos, retain, self._packet_id if qos else None)))

    def ping(self) -> None:
        self._write(encode(Packet(PacketType.PINGREQ)))

    def close(self) -> None:
        self._write(encode(Packet(PacketType.DISCONNECT)))
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


class LivePage:
    """The live connection of a browser: what arrives is counted, frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._random = os.urandom(4)

    @classmethod
    async def open(cls, port: int, token: str, filters: list[str]) -> LivePage:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(f"the live connection was refused: {head[:200]!r}")
        page = cls(reader, writer)
        page._send(encode_connect(Connect(MQTT_3_1_1, "page", 120, True)) + subscribe_packet(filters, qos=0))
        return page

    def _send(self, payload: bytes, frame: int = FRAME_BINARY) -> None:
        mask = self._random
        size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self._writer.write(bytes((0x80 | frame,)) + size + mask + masked)

    def ping(self) -> None:
        self._send(encode(Packet(PacketType.PINGREQ)))

    async def receive(self) -> bytes:
        """Return the payload of the next frame; empty when the server closes the connection."""
        while True:
            frame, payload = await self._next_frame()
            if frame == FRAME_CLOSE:
                return b""
            if frame == FRAME_BINARY:
                return payload
            if frame == FRAME_PING:
                self._send(payload, FRAME_PONG)

    async def _next_frame(self) -> tuple[int, bytes]:
        first, size = await self._reader.readexactly(2)
        if size == 126:
            size = struct.unpack(">H", await self._reader.readexactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", await self._reader.readexactly(8))[0]
        return first & 0x0F, await self._reader.readexactly(size)

    def close(self) -> None:
        self._writer.close()
