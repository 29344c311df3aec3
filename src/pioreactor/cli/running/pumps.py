"""`pio run add_media`, `add_alt_media`, `remove_waste`."""

from __future__ import annotations

import click

from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, WASTE, DoseRequest, PumpDevice
from pioreactor.actions.pump import run_pump_action


def _command(pump: PumpDevice, summary: str) -> click.Command:
    @click.command(name=pump.event, help=summary)
    @click.option("--ml", type=click.FloatRange(0), default=None, help="Volume to move [mL].")
    @click.option("--duration", type=click.FloatRange(0), default=None, help="Time to run the pump [s].")
    @click.option("--continuously", is_flag=True, help="Run until stopped.")
    @click.option("--source-of-event", default="CLI", help="Who did it, for the record.")
    def start(ml: float | None, duration: float | None, continuously: bool, source_of_event: str) -> None:
        if (ml is not None) + (duration is not None) + continuously != 1:
            raise click.UsageError("give exactly one of --ml, --duration and --continuously")
        outcome = run_pump_action(pump, DoseRequest(ml, duration, source_of_event))
        click.echo(f"{outcome.volume_ml:.3f} mL moved.")

    return start


add_media = _command(MEDIA, "Add media to the vial: a volume, a time, or until stopped.")
add_alt_media = _command(ALT_MEDIA, "Add alternative media to the vial: a volume, a time, or until stopped.")
remove_waste = _command(WASTE, "Remove liquid down to the efflux tube: a volume, a time, or until stopped.")
