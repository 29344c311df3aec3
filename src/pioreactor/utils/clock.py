"""The computer's clock under the name plugins import."""

from __future__ import annotations

from pioreactor.runtime.context import current


def is_clock_synchronized() -> bool | None:
    """Return whether the clock follows a time server; None when the operating system does not tell."""
    return current().computer.is_clock_synchronized()
