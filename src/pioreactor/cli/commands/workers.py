"""`pio workers`: the leader's inventory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import click

from pioreactor.cli.cli_context import CliContext, Worker, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_json, print_result, print_rows

ASKED_FOR: Final = "-"


@click.group(cls=SuggestingGroup)
def workers() -> None:
    """List workers, assign them to experiments, activate and deactivate them."""


@workers.command()
@click.argument("unit")
@click.option("--code", default=None, help="The code that `pio cluster join` shows on a machine that is to join.")
@click.option("-a", "--address", default=None, help="Where it waits, HOST or HOST:PORT; default: search for it.")
@click.option("--ssh", "by_ssh", is_flag=True, help="Log in to the machine by SSH and start the joining there.")
@click.option("--ssh-user", default="pioreactor", show_default=True, help="Account to log in to.")
@click.option(
    "-p",
    "--password",
    is_flag=False,
    flag_value=ASKED_FOR,
    default=None,
    metavar="",
    help="Ask for the password of that account, or read it from standard input: for SSH without the cluster's key.",
)
@click.option("--simulated", is_flag=True, help="With --ssh: the machine has no hardware.")
@click.option("--replace", is_flag=True, help="The machine takes the place of a worker of the same name.")
@click.option("-m", "--model-name", help="Model of the reactor, such as pioreactor_40ml; the unit's own unless given.")
@click.option("-v", "--model-version", help="Version of the model, such as 1.5.")
@json_option
@pass_cli_context
def add(
    cli: CliContext,
    unit: str,
    code: str | None,
    address: str | None,
    by_ssh: bool,
    ssh_user: str,
    password: str | None,
    simulated: bool,
    replace: bool,
    model_name: str | None,
    model_version: str | None,
    as_json: bool,
) -> None:
    """Take a machine that shows a code, or by --ssh, into the cluster; else list a unit that has joined it.

    One that is there already keeps what it has. By SSH the machine is searched for at NAME.local.
    """
    if (model_name is None) != (model_version is None):
        raise click.UsageError("Give --model-name and --model-version together.")
    account = _ssh_account(ssh_user, password, simulated=simulated) if by_ssh or password is not None else None
    if None not in (code, account):
        raise click.UsageError("Give --code, or --ssh, not both.")
    if code is None and account is None:
        body = {"pioreactor_unit": unit, "model_name": model_name, "model_version": model_version}
        added: object = cli.ask_leader("PUT", "/api/workers", json=body)
        if model_name is not None and model_version is not None:
            _set_model(cli, unit, model_name, model_version)
    else:
        added = cli.ask_leader(
            "POST",
            "/api/workers/setup",
            json={
                "name": unit, "code": code, "ssh": account, "ipv4_address": address, "model": model_name,
                "version": model_version, "replace": replace,
            },
            timeout_s=180,
        )  # fmt: skip
    if as_json:
        print_json(added)
        return
    click.echo(f"{unit} is in the inventory.")
    _hint_at_token(cli, unit)
    _print_warning(added)


def _print_warning(added: object) -> None:
    warning = added.get("warning") if isinstance(added, dict) else None
    if warning:
        click.echo(f"Warning: {warning}", err=True)


def _ssh_account(user: str, password: str | None, *, simulated: bool) -> dict[str, object]:
    """Return the account to log in to; a password is typed or comes by standard input, never as an argument."""
    if password not in (None, ASKED_FOR):
        raise click.UsageError("Everybody on this machine can see arguments: give -p alone, and type the password.")
    if password is not None:
        is_typed = sys.stdin.isatty()
        password = str(click.prompt("Password", hide_input=True, err=True)) if is_typed else sys.stdin.readline()
    given = password.rstrip("\r\n") if password is not None else None
    return {"user": user, "password": given, "is_simulated": simulated}


def _hint_at_token(cli: CliContext, unit: str) -> None:
    from pioreactor.identity.unit_tokens import FILE_NAME, WorkerTokens

    if unit != cli.settings.cluster.leader_hostname and WorkerTokens(cli.paths.secrets).token_of(unit) is None:
        click.echo(f"If it has no token yet: `pio workers token {unit}` on the leader prints what belongs into")
        click.echo(f"storage/secrets/{FILE_NAME} of {unit}.")


@workers.command()
@json_option
@pass_cli_context
def discover(cli: CliContext, as_json: bool) -> None:
    """List machines in this network that wait to join (pio cluster join)."""
    found = cli.ask_leader("GET", "/api/workers/discover", timeout_s=20)
    rows = found if isinstance(found, list) else []
    none = "No machine waits in this network. Run `pio cluster join` on it; some networks do not pass multicast on."
    print_rows(rows, ["pioreactor_unit", "address", "version"], as_json=as_json, none=none)


@workers.command()
@click.argument("unit")
@yes_option
@pass_cli_context
def remove(cli: CliContext, unit: str, yes: bool) -> None:
    """Remove a unit from the inventory. Its jobs are stopped."""
    if not yes:
        click.confirm(f"Remove {unit} from the inventory and stop its jobs?", abort=True)
    cli.ask_leader("DELETE", _of(unit), timeout_s=60)
    click.echo(f"Removed {unit}.")


@workers.command()
@click.argument("unit")
@click.argument("experiment")
@pass_cli_context
def assign(cli: CliContext, unit: str, experiment: str) -> None:
    """Assign a worker to an experiment. Jobs of its previous experiment are stopped."""
    path = f"/api/experiments/{quote(experiment, safe='')}/workers"
    cli.ask_leader("PUT", path, json={"pioreactor_unit": unit}, timeout_s=60)
    click.echo(f"{unit} is assigned to {experiment}.")


@workers.command()
@click.argument("unit")
@click.argument("experiment")
@pass_cli_context
def unassign(cli: CliContext, unit: str, experiment: str) -> None:
    """Unassign a worker from an experiment. Its jobs are stopped."""
    path = f"/api/experiments/{quote(experiment, safe='')}/workers/{quote(unit, safe='')}"
    cli.ask_leader("DELETE", path, timeout_s=60)
    click.echo(f"{unit} is no longer assigned to {experiment}.")


@workers.command()
@click.argument("unit")
@click.option("--renew", is_flag=True, help="Make a new one; the former one is no longer valid.")
@json_option
@pass_cli_context
def token(cli: CliContext, unit: str, renew: bool, as_json: bool) -> None:
    """Print the token of a worker, on the leader: put it into storage/secrets/cluster_token of the worker."""
    from pioreactor.identity.unit_tokens import FILE_NAME, WorkerTokens

    cli.database_location()  # there is one on the leader only
    tokens = WorkerTokens(cli.paths.secrets)
    found = tokens.renew(unit) if renew else tokens.ensure(unit)
    print_result({"unit": unit, "token": found}, as_json, found)
    click.echo(
        f"Put it into storage/secrets/{FILE_NAME} of {unit}, readable by the user of the services only.", err=True
    )


@workers.command(name="update-active")
@click.argument("unit")
@click.argument("active", type=click.Choice(["0", "1"]))
@pass_cli_context
def update_active(cli: CliContext, unit: str, active: str) -> None:
    """Activate (1) or deactivate (0) a worker. An inactive worker runs no jobs; running ones are stopped."""
    cli.ask_leader("PUT", f"{_of(unit)}/is_active", json={"is_active": int(active)}, timeout_s=60)
    click.echo(f"{unit} is {'on' if active == '1' else 'off'}.")


@workers.command(name="update-model")
@click.argument("unit")
@click.option("-m", "--model-name", required=True, help="Model of the reactor, such as pioreactor_20ml.")
@click.option("-v", "--model-version", required=True, help="Version of the model, such as 1.5.")
@pass_cli_context
def update_model(cli: CliContext, unit: str, model_name: str, model_version: str) -> None:
    """Set the reactor model of a worker; the same as `pio workers model set`."""
    _set_model(cli, unit, model_name, model_version)
    click.echo(f"{unit} is a {model_name} {model_version}.")


@workers.group(cls=SuggestingGroup)
def model() -> None:
    """Print or set the reactor model of a worker, which the worker keeps."""


@model.command(name="get")
@click.argument("unit", metavar="WORKER")
@pass_cli_context
def get_model(cli: CliContext, unit: str) -> None:
    """Print the model of a worker as JSON; nulls when none was chosen."""
    answer = cli.ask_leader("GET", f"{_of(unit)}/model")
    found = answer if isinstance(answer, dict) else {}
    print_json({name: found.get(name) for name in ("model_name", "model_version")})


@model.command(name="set")
@click.argument("unit", metavar="WORKER")
@click.argument("name")
@click.argument("version")
@pass_cli_context
def set_model(cli: CliContext, unit: str, name: str, version: str) -> None:
    """Set the model of a worker; refused while activities run on it."""
    _set_model(cli, unit, name, version)
    print_json({"model_name": name, "model_version": version})


def _set_model(cli: CliContext, unit: str, name: str, version: str) -> None:
    body = {"model_name": name, "model_version": version}
    cli.ask_leader("PUT", f"{_of(unit)}/model", json=body)


@workers.command()
@json_option
@pass_cli_context
def status(cli: CliContext, as_json: bool) -> None:
    """Print the workers, whether they respond, and their experiments."""
    rows = [_row(cli, worker) for worker in cli.workers()]
    columns = ["unit", "active", "answers", "version", "experiment", "model"]
    print_rows(rows, columns, as_json=as_json, none="There are no workers.")


def _row(cli: CliContext, worker: Worker) -> dict[str, object]:
    unit = worker["pioreactor_unit"]
    assignment, _ = _answer(lambda: cli.ask_leader("GET", f"{_of(unit)}/experiment"))
    version, answers = _answer(lambda: _version_of(cli, unit))
    return {
        "unit": unit,
        "active": bool(worker["is_active"]),
        "answers": answers,
        "version": version.get("version") if isinstance(version, dict) else version,
        "experiment": assignment.get("experiment") if isinstance(assignment, dict) else None,
        "model": " ".join(text for text in (worker.get("model_name"), worker.get("model_version")) if text),
    }


def _version_of(cli: CliContext, unit: str) -> object:
    """Return a unit's answer about its version. Of a worker that this unit has no token for, the leader asks it."""
    from pioreactor.exc import NotAuthenticatedError, UnitUnreachableError
    from pioreactor.http.units import decoded

    try:
        return cli.ask(unit, "GET", "/unit_api/versions/app", timeout_s=3)
    except NotAuthenticatedError:
        path = f"/api/units/{quote(unit, safe='')}/versions/app"
        answer = decoded(cli.ask_leader("GET", path), dict[str, dict[str, object]])[unit]
        if not answer.get("ok"):
            raise UnitUnreachableError(f"{unit} does not answer its leader") from None
        return answer["value"]


def _answer(ask: Callable[[], object]) -> tuple[object, bool]:
    """Return an answer, and whether there was one."""
    from pioreactor.exc import PioreactorError

    try:
        return ask(), True
    except PioreactorError:
        return None, False


def _of(unit: str) -> str:
    return f"/api/workers/{quote(unit, safe='')}"
