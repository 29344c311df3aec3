"""Which units a command of `pios` is for, and the answer of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypedDict, TypeVar
from urllib.parse import quote

import click

from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.render import print_result
from pioreactor.exc import NotFoundError, PioreactorError
from pioreactor.types import UNIVERSAL_IDENTIFIER

if TYPE_CHECKING:
    from pioreactor.http.fanout import Answered, Failed

T = TypeVar("T")


class Member(TypedDict):
    """A worker of an experiment."""

    pioreactor_unit: str


def targets(cli: CliContext, units: tuple[str, ...], experiments: tuple[str, ...]) -> list[str]:
    """Return the chosen active workers; refuse names the inventory does not have."""
    wanted = _wanted_units(cli, units, experiments)
    inventory = {worker["pioreactor_unit"]: bool(worker["is_active"]) for worker in cli.workers()}
    if unknown := sorted(set(wanted) - set(inventory)):
        raise NotFoundError(f"not in the inventory: {', '.join(unknown)}", remedy="See: pio workers status")
    everyone = UNIVERSAL_IDENTIFIER in units or not (units or experiments)
    chosen = [unit for unit, is_active in inventory.items() if is_active and (everyone or unit in wanted)]
    if not chosen:
        raise NotFoundError("no active worker matches", remedy="See: pio workers status")
    return chosen


def _wanted_units(cli: CliContext, units: tuple[str, ...], experiments: tuple[str, ...]) -> list[str]:
    """Return the units that were named, and those of the experiments that were named."""
    from pioreactor.http.units import decoded

    if units and experiments:
        raise click.UsageError("--units and --experiments are mutually exclusive.")
    named = [unit for unit in dict.fromkeys(units) if unit != UNIVERSAL_IDENTIFIER]
    for experiment in experiments:
        rows = cli.ask_leader("GET", f"/api/experiments/{quote(experiment, safe='')}/workers")
        named += [worker["pioreactor_unit"] for worker in decoded(rows, list[Member])]
    return named


def confirm(question: str, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True)


def for_each(
    units: list[str],
    ask: Callable[[str], T],
    *,
    as_json: bool,
    show: Callable[[dict[str, T]], None] | None = None,
) -> None:
    """Send the request to all units, print each response, and raise an error if one failed."""
    from pioreactor.http.fanout import Failed, ask_each, report

    answers = ask_each(units, ask)
    print_result(report(answers), as_json, lambda: _print_answers(answers, show))
    failed = [answer.unit for answer in answers if isinstance(answer, Failed)]
    if failed:
        raise PioreactorError(f"{len(failed)} of {len(units)} units failed: {', '.join(failed)}")


def _print_answers(answers: Sequence[Answered[T] | Failed], show: Callable[[dict[str, T]], None] | None) -> None:
    from pioreactor.http.fanout import Failed

    if show is not None:
        show({answer.unit: answer.value for answer in answers if not isinstance(answer, Failed)})
    for answer in answers:
        if isinstance(answer, Failed):
            click.echo(f"{answer.unit}: failed: {answer.message}", err=True)
        elif show is None:
            click.echo(f"{answer.unit}: done.")
