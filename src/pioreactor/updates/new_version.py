"""What a new version is asked before it is used: run by its own Python, on copies of the unit's data.

`migrate DATABASE` and `check VERSION [DATABASE]` are asked by versions before this one: they must not change.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pioreactor.exc import PioreactorError
from pioreactor.identity.unit_tokens import ensure_token
from pioreactor.job_catalog import JOBS
from pioreactor.private_files import restrict_new_files
from pioreactor.processes.launch import failure_of, inherited, launch, pio_argv
from pioreactor.settings.editing import set_value
from pioreactor.storage.paths import Paths
from pioreactor.updates.errors import UpdateFailedError
from pioreactor.version import __version__

_START_TIMEOUT_S: Final = 120.0
_STOP_TIMEOUT_S: Final = 20.0
_LISTENING: Final = re.compile(rb"listening on 127\.0\.0\.1:(\d+)")


def migrate(database: Path) -> None:
    """Bring a database up to date: all of it, or nothing."""
    from pioreactor.storage.leader.migrate import upgrade

    upgrade(database)


def check(version: str, database: Path | None, environment: Mapping[str, str]) -> None:
    """Import all jobs and serve a copy of the unit's data; raise `PioreactorError` if that does not work."""
    if __version__ != version:
        raise UpdateFailedError(f"this is version {__version__}, not {version}")
    for spec in JOBS.values():
        spec.load()
    with TemporaryDirectory(prefix="trial-", dir=None if database is None else database.parent) as folder:
        trial = _unit(Path(folder), Paths.from_environment(environment), database)
        with _web_server(trial, environment) as port:
            paths = ["/unit_api/health", *(["/"] if database is not None else [])]
            for path in paths:
                _check_page(port, path)


def _unit(folder: Path, paths: Paths, database: Path | None) -> Paths:
    """Make the folders of a unit with the configuration of this one, which talks to no other."""
    trial = Paths.below(folder)
    for path in (trial.storage, trial.run_pioreactor):
        path.mkdir(parents=True)
    for source, target in ((paths.global_config, trial.global_config), (paths.local_config, trial.local_config)):
        if source.is_file():
            shutil.copyfile(source, target)
        else:
            target.touch()
    ensure_token(trial.secrets)
    if database is not None:
        trial.database.hardlink_to(database)
        _leave_workers_alone(trial.database)
    values = {
        ("mqtt", "broker_address"): "127.0.0.1",
        ("mqtt", "broker_port"): "9",
        ("ui", "proto"): "http",
        ("storage", "database"): str(trial.database),
    }
    for (section, key), value in values.items():
        set_value(trial.local_config, section, key, value)
    return trial


def _leave_workers_alone(database: Path) -> None:
    """Make the leader of the trial one without workers: it must not send them anything."""
    with closing(sqlite3.connect(database)) as copy, copy:
        copy.execute("DELETE FROM workers")


@contextmanager
def _web_server(trial: Paths, environment: Mapping[str, str]) -> Iterator[int]:
    own = {
        "DOT_PIOREACTOR": str(trial.dot_pioreactor),
        "RUN_PIOREACTOR": str(trial.run_pioreactor),
        "GLOBAL_CONFIG": str(trial.global_config),
        "LOCAL_CONFIG": str(trial.local_config),
        "PIO_LOG_FILE": str(trial.log_file),
        "SKIP_PLUGINS": "1",
    }
    argv = pio_argv("web", "--host", "127.0.0.1", "--port", "0")
    process = launch(argv, {**inherited(environment), **own}, stderr=subprocess.PIPE)
    watchdog = threading.Timer(_START_TIMEOUT_S, process.kill)
    watchdog.start()
    output = b""
    try:
        assert process.stderr is not None
        found = None
        for line in process.stderr:
            output += line
            found = _LISTENING.search(line)
            if found is not None:
                break
        if found is None:
            raise UpdateFailedError(f"its web server did not start: {failure_of(output, process.wait()).message}")
        drain = threading.Thread(target=process.stderr.read, name="trial-output", daemon=True)
        drain.start()
        yield int(found[1])
    finally:
        watchdog.cancel()
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _check_page(port: int, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30.0)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise UpdateFailedError(f"its web server does not answer at {path}: {error}") from error
    finally:
        connection.close()
    if status != 200:
        raise UpdateFailedError(f"its web server answers {path} with status {status}")


def main(arguments: list[str]) -> int:
    restrict_new_files()
    try:
        match arguments:
            case ["migrate", database]:
                migrate(Path(database))
            case ["check", version]:
                check(version, None, os.environ)
            case ["check", version, database]:
                check(version, Path(database), os.environ)
            case _:
                sys.stderr.write("Error: this version does not know what it is asked\n")
                return 2
    except (PioreactorError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
