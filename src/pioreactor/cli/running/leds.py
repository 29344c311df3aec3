"""`pio run led_intensity`."""

from __future__ import annotations

from collections.abc import Iterable

import click

from pioreactor.actions.led_intensity import ALL_LED_CHANNELS
from pioreactor.actions.led_intensity import led_intensity as set_led_intensity
from pioreactor.exc import ActuatorInUseError, PioreactorError
from pioreactor.runtime import context
from pioreactor.types import LedChannel

_PERCENT = click.FloatRange(0, 100)


ATTEMPTS = 6
PAUSE_S = 0.5
"""An OD reading locks the LEDs for about a second, so a locked LED is tried again."""


def _set_with_retries(desired: dict[LedChannel, float], *, verbose: bool, source_of_event: str) -> bool:
    clock = context.current().clock
    for attempt in range(ATTEMPTS):
        if set_led_intensity(desired, verbose=verbose, source_of_event=source_of_event):
            return True
        if attempt + 1 < ATTEMPTS:
            clock.sleep(PAUSE_S)
    return False


@click.command(name="led_intensity")
@click.option("--A", "a", type=_PERCENT, default=None, help="Intensity of LED A [%].")
@click.option("--B", "b", type=_PERCENT, default=None, help="Intensity of LED B [%].")
@click.option("--C", "c", type=_PERCENT, default=None, help="Intensity of LED C [%].")
@click.option("--D", "d", type=_PERCENT, default=None, help="Intensity of LED D [%].")
@click.option("--source-of-event", default="CLI", help="What caused it, for the record.")
@click.option("--no-log", is_flag=True, help="Do not record it.")
def led_intensity(
    a: float | None, b: float | None, c: float | None, d: float | None, source_of_event: str, no_log: bool
) -> None:
    """Set LEDs to intensities of 0–100 %. They stay on until they are set to 0, also by `pio kill`."""
    given = zip(ALL_LED_CHANNELS, (a, b, c, d), strict=True)
    desired = {channel: intensity for channel, intensity in given if intensity is not None}
    if not desired:
        raise click.UsageError("give at least one of --A, --B, --C, --D")
    if not _set_with_retries(desired, verbose=not no_log, source_of_event=source_of_event):
        raise _refusal(desired)


def _refusal(channels: Iterable[LedChannel]) -> PioreactorError:
    """Return why LEDs could not be set: who holds them, or a fault that is in the log."""
    ownership = context.current().ownership
    holders = {channel: ownership.holder(f"led-{channel}") for channel in channels}
    held = [f"LED {channel} is in use by {holder}" for channel, holder in holders.items() if holder is not None]
    if held:
        return ActuatorInUseError("; ".join(held), remedy="Stop or pause that job, or choose another LED.")
    return PioreactorError("not every LED could be set", remedy="See the log: pio logs -n 5")
