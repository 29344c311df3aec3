"""`pio run growth_rate_calculating`."""

from __future__ import annotations

import click

from pioreactor.runtime import context


@click.group(name="growth_rate_calculating", invoke_without_command=True)
@click.pass_context
def growth_rate_calculating(ctx: click.Context) -> None:
    """Estimate growth rate [1/h] from the OD readings of this unit and from what is dosed."""
    if ctx.invoked_subcommand is not None:
        return
    from pioreactor.background_jobs.growth_rate_calculating.job import GrowthRateCalculator

    runtime = context.current()
    with GrowthRateCalculator(runtime.unit, str(runtime.identity.experiment())) as calculator:
        calculator.block_until_disconnected()


@growth_rate_calculating.command(name="clear_cache")
def clear_cache() -> None:
    """Forget this experiment's normalisation and estimate: the next start measures them anew."""
    from pioreactor.background_jobs.growth_rate_calculating.job import NORMALIZATION_CACHE, STATE_CACHE

    runtime = context.current()
    experiment = str(runtime.identity.experiment())
    for cache in (NORMALIZATION_CACHE, STATE_CACHE):
        runtime.stores.persistent(cache).pop(experiment)
    click.echo(f"Forgotten for {experiment}.")
