"""`pio run pumps`."""

from __future__ import annotations

import click

_ANY_OPTION = {"ignore_unknown_options": True, "allow_extra_args": True}


@click.command(name="pumps", context_settings=_ANY_OPTION)
@click.option("--source-of-event", default="CLI", help="Who did it, for the record.")
@click.argument("steps", nargs=-1, type=click.UNPROCESSED)
def pumps(source_of_event: str, steps: tuple[str, ...]) -> None:
    """Move liquid and wait, one after another: --media 2 --sleep 5 --waste 2 --media_ 1 (mL, and s for sleep)."""
    from pioreactor.actions.pumps import parse_script, run_pumps
    from pioreactor.exc import StoppedError

    script = parse_script(steps)
    if not script:
        raise click.UsageError("give at least one step, such as --media 2")
    try:
        run_pumps(script, source_of_event=source_of_event)
    except StoppedError:
        click.echo("Stopped.")
