"""Ports for clusters that a test starts."""

import random
import socket
from contextlib import closing

BELOW_EPHEMERAL = range(15_000, 32_000)
"""The system gives connections their ports from 32768 on: one of those may be taken a moment after it was free."""
_random = random.SystemRandom()


def free_ports(count: int) -> int:
    """Return the first of `count` consecutive free ports: a cluster takes one for each unit."""
    while True:
        first = _random.choice(BELOW_EPHEMERAL)
        if all(_is_free(first + number) for number in range(count)):
            return first


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
