"""`pio web`: the unit's web server."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pioreactor.observability.log import CustomLogger
    from pioreactor.runtime.context import Runtime
    from pioreactor.storage.leader.database import LeaderDatabase

VIEWER = "viewer"
VIEWER_PASSWORD_FILE = "viewer_password"


@click.command(name="web")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port; default: [ui] port; 0: a free one.")
def web(host: str, port: int | None) -> None:
    """Serve /unit_api; on the leader also /api, the UI, /docs and MQTT. Started at boot."""
    from pioreactor.bootstrap import build_runtime
    from pioreactor.bootstrap.process import http_client, lab_bench_opener, public_http_client, read_secret
    from pioreactor.observability.log import level_number, logging_to
    from pioreactor.plugin_management import get_plugins
    from pioreactor.runtime import context
    from pioreactor.web.app_factory import compose
    from pioreactor.web.serve import serve

    runtime = build_runtime(handles_signals=False)
    context.install(runtime)
    with ExitStack() as stack:
        stack.enter_context(logging_to(_logger(runtime), level=level_number(runtime.settings.logging.ui_log_level)))
        get_plugins(runtime.paths.plugins)
        database = _open_database(runtime) if runtime.identity.is_leader else None
        if database is not None:
            stack.callback(database.close)
        password = read_secret(runtime.paths, VIEWER_PASSWORD_FILE)
        app = compose(
            runtime,
            http=http_client(runtime.paths),
            public_http=public_http_client(),
            environment=os.environ,
            database=database,
            viewer=(VIEWER, password) if password is not None else None,
            open_lab_bench=lab_bench_opener(runtime.settings),
        )
        chosen = runtime.settings.ui.port if port is None else port
        serve(
            app,
            host,
            chosen,
            tls=_certificate(runtime),
            trusted_proxies=[name.strip() for name in runtime.settings.ui.trusted_proxies.split(",") if name.strip()],
            on_start=lambda taken: click.echo(f"{runtime.unit}: web server listening on {host}:{taken}", err=True),
        )


def _logger(runtime: Runtime) -> CustomLogger:
    """Return the logger of the web server, which collapses repetitions."""
    from pioreactor.bootstrap.process import log_file
    from pioreactor.observability.log import create_logger
    from pioreactor.types import UNIVERSAL_EXPERIMENT

    return create_logger(
        "web",
        unit=runtime.unit,
        experiment=UNIVERSAL_EXPERIMENT,
        log_file=log_file(runtime.settings, runtime.paths, "ui_log_file"),
        console=runtime.console,
        console_level=runtime.settings.logging.console_log_level,
        now=runtime.clock.now,
        secrets=runtime.settings.secrets(),
    )


def _certificate(runtime: Runtime) -> tuple[Path, Path] | None:
    """Return certificate and key if this unit is to serve HTTPS; raise `ConfigurationError` if it has none."""
    if runtime.settings.ui.proto != "https":
        return None
    certificate, key = runtime.paths.tls / "unit.pem", runtime.paths.tls / "unit.key"
    if not (certificate.exists() and key.exists()):
        from pioreactor.exc import ConfigurationError

        raise ConfigurationError(
            f"[ui] proto is https, but {runtime.paths.tls} has no certificate of this unit",
            remedy="Run `pio cluster init` on the leader or `pio cluster join` on a worker, or set [ui] proto = http.",
        )
    return certificate, key


def _open_database(runtime: Runtime) -> LeaderDatabase:
    """Open the leader's database; at the first start, add the first person who may sign in."""
    from pioreactor.actions.backup import location_of_database
    from pioreactor.identity.people import add_first_person
    from pioreactor.storage.leader.database import LeaderDatabase
    from pioreactor.storage.leader.migrate import upgraded_beside

    database = LeaderDatabase.open(upgraded_beside(location_of_database(runtime)), now=runtime.clock.now)
    password_file = add_first_person(database.people, runtime.paths.secrets)
    if password_file is not None:
        click.echo(f"Sign in as pioreactor; the password is in {password_file}.", err=True)
    return database
