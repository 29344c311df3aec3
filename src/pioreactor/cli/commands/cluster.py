"""`pio cluster`: make a leader, join a worker, run what runs from boot."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_result

if TYPE_CHECKING:
    from pioreactor.cluster.certificate_renewal import CertificateState
    from pioreactor.cluster.membership import Membership
    from pioreactor.cluster.pairing_protocol import Invitation, Offer

CHECK_INTERVAL_S: Final = 0.5
_RENEWAL_TIMEOUT_S: Final = 60.0
DEFAULT_MODEL: Final = ("pioreactor_20ml", "1.5")


@click.group(cls=SuggestingGroup)
def cluster() -> None:
    """Make a cluster, join this unit to one, or leave it."""


@cluster.command()
@click.option("--address", default=None, help="Where other units find this one; default: its IP address.")
@click.option("--port", type=click.IntRange(1, 65535), default=443, show_default=True, help="Port of the web servers.")
@click.option("--broker-port", type=click.IntRange(1, 65535), default=1883, show_default=True, help="Port for MQTT.")
@click.option("--simulated", is_flag=True, help="Without hardware: a reactor here is a simulated one.")
@click.option("--with-reactor", is_flag=True, help="This leader is also a worker.")
@click.option("-m", "--model-name", default=DEFAULT_MODEL[0], show_default=True, help="Model of its reactor.")
@click.option("-v", "--model-version", default=DEFAULT_MODEL[1], show_default=True, help="Version of the model.")
@json_option
@pass_cli_context
def init(
    cli: CliContext,
    address: str | None,
    port: int,
    broker_port: int,
    simulated: bool,
    with_reactor: bool,
    model_name: str,
    model_version: str,
    as_json: bool,
) -> None:
    """Make this unit the leader of a new cluster. Run again, it completes what is missing."""
    from pioreactor.actions.backup import location_of_database
    from pioreactor.cluster import chrony
    from pioreactor.cluster.leader_setup import LeaderPlan, set_up_leader
    from pioreactor.identity.people import add_first_person
    from pioreactor.identity.unit_model import store_model
    from pioreactor.storage.leader.database import LeaderDatabase

    runtime = cli.runtime
    found = address if address is not None else runtime.computer.ipv4()
    names = [name for name in (runtime.computer.ipv4(), runtime.settings.ui.domain_alias) if name]
    plan = LeaderPlan(runtime.unit, found, port, broker_port, is_simulated=simulated, names=names)
    done = []
    for step in set_up_leader(runtime.paths, plan, now=runtime.clock.now()):
        done.append({"step": step.name, "detail": step.detail})
        click.echo(f"  {step.name}: {step.detail}", err=True)
    database = LeaderDatabase.open(location_of_database(runtime), now=runtime.clock.now)
    try:
        if with_reactor:
            database.workers.add(runtime.unit, model_name=model_name, model_version=model_version)
            store_model(runtime.stores, model_name, model_version)
        password_file = add_first_person(database.people, runtime.paths.secrets)
    finally:
        database.close()
    clock_hint = chrony.write(runtime.paths, chrony.leader_text(), is_simulated=simulated)
    url = f"https://{found}" + ("" if port == 443 else f":{port}")
    sign_in = [f"  Sign in  as pioreactor; the password is in {password_file}"] if password_file is not None else []
    print_result(
        {"url": url, "steps": done, "password_file": str(password_file) if password_file else None},
        as_json,
        f"\n{runtime.unit} leads a cluster now.\n\n  Open     {url}",
        *sign_in,
        f"  Trust    {runtime.paths.authority} in your browser, so that it knows the leader\n\n"
        "Start what runs from boot (systemctl start pioreactor.target; without systemd: pio cluster run).\n"
        "On each worker: pio cluster join",
    )
    _hint(clock_hint)


@cluster.command()
@click.option("--code", default=None, help="A code that was agreed beforehand; default: a new one, which is shown.")
@click.option(
    "--file", type=click.Path(path_type=Path, dir_okay=False, exists=True), default=None,
    help="Take code and port from this TOML file, such as /boot/firmware/pioreactor-join.toml.",
)  # fmt: skip
@click.option("--at-boot", is_flag=True, help="Succeed where this unit belongs to a cluster already.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port to wait at, 0: any; default: 4998.")
@click.option(
    "--wait-min", type=click.FloatRange(0.1, 10_000), default=30.0, show_default=True, help="Time to wait [min]."
)
@click.option("--simulated", is_flag=True, help="Without hardware: the reactor is a simulated one.")
@click.option("-m", "--model-name", default=DEFAULT_MODEL[0], show_default=True, help="Model of the reactor.")
@click.option("-v", "--model-version", default=DEFAULT_MODEL[1], show_default=True, help="Version of the model.")
@json_option
@pass_cli_context
def join(
    cli: CliContext,
    code: str | None,
    file: Path | None,
    at_boot: bool,
    port: int | None,
    wait_min: float,
    simulated: bool,
    model_name: str,
    model_version: str,
    as_json: bool,
) -> None:
    """Join this unit to a cluster: it shows a code, which a person types at the leader.

    With --json each code is one line with unit, address, port and code.
    """
    from pioreactor.cluster import chrony, membership
    from pioreactor.cluster.pairing_protocol import PORT, PROTOCOL, Offer, read_pairing_file
    from pioreactor.settings.load import load_settings
    from pioreactor.version import __version__

    runtime = cli.runtime
    known = membership.read_membership(runtime.paths) if at_boot else None
    if known is not None:
        click.echo(f"{known.unit} belongs to the cluster of {known.leader} already.", err=True)
        return
    membership.refuse_member(runtime.paths)
    if file is not None:
        given = read_pairing_file(file)
        code, port = code or given.code, port or given.port
    offer = Offer(runtime.unit, __version__, PROTOCOL, model_name, model_version)
    shown = _ShownCode(runtime.unit, runtime.computer.ipv4(), as_json=as_json)
    wanted = port if port is not None else PORT
    _wait_to_be_paired(cli, offer, shown, wanted, code, wait_s=wait_min * 60, is_simulated=simulated)
    joined = membership.read_membership(runtime.paths)
    click.echo(f"{runtime.unit} is a worker of {joined.leader if joined else 'a cluster'} now.", err=as_json)
    hint = "Start what runs from boot: systemctl start pioreactor.target; without systemd: pio cluster run."
    click.echo(hint, err=as_json)
    address = load_settings(cli.paths.global_config).cluster.leader_address
    _hint(chrony.write(cli.paths, chrony.worker_text(address), is_simulated=simulated))


def _hint(text: str | None) -> None:
    """Print what is left to do."""
    if text is not None:
        click.echo(text, err=True)


class _ShownCode:
    """Prints the code once the port is known at which the unit waits, and each code that takes its place."""

    def __init__(self, unit: str, address: str, *, as_json: bool) -> None:
        self._unit = unit
        self.address = address
        self._as_json = as_json
        self._port: int | None = None
        self._code = ""

    def show(self, code: str) -> None:
        self._code = code
        self._print()

    def wait_at(self, port: int) -> None:
        self._port = port
        self._print()

    def _print(self) -> None:
        if self._port is None:
            return
        if self._as_json:
            line = {"unit": self._unit, "address": self.address, "port": self._port, "code": self._code}
            click.echo(json.dumps(line))
        else:
            click.echo(_invitation_text(self._unit, self.address, self._port, self._code))


def _wait_to_be_paired(
    cli: CliContext,
    offer: Offer,
    shown: _ShownCode,
    port: int,
    code: str | None,
    *,
    wait_s: float,
    is_simulated: bool,
) -> None:
    """Show a code, and return when a leader has taken this unit in; raise `PioreactorError` after `wait_s`."""
    from pioreactor.cluster import membership
    from pioreactor.cluster.certificates import make_request
    from pioreactor.cluster.dns_sd import Announcement
    from pioreactor.cluster.pairing_server import Pairing, PairingServer, key_and_certificate
    from pioreactor.exc import PioreactorError
    from pioreactor.identity.unit_model import store_model

    runtime, paths = cli.runtime, cli.paths

    def accept(invitation: Invitation) -> None:
        membership.accept(paths, invitation, is_simulated=is_simulated, now=runtime.clock.now())
        model, version = invitation.model_name or offer.model_name, invitation.model_version or offer.model_version
        if model is not None and version is not None:
            store_model(runtime.stores, model, version)

    membership.make_folders(paths)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        key, certificate = key_and_certificate(Path(folder), offer.unit)
        pairing = Pairing(
            offer,
            certificate,
            make_request(paths.tls / "unit.key", offer.unit),
            unix_time_s=lambda: runtime.clock.now().timestamp(),
            on_code=shown.show,
            accept=accept,
            code=code,
        )
        server = stack.enter_context(PairingServer(pairing, certificate, key, host="0.0.0.0", port=port))
        stack.enter_context(Announcement(offer, shown.address, server.port))
        shown.wait_at(server.port)
        click.echo(f"Waiting for {wait_s / 60:g} min; press Ctrl-C to stop.", err=True)
        if not pairing.joined.wait(wait_s):
            raise PioreactorError(
                f"no leader took this unit in within {wait_s / 60:g} min", remedy="Run `pio cluster join` again."
            )


def _invitation_text(unit: str, address: str, port: int, code: str) -> str:
    from pioreactor.cluster.pairing_protocol import PORT

    place = address if port == PORT else f"{address}:{port}"
    return (
        f"\n  Name     {unit}\n  Address  {place}\n  Code     {code}\n\n"
        "At the leader whose cluster it is to join: the page Inventory, or\n"
        f"  pio workers add {unit} -a {place} --code {code}\n"
    )


@cluster.command()
@yes_option
@pass_cli_context
def leave(cli: CliContext, yes: bool) -> None:
    """Leave the cluster. Measurements, calibrations and this unit's own configuration stay here."""
    from pioreactor.cluster import chrony
    from pioreactor.cluster.membership import forget, read_membership
    from pioreactor.exc import ConflictError, NotFoundError, PioreactorError

    paths, unit = cli.paths, cli.runtime.unit
    known = read_membership(paths)
    if known is None:
        raise NotFoundError(f"{unit} belongs to no cluster")
    if known.leader == unit:
        raise ConflictError("the leader cannot leave its own cluster", remedy="Remove its workers, then its data.")
    if cli.runtime.stores.jobs().running() and not yes:
        click.echo("Jobs run on this unit; they are stopped when its services stop.", err=True)
    if not yes:
        click.confirm(f"Leave the cluster of {known.leader}?", abort=True)
    try:
        cli.ask_leader("POST", "/api/cluster/leave", timeout_s=30)
        click.echo(f"{known.leader} has removed {unit}, its token and its account.")
    except PioreactorError as error:
        click.echo(f"{known.leader} was not told ({error}). Remove {unit} there, which revokes its token.", err=True)
    forget(paths)
    _hint(chrony.remove(paths))
    click.echo(f"{unit} belongs to no cluster now. Stop its services, or restart the machine.")


@cluster.command(name="renew-certificates")
@click.option("--check", is_flag=True, help="Only print when certificates expire.")
@click.option("--only-this-unit", is_flag=True, help="On the leader: not those of the workers.")
@json_option
@pass_cli_context
def renew_certificates(cli: CliContext, check: bool, only_this_unit: bool, as_json: bool) -> None:
    """Renew the certificates of this unit, on the leader those of all units, and print when they expire.

    Web servers take them for the next connection, without a restart. Keys, and so what units trust, stay.
    """
    from pioreactor.cluster.certificate_renewal import certificates_of, renew
    from pioreactor.exc import PioreactorError

    def post_to_leader(path: str, body: object) -> object:
        return cli.ask_leader("POST", path, json=body, timeout_s=_RENEWAL_TIMEOUT_S)

    found = certificates_of(cli.paths) if check else renew(cli.paths, post_to_leader, now=cli.runtime.clock.now())
    certificates, failures = {cli.runtime.unit: found}, {}
    asked = [] if only_this_unit or not cli.runtime.identity.is_leader else _other_units(cli)
    for unit in asked:
        try:
            certificates[unit] = _certificates_of_other(cli, unit, check=check)
        except PioreactorError as error:
            failures[unit] = str(error)
    lines = [
        f"{unit}: {one.name}, expires {one.expires_at:%Y-%m-%d}"
        for unit, of_unit in certificates.items()
        for one in of_unit
    ]
    print_result({"certificates": certificates, "failures": failures}, as_json, "\n".join(lines))
    if failures:
        raise PioreactorError(
            "; ".join(f"{unit}: {reason}" for unit, reason in failures.items()),
            remedy="Run `pio cluster renew-certificates` on each of them.",
        )


def _other_units(cli: CliContext) -> list[str]:
    return [one["pioreactor_unit"] for one in cli.workers() if one["pioreactor_unit"] != cli.runtime.unit]


def _certificates_of_other(cli: CliContext, unit: str, *, check: bool) -> list[CertificateState]:
    """Have a worker renew its certificates, unless they are only to be checked; return them."""
    from pioreactor.cluster.certificate_renewal import UnitCertificates
    from pioreactor.http.units import decoded

    method, path = ("GET", "machine") if check else ("POST", "certificates/renew")
    answer = cli.ask(unit, method, f"/unit_api/system/{path}", timeout_s=_RENEWAL_TIMEOUT_S)
    return decoded(answer, UnitCertificates).certificates


@cluster.command()
@json_option
@pass_cli_context
def status(cli: CliContext, as_json: bool) -> None:
    """Print the cluster of this unit."""
    from pioreactor.cluster.membership import read_membership

    known = read_membership(cli.paths)
    print_result(known, as_json, _described(known, cli.runtime.unit))


def _described(known: Membership | None, unit: str) -> str:
    if known is None:
        return f"{unit} belongs to no cluster."
    if known.leader == unit:
        return f"{unit} leads the cluster {known.cluster} since {known.joined_at}."
    return f"{unit} is a worker of {known.leader}, cluster {known.cluster}, since {known.joined_at}."


@cluster.command()
@click.option("--scenario", default="standard", show_default=True, help="Culture of a simulated reactor.")
@click.option("--seed", type=click.IntRange(0, 10**6), default=1, show_default=True, help="Seed of its noise.")
@pass_cli_context
def run(cli: CliContext, scenario: str, seed: int) -> None:
    """Run what systemd starts from boot on this unit, until Ctrl-C: for machines without systemd."""
    from pioreactor.bootstrap.service_group import BootPlan, ServiceGroup
    from pioreactor.cluster.membership import read_membership
    from pioreactor.exc import NotFoundError

    known = read_membership(cli.paths)
    if known is None:
        raise NotFoundError(
            f"{cli.runtime.unit} belongs to no cluster",
            remedy="Run `pio cluster init` to make it a leader, or `pio cluster join`.",
        )
    plan = BootPlan(
        known.unit,
        is_leader=known.leader == known.unit,
        has_reactor=_has_reactor(cli, known),
        is_simulated=cli.settings.hardware.rig == "sim",
        scenario=scenario,
        seed=seed,
    )
    group = ServiceGroup(plan, cli.paths, dict(os.environ), log=lambda message: click.echo(message, err=True))
    signal.signal(signal.SIGTERM, _on_sigterm)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        group.start()
        click.echo(f"Running {', '.join(service.name for service in group.services)}. Press Ctrl-C to stop.", err=True)
        while True:
            time.sleep(CHECK_INTERVAL_S)
            group.check()
    except KeyboardInterrupt:
        click.echo("\nStopping jobs, then services.", err=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        group.stop()
    click.echo("All processes have stopped.", err=True)


def _has_reactor(cli: CliContext, known: Membership) -> bool:
    """Return whether this unit is a worker. Only a leader may be none."""
    if known.leader != known.unit:
        return True
    from pioreactor.storage.leader.database import LeaderDatabase

    database = LeaderDatabase.open(cli.database_location(), now=cli.runtime.clock.now)
    try:
        return any(row.pioreactor_unit == known.unit for row in database.workers.all())
    finally:
        database.close()


def _on_sigterm(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
