"""`pio run stirring_calibration`."""

from __future__ import annotations

import click

from pioreactor.calibrations import store
from pioreactor.calibrations.judgment import save_judged
from pioreactor.cli.artifact_commands import print_judgment
from pioreactor.exc import ConflictError
from pioreactor.procedures.stirring_curve import calibration_of, duty_range, measure_stirring_curve
from pioreactor.runtime import context

_DUTY = click.FloatRange(1, 100)


@click.command(name="stirring_calibration")
@click.option("--min-dc", type=_DUTY, default=None, help="Lowest duty [%]. Default: 0.66 of the configured one.")
@click.option("--max-dc", type=_DUTY, default=None, help="Highest duty [%]. Default: 1.33 of the configured one.")
@click.option("--name", default=None, help="Name of the calibration. Default: stirring-<date>.")
@click.option("--set-active/--no-set-active", default=True, show_default=True, help="Use it, unless it is doubtful.")
@click.option("--overwrite", is_flag=True, help="Replace a calibration of the same name.")
def stirring_calibration(
    min_dc: float | None, max_dc: float | None, name: str | None, set_active: bool, overwrite: bool
) -> None:
    """Measure the speed of the stir bar at duties of its fan, without questions. Takes about a minute."""
    runtime = context.current()
    chosen = name if name is not None else f"stirring-{runtime.clock.now():%Y-%m-%d}"
    if chosen in store.names(runtime, "stirring") and not overwrite:
        raise ConflictError(f"stirring has a calibration {chosen!r} already", remedy="Give --overwrite or --name.")
    measured = measure_stirring_curve(min_dc, max_dc)
    asked = duty_range(runtime, min_dc, max_dc)
    calibration = calibration_of(runtime, chosen, measured)
    saved = save_judged(runtime, "stirring", calibration, activate=set_active, asked={"x": asked})
    click.echo(f"Saved {saved.name}: {len(measured['dcs'])} points.")
    print_judgment("stirring", saved.name, saved.judgment, active=saved.active)
