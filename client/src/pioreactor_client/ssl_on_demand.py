"""Import of modules that import `ssl` before anything is asked over TLS: it costs a script 5 MB of memory."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_NAME = "ssl"
_lock = threading.RLock()


class _Placeholder(ModuleType):
    """Stands for `ssl`, and loads it at the first access to an attribute."""

    def __getattr__(self, name: str) -> object:
        with _lock:
            # Another thread may have found this in place of the module while the block below was running.
            if sys.modules.get(_NAME) is self:
                del sys.modules[_NAME]
            return getattr(importlib.import_module(_NAME), name)


@contextmanager
def ssl_on_demand() -> Iterator[None]:
    """Let modules that are imported within the block load `ssl` when they use it.

    Modules that are imported afterwards, and everybody when `ssl` is loaded already, get the real one.
    """
    placeholder = _Placeholder(_NAME)
    is_needed = sys.modules.setdefault(_NAME, placeholder) is placeholder
    try:
        yield
    finally:
        if is_needed and sys.modules.get(_NAME) is placeholder:
            del sys.modules[_NAME]
