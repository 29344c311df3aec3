"""Import of the paho client without the modules that only WebSockets, TLS and proxies need.

Those cost each job 8 MB of memory (`bench/import_costs.py`), for code that connects by a plain socket. Placeholders
replace them; each loads the real module at the first access to an attribute.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

_DEFERRED_MODULES: Final = ("ssl", "hashlib", "urllib.request")
_READ_ERRORS: Final = ("SSLWantReadError", "SSLWantWriteError")

_import_lock = threading.Lock()
_real_lock = threading.RLock()


class _NeverRaised(Exception):
    """A TLS error, which a plain socket never raises."""


class _DeferredModule(ModuleType):
    """A placeholder that loads its module at the first access to an attribute other than `_READ_ERRORS`."""

    def __getattr__(self, name: str) -> object:
        is_replaced = sys.modules.get(self.__name__, self) is not self
        if name in _READ_ERRORS and not is_replaced:
            return _NeverRaised
        with _real_lock:
            # While the client is being imported, another thread may have found this placeholder in place of the module.
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
            real = importlib.import_module(self.__name__)
        return getattr(real, name)


@contextmanager
def _deferred_modules() -> Iterator[None]:
    """Install placeholders for modules that are not imported yet, within a block."""
    installed = [name for name in _DEFERRED_MODULES if name not in sys.modules]
    for name in installed:
        sys.modules[name] = _DeferredModule(name)
    try:
        yield
    finally:
        for name in installed:
            if isinstance(sys.modules.get(name), _DeferredModule):
                del sys.modules[name]


def load_client() -> ModuleType:
    """Return the module `paho.mqtt.client`."""
    with _import_lock:  # each bus imports it on its own thread, and must not see a partially initialized module
        loaded = sys.modules.get("paho.mqtt.client")
        if loaded is not None:
            return loaded
        with _deferred_modules():
            return importlib.import_module("paho.mqtt.client")
