"""What is done when an experiment is repeated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Start:
    """A job that is started, or a dose, `at_s` seconds after the first record; `argv` is what follows `pio run`."""

    at_s: float
    unit: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A setting of a running job that is changed; `$state` of `disconnected` ends it."""

    at_s: float
    unit: str
    job: str
    setting: str
    value: str


Action = Start | Change
