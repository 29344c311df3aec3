"""How far a rehearsal is, shown as a bar or as lines of JSON, and the time that it may take."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

import click
import msgspec

from pioreactor.experiment_profiles.rehearsal_data import RehearsalProgress, RehearsalResult

Tell = Callable[[float], None]


@dataclass
class TimeLimit:
    """Tells the progress, and ends a rehearsal that has taken `limit_s` [s]."""

    limit_s: float
    tell: Tell = field(init=False)
    is_over: bool = False
    is_canceled: bool = False
    began_s: float = field(default_factory=monotonic)

    def __call__(self, share: float) -> bool:
        self.tell(share)
        self.is_over = monotonic() - self.began_s >= self.limit_s
        return not (self.is_over or self.is_canceled)

    def cancel(self) -> None:
        self.is_canceled = True


@contextmanager
def canceled_by_sigterm(limit: TimeLimit) -> Iterator[None]:
    """Let SIGTERM end a rehearsal with the runs that have ended: processes that a service starts may ignore SIGINT."""
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: limit.cancel())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def as_bar() -> Iterator[Tell]:
    """Show the share that is done as a bar on standard error."""
    with click.progressbar(length=1000, label="Rehearsing", file=sys.stderr) as bar:
        yield lambda share: bar.update(round(share * 1000) - bar.pos)


@contextmanager
def as_lines() -> Iterator[Tell]:
    """Print the share that is done, whenever it has changed by a percent."""
    told: set[int] = set()

    def tell(share: float) -> None:
        percent = round(100.0 * share)
        if percent not in told:
            told.add(percent)
            print_line(RehearsalProgress(percent / 100.0))

    yield tell


def print_line(line: RehearsalProgress | RehearsalResult) -> None:
    click.echo(msgspec.json.encode(line))
