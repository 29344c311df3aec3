"""`pio run circulate_media`, `circulate_alt_media`."""

from __future__ import annotations

import click

from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, PumpDevice


def _command(pump: PumpDevice, summary: str) -> click.Command:
    @click.command(name=f"circulate_{pump.role}", help=summary)
    @click.option("--duration", type=click.FloatRange(0), required=True, help="How long to circulate [s].")
    @click.option("--source-of-event", default="CLI", help="Who did it, for the record.")
    def start(duration: float, source_of_event: str) -> None:
        from pioreactor.actions.circulate import circulate

        added_ml, removed_ml = circulate(pump, duration, source_of_event=source_of_event)
        click.echo(f"{added_ml:.2f} mL in, up to {removed_ml:.2f} mL out.")

    return start


circulate_media = _command(MEDIA, "Rinse with media: it is added in pulses while the waste pump runs.")
circulate_alt_media = _command(ALT_MEDIA, "Rinse with alternative media: it is added while the waste pump runs.")
