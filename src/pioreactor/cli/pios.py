"""`pios`: the same command on many units of the cluster at once; each answers separately."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import click

from pioreactor.cli import machine_commands
from pioreactor.cli.cli_context import CliContext, cli_context_of, pass_cli_context
from pioreactor.cli.commands.manage_plugins import chosen_source, source_option, version_option
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, underscored, units_options, yes_option
from pioreactor.cli.render import print_table
from pioreactor.cli.unit_selection import confirm, for_each, targets
from pioreactor.exc import PioreactorError
from pioreactor.private_files import restrict_new_files
from pioreactor.version import __version__

_TIMEOUT_S = 30.0
_INSTALL_TIMEOUT_S = 600.0


class _Assignment(TypedDict):
    """The experiment a worker is assigned to."""

    experiment: str


def main() -> None:
    """Run one command and exit with its status."""
    restrict_new_files()
    from pioreactor.cli.exit_codes import run_and_exit

    run_and_exit(pios, sys.argv[1:])


@click.group(name="pios", cls=SuggestingGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
@click.pass_context
def pios(ctx: click.Context) -> None:
    """Command many units of the cluster at once. Without --units or --experiments: all active workers."""
    cli_context_of(ctx).refuse_wrong_user()


@pios.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True})
@click.argument("job")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--config-override",
    "overrides",
    nargs=3,
    multiple=True,
    metavar="SECTION KEY VALUE",
    help="A configuration value for this run only; may be repeated.",
)
@units_options
@yes_option
@json_option
@pass_cli_context
def run(
    cli: CliContext,
    job: str,
    options: tuple[str, ...],
    overrides: tuple[tuple[str, str, str], ...],
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Start JOB on the units. Other options are passed to the job: `pios run stirring --target-rpm 400`."""
    chosen = targets(cli, units, experiments)
    confirm(f"Run {job} on {', '.join(chosen)}?", yes)
    named, plain = _as_body(options)
    body = {"options": named, "args": plain, "env": {}, "config_overrides": [list(each) for each in overrides]}
    path = f"/unit_api/jobs/run/job_name/{quote(underscored(job), safe='')}"
    for_each(chosen, lambda unit: cli.ask(unit, "PATCH", path, json=body), as_json=as_json)


@pios.command()
@click.option("--job-name", help="Jobs of this name.")
@click.option("--experiment", help="Jobs of this experiment.")
@click.option("--job-source", help="Jobs started by this.")
@click.option("--all-jobs", is_flag=True, help="All jobs except those that always run.")
@units_options
@yes_option
@json_option
@pass_cli_context
def kill(
    cli: CliContext,
    job_name: str | None,
    experiment: str | None,
    job_source: str | None,
    all_jobs: bool,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Stop jobs on the units. Several filters must all match."""
    filters = {
        name: value
        for name, value in {
            "job_name": underscored(job_name) if job_name is not None else None,
            "experiment": experiment,
            "job_source": job_source,
        }.items()
        if value is not None
    }
    if all_jobs == bool(filters):
        raise click.UsageError("Choose jobs: --job-name, --experiment, --job-source; or --all-jobs alone.")
    chosen = targets(cli, units, experiments)
    confirm(f"Stop jobs on {', '.join(chosen)}?", yes)

    def ask(unit: str) -> object:
        if all_jobs:
            return cli.ask(unit, "POST", "/unit_api/jobs/stop/all", timeout_s=_TIMEOUT_S)
        return cli.ask(unit, "POST", "/unit_api/jobs/stop", json=filters, timeout_s=_TIMEOUT_S)

    for_each(chosen, ask, as_json=as_json)


@pios.group(cls=SuggestingGroup)
def jobs() -> None:
    """List jobs of the units, change their settings."""


@jobs.command(name="list")
@click.argument("which", type=click.Choice(["all", "running"]), default="all")
@units_options
@json_option
@pass_cli_context
def list_(cli: CliContext, which: str, units: tuple[str, ...], experiments: tuple[str, ...], as_json: bool) -> None:
    """Print the jobs of the units; `pios jobs list running` only running ones."""
    from pioreactor.http.units import decoded

    path = "/unit_api/jobs/running" if which == "running" else "/unit_api/jobs"
    columns = ["unit", "job_id", "job_name", "experiment", "job_source", "started_at", "ended_at"]

    def ask(unit: str) -> list[dict[str, object]]:
        return decoded(cli.ask(unit, "GET", path), list[dict[str, object]])

    def show(answers: dict[str, list[dict[str, object]]]) -> None:
        rows = [{"unit": unit, **row} for unit, found in answers.items() for row in found]
        print_table(rows, columns, none="No jobs.")

    for_each(targets(cli, units, experiments), ask, as_json=as_json, show=show)


@jobs.command(name="set")
@click.argument("job")
@click.argument("setting")
@click.argument("value")
@units_options
@yes_option
@json_option
@pass_cli_context
def set_(
    cli: CliContext,
    job: str,
    setting: str,
    value: str,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Change a setting of a running job on the units."""
    from pioreactor.http.units import decoded

    chosen = targets(cli, units, experiments)
    confirm(f"Set {setting} of {job} to {value} on {', '.join(chosen)}?", yes)
    name = underscored(job)

    def ask(unit: str) -> object:
        worker = f"/api/workers/{quote(unit, safe='')}"
        experiment = decoded(cli.ask_leader("GET", f"{worker}/experiment"), _Assignment)["experiment"]
        path = f"{worker}/jobs/update/job_name/{name}/experiments/{quote(experiment, safe='')}"
        return cli.ask_leader("PATCH", path, json={"settings": {underscored(setting): value}}, timeout_s=_TIMEOUT_S)

    for_each(chosen, ask, as_json=as_json)


@pios.group(cls=SuggestingGroup)
def plugins() -> None:
    """Install, update, list and remove plugins on the units."""


@plugins.command(name="list")
@units_options
@json_option
@pass_cli_context
def list_plugins(cli: CliContext, units: tuple[str, ...], experiments: tuple[str, ...], as_json: bool) -> None:
    """List the plugins of the units with their state, also those that are disabled or cannot be imported."""
    from pioreactor.http.units import decoded

    def ask(unit: str) -> list[dict[str, object]]:
        return decoded(cli.ask(unit, "GET", "/unit_api/plugins/installed"), list[dict[str, object]])

    def show(found: dict[str, list[dict[str, object]]]) -> None:
        rows = [{"unit": unit, **each} for unit, plugins_of in found.items() for each in plugins_of]
        print_table(rows, ["unit", "name", "version", "state", "note"], none="No plugins.")

    for_each(targets(cli, units, experiments), ask, as_json=as_json, show=show)


@plugins.command(name="install")
@click.argument("name", required=False)
@source_option
@click.option("--on-usb", metavar="FILE", help="A wheel or a Python file on a USB drive of each of these units.")
@version_option
@units_options
@yes_option
@json_option
@pass_cli_context
def install_plugin(
    cli: CliContext,
    name: str | None,
    source: Path | None,
    on_usb: str | None,
    version: str | None,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Install the plugin NAME from the package index on the units, or one from a file of this machine or of a drive."""
    chosen = targets(cli, units, experiments)
    if on_usb is not None:
        if (name, source, version) != (None, None, None):
            raise click.UsageError("--on-usb goes with no NAME, --source or --version: the file is a plugin.")
        confirm(f"Install {on_usb} on {', '.join(chosen)}?", yes)
        path, own = "/unit_api/plugins/install-from-usb", {"filepath": on_usb}
        for_each(
            chosen, lambda unit: cli.ask(unit, "POST", path, json=own, timeout_s=_INSTALL_TIMEOUT_S), as_json=as_json
        )
        return
    wanted = chosen_source(name, source, version)
    confirm(f"Install {wanted.name or source} on {', '.join(chosen)}?", yes)
    options = {"source": wanted.file.name} if wanted.file is not None else {"version": version}

    def ask(unit: str) -> object:
        if wanted.file is not None:
            path = f"/unit_api/plugins/received/{quote(wanted.file.name)}"
            cli.fetch(unit, "PUT", path, body=wanted.file.read_bytes())
        body = {"args": [wanted.name] if wanted.file is None else [], "options": options}
        return cli.ask(unit, "POST", "/unit_api/plugins/install", json=body, timeout_s=_INSTALL_TIMEOUT_S)

    for_each(chosen, ask, as_json=as_json)


@plugins.command(name="update")
@click.argument("name", required=False)
@units_options
@yes_option
@json_option
@pass_cli_context
def update_plugins(
    cli: CliContext, name: str | None, units: tuple[str, ...], experiments: tuple[str, ...], yes: bool, as_json: bool
) -> None:
    """Install the newest version of the plugin NAME on the units, or of all that came from the package index."""
    from pioreactor.http.units import decoded
    from pioreactor.plugin_management.installer import UpdatedPlugins

    chosen = targets(cli, units, experiments)
    confirm(f"Update {'all plugins' if name is None else name} on {', '.join(chosen)}?", yes)
    body, path = {"args": [] if name is None else [name]}, "/unit_api/plugins/update"

    def ask(unit: str) -> UpdatedPlugins:
        done = decoded(cli.ask(unit, "POST", path, json=body, timeout_s=_INSTALL_TIMEOUT_S), UpdatedPlugins)
        if done.failed:
            raise PioreactorError("; ".join([*done.failed, *done.messages]))
        return done

    def show(found: dict[str, UpdatedPlugins]) -> None:
        for unit, done in found.items():
            click.echo(f"{unit}: {' '.join(done.messages)}")

    for_each(chosen, ask, as_json=as_json, show=show)


@plugins.command(name="uninstall")
@click.argument("name")
@units_options
@yes_option
@json_option
@pass_cli_context
def uninstall_plugin(
    cli: CliContext, name: str, units: tuple[str, ...], experiments: tuple[str, ...], yes: bool, as_json: bool
) -> None:
    """Remove the plugin NAME on the units. Its configuration, its tables and its data stay."""
    chosen = targets(cli, units, experiments)
    confirm(f"Remove {name} on {', '.join(chosen)}?", yes)
    path = "/unit_api/plugins/uninstall"
    for_each(chosen, lambda unit: cli.ask(unit, "POST", path, json={"args": [name]}, timeout_s=60.0), as_json=as_json)


@pios.group(cls=SuggestingGroup)
def update() -> None:
    """Update the software of the units."""


@update.command(name="app")
@click.option(
    "--source", type=click.Path(dir_okay=False, path_type=Path), help="A release archive; default: the next release."
)
@click.option("--allow-older", is_flag=True, help="Go back to an older version.")
@click.option("--force", is_flag=True, help="Although jobs run: they keep the version that they were started with.")
@units_options
@yes_option
@pass_cli_context
def update_app(
    cli: CliContext,
    source: Path | None,
    allow_older: bool,
    force: bool,
    units: tuple[str, ...],
    experiments: tuple[str, ...],
    yes: bool,
) -> None:
    """Install a release archive on the leader, then on one worker after the other. A failure ends it.

    With --units or --experiments only on those. Workers that do not answer are skipped and named at the end.
    """
    from pioreactor.cli.commands.update import unit_update, update_unit, workers_to_update
    from pioreactor.updates.bundle import Bundle
    from pioreactor.updates.unit_update import UpdateRequest

    own = unit_update(cli)
    leader = cli.settings.cluster.leader_hostname
    named = units or experiments
    chosen = [unit for unit in targets(cli, units, experiments) if unit != leader] if set(units) != {leader} else []
    if source is None:
        source = Path(own.archives.next_after(__version__).path)
    is_done = Bundle(source).manifest().version == own.state().version
    includes_leader = (leader in units or not named) and not (is_done and chosen)
    request = UpdateRequest(str(source.absolute()), None, allow_older, force, chosen)
    update_workers = workers_to_update(cli, request)
    confirm(f"Install {source.name} on {', '.join([*([leader] if includes_leader else []), *chosen])}?", yes)
    if includes_leader:
        update_unit(own, request, yes=True, quiet=False)
    update_workers()


@update.command(name="firmware")
@click.option(
    "--source",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="A release archive that brings firmware.",
)
@units_options
@yes_option
@json_option
@pass_cli_context
def update_firmware(
    cli: CliContext, source: Path, units: tuple[str, ...], experiments: tuple[str, ...], yes: bool, as_json: bool
) -> None:
    """Write the firmware of a release archive to the boards of the units, on which no job may run."""
    from pioreactor.updates.cluster_update import PATH, ClusterUpdate
    from pioreactor.updates.progress import Progress

    chosen = targets(cli, units, experiments)
    confirm(f"Write the firmware of {source.name} to the boards of {', '.join(chosen)}?", yes)
    sender = ClusterUpdate(
        cli.ask, lambda *asked, body=None: cli.fetch(*asked, body=body), cli.runtime.clock.sleep, Progress()
    )

    def ask(unit: str) -> object:
        body = {"options": {"source": sender.hand_over(unit, source)}}
        return cli.ask(unit, "POST", f"{PATH}/firmware", json=body, timeout_s=_INSTALL_TIMEOUT_S)

    for_each(chosen, ask, as_json=as_json)


def _as_body(words: tuple[str, ...]) -> tuple[dict[str, list[str | None]], list[str]]:
    """Split `--target-rpm 400 --flag word` into named options and plain arguments, as the API takes them."""
    named: dict[str, list[str | None]] = {}
    plain: list[str] = []
    waiting: str | None = None
    for word in words:
        if word.startswith("--"):
            name, has_value, value = word[2:].partition("=")
            waiting = None if has_value else underscored(name)
            named.setdefault(underscored(name), []).append(value if has_value else None)
        elif waiting is not None:
            named[waiting][-1], waiting = word, None
        else:
            plain.append(word)
    return named, plain


for command in machine_commands.COMMANDS:
    pios.add_command(command)


if __name__ == "__main__":
    main()
