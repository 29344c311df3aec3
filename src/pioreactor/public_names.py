"""Names of the plugin API: former ones, and those that a module loads when they are first asked for."""

import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

_log = logging.getLogger(__name__)
_logged: set[str] = set()


def warn_deprecated(former: str, present: str, *, stacklevel: int = 3) -> None:
    """Warn that a former name was used and which is the present one; log it once per process.

    Python hides a `DeprecationWarning` outside of tests, and the person who runs a plugin sees the log.
    """
    message = f"{former} is deprecated, use {present}"
    if message not in _logged:
        _logged.add(message)
        _log.warning("A plugin uses a former name: %s.", message)
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel)


def load_on_access(
    module: str, places: Mapping[str, str], *, former: Mapping[str, str] = MappingProxyType({})
) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module: `places` gives for each name the module that defines it.

    `former` gives for each former name the present one of the same module; asking for it warns.
    """

    def load(name: str) -> Any:
        if name in former:
            short = module.removeprefix("pioreactor.")
            warn_deprecated(f"{short}.{name}", f"{short}.{former[name]}")
            return getattr(sys.modules[module], former[name])
        if name not in places:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return getattr(import_module(places[name]), name)

    return load


class FormerName:
    """Attribute of a class under its former name. Reading it warns; an instance may still assign its own value."""

    def __init__(self, present: str) -> None:
        self.present = present
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object | None, owner: type) -> object:
        if instance is None:
            return self
        warn_deprecated(f"{owner.__name__}.{self.name}", self.present)
        value: object = getattr(instance, self.present)
        return value
