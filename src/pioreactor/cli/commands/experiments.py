"""`pio experiments`: the leader's experiments."""

from __future__ import annotations

from urllib.parse import quote

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_result, print_rows


@click.group(cls=SuggestingGroup)
def experiments() -> None:
    """Create, list, rename, end and delete experiments."""


@experiments.command()
@click.argument("name")
@click.option("--description", default="", help="Description.")
@click.option("--tag", "tags", multiple=True, help="Tag; may be repeated.")
@pass_cli_context
def create(cli: CliContext, name: str, description: str, tags: tuple[str, ...]) -> None:
    """Create an experiment. Names have fewer than 200 characters and none of # $ % + / and the backslash."""
    body = {"experiment": name, "description": description, "tags": list(tags)}
    cli.ask_leader("POST", "/api/experiments", json=body)
    click.echo(f"Created {name}.")


@experiments.command(name="list")
@click.option("-v", "--verbose", is_flag=True, help="Also age [h], workers and description.")
@json_option
@pass_cli_context
def list_(cli: CliContext, verbose: bool, as_json: bool) -> None:
    """Print the experiments, newest first."""
    from pioreactor.http.units import decoded

    rows = decoded(cli.ask_leader("GET", "/api/experiments"), list[dict[str, object]])
    columns = ["experiment", "created_at", "delta_hours", "worker_count", "description"]
    print_rows(rows, columns if verbose else columns[:1], as_json=as_json, none="There are no experiments.")


@experiments.command()
@click.argument("name")
@yes_option
@pass_cli_context
def delete(cli: CliContext, name: str, yes: bool) -> None:
    """Delete an experiment with all its data. Its jobs are stopped. This cannot be undone."""
    if not yes:
        click.confirm(f"Delete {name} and all its data?", abort=True)
    cli.ask_leader("DELETE", f"/api/experiments/{quote(name, safe='')}", timeout_s=120)
    click.echo(f"Deleted {name}.")


@experiments.command()
@click.argument("name")
@click.argument("new_name")
@pass_cli_context
def rename(cli: CliContext, name: str, new_name: str) -> None:
    """Give an ended experiment another name, with all its data."""
    body = {"experiment": new_name}
    cli.ask_leader("POST", f"/api/experiments/{quote(name, safe='')}/rename", json=body, timeout_s=300)
    click.echo(f"Renamed {name} to {new_name}.")


@experiments.command()
@click.argument("name")
@click.argument("file", required=False)
@json_option
@pass_cli_context
def record(cli: CliContext, name: str, file: str | None, as_json: bool) -> None:
    """Show what came over with an experiment from another cluster, or one FILE of it.

    Configuration, calibrations and versions of the time, and what did not come over, and why.
    """
    from pioreactor.data_import.experiment_record import ExperimentRecord
    from pioreactor.http.units import decoded

    where = f"/api/experiments/{quote(name, safe='')}/record"
    found = decoded(cli.ask_leader("GET", where), ExperimentRecord)
    if file is not None:
        text = cli.fetch(cli.settings.cluster.leader_hostname, "GET", f"{where}/{quote(file)}")
        click.echo(text.decode("utf-8", "replace"), nl=False)
        return
    if found.imported_at:
        about = f"Imported at {found.imported_at} from {found.experiment}, of version {found.software_version}."
    else:
        about = "This experiment is of this cluster."
    left = [f"Not imported: {each.name}: {each.reason}" for each in found.left_out]
    print_result(found, as_json, about, *found.files, *left)


@experiments.command()
@click.argument("name")
@yes_option
@pass_cli_context
def end(cli: CliContext, name: str, yes: bool) -> None:
    """Stop all activities of an experiment and unassign its workers. Its data stay."""
    if not yes:
        click.confirm(f"Stop what runs in {name} and unassign its workers?", abort=True)
    where = quote(name, safe="")
    cli.ask_leader("POST", f"/api/workers/$broadcast/jobs/stop/experiments/{where}", timeout_s=60)
    cli.ask_leader("DELETE", f"/api/experiments/{where}/workers", timeout_s=60)
    click.echo(f"Ended {name}.")
