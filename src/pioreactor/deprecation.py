"""Reports of former names that code of plugins still uses."""

import logging
import warnings

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
