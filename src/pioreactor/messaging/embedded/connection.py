"""One client's connection to the embedded broker, from the first byte to the will."""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from pioreactor.exc import InvalidRequestError
from pioreactor.messaging.embedded import packets
from pioreactor.messaging.embedded.broker_core import Exchange
from pioreactor.messaging.embedded.packets import ConnectCode, Kind, MalformedPacketError, Packet, Publication
from pioreactor.messaging.router import check_topic

log = logging.getLogger(__name__)

LARGEST_PACKET_BYTES = 8 * 1024 * 1024
_LARGEST_BEFORE_LOGIN_BYTES = 64 * 1024
_MAX_UNSENT_BYTES = 16 * 1024 * 1024
"""A client that is further behind than this is disconnected; it reconnects and gets what is retained."""
_LOGIN_S = 10.0


class Connection(asyncio.Protocol):
    """Speaks MQTT 3.1.1 with one client. Takes QoS 0–2, delivers QoS 0 and 1, keeps no session."""

    def __init__(self, exchange: Exchange) -> None:
        self.client_id = ""
        self.username = ""
        self._exchange = exchange
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._admitted = False
        self._will: Publication | None = None
        self._unreleased: set[int] = set()
        self._next_packet_id = 0
        self._keepalive_s = _LOGIN_S
        self._watch: asyncio.TimerHandle | None = None
        self._handlers: dict[Kind, Callable[[Packet], None]] = {
            Kind.PUBLISH: self._on_publish,
            Kind.PUBACK: _ignore,
            Kind.PUBREL: self._on_pubrel,
            Kind.SUBSCRIBE: self._on_subscribe,
            Kind.UNSUBSCRIBE: self._on_unsubscribe,
            Kind.PINGREQ: self._on_ping,
            Kind.DISCONNECT: self._on_disconnect,
        }

    # asyncio ----------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._heard()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._admitted:
            self._heard()
        try:
            if not self._admitted and self._buffer[0] >> 4 != Kind.CONNECT:
                raise MalformedPacketError("the first packet is not CONNECT")
            while self._transport is not None:
                largest = LARGEST_PACKET_BYTES if self._admitted else _LARGEST_BEFORE_LOGIN_BYTES
                packet = packets.split(self._buffer, largest)
                if packet is None:
                    return
                self._take(packet)
        except (MalformedPacketError, InvalidRequestError) as error:
            log.warning("%s is disconnected: %s", self.client_id or "a stranger", error)
            self.evict()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it ended changes nothing
        self.evict()

    # for the exchange -------------------------------------------------------------------------------------------------

    def deliver(self, publication: Publication) -> None:
        transport = self._transport
        if transport is None:
            return
        if transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            log.warning("%s is disconnected: it does not read what it asked for", self.client_id)
            # not at once: the exchange is telling others, and the will of this client comes after
            asyncio.get_running_loop().call_soon(self.evict)
            return
        if publication.qos:
            self._next_packet_id = self._next_packet_id % 65_535 + 1
            number = self._next_packet_id
            publication = Publication(publication.topic, publication.payload, 1, publication.retain, number)
        transport.write(packets.publish(publication))

    def evict(self, *, announce: bool = True) -> None:
        """End the connection; if the client did not say goodbye, its will is sent (unless not to `announce` it)."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if self._watch is not None:
            self._watch.cancel()
        transport.close()
        if self._admitted:
            self._admitted = False
            self._exchange.leave(self, will=self._will if announce else None)

    # packets ----------------------------------------------------------------------------------------------------------

    def _take(self, packet: Packet) -> None:
        if not self._admitted:
            self._on_connect(packet)
            return
        handler = self._handlers.get(packet.kind)
        if handler is None:
            raise MalformedPacketError(f"a client does not send {packet.kind.name} here")
        handler(packet)

    def _on_connect(self, packet: Packet) -> None:
        connect = packets.read_connect(packet)
        code = self._judge(connect)
        self._write(packets.connack(code))
        if code != ConnectCode.ACCEPTED:
            log.warning("%s (%s) is refused: %s", connect.username, connect.client_id, code.name)
            self.evict()
            return
        if connect.will is not None:
            check_topic(connect.will.topic)
        self.client_id = connect.client_id if connect.client_id else f"unnamed-{id(self)}"
        self.username = connect.username if connect.username is not None else ""
        self._will = connect.will
        self._keepalive_s = connect.keepalive_s * 1.5
        self._admitted = True
        self._exchange.arrive(self)
        self._heard()

    def _judge(self, connect: packets.Connect) -> ConnectCode:
        if connect.protocol_level not in (3, 4):
            return ConnectCode.WRONG_PROTOCOL
        if not connect.client_id and not connect.clean_session:
            return ConnectCode.WRONG_CLIENT_ID
        if not self._exchange.admits(connect.username, connect.password):
            return ConnectCode.NOT_PERMITTED
        return ConnectCode.ACCEPTED

    def _on_publish(self, packet: Packet) -> None:
        publication = packets.read_publish(packet)
        check_topic(publication.topic)
        number = publication.packet_id
        if number is None or publication.qos == 1 or number not in self._unreleased:
            self._exchange.publish(self.username, publication)
        if number is None:
            return
        if publication.qos == 2:
            self._unreleased.add(number)
        self._write(packets.answer(Kind.PUBACK if publication.qos == 1 else Kind.PUBREC, number))

    def _on_pubrel(self, packet: Packet) -> None:
        number = packets.read_packet_id(packet)
        self._unreleased.discard(number)
        self._write(packets.answer(Kind.PUBCOMP, number))

    def _on_subscribe(self, packet: Packet) -> None:
        number, wanted = packets.read_subscribe(packet)
        granted = [self._exchange.subscribe(self, topic_filter, qos) for topic_filter, qos in wanted]
        codes = bytes(0x80 if quality is None else quality for quality in granted)
        self._write(packets.answer(Kind.SUBACK, number, codes))
        for (topic_filter, _), quality in zip(wanted, granted, strict=True):
            if quality is not None:
                self._exchange.repeat_retained(self, topic_filter, quality)

    def _on_unsubscribe(self, packet: Packet) -> None:
        number, filters = packets.read_unsubscribe(packet)
        for topic_filter in filters:
            self._exchange.unsubscribe(self, topic_filter)
        self._write(packets.answer(Kind.UNSUBACK, number))

    def _on_ping(self, _packet: Packet) -> None:
        self._write(packets.pingresp())

    def _on_disconnect(self, _packet: Packet) -> None:
        self._will = None
        self.evict()

    # inside -----------------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _heard(self) -> None:
        """Put off the moment at which the client counts as lost."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._keepalive_s > 0 and self._transport is not None:
            self._watch = asyncio.get_running_loop().call_later(self._keepalive_s, self.evict)


def _ignore(_packet: Packet) -> None:
    """TCP has delivered it; sessions, for which acknowledgements would matter, are not kept."""
