"""`pio rehearse`: a profile on simulated units of those that would run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

import click
import msgspec

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_result
from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.kept_rehearsals import KeptRehearsals
from pioreactor.experiment_profiles.rehearsal_data import Rehearsal, RehearsalResult
from pioreactor.experiment_profiles.rehearsal_plan import MAX_HOURS, MAX_RUNS, RehearsalPlan, checked_plan
from pioreactor.experiment_profiles.run_profile import find_file
from pioreactor.rehearsal.dask_scheduler import Dask
from pioreactor.rehearsal.plan_of_cluster import ClusterRehearsal
from pioreactor.rehearsal.rehearsal_progress import TimeLimit, as_bar, as_lines, canceled_by_sigterm, print_line
from pioreactor.rehearsal.rehearsal_text import text_of
from pioreactor.rehearsal.rehearsals_command import named
from pioreactor.rehearsal.rehearse import rehearse
from pioreactor.rehearsal.schedulers import Processes, Scheduler
from pioreactor.structs import to_timestamp


class NoRunEndedError(PioreactorError):
    """No run of a rehearsal has ended, or each has failed: there is nothing to show."""

    code = "no_run_ended"


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
@click.option(
    "--scheduler", metavar="ADDRESS",
    help="Dask scheduler whose workers carry out the runs. Default: [rehearsal] scheduler, or else this machine.",
)  # fmt: skip
@click.option("--plan", type=click.File("rb"), help="Read all of this as JSON instead; - for standard input.")
@click.option(
    "--max-minutes", type=click.FloatRange(0.01, 10_000), default=10_000, metavar="NUMBER",
    help="End after this time of the clock, with the runs that have ended. Default: a week.",
)  # fmt: skip
@click.option("--keep/--no-keep", default=True, help="Keep the result for `pio rehearsals`. Default: keep.")
@click.option("--json-progress", is_flag=True, help="Print progress and result as lines of JSON.")
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
    scheduler: str | None,
    plan: IO[bytes] | None,
    max_minutes: float,
    keep: bool,
    json_progress: bool,
    as_json: bool,
) -> None:
    """Rehearse PROFILE on simulated units in virtual time.

    Shows optical density, growth, temperature and volume to expect, when each bottle is empty or full, and what would
    go wrong. Ctrl-C ends it with the runs that have ended. The result is kept: see `pio rehearsals`.
    """
    if (plan is None) == (profile is None):
        raise click.UsageError("Name a profile, or pass --plan.")
    if processes is not None and scheduler:
        raise click.UsageError("--processes are of this machine: they cannot be combined with --scheduler.")
    # A plan that another program made is as short as a look at a proposal, which must not wait for other machines.
    configured = cli.settings.rehearsal.scheduler if plan is None else ""
    run = _Run(chosen_scheduler(scheduler, processes, configured), max_minutes, as_json, json_progress)
    if plan is not None:
        run.finish(run.rehearsed(checked_plan(plan.read())), None)
        return
    bottles_ml = {"media": media, "alt_media": alt_media, "waste": waste}
    of_cluster = ClusterRehearsal(
        cli.ask,
        cli.settings.cluster.leader_hostname or cli.runtime.unit,
        find_file(cli.runtime, str(profile)).read_text(encoding="utf-8"),
        named(cli, experiment),
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
    found = run.rehearsed(made)
    found = msgspec.structs.replace(found, notes=[*found.notes, *of_cluster.changes()])
    kept = KeptRehearsals(cli.paths.rehearsals)
    run.finish(found, kept.keep(found, cli.runtime.clock.now()) if keep else None)


def chosen_scheduler(given: str | None, processes: int | None, configured: str) -> Scheduler:
    """Return where the runs are carried out: what the command line says, else the configuration, else this machine."""
    address = configured if given is None and processes is None else given
    return Dask(address) if address else Processes(processes)


@dataclass
class _Run:
    """Carries a plan out and shows what was found; Ctrl-C, or the end of the time, ends it early."""

    scheduler: Scheduler
    max_minutes: float
    as_json: bool
    as_lines: bool
    was_interrupted: bool = False

    def rehearsed(self, plan: RehearsalPlan) -> Rehearsal:
        limit = TimeLimit(60.0 * self.max_minutes)
        with canceled_by_sigterm(limit), as_lines() if self.as_lines else as_bar() as limit.tell:
            found = rehearse(plan, scheduler=self.scheduler, progress=limit)
        self.was_interrupted = not (found.is_complete or limit.is_over)
        if self.was_interrupted and not found.runs:
            raise KeyboardInterrupt
        if not found.runs:
            raise NoRunEndedError(
                f"no run has ended within {self.max_minutes:g} min",
                remedy="Rehearse fewer hours, or allow more time.",
            )
        if found.failed_runs == found.runs:
            raise NoRunEndedError("every run failed", remedy=found.notes[-1])
        late = [f"It was ended after {self.max_minutes:g} min."] if limit.is_over else []
        return msgspec.structs.replace(found, notes=[*found.notes, *late])

    def finish(self, found: Rehearsal, id_: str | None) -> None:
        """Show a rehearsal, kept as `id_`; one that was interrupted ends as an interrupted command does."""
        if id_ is not None:
            again = f"pio rehearsals compare --experiment '{found.experiment}'"
            click.echo(f"Kept as {id_}. After the run: {again}", err=True)
        if self.as_lines:
            print_line(RehearsalResult(id_, found if id_ is None else None))
        else:
            print_result(found, self.as_json, text_of(found))
        if self.was_interrupted:
            raise KeyboardInterrupt
