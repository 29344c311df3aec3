"""Commands that move liquid: one pump, a circulation, or a sequence of steps (`pumps`)."""

from __future__ import annotations

import click

from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, WASTE, DoseRequest, PumpDevice
from pioreactor.actions.pump import run_pump_action

_source_of_event = click.option("--source-of-event", default="CLI", help="What caused it, for the record.")


def _pump_command(pump: PumpDevice, summary: str) -> click.Command:
    @click.command(name=pump.event, help=summary)
    @click.option("--ml", type=click.FloatRange(0), default=None, help="Volume to move [mL].")
    @click.option("--duration", type=click.FloatRange(0), default=None, help="Time to run the pump [s].")
    @click.option("--continuously", is_flag=True, help="Run until stopped.")
    @_source_of_event
    def start(ml: float | None, duration: float | None, continuously: bool, source_of_event: str) -> None:
        if (ml is not None) + (duration is not None) + continuously != 1:
            raise click.UsageError("give exactly one of --ml, --duration and --continuously")
        outcome = run_pump_action(pump, DoseRequest(ml, duration, source_of_event))
        click.echo(f"{outcome.volume_ml:.3f} mL moved.")

    return start


def _circulation_command(pump: PumpDevice, summary: str) -> click.Command:
    @click.command(name=f"circulate_{pump.role}", help=summary)
    @click.option("--duration", type=click.FloatRange(0), required=True, help="How long to circulate [s].")
    @_source_of_event
    def start(duration: float, source_of_event: str) -> None:
        from pioreactor.actions.circulate import circulate

        added_ml, removed_ml = circulate(pump, duration, source_of_event=source_of_event)
        click.echo(f"{added_ml:.2f} mL in, up to {removed_ml:.2f} mL out.")

    return start


add_media = _pump_command(MEDIA, "Add media to the vial: a volume, a time, or until stopped.")
add_alt_media = _pump_command(ALT_MEDIA, "Add alternative media to the vial: a volume, a time, or until stopped.")
remove_waste = _pump_command(WASTE, "Remove liquid down to the efflux tube: a volume, a time, or until stopped.")
circulate_media = _circulation_command(MEDIA, "Rinse with media: add it in pulses while the waste pump runs.")
circulate_alt_media = _circulation_command(ALT_MEDIA, "Rinse with alternative media: add it while the waste pump runs.")


@click.command(name="pumps", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@_source_of_event
@click.argument("steps", nargs=-1, type=click.UNPROCESSED)
def pumps(source_of_event: str, steps: tuple[str, ...]) -> None:
    """Move liquid and wait, one step after another: --media 2 --sleep 5 --waste 2 --media_ 1 (mL, and s for sleep)."""
    from pioreactor.actions.pumps import parse_script, run_pumps
    from pioreactor.exc import StoppedError

    script = parse_script(steps)
    if not script:
        raise click.UsageError("give at least one step, such as --media 2")
    try:
        run_pumps(script, source_of_event=source_of_event)
    except StoppedError:
        click.echo("Stopped.")
