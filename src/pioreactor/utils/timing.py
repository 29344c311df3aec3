"""Time under the names plugins import. It is the clock's of the unit, so that it may also be virtual."""

from __future__ import annotations

import logging as standard_logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from pioreactor.clock.repeating import Repeating
from pioreactor.runtime import context
from pioreactor.structs.encoding import from_timestamp, to_timestamp

to_iso_format = to_timestamp
to_datetime = from_timestamp


def current_utc_datetime() -> datetime:
    return context.current().clock.now()


def current_utc_timestamp() -> str:
    """Return the moment as `2030-01-31T12:00:00.000Z`."""
    return to_timestamp(current_utc_datetime())


def current_utc_datestamp() -> str:
    """Return the day as `2030-01-31`."""
    return current_utc_datetime().strftime("%Y-%m-%d")


@contextmanager
def catchtime() -> Iterator[Callable[[], float]]:
    """Give a function that returns the seconds since the block began."""
    clock = context.current().clock
    start_s = clock.monotonic()
    yield lambda: clock.monotonic() - start_s


class RepeatedTimer(Repeating):
    """Calls a function each `interval` seconds, beside everything else, once `start` was called."""

    def __init__(
        self, interval: float, function: Callable[..., object], job_name: str | None = None,
        run_immediately: bool = False, run_after: float | None = None, args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        logger: standard_logging.Logger | standard_logging.LoggerAdapter[standard_logging.Logger] | None = None,
        **_ignored: object,
    ) -> None:  # fmt: skip
        runtime, given = context.current(), dict(kwargs if kwargs is not None else {})
        say = logger if logger is not None else standard_logging.getLogger(job_name if job_name else "RepeatedTimer")

        def call() -> None:
            with context.using(runtime):
                function(*args, **given)

        super().__init__(
            runtime.clock, interval, call, name=job_name if job_name else "RepeatedTimer",
            run_immediately=run_immediately, run_after_s=run_after if run_after is not None else 0.0,
            on_error=lambda error: say.error("%s", error, exc_info=error),
        )  # fmt: skip

    def start(self) -> RepeatedTimer:  # type: ignore[override]  # plugins chain it to the constructor
        super().start()
        return self
