"""`pio plugins`: the plugins of this unit, and what their packages bring for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_json, print_table
from pioreactor.exc import InvalidRequestError, NotFoundError

_CONFIG_FILE, _SQL_FILE = "additional_config.ini", "additional_sql.sql"


@click.group(cls=SuggestingGroup)
def plugins() -> None:
    """List plugins and set up their packages."""


@plugins.command(name="list")
@json_option
@pass_cli_context
def list_(cli: CliContext, as_json: bool) -> None:
    """List the plugins that this unit has imported."""
    from pioreactor.plugin_management import get_plugins

    found = sorted(get_plugins(cli.paths.plugins).items())
    rows: list[dict[str, object]] = [
        {"name": name, "version": each.version, "author": each.author, "source": each.source} for name, each in found
    ]
    print_json(rows) if as_json else print_table(rows, ["name", "version", "author", "source"], none="No plugins.")


@plugins.command()
@click.argument("name")
@pass_cli_context
def setup(cli: CliContext, name: str) -> None:
    """Set up the package of a plugin after it was installed: its configuration, its tables, its script.

    Keys and tables that exist stay as they are. The script is shown first and runs only if you agree.
    """
    from pioreactor.settings.editing import add_missing_keys
    from pioreactor.storage.leader.ingest.plugin_sql import run_script

    folder = _folder(cli, name)
    is_leader = cli.runtime.identity.is_leader
    if (folder / "LEADER_ONLY").exists() and not is_leader:
        click.echo(f"{name} is for the leader only; nothing was changed.")
        return
    shared, local = cli.paths.global_config, cli.paths.local_config
    for key in add_missing_keys(folder / _CONFIG_FILE, shared=shared, local=local, is_leader=is_leader):
        click.echo(f"Added {key}.")
    sql = folder / _SQL_FILE
    if is_leader and sql.is_file() and run_script(sql, cli.database()):
        click.echo("Added to the database. Restart mqtt_to_db_streaming to record into the new tables.")
    for script in folder.glob("post_install.sh"):
        _run_script(script)


def _folder(cli: CliContext, name: str) -> Path:
    from pioreactor.plugin_management import get_plugins
    from pioreactor.plugin_management.package_files import folder_of

    found = get_plugins(cli.paths.plugins)
    if name not in found:
        raise NotFoundError(f"there is no plugin {name!r}", remedy="See: pio plugins list")
    folder = folder_of(found[name])
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
