"""The unit that commands run on. Everything is created at first use: a command imports only what it uses."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict

import click

from pioreactor.cli.user_check import refuse_wrong_user
from pioreactor.exc import (
    ConfigurationError,
    NotFoundError,
    UnitUnreachableError,
)

if TYPE_CHECKING:
    from pioreactor.http.ports import HttpClient
    from pioreactor.http.units import Units
    from pioreactor.runtime.context import Runtime
    from pioreactor.settings.schema import Settings
    from pioreactor.storage.leader.location import DatabaseLocation
    from pioreactor.storage.paths import Paths


class Worker(TypedDict):
    """A worker in the leader's inventory."""

    pioreactor_unit: str
    is_active: bool | int
    model_name: NotRequired[str | None]
    model_version: NotRequired[str | None]


class CliContext:
    """The unit a command runs on."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        runtime: Runtime | None = None,
        http: HttpClient | None = None,
        interrupt: Callable[[int], None] | None = None,
    ) -> None:
        self.environment: Mapping[str, str] = os.environ if environment is None else environment
        self._runtime = runtime
        self._http = http
        self.interrupt = interrupt if interrupt is not None else _interrupt
        """Send SIGINT to the process with this number."""

    @property
    def has_runtime(self) -> bool:
        """Whether the ports were passed in: a simulation, or a test."""
        return self._runtime is not None

    @cached_property
    def runtime(self) -> Runtime:
        """The ports of this unit. The process's own unless others were given."""
        if self._runtime is not None:
            return self._runtime
        from pioreactor.runtime.context import current

        return current()

    @cached_property
    def paths(self) -> Paths:
        if self._runtime is not None:
            return self._runtime.paths
        from pioreactor.storage.paths import Paths

        return Paths.from_environment(self.environment)

    @cached_property
    def settings(self) -> Settings:
        """The unit's settings, without opening anything else."""
        if self._runtime is not None:
            return self._runtime.settings
        from pioreactor.settings.load import load_settings

        return load_settings(self.paths.global_config, self.paths.local_config)

    def database(self) -> Path:
        """Return the leader's database; raise `NotFoundError` where there is none."""
        path = self.paths.database_named(self.settings.storage.database)
        if not path.exists():
            raise NotFoundError(
                f"there is no database {path}", remedy="It is created on the leader at its first start."
            )
        return path

    def database_location(self) -> DatabaseLocation:
        """Return where the leader's database is, a file or a server; raise `NotFoundError` where there is none."""
        from pioreactor.storage.leader.location import location_of

        location = location_of(self.settings.storage.database, self.paths)
        return self.database() if isinstance(location, Path) else location

    def url_of(self, unit: str) -> str:
        """Return where a unit's web server answers."""
        from pioreactor.http.addresses import base_url

        ui = self.settings.ui
        return base_url(unit, self.settings.cluster_addresses, port=ui.port, proto=ui.proto)

    def ask(self, unit: str, method: str, path: str, *, json: object = None, timeout_s: float = 10.0) -> object:
        """Return what a unit answers on `/unit_api` (or the leader on `/api`); raise `PioreactorError` otherwise."""
        return self._units.ask(unit, method, path, json=json, timeout_s=timeout_s)

    def fetch(
        self,
        unit: str,
        method: str,
        path: str,
        *,
        json: object = None,
        body: bytes | None = None,
        timeout_s: float = 30.0,
    ) -> bytes:
        """Return the bytes that a unit answers with; raise `PioreactorError` otherwise."""
        return self._units.fetch_bytes(unit, method, path, json=json, body=body, timeout_s=timeout_s)

    def ask_leader(self, method: str, path: str, *, json: object = None, timeout_s: float = 10.0) -> object:
        """Return what the leader answers on `/api`."""
        leader = self.settings.cluster.leader_hostname
        if not leader:
            raise ConfigurationError(
                "this unit has no leader", remedy="Set [cluster.topology] leader_hostname and leader_address."
            )
        return self.ask(leader, method, path, json=json, timeout_s=timeout_s)

    def workers(self) -> list[Worker]:
        """Return the leader's inventory."""
        from pioreactor.http.units import decoded

        return decoded(self.ask_leader("GET", "/api/workers"), list[Worker])

    def check_page(self, unit: str, path: str, *, timeout_s: float) -> None:
        """Request a page without a token; raise `UnitUnreachableError` unless the unit responds with success."""
        answer = self._client().request("GET", self.url_of(unit) + path, timeout_s=timeout_s)
        if not answer.ok:
            raise UnitUnreachableError(f"{unit} responds with status {answer.status}")

    @cached_property
    def _units(self) -> Units:
        from pioreactor.http.units import Units

        return Units(self._client(), self.url_of, token_for=self._token_for, pause=_pause)

    def _client(self) -> HttpClient:
        if self._http is not None:
            return self._http
        from pioreactor.http.client import StandardHttpClient

        return StandardHttpClient(self.paths.authority)

    def _token_for(self, unit: str) -> str:
        from pioreactor.identity.unit_tokens import credential_for

        return credential_for(
            self.paths.secrets, unit, own=self._own_name(), leader=self.settings.cluster.leader_hostname
        )

    def _own_name(self) -> str:
        if self._runtime is not None:
            return self._runtime.unit
        import socket

        from pioreactor.identity.unit import unit_name

        return unit_name(self.environment, hostname=socket.gethostname())

    def refuse_wrong_user(self) -> None:
        """Raise `PioreactorError` for root where another user owns the data."""
        refuse_wrong_user(self.paths.dot_pioreactor)


def cli_context_of(ctx: click.Context) -> CliContext:
    """Return what the command was given, or this process's own."""
    if ctx.obj is None:
        ctx.find_root().obj = ctx.obj = CliContext()
    assert isinstance(ctx.obj, CliContext)
    return ctx.obj


pass_cli_context = click.make_pass_decorator(CliContext, ensure=True)


def _interrupt(pid: int) -> None:
    from pioreactor.processes.termination import interrupt

    interrupt(pid)


def _pause(duration_s: float) -> bool:
    import time

    time.sleep(duration_s)
    return False
