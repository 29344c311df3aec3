"""Imports paho's client without what it needs for WebSockets, TLS and proxies alone.

Those cost each job 20 ms of start and 3 MB of memory, for code that connects by a plain socket. Stand-ins take their
place; each gives the real module's names as soon as one is asked for.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

_SELDOM_USED: Final = ("ssl", "hashlib", "urllib.request")
_ASKED_FOR_AT_EACH_READ: Final = ("SSLWantReadError", "SSLWantWriteError")

_one_at_a_time = threading.Lock()


class _NeverRaised(Exception):
    """What a plain socket cannot raise."""


class _StandIn(ModuleType):
    """Loads the module it stands for at the first use of a name, but for those that only a loaded module can raise."""

    def __getattr__(self, name: str) -> Any:
        if name in _ASKED_FOR_AT_EACH_READ and self.__name__ not in sys.modules:
            return _NeverRaised
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Put stand-ins where nothing was imported yet, for the length of a block."""
    put = [name for name in _SELDOM_USED if name not in sys.modules]
    for name in put:
        sys.modules[name] = _StandIn(name)
    try:
        yield
    finally:
        for name in put:
            if isinstance(sys.modules.get(name), _StandIn):
                del sys.modules[name]


def load_client() -> Any:
    """Return the module `paho.mqtt.client`."""
    with _one_at_a_time:  # each bus loads it on its own thread, and half of a module has no client
        loaded = sys.modules.get("paho.mqtt.client")
        if loaded is not None:
            return loaded
        with _stand_ins():
            return importlib.import_module("paho.mqtt.client")
