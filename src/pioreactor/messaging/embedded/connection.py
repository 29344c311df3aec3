"""The connection of one client to the embedded broker."""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from pioreactor.exc import InvalidRequestError
from pioreactor.messaging import packets
from pioreactor.messaging.embedded.broker_core import BrokerCore
from pioreactor.messaging.packets import ConnectReturnCode, MalformedPacketError, Packet, PacketType, Publication
from pioreactor.messaging.router import check_topic

log = logging.getLogger(__name__)

MAX_PACKET_BYTES = 8 * 1024 * 1024
_MAX_BYTES_BEFORE_LOGIN = 64 * 1024
_MAX_UNSENT_BYTES = 16 * 1024 * 1024
"""A client that lags further behind is disconnected; it reconnects and receives the retained messages."""
_LOGIN_TIMEOUT_S = 10.0


class Connection(asyncio.Protocol):
    """An MQTT 3.1.1 connection that accepts QoS 0–2, delivers QoS 0 and 1, and keeps no session."""

    def __init__(self, core: BrokerCore) -> None:
        self.client_id = ""
        self.username = ""
        self._core = core
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._is_authenticated = False
        self._will: Publication | None = None
        self._received_qos2_ids: set[int] = set()
        self._next_packet_id = 0
        self._keepalive_s = _LOGIN_TIMEOUT_S
        self._keepalive_timer: asyncio.TimerHandle | None = None
        self._handlers: dict[PacketType, Callable[[Packet], None]] = {
            PacketType.PUBLISH: self._on_publish,
            PacketType.PUBACK: _ignore,
            PacketType.PUBREL: self._on_pubrel,
            PacketType.SUBSCRIBE: self._on_subscribe,
            PacketType.UNSUBSCRIBE: self._on_unsubscribe,
            PacketType.PINGREQ: self._on_ping,
            PacketType.DISCONNECT: self._on_disconnect,
        }

    # asyncio ----------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._restart_keepalive_timer()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._is_authenticated:
            self._restart_keepalive_timer()
        try:
            if not self._is_authenticated and self._buffer[0] >> 4 != PacketType.CONNECT:
                raise MalformedPacketError("the first packet is not CONNECT")
            while self._transport is not None:
                max_bytes = MAX_PACKET_BYTES if self._is_authenticated else _MAX_BYTES_BEFORE_LOGIN
                packet = packets.take_packet(self._buffer, max_bytes)
                if packet is None:
                    return
                self._handle_packet(packet)
        except (MalformedPacketError, InvalidRequestError) as error:
            log.warning("%s is disconnected: %s", self.client_id or "An unauthenticated client", error)
            self.evict()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the cause makes no difference
        self.evict()

    # called by the broker core ----------------------------------------------------------------------------------------

    def deliver(self, publication: Publication) -> None:
        transport = self._transport
        if transport is None:
            return
        if transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            log.warning("%s is disconnected: it does not read its messages", self.client_id)
            # not at once: the core is delivering to other clients, and the will must follow that message
            asyncio.get_running_loop().call_soon(self.evict)
            return
        if publication.qos:
            self._next_packet_id = self._next_packet_id % 65_535 + 1
            packet_id = self._next_packet_id
            publication = Publication(publication.topic, publication.payload, 1, publication.retain, packet_id)
        transport.write(packets.encode_publish(publication))

    def evict(self, *, send_will: bool = True) -> None:
        """Close the connection, and publish the will unless the client sent DISCONNECT or `send_will` is False."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if self._keepalive_timer is not None:
            self._keepalive_timer.cancel()
        transport.close()
        if self._is_authenticated:
            self._is_authenticated = False
            self._core.disconnect(self, will=self._will if send_will else None)

    # packets ----------------------------------------------------------------------------------------------------------

    def _handle_packet(self, packet: Packet) -> None:
        if not self._is_authenticated:
            self._on_connect(packet)
            return
        handler = self._handlers.get(packet.type)
        if handler is None:
            raise MalformedPacketError(f"unexpected packet {packet.type.name}")
        handler(packet)

    def _on_connect(self, packet: Packet) -> None:
        connect = packets.decode_connect(packet)
        code = self._check_connect(connect)
        self._write(packets.encode_connack(code, protocol_level=connect.protocol_level))
        if code != ConnectReturnCode.ACCEPTED:
            log.warning("%s (%s) is refused: %s", connect.username, connect.client_id, code.name)
            self.evict()
            return
        if connect.will is not None:
            check_topic(connect.will.topic)
        self.client_id = connect.client_id if connect.client_id else f"unnamed-{id(self)}"
        self.username = connect.username if connect.username is not None else ""
        self._will = connect.will
        self._keepalive_s = connect.keepalive_s * 1.5
        self._is_authenticated = True
        self._core.connect(self)
        self._restart_keepalive_timer()

    def _check_connect(self, connect: packets.Connect) -> ConnectReturnCode:
        if connect.protocol_level not in (3, 4):
            return ConnectReturnCode.UNACCEPTABLE_PROTOCOL_VERSION
        if not connect.client_id and not connect.clean_session:
            return ConnectReturnCode.IDENTIFIER_REJECTED
        if not self._core.authenticate(connect.username, connect.password):
            return ConnectReturnCode.NOT_AUTHORIZED
        if not self._core.may_use_client_id(connect.client_id, connect.username):
            return ConnectReturnCode.IDENTIFIER_REJECTED
        return ConnectReturnCode.ACCEPTED

    def _on_publish(self, packet: Packet) -> None:
        publication = packets.decode_publish(packet)
        check_topic(publication.topic)
        packet_id = publication.packet_id
        if packet_id is None or publication.qos == 1 or packet_id not in self._received_qos2_ids:
            self._core.publish(self.username, publication)
        if packet_id is None:
            return
        if publication.qos == 2:
            self._received_qos2_ids.add(packet_id)
        self._write(
            packets.encode_acknowledgment(PacketType.PUBACK if publication.qos == 1 else PacketType.PUBREC, packet_id)
        )

    def _on_pubrel(self, packet: Packet) -> None:
        packet_id = packets.decode_packet_id(packet)
        self._received_qos2_ids.discard(packet_id)
        self._write(packets.encode_acknowledgment(PacketType.PUBCOMP, packet_id))

    def _on_subscribe(self, packet: Packet) -> None:
        packet_id, requested = packets.decode_subscribe(packet)
        granted = [self._core.subscribe(self, topic_filter, qos) for topic_filter, qos in requested]
        codes = bytes(0x80 if granted_qos is None else granted_qos for granted_qos in granted)
        self._write(packets.encode_acknowledgment(PacketType.SUBACK, packet_id, codes))
        for (topic_filter, _), granted_qos in zip(requested, granted, strict=True):
            if granted_qos is not None:
                self._core.send_retained(self, topic_filter, granted_qos)

    def _on_unsubscribe(self, packet: Packet) -> None:
        packet_id, filters = packets.decode_unsubscribe(packet)
        for topic_filter in filters:
            self._core.unsubscribe(self, topic_filter)
        self._write(packets.encode_acknowledgment(PacketType.UNSUBACK, packet_id))

    def _on_ping(self, _packet: Packet) -> None:
        self._write(packets.encode_pingresp())

    def _on_disconnect(self, _packet: Packet) -> None:
        self._will = None
        self.evict()

    # helpers ----------------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _restart_keepalive_timer(self) -> None:
        """Restart the time after which a silent client counts as lost."""
        if self._keepalive_timer is not None:
            self._keepalive_timer.cancel()
            self._keepalive_timer = None
        if self._keepalive_s > 0 and self._transport is not None:
            self._keepalive_timer = asyncio.get_running_loop().call_later(self._keepalive_s, self.evict)


def _ignore(_packet: Packet) -> None:
    """Ignore an acknowledgment: TCP has delivered the message, and no session is kept that would repeat it."""
