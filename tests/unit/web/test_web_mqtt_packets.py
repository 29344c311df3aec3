"""MQTT packets of browsers: what gets through, and what a CONNECT becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.exc import InvalidRequestError, NotPermittedError
from pioreactor.web.live.packets import LARGEST_PACKET, Credentials, Packets, as_reader, check_reader

READER = Credentials("viewer", "secret")


def text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def connect(*, level: int = 4, flags: int = 0x02, rest: bytes = b"", properties: bytes | None = None) -> bytes:
    body = text("MQTT") + bytes((level, flags)) + (60).to_bytes(2, "big")
    body += b"" if properties is None else bytes((len(properties),)) + properties
    body += text("my-job") + rest
    return bytes((0x10, len(body))) + body


def test_a_connect_gets_our_name_and_the_readers_credentials_and_loses_its_will() -> None:
    will = text("pioreactor/u/e/stirring/$state") + text("lost")
    greedy = connect(flags=0xC4 | 0x28, rest=will + text("leader") + text("guess"))

    sent = as_reader(greedy, client_id="browser-1", credentials=READER)

    body = (
        text("MQTT") + bytes((4, 0xC2)) + (60).to_bytes(2, "big") + text("browser-1") + text("viewer") + text("secret")
    )
    assert sent == bytes((0x10, len(body))) + body


def test_mqtt_5_keeps_its_properties() -> None:
    properties = bytes((0x21, 0, 20))
    sent = as_reader(connect(level=5, properties=properties), client_id="b", credentials=None)
    assert sent == bytes((0x10, 17)) + text("MQTT") + bytes((5, 2)) + (60).to_bytes(2, "big") + bytes((3,)) + (
        properties + text("b")
    )


def test_an_endless_keepalive_gets_an_end() -> None:
    body = text("MQTT") + bytes((4, 2, 0, 0)) + text("x")
    sent = as_reader(bytes((0x10, len(body))) + body, client_id="b", credentials=None)
    assert int.from_bytes(sent[10:12], "big") == 300


@pytest.mark.parametrize("packet", [b"\x10\x00", b"\x82\x02ab", b"\x10\x04\x00\x04MQ", connect(level=3)])
def test_what_is_no_greeting_is_refused(packet: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        as_reader(packet, client_id="b", credentials=READER)


@pytest.mark.parametrize("kind", [1, 2, 3, 6, 9, 11, 13, 15])
def test_readers_do_not_write(kind: int) -> None:
    with pytest.raises(NotPermittedError):
        check_reader(bytes((kind << 4, 0)))


@pytest.mark.parametrize("kind", [4, 5, 7, 8, 10, 12, 14])
def test_readers_subscribe_and_acknowledge(kind: int) -> None:
    check_reader(bytes((kind << 4, 0)))


def test_a_packet_that_is_too_large_is_refused_before_it_is_kept() -> None:
    with pytest.raises(InvalidRequestError):
        Packets().feed(b"\x82\xff\xff\xff\x7f")
    with pytest.raises(InvalidRequestError):
        Packets().feed(b"\x82\xff\xff\xff\xff\xff")
    assert LARGEST_PACKET < 1_000_000


@given(bodies=st.lists(st.tuples(st.sampled_from([4, 8, 12]), st.binary(max_size=300)), max_size=6), data=st.data())
def test_packets_are_found_however_they_are_cut(bodies: list[tuple[int, bytes]], data: st.DataObject) -> None:
    packets = []
    for kind, body in bodies:
        low, high = len(body) & 0x7F, len(body) >> 7
        packets.append(bytes((kind << 4,)) + (bytes((low | 0x80, high)) if high else bytes((low,))) + body)
    stream = b"".join(packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader, found = Packets(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:end])
    assert found == packets
