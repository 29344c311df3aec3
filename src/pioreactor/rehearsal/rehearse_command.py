"""`pio rehearse`, and `pio rehearsals` about those that are kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import click
import msgspec

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.exc import InvalidRequestError
from pioreactor.experiment_profiles.profile_struct import read_profile
from pioreactor.experiment_profiles.rehearsal_data import (
    BOTTLES,
    MAX_HOURS,
    MAX_RUNS,
    Range,
    Rehearsal,
    RehearsalPlan,
    RehearsedUnit,
)
from pioreactor.experiment_profiles.run_profile import find_file
from pioreactor.rehearsal.comparison import Compared, compared
from pioreactor.rehearsal.kept_rehearsals import KeptRehearsals
from pioreactor.rehearsal.parameters import scenario_fields
from pioreactor.rehearsal.present_state import changes_since, checked_plan, read_units, with_bottles
from pioreactor.rehearsal.rehearse import rehearse, usual_hours
from pioreactor.rehearsal.schedulers import Processes
from pioreactor.structs import to_timestamp

_COLUMNS = "{:<16} {:<10} {:>10} {:>10} {:>10}   {}"


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
        _show(_rehearsed(checked_plan(plan.read()), processes), as_json=as_json)
        return
    assert profile is not None
    name = _name(cli, experiment)
    text = find_file(cli.runtime, profile).read_text(encoding="utf-8")
    usual, note = usual_hours(read_profile(text))
    notes = [note] if note and hours is None else []
    sizes = dict(zip(BOTTLES, (media, alt_media, waste), strict=True))
    present = _present(cli, name, units, from_now=from_now, tell=notes.append)
    made = RehearsalPlan(
        profile=text,
        experiment=name,
        units=tuple(with_bottles(present, {bottle: size for bottle, size in sizes.items() if size is not None})),
        scenario=scenario_fields(strain),
        hours=hours if hours is not None else usual,
        runs=runs,
        seed=seed,
        started_at=to_timestamp(cli.runtime.clock.now()),
        notes=tuple(notes),
    )
    found = _rehearsed(made, processes)
    if from_now:
        later = _present(cli, name, units, from_now=True, tell=notes.append)
        found = msgspec.structs.replace(found, notes=[*found.notes, *_changed(present, later)])
    id_ = _kept(cli).keep(found, cli.runtime.clock.now())
    _show(found, as_json=as_json)
    click.echo(f"Kept as {id_}. After the run: pio rehearsals compare --experiment '{name}'", err=True)


def _present(
    cli: CliContext, experiment: str, only: Sequence[str], *, from_now: bool, tell: Callable[[str], None]
) -> list[RehearsedUnit]:
    leader = cli.settings.cluster.leader_hostname
    asked = leader if leader else cli.runtime.unit
    found = read_units(cli.ask, asked, experiment, from_now=from_now, only=only, tell=tell)
    for unit in found:
        if from_now and unit.od is None:
            tell(f"{unit.name}: optical density is not known (no OD calibration); it begins with that of the strain.")
    return found


def _changed(present: Sequence[RehearsedUnit], later: Sequence[RehearsedUnit]) -> list[str]:
    changes = changes_since(present, later)
    return [f"Changed since the rehearsal began: {', '.join(changes)}."] if changes else []


def _kept(cli: CliContext) -> KeptRehearsals:
    return KeptRehearsals(cli.paths.storage / "rehearsals")


def _rehearsed(plan: RehearsalPlan, processes: int | None) -> Rehearsal:
    """Run a plan with a progress bar; Ctrl-C ends it early."""
    with click.progressbar(length=1000, label="Rehearsing", file=sys.stderr) as bar:

        def progress(share: float) -> bool:
            bar.update(round(share * 1000) - bar.pos)
            return True

        found = rehearse(plan, scheduler=Processes(processes), progress=progress)
    if not found.runs:
        raise InvalidRequestError("the rehearsal was canceled before a run had ended")
    return found


# ---- what is shown --------------------------------------------------------------------------------------------------


def _show(found: Rehearsal, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    end = "does not end" if found.finishes_at_h is None else f"ends after {found.finishes_at_h.median:.4g} h"
    partly = "" if found.is_complete else " (canceled)"
    click.echo(
        f"{found.profile_name}: {found.runs} runs{partly}, {found.hours[-1] if found.hours else 0:.4g} h; it {end}."
    )
    click.echo(_COLUMNS.format("", "unit", "5 %", "median", "95 %", ""))
    for unit in found.units:
        for name, label in (
            ("od", "OD at the end"), ("growth_rate_per_h", "growth [1/h]"), ("celsius", "liquid [°C]"),
            ("volume_ml", "volume [mL]"),
        ):  # fmt: skip
            band = getattr(unit, name)
            click.echo(_row(label, unit.name, Range(band.low[-1], band.median[-1], band.high[-1]), ""))
        for bottle in unit.bottles:
            click.echo(
                _row(f"{bottle.bottle} [mL]", unit.name, bottle.used_ml, _end_of(bottle.bottle, bottle.ends_at_h))
            )
    _show_hazards(found)
    for note in found.notes:
        click.echo(f"Note: {note}")


def _row(label: str, unit: str, values: Range, words: str) -> str:
    shown = (f"{value:.4g}" for value in (values.low, values.median, values.high))
    return _COLUMNS.format(label, unit, *shown, words).rstrip()


def _end_of(bottle: str, ends_at_h: Range | None) -> str:
    if ends_at_h is None:
        return ""
    return f"{'full' if bottle == 'waste' else 'empty'} after {ends_at_h.low:.3g} to {ends_at_h.high:.3g} h"


def _show_hazards(found: Rehearsal) -> None:
    click.echo("Hazards:" if found.hazards else "No hazards.")
    for one in found.hazards:
        place = "" if one.line is None else f"line {one.line}: "
        click.echo(f"  {one.at_h:7.2f} h  {one.unit}  {one.runs} of {found.runs} runs  {place}{one.message}")
        click.echo(f"             {one.cure}")


@click.group(name="rehearsals")
def rehearsals() -> None:
    """Look at rehearsals that are kept, beside what really happened."""


_experiment = click.option("--experiment", metavar="NAME", help="Default: the experiment of this unit.")


@rehearsals.command(name="list")
@_experiment
@json_option
@pass_cli_context
def list_(cli: CliContext, experiment: str | None, as_json: bool) -> None:
    """List the rehearsals of an experiment, oldest first."""
    ids = _kept(cli).ids(_name(cli, experiment))
    _print(ids, as_json=as_json, lines=ids)


@rehearsals.command()
@click.argument("rehearsal_id", required=False)
@_experiment
@json_option
@pass_cli_context
def show(cli: CliContext, rehearsal_id: str | None, experiment: str | None, as_json: bool) -> None:
    """Show a rehearsal, the last one unless an id is given."""
    _show(_kept(cli).load(_name(cli, experiment), rehearsal_id), as_json=as_json)


@rehearsals.command()
@click.argument("rehearsal_id", required=False)
@_experiment
@click.option("--began-at", metavar="TIME", help="When the real run began (UTC). Default: when the rehearsal did.")
@json_option
@pass_cli_context
def compare(
    cli: CliContext, rehearsal_id: str | None, experiment: str | None, began_at: str | None, as_json: bool
) -> None:
    """Compare a rehearsal with what was recorded since it, or since the given time."""
    kept = _kept(cli).load(_name(cli, experiment), rehearsal_id)
    rows = compared(kept, Path(cli.database()), began_at if began_at is not None else kept.started_at)
    _print(rows, as_json=as_json, lines=[_compared_line(row) for row in rows] or ["Nothing was recorded since."])


def _compared_line(row: Compared) -> str:
    share = "" if row.within_band is None else f"{100 * row.within_band:.0f} % within the band"
    words = f"recorded {row.recorded:.4g} {share}".rstrip()
    return _row(row.quantity, row.unit, Range(row.low, row.forecast, row.high), words)


def _print(value: object, *, as_json: bool, lines: Sequence[str]) -> None:
    click.echo(msgspec.json.encode(value).decode() if as_json else "\n".join(lines))


def _name(cli: CliContext, experiment: str | None) -> str:
    return experiment if experiment is not None else str(cli.runtime.identity.experiment())
