"""`pio campaigns`: experiments over several factors, whose next settings follow from what was measured."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import click
import msgspec

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_list, print_result
from pioreactor.cli.sign_in_commands import opened_database
from pioreactor.exc import InvalidRequestError

if TYPE_CHECKING:
    from pioreactor.campaigns.campaign_progress import CampaignProgress, Knowledge
    from pioreactor.campaigns.objective import Outcome
    from pioreactor.storage.leader.database import LeaderDatabase
    from pioreactor.storage.leader.repositories.campaigns import Arm

_BY = "command line"


@click.group(cls=SuggestingGroup)
def campaigns() -> None:
    """Find the best setting of several factors by arms on units."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # matrices are small: more threads only cost time


@contextmanager
def _opened(cli: CliContext, name: str) -> Iterator[tuple[LeaderDatabase, CampaignProgress]]:
    from pioreactor.campaigns.campaign_progress import opened_progress

    with opened_database(cli) as database:
        yield database, opened_progress(database, name)


@campaigns.command()
@click.argument("definition", type=click.File("r", encoding="utf-8", lazy=True))
@click.option("--experiment", metavar="NAME", help="Whose units run it. Default: the experiment of this unit.")
@json_option
@pass_cli_context
def create(cli: CliContext, definition: IO[str], experiment: str | None, as_json: bool) -> None:
    """Create a campaign from a YAML file; - for standard input."""
    from pioreactor.campaigns.campaign_definition import read_definition

    text = definition.read()
    name = read_definition(text).campaign
    with opened_database(cli) as database:
        of = experiment if experiment is not None else str(cli.runtime.identity.experiment())
        database.experiments.get(of)
        made = database.campaigns.create(name, of, text)
    print_result(made, as_json, f"Created {name}. Its first arms: pio campaigns ask {name}")


@campaigns.command(name="list")
@json_option
@pass_cli_context
def list_(cli: CliContext, as_json: bool) -> None:
    """List campaigns, newest first."""
    with opened_database(cli) as database:
        found = database.campaigns.all()
    print_list(
        found,
        lambda one: {
            "campaign": one.campaign, "experiment": one.experiment, "created_at": one.created_at,
            "ended_at": one.ended_at,
        },
        as_json=as_json,
        none="There are no campaigns.",
    )  # fmt: skip


@campaigns.command()
@click.argument("name")
@json_option
@pass_cli_context
def show(cli: CliContext, name: str, as_json: bool) -> None:
    """Show the arms of a campaign; as JSON with its definition, for programs that choose settings."""
    from pioreactor.campaigns.campaign_definition import read_definition

    with opened_database(cli) as database:
        found, arms = database.campaigns.get(name), database.campaigns.arms(name)
    shown = {"campaign": found, "definition": read_definition(found.definition), "arms": arms}
    print_result(shown, as_json, lambda: _print_arms(arms, as_json=False))


@campaigns.command()
@click.argument("name")
@click.option("--count", type=click.IntRange(1, 64), help="How many settings. Default: the batch of the campaign.")
@click.option(
    "--given",
    type=click.File("rb", lazy=True),
    help="Settings that were chosen elsewhere, as a JSON list; - for standard input.",
)
@json_option
@pass_cli_context
def ask(cli: CliContext, name: str, count: int | None, given: IO[bytes] | None, as_json: bool) -> None:
    """Ask for the arms of the next settings. Arms of a unit that was removed move to other units."""
    with _opened(cli, name) as (_, progress):
        moved = progress.rescue()
        new = progress.ask(count) if given is None else progress.give(_settings(given.read()))
    for arm in moved:
        click.echo(f"arm {arm.arm} moves to {arm.unit}", err=True)
    _print_arms(new, as_json=as_json)


def _settings(text: bytes) -> list[dict[str, float]]:
    try:
        return msgspec.json.decode(text, type=list[dict[str, float]])
    except msgspec.MsgspecError as error:
        raise InvalidRequestError(
            f"these are no settings: {error}", remedy='Write [{"factor": 1.0}], with a number for each factor.'
        ) from error


@campaigns.command()
@click.argument("name")
@click.argument("arm", type=int)
@json_option
@pass_cli_context
def start(cli: CliContext, name: str, arm: int, as_json: bool) -> None:
    """Mark an arm as running, and store its profile for `pio run experiment_profile execute`."""
    with _opened(cli, name) as (_, progress):
        path = progress.start(arm, cli.paths.experiment_profiles)
    print_result({"profile": path.name}, as_json, f"Run {path.name} now: its time counts from here.")


@campaigns.command()
@click.argument("name")
@click.argument("arm", type=int)
@click.option("--objective", type=float, help="What was measured.")
@click.option("--failed", is_flag=True, help="The arm has no objective.")
@click.option("--recorded", is_flag=True, help="Take what the database has recorded since the arm was started.")
@click.option("--note", default="", help="For the record.")
@json_option
@pass_cli_context
def tell(
    cli: CliContext,
    name: str,
    arm: int,
    objective: float | None,
    failed: bool,
    recorded: bool,
    note: str,
    as_json: bool,
) -> None:
    """Tell the objective of an arm; told again, the newest counts."""
    if (objective is not None) + failed + recorded != 1:
        raise click.UsageError("Pass one of --objective, --failed and --recorded.")
    with _opened(cli, name) as (database, progress):
        told = progress.tell(database.access, arm, objective, recorded=recorded, note=note, by=_BY)
    _print_arms([told], as_json=as_json)


@campaigns.command()
@click.argument("name")
@click.option("--simulated", is_flag=True, required=True, help="On simulated reactors, in virtual time.")
@click.option(
    "--strain", default="yeast", show_default=True, metavar="NAME|FILE",
    help="The hidden strain: ecoli, yeast, phototroph, a scenario or a YAML or INI file.",
)  # fmt: skip
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="How many arms at once.")
@json_option
@pass_cli_context
def run(cli: CliContext, name: str, simulated: bool, strain: str, processes: int, as_json: bool) -> None:
    """Run a campaign to its end on simulated reactors; one that was interrupted continues."""
    from pioreactor.rehearsal.simulated_arms import run_simulated
    from pioreactor.rehearsal.strain import scenario_fields

    assert simulated, "click requires the flag"
    with _opened(cli, name) as (_, progress):
        run_simulated(progress, scenario_fields(strain), processes, _print_outcome)
        knowledge = progress.knowledge()
        text = _text(progress, knowledge)
    print_result(knowledge, as_json, text)


def _text(progress: CampaignProgress, knowledge: Knowledge) -> str:
    from pioreactor.campaigns.campaign_report import report as as_markdown

    return as_markdown(progress.definition, progress.campaigns.arms(progress.name), knowledge)


def _print_outcome(arm: Arm, outcome: Outcome) -> None:
    value = "failed: " + outcome.note if outcome.objective is None else f"{outcome.objective:.4g}"
    click.echo(f"arm {arm.arm} on {arm.unit}: {value}", err=True)


@campaigns.command()
@click.argument("name")
@json_option
@pass_cli_context
def report(cli: CliContext, name: str, as_json: bool) -> None:
    """Print what came out and what is predicted to be best, as Markdown or JSON."""
    with _opened(cli, name) as (_, progress):
        knowledge = progress.knowledge()
        text = _text(progress, knowledge)
    print_result(knowledge, as_json, text)


@campaigns.command()
@click.argument("name")
@json_option
@pass_cli_context
def end(cli: CliContext, name: str, as_json: bool) -> None:
    """End a campaign: arms that wait are withdrawn, and there will be no more."""
    with opened_database(cli) as database:
        database.campaigns.get(name)
        ended = database.campaigns.end(name)
    print_result(ended, as_json, f"Ended {name}.")


def _print_arms(arms: list[Arm], *, as_json: bool) -> None:
    print_list(
        arms,
        lambda one: {
            "arm": one.arm,
            "unit": one.unit,
            "status": one.status,
            **{factor: f"{value:g}" for factor, value in one.suggestion.setting.items()},
            "objective": one.objective,
            "why": one.suggestion.why,
        },
        as_json=as_json,
        none="There are no arms.",
    )
