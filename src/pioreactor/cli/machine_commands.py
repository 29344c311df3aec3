"""Commands of `pios` about the machines of the cluster: configuration, clocks, files, reboot and shutdown."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final, TypedDict
from urllib.parse import quote

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, units_options, yes_option
from pioreactor.cli.render import print_json, print_table
from pioreactor.cli.unit_selection import confirm, for_each, targets
from pioreactor.exc import InvalidRequestError, NotFoundError, PioreactorError
from pioreactor.http.fanout import UnitReport
from pioreactor.http.units import decoded

_SYNC_TIMEOUT_S: Final = 60.0
_COPY_TIMEOUT_S: Final = 60.0


class ClockOfUnit(TypedDict):
    """A unit's answer about its clock."""

    clock_time: str
    synchronized: bool | None


class ConfigsSynced(TypedDict):
    """What the leader answers: the report of each unit."""

    shared: dict[str, UnitReport]
    specific: dict[str, UnitReport]


@click.command(name="sync-configs")
@click.option("--shared", is_flag=True, help="Only the shared file: send it to the workers.")
@click.option("--specific", is_flag=True, help="Only the units' own files: send those that wait, read the others.")
@click.option("--skip-save", is_flag=True, help="Only read the units' own files: neither send nor keep them.")
@units_options
@yes_option
@json_option
@pass_cli_context
def sync_configs(
    cli: CliContext,
    shared: bool,
    specific: bool,
    skip_save: bool,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Send the shared configuration to the units, and their own where it waits; read the others into the history.

    Both by default. An own file was saved on the leader while its unit was away, or was edited on the unit.
    """
    chosen = targets(cli, units, experiments)
    confirm(f"Synchronize the configuration of {', '.join(chosen)}?", yes)
    body = {
        "units": chosen,
        "shared": shared or not specific,
        "specific": specific or not shared,
        "skip_save": skip_save,
    }
    answer = cli.ask_leader("POST", "/api/config/sync", json=body, timeout_s=_SYNC_TIMEOUT_S)
    done = decoded(answer, ConfigsSynced)
    if as_json:
        print_json(done)
    failed = [
        line
        for what, reports in (("shared configuration", done["shared"]), ("own configuration", done["specific"]))
        for line in _print_reports(what, reports, silent=as_json)
    ]
    if failed:
        raise PioreactorError(
            f"not in step: {', '.join(dict.fromkeys(failed))}",
            remedy="A unit that is away gets its configuration when it answers again; see the page Configuration.",
        )


def _print_reports(what: str, reports: dict[str, UnitReport], *, silent: bool) -> list[str]:
    """Print the answer of each unit; return the units that failed."""
    failed = []
    for unit, one in reports.items():
        if one.get("ok"):
            line = f"{unit}: {what} in step."
        else:
            error = one.get("error")
            reason = error.get("message") if isinstance(error, dict) else error
            line = f"{unit}: {what} not in step: {reason}"
            failed.append(unit)
        if not silent:
            click.echo(line, err=not one.get("ok"))
    return failed


@click.group(cls=SuggestingGroup)
def clock() -> None:
    """Show and set the clocks of the cluster."""


@clock.command(name="show")
@units_options
@json_option
@pass_cli_context
def show_clocks(cli: CliContext, units: tuple[str, ...], experiments: tuple[str, ...], as_json: bool) -> None:
    """Print the clock of each unit, how far it is from that of this machine, and whether it follows a time server."""

    def ask(unit: str) -> dict[str, object]:
        told = decoded(cli.ask(unit, "GET", "/unit_api/system/utc_clock", timeout_s=5), ClockOfUnit)
        ahead_s = (datetime.fromisoformat(told["clock_time"]) - cli.runtime.clock.now()).total_seconds()
        synchronized = {True: "yes", False: "no", None: "unknown"}[told["synchronized"]]
        return {"clock_time": told["clock_time"], "ahead_s": round(ahead_s, 1), "synchronized": synchronized}

    def show(answers: dict[str, dict[str, object]]) -> None:
        rows = [{"unit": unit, **one} for unit, one in answers.items()]
        print_table(rows, ["unit", "clock_time", "ahead_s", "synchronized"], none="No clocks.")
        late = [str(row["unit"]) for row in rows if row["synchronized"] == "no"]
        if late:
            click.echo(f"No time server is followed by {', '.join(late)}. Set them: pios clock set", err=True)

    for_each(targets(cli, units, experiments), ask, as_json=as_json, show=show)


@clock.command(name="set")
@click.argument("moment", metavar="[TIME]", required=False)
@yes_option
@json_option
@pass_cli_context
def set_clocks(cli: CliContext, moment: str | None, yes: bool, as_json: bool) -> None:
    """Set the leader's clock to TIME (ISO, UTC), and have the workers follow it at once.

    Without TIME the leader's clock stays as it is.
    """
    from pioreactor.identity.system_clock import parse_moment

    if moment is not None:
        parse_moment(moment)
    which = f"Set the clocks of the cluster to {moment}" if moment else "Set the clocks of the workers by the leader's"
    confirm(f"{which}? Readings that are recorded meanwhile get steps in their times", yes)
    answer = cli.ask_leader("POST", "/api/system/utc_clock", json={"utc_clock_time": moment}, timeout_s=90)
    reports = decoded(answer, dict[str, UnitReport])
    if as_json:
        print_json(reports)
    failed = _print_reports("clock", reports, silent=as_json)
    if failed:
        raise PioreactorError(f"not in step: {', '.join(failed)}", remedy="See: pios clock show")


@click.command(name="cp")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", required=False)
@units_options
@yes_option
@json_option
@pass_cli_context
def copy(
    cli: CliContext,
    source: Path,
    target: str | None,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Copy a file into the data folder of each unit; TARGET is below ~/.pioreactor, by default where SOURCE is."""
    chosen = targets(cli, units, experiments)
    below = target if target is not None else _below_data_folder(cli, source)
    confirm(f"Copy {source} to {below} on {', '.join(chosen)}?", yes)
    content = source.read_bytes()
    path = f"/unit_api/system/path/{quote(below)}"
    others = [unit for unit in chosen if unit != cli.runtime.unit or target is not None]
    for_each(
        others,
        lambda unit: cli.fetch(unit, "PUT", path, body=content, timeout_s=_COPY_TIMEOUT_S).decode(),
        as_json=as_json,
    )


@click.command(name="rm")
@click.argument("file")
@units_options
@yes_option
@json_option
@pass_cli_context
def remove(
    cli: CliContext, file: str, units: tuple[str, ...], experiments: tuple[str, ...], yes: bool, as_json: bool
) -> None:
    """Remove a file of the data folder (below ~/.pioreactor) on each unit."""
    chosen = targets(cli, units, experiments)
    below = file.removeprefix(f"{cli.paths.dot_pioreactor}/")
    confirm(f"Remove {below} on {', '.join(chosen)}?", yes)
    body = {"filepath": below}
    for_each(chosen, lambda unit: cli.ask(unit, "POST", "/unit_api/system/remove_file", json=body), as_json=as_json)


def _power_command(what: str, summary: str) -> click.Command:
    @click.command(
        name=what, help=f"{summary}: the workers, the leader only if it is named, and last. Refused where jobs run."
    )
    @click.option("--even-with-jobs", is_flag=True, help="Although jobs run, which end.")
    @units_options
    @yes_option
    @json_option
    @pass_cli_context
    def command(
        cli: CliContext,
        even_with_jobs: bool,
        units: tuple[str, ...],
        experiments: tuple[str, ...],
        yes: bool,
        as_json: bool,
    ) -> None:
        _power(cli, what, units, experiments, even_with_jobs=even_with_jobs, yes=yes, as_json=as_json)

    return command


reboot = _power_command("reboot", "Reboot machines")
shutdown = _power_command("shutdown", "Shut machines down")


def _power(
    cli: CliContext,
    what: str,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    *,
    even_with_jobs: bool,
    yes: bool,
    as_json: bool,
) -> None:
    leader = cli.settings.cluster.leader_hostname
    workers = _workers(cli, units, experiments, leader)
    leaders = [leader] if leader in units else []
    if not workers and not leaders:
        raise NotFoundError("no unit but the leader matches", remedy=f"Name it: pios {what} --units {leader}")
    confirm(f"{what.capitalize()} {', '.join([*workers, *leaders])}?", yes)
    body = {"even_with_jobs": even_with_jobs}

    def ask(unit: str) -> object:
        # Its result could not be asked for: the web server ends.
        return cli.fetch(unit, "POST", f"/unit_api/system/{what}", json=body).decode()

    for chosen in (workers, leaders):  # the leader last: it may be this machine
        if chosen:
            for_each(chosen, ask, as_json=as_json)


def _workers(cli: CliContext, units: tuple[str, ...], experiments: tuple[str, ...], leader: str) -> list[str]:
    """Return the workers that were chosen; none where only the leader was named."""
    named = tuple(unit for unit in units if unit != leader)
    if units and not named:
        return []
    return [unit for unit in targets(cli, named, experiments) if unit != leader]


def _below_data_folder(cli: CliContext, source: Path) -> str:
    root, found = cli.paths.dot_pioreactor.resolve(), source.resolve()
    if not found.is_relative_to(root):
        raise InvalidRequestError(f"{source} is not below {root}", remedy="Give TARGET, a path below it.")
    return str(found.relative_to(root))


COMMANDS: Final = (sync_configs, clock, copy, remove, reboot, shutdown)
