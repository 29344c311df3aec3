"""A server of PostgreSQL that belongs to the tests: its own folder, port and account, gone at the end."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg

ACCOUNT: Final = "postgres"
"""The server refuses to run as root."""
_SETTINGS: Final = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=256MB", "shared_buffers=32MB",
    "autovacuum=off", "max_connections=50", "jit=off", "listen_addresses=127.0.0.1", "wal_level=minimal",
    "max_wal_senders=0", "logging_collector=off",
)  # fmt: skip


def program(name: str) -> str:
    """Return the path of a program of the newest server that is installed; fail when there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    found = shutil.which(name, path=os.pathsep.join([*map(str, reversed(folders)), os.environ.get("PATH", "")]))
    assert found is not None, f"{name} is missing: bash scripts/ensure_system_packages.sh installs PostgreSQL"
    return found


class PostgresServer:
    """One running server. Databases are copied from a template that has the leader's schema."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._account = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}
        self.owner = ACCOUNT if self._account else Path.home().owner()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = (f"leader_{number}" for number in count())
        self._has_template = False
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.data = folder / "data"
        self.data.mkdir(mode=0o700)
        if self._account:
            for path in (folder, self.data):
                shutil.chown(path, ACCOUNT, ACCOUNT)
        options = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        self._run(program("initdb"), f"--pgdata={self.data}", f"--username={self.owner}", *options)

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        return dict(self._account)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{self.owner}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = [part for setting in _SETTINGS for part in ("-c", setting)]
        command = [program("postgres"), "-D", str(self.data), "-p", str(self.port), "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **self._arguments())
        self._run(program("pg_isready"), "--version")
        ready = [program("pg_ctl"), "status", "-D", str(self.data)]
        deadline = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        for _ in range(600):
            if subprocess.run(deadline, check=False, cwd="/").returncode == 0:
                return
            assert self._process.poll() is None, (self.folder / "log").read_text()
            subprocess.run(["sleep", "0.02"], check=True)
        raise AssertionError(f"{ready} did not start")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: `SIGINT` ends connections, `SIGQUIT` does not even write what is in memory."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def empty_database(self) -> str:
        """Return the address of a new database without tables."""
        name = next(self._names)
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
        return self.url(name)

    def leader_database(self) -> str:
        """Return the address of a new database with the schema of the leader."""
        if not self._has_template:
            from pioreactor.storage.leader.location import located
            from pioreactor.storage.leader.migrate import upgrade

            self.execute("CREATE DATABASE leader_template TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'")
            upgrade(located(self.url("leader_template")))
            self._has_template = True
        name = next(self._names)
        self.execute(f"CREATE DATABASE {name} TEMPLATE leader_template STRATEGY file_copy")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        server = PostgresServer(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()
