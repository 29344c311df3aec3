"""`pio run od_blank`."""

from __future__ import annotations

import click

from pioreactor.runtime import context


@click.group(name="od_blank", invoke_without_command=True)
@click.option(
    "--n-samples",
    type=click.IntRange(6, 1000),
    default=30,
    show_default=True,
    help="Number of readings averaged.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def od_blank(ctx: click.Context, n_samples: int, as_json: bool) -> None:
    """Measure the signal of the photodiodes without a culture; OD readings of this experiment subtract it."""
    if ctx.invoked_subcommand is not None:
        return
    from pioreactor.cli.render import print_result
    from pioreactor.procedures.od_blank import measure_blank

    means = measure_blank(n_samples)
    print_result(means, as_json, *(f"photodiode {channel}: {level:.6f}" for channel, level in means.items()))


@od_blank.command()
@click.option("--experiment", default=None, help="Experiment of the blank. Default: the one this unit is assigned to.")
def delete(experiment: str | None) -> None:
    """Delete the blank: from the next start of od_reading on, readings are not corrected."""
    from pioreactor.procedures.od_blank import delete_blank

    which = experiment if experiment is not None else str(context.current().identity.experiment())
    click.echo(f"Deleted the blank of {which}." if delete_blank(which) else f"{which} has no blank.")
