"""`pio plugins`: the plugins of this unit, from their installation to their removal."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_result, print_rows
from pioreactor.exc import InvalidRequestError, NotFoundError, PioreactorError

if TYPE_CHECKING:
    from pioreactor.plugin_management.contents import Contents
    from pioreactor.plugin_management.installer import Installed, Installer, Source

source_option = click.option(
    "--source", type=click.Path(dir_okay=False, path_type=Path), help="A wheel or a Python file instead."
)
version_option = click.option("--version", help="Exactly this version; not together with --source.")
_COLUMNS = ["name", "version", "state", "source", "author", "note"]


@click.group(cls=SuggestingGroup)
def plugins() -> None:
    """Install, update, list and remove plugins."""


@plugins.command(name="list")
@json_option
@pass_cli_context
def list_(cli: CliContext, as_json: bool) -> None:
    """List the plugins of this unit, also those that are disabled or cannot be imported."""
    from pioreactor.plugin_management.listing import list_plugins

    rows: list[dict[str, object]] = [
        {
            "name": each.name,
            "version": each.version,
            "author": each.author,
            "source": each.source,
            "state": each.state,
            "note": each.note,
        }
        for each in list_plugins(cli.paths.plugins)
    ]
    print_rows(rows, _COLUMNS, as_json=as_json, none="No plugins.")


@plugins.command()
@click.argument("name", required=False)
@source_option
@version_option
@click.option("--dry-run", is_flag=True, help="Only show what the plugin brings, and whether it can be imported.")
@yes_option
@json_option
@pass_cli_context
def install(
    cli: CliContext, name: str | None, source: Path | None, version: str | None, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Install the plugin NAME from the package index, or one from a file.

    It is imported in a process of its own first. What it brings is shown before it is enabled.
    """
    chosen, installer = chosen_source(name, source, version), installer_of(cli)
    if dry_run or not (yes or as_json):
        contents = installer.check(chosen)
        print_result(_fields(contents), as_json, lambda: _show(contents))
        if dry_run:
            return
        if not contents.problems:
            click.confirm(f"Install {contents.name} {contents.version}?", abort=True)
    _show_installed(installer.install(chosen), as_json)


@plugins.command()
@click.argument("name", required=False)
@json_option
@pass_cli_context
def update(cli: CliContext, name: str | None, as_json: bool) -> None:
    """Install the newest version of the plugin NAME, or of all that came from the package index."""
    done = installer_of(cli).update(name)
    print_result(done, as_json, *done.messages)
    if done.failed:
        raise PioreactorError(f"not updated: {'; '.join(done.failed)}")


@plugins.command()
@click.argument("name")
@yes_option
@json_option
@pass_cli_context
def uninstall(cli: CliContext, name: str, yes: bool, as_json: bool) -> None:
    """Remove the plugin NAME. Its configuration, its tables and its data stay."""
    installer = installer_of(cli)
    key = installer.key_of(name)
    if not yes:
        click.confirm(f"Remove {key}?", abort=True)
        for script in installer.folder.package(key).glob("*/pre_uninstall.sh"):
            _run_script(script)
    removed = installer.uninstall(key)
    print_result(
        {"key": removed.key, "messages": removed.messages},
        as_json,
        f"Removed {removed.key}.",
        *removed.messages,
    )


@plugins.command()
@click.argument("name")
@pass_cli_context
def disable(cli: CliContext, name: str) -> None:
    """Keep the plugin NAME from being imported; it stays installed."""
    key = installer_of(cli).set_enabled(name, False)
    click.echo(f"Disabled {key}. Jobs that run keep it until they end.")


@plugins.command()
@click.argument("name")
@pass_cli_context
def enable(cli: CliContext, name: str) -> None:
    """Import the plugin NAME again, if that works in a process of its own."""
    click.echo(f"Enabled {installer_of(cli).set_enabled(name, True)}.")


@plugins.command()
@click.argument("name")
@pass_cli_context
def setup(cli: CliContext, name: str) -> None:
    """Set up the package of a plugin after it was installed: its configuration, its tables, its script.

    Keys and tables that exist stay as they are. The script is shown first and runs only if you agree.
    """
    folder, installer = _folder(cli, name), installer_of(cli)
    if (folder / "LEADER_ONLY").exists() and not installer.is_leader:
        click.echo(f"{name} is for the leader only; nothing was changed.")
        return
    for message in installer.set_up(name, folder):
        click.echo(message)
    for script in folder.glob("post_install.sh"):
        _run_script(script)


@plugins.command()
@click.argument("name")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where to make it.")
def new(name: str, folder: Path) -> None:
    """Make the package of a new plugin: a job, its configuration, a table, a chart, a dataset, and a test."""
    from pioreactor.plugin_management.template import make_package

    made = make_package(name, folder)
    click.echo(f"Made {made}. Build and try it:\n  cd {made}\n  pip wheel --no-deps .")
    click.echo("  pio plugins install --source *.whl --dry-run")


def chosen_source(name: str | None, source: Path | None, version: str | None) -> Source:
    """Return what the options name; raise `UsageError` unless it is one thing."""
    from pioreactor.plugin_management.installer import Source

    if source is not None:
        if version is not None:
            raise click.UsageError("--version does not go with --source: the file has its version.")
        return Source.of_file(source)
    if name is None:
        raise click.UsageError("Give the NAME of a plugin, or --source FILE.")
    return Source.named(name, version)


def installer_of(cli: CliContext) -> Installer:
    """Return the installer of plugins of this unit."""
    from pioreactor.plugin_management.installer import Installer, leader_database

    runtime = cli.runtime
    is_leader, named = runtime.identity.is_leader, runtime.settings.storage.database
    return Installer(
        runtime.paths,
        is_leader,
        leader_database(runtime.paths, named) if is_leader else None,
        runtime.clock.now,
        environment=cli.environment,
    )


def _show(contents: Contents) -> None:
    from pioreactor.plugin_management.contents import lines_of

    about = [f"{contents.name} {contents.version}".strip(), contents.description, contents.author]
    click.echo(" · ".join(part for part in about if part))
    for heading, names in lines_of(contents):
        click.echo(f"  {heading}: {names}")
    for note in contents.notes:
        click.echo(f"  {note}")
    for problem in contents.problems:
        click.echo(f"  Cannot be installed: {problem}", err=True)


def _show_installed(done: Installed, as_json: bool) -> None:
    verb = "Skipped" if done.status == "skipped" else "Installed"
    print_result(_fields(done), as_json, f"{verb} {done.key} {done.version}".strip() + ".", *done.messages)


def _fields(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)


def _folder(cli: CliContext, name: str) -> Path:
    from pioreactor.plugin_management import get_plugins
    from pioreactor.plugin_management.package_files import folder_of
    from pioreactor.plugin_management.plugin_folder import package_key

    found = get_plugins(cli.paths.plugins)
    plugin = found.get(name) or next((each for each in found.values() if each.key == package_key(name)), None)
    if plugin is None:
        raise NotFoundError(f"there is no plugin {name!r}", remedy="See: pio plugins list")
    folder = folder_of(plugin)
    if folder is None:
        raise InvalidRequestError(f"{name} is a single file, which brings nothing to set up")
    return folder


def _run_script(script: Path) -> None:
    """Show the script of a package, and run it if the person agrees."""
    click.echo(f"--- {script}\n{script.read_text(encoding='utf-8', errors='replace')}---")
    if not click.confirm("The plugin asks to run this script on this computer. Run it?", default=False):
        click.echo("The script was not run.")
        return
    _check_status(script, subprocess.run(["bash", str(script)], check=False, cwd=script.parent).returncode)


def _check_status(script: Path, status: int) -> None:
    if status:
        raise InvalidRequestError(f"{script.name} ended with status {status}")
