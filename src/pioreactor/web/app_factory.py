"""Composition of a unit's web server from its runtime and adapters."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pioreactor import topics
from pioreactor.audit.command_spool import CommandDelivery
from pioreactor.cluster.pairing_protocol import Waiting
from pioreactor.devices.lab_bench import LabBench
from pioreactor.exc import ConfigurationError
from pioreactor.http.addresses import base_url
from pioreactor.http.ports import HttpClient
from pioreactor.http.units import Units
from pioreactor.identity.unit_tokens import FILE_NAME, WorkerTokens, credential_for, ensure_token, read_token
from pioreactor.messaging.ports import Bus, Message
from pioreactor.processes.forked_process import PioStarter
from pioreactor.processes.launch import pio_argv
from pioreactor.runtime.context import Runtime
from pioreactor.settings.followed_files import FollowedSettings
from pioreactor.settings.schema import Settings
from pioreactor.states import JobState
from pioreactor.structs.audit import TypedCommand
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.web.app import LeaderSide, create_app
from pioreactor.web.asgi import App
from pioreactor.web.catalog import DeclaredCatalog
from pioreactor.web.leader.token_handout import TokenHandout
from pioreactor.web.security.identity import UnitsByToken, own_unit
from pioreactor.web.tasks import Tasks
from pioreactor.web.unit.calibration_executor import by_command_line
from pioreactor.web.unit.job_launcher import JobLauncher, watch_states
from pioreactor.web.unit.services import UnitServices

if TYPE_CHECKING:
    from pioreactor.storage.leader.database import LeaderDatabase
    from pioreactor.web.leader.services import LeaderServices


RUN = tuple(pio_argv("run"))


def compose(
    runtime: Runtime,
    *,
    http: HttpClient,
    public_http: HttpClient | None = None,
    environment: Mapping[str, str],
    database: "LeaderDatabase | None" = None,
    viewer: tuple[str, str] | None = None,
    pages: Path | None = None,
    open_lab_bench: Callable[[], LabBench] | None = None,
) -> App:
    """Return the app of a unit; with a database, the leader's.

    `public_http` reaches an issuer; `viewer` is name and password of browsers at the broker. Jobs inherit from
    `environment`. The caller closes the database. Raise `ConfigurationError` on a worker without a token.
    """
    secrets_dir, own = runtime.paths.secrets, runtime.unit
    if database is None and read_token(secrets_dir) is None:
        raise ConfigurationError(
            f"{own} has not joined a cluster: no token in {secrets_dir}",
            remedy=f"Run `pio workers token {own}` on the leader, and put what it prints into {FILE_NAME} there.",
        )
    bus = runtime.buses.connect("web")
    unit = UnitServices(
        runtime=runtime,
        bus=bus,
        tasks=Tasks(runtime.unit),
        launcher=_launcher(runtime, environment, bus),
        catalog=DeclaredCatalog(runtime.paths.plugins),
        open_lab_bench=open_lab_bench,
    )
    unit.perform = by_command_line(unit.launcher, unit.tasks.pause)
    url_of = _url_of(unit)
    if database is None:
        return _app_of_worker(unit, http, url_of)
    tokens = WorkerTokens(secrets_dir)
    tokens.prepare()
    workers = database.workers

    def worker_names() -> list[str]:
        return [row.pioreactor_unit for row in workers.all() if row.pioreactor_unit != own]

    handout = TokenHandout(tokens, http, url_of, workers=worker_names)
    unit.others = Units(
        http,
        url_of,
        token_for=lambda name: ensure_token(secrets_dir) if name == own else handout.token_for(name),
        pause=unit.tasks.pause,
    )
    if tokens.shared() is not None:
        unit.tasks.start("handing out tokens", handout.hand_out_all, pool="requests")
    unit_of = UnitsByToken(secrets_dir, own, workers=worker_names).find
    return create_app(unit, unit_of=unit_of, leader=_leader(unit, unit.others, database, viewer, pages, public_http))


def _app_of_worker(unit: UnitServices, http: HttpClient, url_of: Callable[[str], str]) -> App:
    """Return the app of a worker, which sends what is typed there to its leader's audit trail until it shuts down."""
    secrets_dir, own, leader = unit.paths.secrets, unit.name, unit.runtime.identity.leader_hostname
    others = Units(
        http,
        url_of,
        token_for=lambda name: credential_for(secrets_dir, name, own=own, leader=leader),
        pause=unit.tasks.pause,
    )
    unit.others = others

    def send(commands: Sequence[TypedCommand]) -> None:
        body = {"commands": msgspec.to_builtins(commands)}
        others.fetch(leader, "POST", f"/api/units/{own}/typed_commands", json=body, timeout_s=20.0)

    unit.tasks.run_until_closed("typed-commands", CommandDelivery(unit.paths.audit_spool, send).run)
    return create_app(unit, unit_of=lambda token: own_unit(secrets_dir, own, token))


def _launcher(runtime: Runtime, environment: Mapping[str, str], bus: Bus) -> JobLauncher:
    starter = PioStarter(runtime.fork_server)
    return JobLauncher(RUN, environment, starter, readiness=watch_states(bus, runtime.unit))


def _url_of(unit: UnitServices) -> Callable[[str], str]:
    """Return the function that finds where a unit's server answers."""
    current = _followed(unit)

    def url_of(name: str) -> str:
        now = current.read()
        return base_url(name, now.cluster_addresses, port=now.ui.port, proto=now.ui.proto)

    return url_of


def _followed(unit: UnitServices) -> FollowedSettings:
    paths = unit.runtime.paths
    return FollowedSettings(paths.global_config, paths.local_config, unit.runtime.settings)


def _leader(
    unit: UnitServices,
    units: Units,
    database: "LeaderDatabase",
    viewer: tuple[str, str] | None,
    pages: Path | None,
    public_http: HttpClient | None,
) -> LeaderSide:
    from pioreactor.identity.oidc.issuer_sign_in import OidcSignIn
    from pioreactor.web.leader.services import LeaderServices
    from pioreactor.web.live.subscriber_policy import Credentials

    settings = unit.runtime.settings
    current = _followed(unit)

    def address_of(name: str) -> str:
        return current.read().cluster_addresses.get(name, "")

    def find_waiting(name: str | None) -> list[Waiting]:
        from pioreactor.cluster.dns_sd import search  # imports zeroconf

        return search(unit.runtime.computer.ipv4(), unit=name)

    services = LeaderServices(unit, database, unit.bus, units, address_of, find_waiting)
    services.end_interrupted()
    _start_config_delivery(services)
    _start_home_assistant(services, current.read)
    return LeaderSide(
        services,
        database.people,
        (settings.broker_host, settings.mqtt.broker_port),
        Credentials(*viewer) if viewer is not None else None,
        pages,
        oidc=OidcSignIn(current.read, unit.runtime.paths.secrets, public_http, database.people)
        if public_http is not None
        else None,
    )


def _start_config_delivery(leader: "LeaderServices") -> None:
    """Keep the configuration of the units in step until the server shuts down."""
    from pioreactor.web.leader.leader_watch_handout import LeaderWatchHandout

    delivery, own = leader.config_delivery, leader.own_config_delivery

    def on_state(message: Message) -> None:
        parts = topics.parse(message.topic)
        if parts is not None and message.payload == JobState.READY.encode():
            delivery.on_return(parts.unit)
            own.on_return(parts.unit)

    leader.bus.subscribe(topics.state("+", UNIVERSAL_EXPERIMENT, "monitor"), on_state)
    leader.unit.tasks.run_until_closed("config-delivery", delivery.run)
    leader.unit.tasks.run_until_closed("own-config-delivery", own.run)
    leader.unit.tasks.run_until_closed("leader-watch", LeaderWatchHandout(leader).run)


def _start_home_assistant(leader: "LeaderServices", settings: Callable[[], Settings]) -> None:
    """Tell Home Assistant of the units, where that is switched on, until the server shuts down."""
    from pioreactor.web.leader.home_assistant.discovery import DiscoveryPublisher
    from pioreactor.web.leader.home_assistant.routes import HomeAssistantCommands

    HomeAssistantCommands(leader, settings).subscribe()
    leader.unit.tasks.run_until_closed(
        "home-assistant", DiscoveryPublisher(leader, lambda: settings().home_assistant).run
    )
