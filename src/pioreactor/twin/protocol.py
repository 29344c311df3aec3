"""Protocol between the process of a simulated reactor and jobs: msgpack arrays after a four-byte length.

A request is `[verb, argument…]`; the answer is `[true, result]`, or `[false, code, message]`.
"""

import struct

import msgspec

MAX_FRAME_BYTES = 1_000_000
_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list)


def pack(message: list[object]) -> bytes:
    """Return one frame."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def unpack(buffer: bytearray) -> list[object] | None:
    """Take one message off the front of `buffer`, or return None when it is not complete.

    Raise `ValueError` for what cannot be a message; the connection is then useless.
    """
    if len(buffer) < 4:
        return None
    (length,) = _LENGTH.unpack_from(buffer)
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a message of {length} bytes is too long")
    if len(buffer) < 4 + length:
        return None
    body = bytes(buffer[4 : 4 + length])
    del buffer[: 4 + length]
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a message: {error}") from error
