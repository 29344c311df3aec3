"""`pio rehearse`: a profile on simulated units of those that would run it."""

from __future__ import annotations

import sys
from typing import IO

import click
import msgspec

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_result
from pioreactor.experiment_profiles.kept_rehearsals import KeptRehearsals
from pioreactor.experiment_profiles.rehearsal_data import Rehearsal
from pioreactor.experiment_profiles.rehearsal_plan import MAX_HOURS, MAX_RUNS, RehearsalPlan, checked_plan
from pioreactor.experiment_profiles.run_profile import find_file
from pioreactor.rehearsal.plan_of_cluster import ClusterRehearsal
from pioreactor.rehearsal.rehearsal_text import text_of
from pioreactor.rehearsal.rehearsals_command import named
from pioreactor.rehearsal.rehearse import rehearse
from pioreactor.rehearsal.schedulers import Processes
from pioreactor.structs import to_timestamp


@click.command(name="rehearse")
@click.argument("profile", required=False)
@click.option("--experiment", metavar="NAME", help="Whose units. Default: the experiment of this unit.")
@click.option("--units", multiple=True, metavar="NAME", help="Only this unit; may be repeated.")
@click.option("--from-now", is_flag=True, help="Begin with the present volumes, cultures and running jobs.")
@click.option(
    "--strain", default="yeast", show_default=True, metavar="NAME|FILE",
    help="ecoli, yeast, phototroph, a scenario (pio simulate --list-scenarios) or a YAML or INI file.",
)  # fmt: skip
@click.option("--runs", type=click.IntRange(1, MAX_RUNS), default=8, show_default=True, help="How many runs.")
@click.option(
    "--hours", type=click.FloatRange(0.01, MAX_HOURS), help="Cut off after this time [h]. Default: by the profile."
)
@click.option("--seed", type=click.IntRange(0, 10**9), default=1, show_default=True, help="Same seed, same results.")
@click.option("--media", type=click.FloatRange(0.001, 100_000), help="Medium in each unit's bottle [mL].")
@click.option("--alt-media", type=click.FloatRange(0.001, 100_000), help="Alternative medium in each bottle [mL].")
@click.option("--waste", type=click.FloatRange(0.001, 100_000), help="Space in each unit's waste bottle [mL].")
@click.option("--processes", type=click.IntRange(1, 256), help="How many runs at once. Default: one for each core.")
@click.option("--plan", type=click.File("rb"), help="Read all of this as JSON instead; - for standard input.")
@json_option
@pass_cli_context
def rehearse_command(
    cli: CliContext,
    profile: str | None,
    experiment: str | None,
    units: tuple[str, ...],
    from_now: bool,
    strain: str,
    runs: int,
    hours: float | None,
    seed: int,
    media: float | None,
    alt_media: float | None,
    waste: float | None,
    processes: int | None,
    plan: IO[bytes] | None,
    as_json: bool,
) -> None:
    """Rehearse PROFILE on simulated units in virtual time.

    Shows optical density, growth, temperature and volume to expect, when each bottle is empty or full, and what would
    go wrong. Ctrl-C ends it with the runs that have ended. The result is kept: see `pio rehearsals`.
    """
    if (plan is None) == (profile is None):
        raise click.UsageError("Name a profile, or pass --plan.")
    if plan is not None:
        _finish(_rehearsed(checked_plan(plan.read()), processes), as_json)
    else:
        bottles_ml = {"media": media, "alt_media": alt_media, "waste": waste}
        name = named(cli, experiment)
        of_cluster = ClusterRehearsal(
            cli.ask,
            cli.settings.cluster.leader_hostname or cli.runtime.unit,
            find_file(cli.runtime, str(profile)).read_text(encoding="utf-8"),
            name,
            units,
            from_now,
        )
        made = of_cluster.plan(
            strain=strain,
            hours=hours,
            runs=runs,
            seed=seed,
            bottles_ml={bottle: size_ml for bottle, size_ml in bottles_ml.items() if size_ml is not None},
            started_at=to_timestamp(cli.runtime.clock.now()),
        )
        found = _rehearsed(made, processes)
        found = msgspec.structs.replace(found, notes=[*found.notes, *of_cluster.changes()])
        id_ = KeptRehearsals(cli.paths.rehearsals).keep(found, cli.runtime.clock.now())
        click.echo(f"Kept as {id_}. After the run: pio rehearsals compare --experiment '{name}'", err=True)
        _finish(found, as_json)


def _rehearsed(plan: RehearsalPlan, processes: int | None) -> Rehearsal:
    """Run a plan with a progress bar; Ctrl-C ends it early."""
    with click.progressbar(length=1000, label="Rehearsing", file=sys.stderr) as bar:

        def progress(share: float) -> bool:
            bar.update(round(share * 1000) - bar.pos)
            return True

        found = rehearse(plan, scheduler=Processes(processes), progress=progress)
    if not found.runs:
        raise KeyboardInterrupt
    return found


def _finish(found: Rehearsal, as_json: bool) -> None:
    """Show a rehearsal; one that was interrupted ends as an interrupted command does."""
    print_result(found, as_json, text_of(found))
    if not found.is_complete:
        raise KeyboardInterrupt
