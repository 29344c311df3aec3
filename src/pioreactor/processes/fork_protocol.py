"""What a client and the fork server of a unit say to each other: one packet each way of a local socket."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pioreactor.processes.launch import module_argv
from pioreactor.version import __version__

STARTED: Final = b"started"
"""Followed by the number of the process. Sent by the job, whose end of the connection closes when it ends."""
ENDED: Final = b"ended"
"""Followed by the exit code, negative for a signal. The process is gone when the connection closes, not before."""
REFUSED: Final = b"refused"
"""Followed by the reason; no process was started."""
MAX_PACKET_BYTES: Final = 160_000
"""Below what Linux takes in one packet by default (212,992 bytes)."""
MAX_PATH_BYTES: Final = 107

_FIXED_AT_START: Final = ("PYTHON", "LC_", "LD_", "MALLOC_", "GLIBC_")
_WORDS_FIXED_AT_START: Final = ("LANG", "LANGUAGE")


class CannotForkError(Exception):
    """The server is absent, or cannot start this process: it has to be started in another way."""


def software() -> str:
    """Return which software this process runs: version, interpreter and folder."""
    return f"{__version__} {module_argv('')[0]} {Path(__file__).parents[1]}"


def fixed_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that Python and its libraries read once, when a process starts."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_FIXED_AT_START) or name in _WORDS_FIXED_AT_START
    }


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """A `pio` command to run. Standard input, output and error are sent beside it, in this order."""

    software: str
    folder: str
    """Working directory."""
    file_mask: int
    arguments: Sequence[str]
    """What follows `pio`."""
    environment: Mapping[str, str]

    def encode(self) -> bytes:
        """Return the packet. Raise `CannotForkError` when it is too long, or a word contains a NUL."""
        variables = (f"{name}={value}" for name, value in self.environment.items())
        count = str(len(self.arguments))
        words = (self.software, self.folder, str(self.file_mask), count, *self.arguments, *variables)
        packet = b"\0".join(os.fsencode(word) for word in words)
        if len(packet) > MAX_PACKET_BYTES or packet.count(b"\0") != len(words) - 1:
            raise CannotForkError("the command or its environment does not fit into a packet")
        return packet

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        """Raise `ValueError` for what is no request."""
        which, folder, mask, count, *rest = (os.fsdecode(word) for word in packet.split(b"\0"))
        number = int(count)
        if not 0 < number <= len(rest) or not all("=" in word for word in rest[number:]):
            raise ValueError("not a request")
        environment = {name: value for name, _, value in (word.partition("=") for word in rest[number:])}
        return cls(which, folder, int(mask), rest[:number], environment)


def is_same_user(connection: socket.socket) -> bool:
    """Return whether the kernel says that the other end is this user."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", packed)
    return bool(uid == os.geteuid())
