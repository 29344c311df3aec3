"""The runtime of a process of its own: files, a broker, and the kernel's or a simulated reactor's wires."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Literal

from pioreactor.clock.ports import Clock
from pioreactor.clock.system import SystemClock
from pioreactor.devices.ownership import FileLockOwnership
from pioreactor.devices.ports import Rig
from pioreactor.exc import ConfigurationError, PioreactorError, StorageError, UnitUnreachableError
from pioreactor.http.addresses import base_url
from pioreactor.http.ports import HttpClient
from pioreactor.identity.computer import Computer
from pioreactor.identity.unit import Inventory, UnitIdentity, unit_name
from pioreactor.identity.unit_model import ModelInForce, stored_model
from pioreactor.job_catalog import JOBS
from pioreactor.messaging.local_bus import LocalFallbackBusFactory, UnixSocketBus
from pioreactor.messaging.mqtt import MqttBusFactory
from pioreactor.messaging.ports import BrokerAddress, BusFactory
from pioreactor.models import DEFAULT_MODEL, ReactorModel, find_model, load_models
from pioreactor.runtime.context import Runtime
from pioreactor.settings.faulty_values import refusing
from pioreactor.settings.followed_files import FollowedSettings
from pioreactor.settings.load import load_settings
from pioreactor.settings.overrides import parse_overrides
from pioreactor.settings.schema import Settings
from pioreactor.storage.artifacts import DiskArtifacts
from pioreactor.storage.paths import Paths
from pioreactor.storage.ports import RecordSink, UnitStores
from pioreactor.storage.sqlite.stores import SqliteUnitStores
from pioreactor.types import Experiment, Unit

if TYPE_CHECKING:
    from pioreactor.alarms.channels import Channel
    from pioreactor.clock.ports import Clock
    from pioreactor.devices.board import Board
    from pioreactor.devices.buses.ports import Buses
    from pioreactor.devices.cameras.ports import Camera
    from pioreactor.devices.lab_bench import LabBench
    from pioreactor.notifiers.mqtt_notifier import PublishingBus
    from pioreactor.notifiers.ports import Notifier
    from pioreactor.settings.schema import Settings
    from pioreactor.storage.leader.alarms import AlarmDatabase
    from pioreactor.storage.paths import Paths

TOKEN_FILE = "cluster_token"
BROKER_PASSWORD_FILE = "broker_password"


def build_runtime(
    environment: Mapping[str, str] | None = None,
    *,
    overrides: Sequence[tuple[str, str, str]] = (),
    quiet: bool = False,
    asks_leader: bool = True,
    handles_signals: bool = True,
    refuses_faults: bool = False,
) -> Runtime:
    """Return the runtime of this process from its environment and its unit's files. Nothing is connected yet.

    Values of the files that do not fit are skipped. With `refuses_faults` a section from which one was skipped
    cannot be used: a job must not run on a default that no one chose.

    With `asks_leader` off no request is sent: stored answers are used, else the defaults.
    """
    env = os.environ if environment is None else environment
    paths = Paths.from_environment(env)
    files, given = (paths.global_config, paths.local_config), parse_overrides(overrides)
    loaded, clock = load_settings(*files, given, machine_defaults=_defaults(paths)), _clock(env)
    settings = refusing(loaded) if refuses_faults else loaded
    unit = unit_name(env, hostname=socket.gethostname())
    stores = SqliteUnitStores(paths, now=clock.now)
    identity = UnitIdentity(
        unit=unit,
        leader_hostname=settings.cluster.leader_hostname,
        inventory=_inventory(env, unit, settings, paths, clock, stores, asks_leader=asks_leader),
        own_model=lambda: stored_model(stores),
    )
    or_default = not (asks_leader and identity.leader_hostname)
    model = ModelInForce(stores, lambda: _model(identity, paths, or_default=or_default))
    ownership = FileLockOwnership(paths.locks)
    return Runtime(
        identity=identity,
        settings=settings,
        paths=paths,
        clock=clock,
        buses=_buses(settings, paths, unit),
        stores=stores,
        artifacts=DiskArtifacts(paths),
        ownership=ownership,
        open_rig=lru_cache(maxsize=1)(lambda: _open_rig(settings, paths, clock, ownership, model())),
        model=model,
        computer=Computer(belongs_to_reactor=settings.hardware.rig != "sim"),
        pid=os.getpid(),
        open_camera=lambda: _open_camera(settings, paths),
        job_source=env.get("JOB_SOURCE", "") or "user",
        requested_by=env.get("REQUESTED_BY", ""),
        starts_sleeping=env.get("PIOREACTOR_START_SLEEPING") == "1",
        is_resumed=env.get("PIOREACTOR_RESUMED") == "1",
        handles_signals=handles_signals,
        refuses_faults=refuses_faults,
        open_records=(lambda: _open_records(settings, paths)) if identity.is_leader else None,
        open_alarms=_alarm_database_opener(settings, paths, clock) if identity.is_leader else None,
        open_notifier=_notifier_opener(settings, paths),
        open_public_http=public_http_client,
        launch_job=_job_launcher(env, paths.fork_server if settings.jobs.use_fork_server else None),
        log_file=log_file(settings, paths),
        console=None if quiet else sys.stderr,
    )


def _buses(settings: Settings, paths: Paths, unit: Unit) -> BusFactory:
    broker = MqttBusFactory(_broker(settings, paths), unit)
    return LocalFallbackBusFactory(broker, lambda: UnixSocketBus(paths.run_pioreactor / "local"), unit)


def _job_launcher(
    env: Mapping[str, str], fork_server: Path | None
) -> Callable[[Sequence[str], Mapping[str, str]], Callable[[], int | None]]:
    """Return what starts `pio run` detached; its messages are in the unit's log."""

    def start(argv: Sequence[str], variables: Mapping[str, str]) -> Callable[[], int | None]:
        from pioreactor.processes.forked_process import PioStarter  # subprocess: only processes that launch jobs pay
        from pioreactor.processes.launch import pio_argv

        return PioStarter(fork_server)(pio_argv("run", *argv), {**env, **variables}).poll

    return start


def _defaults(paths: Paths) -> dict[str, dict[str, str]]:
    """Return what plugins may ask the configuration for and only this machine knows."""
    return {
        "storage": {
            "database": str(paths.database),
            "temporary_cache": str(paths.volatile_store),
            "persistent_cache": str(paths.persistent_store),
        }
    }


def log_file(settings: Settings, paths: Paths, key: Literal["log_file", "ui_log_file"] = "log_file") -> Path | None:
    """Return where this unit, or its web server, logs to: the configured file, blank for none; else the machine's."""
    chosen = settings.logging.ui_log_file if key == "ui_log_file" else settings.logging.log_file
    if settings.sources.get(("logging", key)) in (None, "default"):
        return paths.log_file
    return Path(chosen) if chosen else None


def _clock(env: Mapping[str, str]) -> Clock:
    """Return the machine's clock, or the faster one that all processes of a simulated cluster share."""
    speed, origin = env.get("PIOREACTOR_CLOCK_SPEED", ""), env.get("PIOREACTOR_CLOCK_ORIGIN", "")
    if not speed:
        return SystemClock()
    try:
        unix_s, _, monotonic_s = origin.partition(",")
        return SystemClock(speed=float(speed), origin=(float(unix_s), float(monotonic_s)))
    except ValueError as error:
        raise ConfigurationError(
            f"PIOREACTOR_CLOCK_SPEED={speed!r} and PIOREACTOR_CLOCK_ORIGIN={origin!r} make no clock",
            remedy="Give a speed above 0, and an origin of the form UNIX_SECONDS,MONOTONIC_SECONDS.",
        ) from error


def read_secret(paths: Paths, name: str) -> str | None:
    """Return a secret of this unit, None when it has none of that name."""
    try:
        return (paths.secrets / name).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PioreactorError(f"the secret {name} cannot be read: {error}") from error


def open_stores(paths: Paths) -> UnitStores:
    """Open the stores of the unit whose files are there. Close them when done."""
    return SqliteUnitStores(paths)


def forks_jobs(paths: Paths) -> bool:
    """Return whether a unit's jobs are to be forked."""
    return load_settings(paths.global_config, paths.local_config).jobs.use_fork_server


def pids_of_jobs(paths: Paths, *, report: Callable[[str], object]) -> set[int]:
    """Return the processes of a unit's jobs, found in the registry and by their command lines.

    The command lines name those of jobs that are no services even if the registry cannot be read, as on a full disk.
    """
    from pioreactor.processes.liveness import job_processes

    named = job_processes(paths.dot_pioreactor)
    pids = {pid for pid, name in named.items() if name not in JOBS or not JOBS[name].is_service}
    stores = open_stores(paths)
    try:
        pids |= {record.pid for record in stores.jobs().running()}
    except StorageError as error:
        report(f"Jobs are found by their command lines only: {error}")
    finally:
        stores.close()
    return pids


def http_client(paths: Paths | None = None) -> HttpClient:
    """Return the HTTP client for requests to other units; `paths` default to those of the environment."""
    from pioreactor.http.client import StandardHttpClient

    found = paths if paths is not None else Paths.from_environment(os.environ)
    return StandardHttpClient(found.authority)


def public_http_client() -> HttpClient:
    """Return the HTTP client for services outside of the cluster, which trusts public authorities."""
    from pioreactor.http.client import StandardHttpClient

    return StandardHttpClient()


def _broker(settings: Settings, paths: Paths) -> BrokerAddress:
    password = settings.mqtt.password if settings.mqtt.password else read_secret(paths, BROKER_PASSWORD_FILE)
    return BrokerAddress(
        settings.broker_host,
        settings.mqtt.broker_port,
        username=settings.mqtt.username if password else None,
        password=password,
        tls=settings.mqtt.use_tls,
    )


def _inventory(
    env: Mapping[str, str],
    unit: Unit,
    settings: Settings,
    paths: Paths,
    clock: Clock,
    stores: SqliteUnitStores,
    *,
    asks_leader: bool,
) -> LazyInventory:
    def build() -> Inventory:
        from pioreactor.identity.assignment import Given, LeaderInventory

        leader = settings.cluster.leader_hostname
        ui = settings.ui
        return LeaderInventory(
            http_client(paths),
            base_url=base_url(leader, settings.cluster_addresses, port=ui.port, proto=ui.proto)
            if leader and asks_leader
            else None,
            token=lambda: read_secret(paths, TOKEN_FILE),
            clock=clock,
            remembered=stores.persistent("leader_answers"),
            given=Given.from_environment(unit, env),
            report=lambda message: print(message, file=sys.stderr),  # noqa: T201  there is no logger yet
        )

    return LazyInventory(build)


class LazyInventory:
    """The leader's inventory, built when first asked: most commands never ask, and HTTP costs import time."""

    def __init__(self, build: Callable[[], Inventory]) -> None:
        self._inventory = lru_cache(maxsize=1)(build)

    def experiment(self, unit: str) -> Experiment:
        return self._inventory().experiment(unit)

    def is_worker(self, unit: str) -> bool:
        return self._inventory().is_worker(unit)

    def is_active(self, unit: str) -> bool:
        return self._inventory().is_active(unit)

    def model(self, unit: str) -> tuple[str, str] | None:
        return self._inventory().model(unit)


def _model(identity: UnitIdentity, paths: Paths, *, or_default: bool) -> ReactorModel:
    try:
        chosen = identity.model()
    except UnitUnreachableError:
        if not or_default:
            raise
        chosen = None
    return find_model(load_models(paths.models), *(chosen if chosen is not None else DEFAULT_MODEL))


def _open_rig(settings: Settings, paths: Paths, clock: Clock, ownership: FileLockOwnership, model: ReactorModel) -> Rig:
    from pioreactor.devices.board import load_board
    from pioreactor.devices.rig import open_rig

    simulated = settings.hardware.rig == "sim"
    hat = "1.2" if simulated else os.environ.get("HARDWARE", "") or _hat_version()
    board = load_board(paths.hardware, hat_version=hat, model_name=model.model_name, model_version=model.model_version)
    buses = _twin_buses(settings) if simulated else _kernel_buses(clock, paths, board)
    return open_rig(
        board,
        buses,
        clock,
        ownership,
        pwm_roles=_ConfiguredRoles(settings),
        hat_present=True if simulated else None,
    )


def _open_camera(settings: Settings, paths: Paths) -> Camera:
    if settings.hardware.rig == "sim":
        from pioreactor.twin.remote_buses import RemoteCamera

        return RemoteCamera(_twin_socket(settings))
    from pioreactor.devices.cameras.programs import RpicamCamera, V4l2Camera

    chosen = settings.camera
    if chosen.capture_backend == "v4l2":
        return V4l2Camera(Path(chosen.device_path))
    return RpicamCamera(chosen.camera_index, options_file=paths.camera_options)


@dataclass(frozen=True)
class _ConfiguredRoles(Mapping[str, str]):
    """Role → PWM channel. [PWM] is read when a role is asked for: a job without PWM outputs does not depend on it."""

    settings: Settings

    def __getitem__(self, role: str) -> str:
        return self.settings.pwm_channel_of[role]

    def __iter__(self) -> Iterator[str]:
        return iter(self.settings.pwm_channel_of)

    def __len__(self) -> int:
        return len(self.settings.pwm_channel_of)


def _hat_version() -> str:
    from pioreactor.devices.hat import read_hat

    hat = read_hat()
    return hat.version if hat is not None else "1.2"


def _kernel_buses(clock: Clock, paths: Paths, board: Board) -> Buses:
    from pioreactor.devices.buses.linux import open_linux_buses

    return open_linux_buses(clock, state_directory=paths.cache / "pwm", pulls=board.pulls())


def _twin_buses(settings: Settings) -> Buses:
    from pioreactor.twin.remote_buses import connect_buses

    return connect_buses(_twin_socket(settings))


def lab_bench_opener(settings: Settings) -> Callable[[], LabBench] | None:
    """Return what opens the lab bench of a simulated reactor, at first use; None where the reactor is real."""
    return lru_cache(maxsize=1)(lambda: _open_lab_bench(settings)) if settings.hardware.rig == "sim" else None


def _open_lab_bench(settings: Settings) -> LabBench:
    from pioreactor.twin.remote_buses import RemoteLabBench

    return RemoteLabBench(_twin_socket(settings))


def _twin_socket(settings: Settings) -> Path:
    if not settings.simulation.socket:
        raise ConfigurationError(
            "the simulated reactor has no process: [simulation] socket is blank",
            remedy="Start the cluster with `make demo` or `pio demo`, or use `pio simulate` for virtual time.",
        )
    return Path(settings.simulation.socket)


def _open_records(settings: Settings, paths: Paths) -> RecordSink:
    from pioreactor.storage.leader.ingest.record_sinks import open_record_sink
    from pioreactor.storage.leader.location import location_of
    from pioreactor.storage.leader.migrate import upgraded_beside

    return open_record_sink(upgraded_beside(location_of(settings.storage.database, paths)))


def _alarm_database_opener(settings: Settings, paths: Paths, clock: Clock) -> Callable[[], AlarmDatabase]:
    """Return what opens the tables of alarms."""

    def open_alarms() -> AlarmDatabase:
        from pioreactor.storage.leader.alarms import AlarmDatabase
        from pioreactor.storage.leader.location import location_of
        from pioreactor.storage.leader.migrate import upgrade

        upgrade(location := location_of(settings.storage.database, paths))
        return AlarmDatabase(location, now=clock.now)

    return open_alarms


def _notifier_opener(settings: Settings, paths: Paths) -> Callable[[Channel, PublishingBus], Notifier]:
    """Return what gives the notifier of a channel."""

    followed = FollowedSettings(paths.global_config, paths.local_config, settings)

    def open_with_secrets(channel: Channel, bus: PublishingBus) -> Notifier:
        from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets

        secrets = ChannelSecrets(paths.secrets).of(channel.name)
        allow_local = followed.read().alarms.allow_local_webhooks
        return _open_notifier(channel, secrets, bus=bus, allow_local=allow_local, unix_s=time)

    return open_with_secrets


def _open_notifier(
    channel: Channel,
    secrets: Mapping[str, str],
    *,
    bus: PublishingBus,
    allow_local: bool,
    unix_s: Callable[[], float],
) -> Notifier:
    """Return the notifier of a channel; what it needs is imported with it. Nothing is connected yet."""
    from pioreactor.alarms.channel_fields import with_defaults

    options = with_defaults(channel, secrets)
    match channel.kind:
        case "email":
            from pioreactor.notifiers.email_notifier import EmailNotifier

            return EmailNotifier(options)
        case "mqtt":
            from pioreactor.notifiers.mqtt_notifier import MqttNotifier

            return MqttNotifier(options, bus)
        case "apprise":
            from pioreactor.notifiers.apprise_notifier import AppriseNotifier

            return AppriseNotifier(options)
        case _:
            from pioreactor.notifiers.webhook_notifier import WebhookNotifier

            return WebhookNotifier(channel.kind, options, allow_local=allow_local, unix_s=unix_s)
