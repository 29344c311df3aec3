"""Composition of a unit's web server from its runtime and adapters."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pioreactor.devices.lab_bench import LabBench
from pioreactor.exc import ConfigurationError
from pioreactor.http.addresses import base_url
from pioreactor.http.ports import HttpClient
from pioreactor.http.units import Units
from pioreactor.identity.unit_tokens import ensure_token, read_token
from pioreactor.processes.launch import pio_argv
from pioreactor.runtime.context import Runtime
from pioreactor.settings.load import load_settings
from pioreactor.settings.schema import Settings
from pioreactor.web.app import LeaderSide, create_app
from pioreactor.web.asgi import App
from pioreactor.web.catalog import DeclaredCatalog
from pioreactor.web.tasks import Tasks
from pioreactor.web.unit.calibration_executor import by_command_line
from pioreactor.web.unit.job_launcher import JobLauncher, watch_states
from pioreactor.web.unit.services import UnitServices

if TYPE_CHECKING:
    from pioreactor.storage.leader.database import LeaderDatabase

_log = logging.getLogger("pioreactor.web")

RUN = tuple(pio_argv("run"))


def compose(
    runtime: Runtime,
    *,
    http: HttpClient,
    environment: Mapping[str, str],
    database: "LeaderDatabase | None" = None,
    viewer: tuple[str, str] | None = None,
    pages: Path | None = None,
    open_lab_bench: Callable[[], LabBench] | None = None,
) -> App:
    """Return the app of a unit; with a database, the leader's.

    Jobs inherit from `environment`; `viewer` is name and password of the broker's account for browsers.
    The caller closes the database after serving. Raise `ConfigurationError` on a worker without a token.
    """
    bus = runtime.buses.connect("web")
    unit = UnitServices(
        runtime=runtime,
        bus=bus,
        tasks=Tasks(runtime.unit),
        launcher=JobLauncher(RUN, environment, readiness=watch_states(bus, runtime.unit)),
        catalog=DeclaredCatalog(runtime.paths.plugins),
        open_lab_bench=open_lab_bench,
    )
    unit.perform = by_command_line(unit.launcher, unit.tasks.pause)
    if database is None:
        token = read_token(runtime.paths.secrets)
        if token is None:
            raise ConfigurationError(
                f"{runtime.unit} has not joined a cluster: no token in {runtime.paths.secrets}",
                remedy="Add the unit from the leader.",
            )
        unit.others = _cluster_units(unit, http, token)
        return create_app(unit, token=token)
    token = ensure_token(runtime.paths.secrets)
    unit.others = _cluster_units(unit, http, token)
    return create_app(unit, token=token, leader=_leader(unit, http, token, database, viewer, pages))


class _CurrentSettings:
    """Settings that are read again when their files change, so that an address is corrected without a restart."""

    def __init__(self, runtime: Runtime) -> None:
        self._paths = (runtime.paths.global_config, runtime.paths.local_config)
        self._settings = runtime.settings
        self._stamps = self._modified()

    def read(self) -> Settings:
        stamps = self._modified()
        if stamps != self._stamps:
            self._settings = load_settings(*self._paths)
            for notice in self._settings.notices:
                _log.warning("configuration: %s", notice)
            self._stamps = stamps
        return self._settings

    def _modified(self) -> list[int]:
        return [path.stat().st_mtime_ns if path.exists() else 0 for path in self._paths]


def _cluster_units(unit: UnitServices, http: HttpClient, token: str) -> Units:
    current = _CurrentSettings(unit.runtime)

    def url_of(name: str) -> str:
        now = current.read()
        return base_url(name, now.cluster_addresses, port=now.ui.port, proto=now.ui.proto)

    return Units(http, url_of, token=token, pause=unit.tasks.pause)


def _leader(
    unit: UnitServices,
    http: HttpClient,
    token: str,
    database: "LeaderDatabase",
    viewer: tuple[str, str] | None,
    pages: Path | None,
) -> LeaderSide:
    from pioreactor.web.leader.services import LeaderServices
    from pioreactor.web.live.subscriber_policy import Credentials

    settings = unit.runtime.settings
    current = _CurrentSettings(unit.runtime)

    def address_of(name: str) -> str:
        return current.read().cluster_addresses.get(name, "")

    return LeaderSide(
        LeaderServices(unit, database, unit.bus, _cluster_units(unit, http, token), address_of),
        database.people,
        (settings.broker_host, settings.mqtt.broker_port),
        Credentials(*viewer) if viewer is not None else None,
        pages,
    )
