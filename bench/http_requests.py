"""Measures requests per second of a leader's API at 8 keep-alive connections, as a share of a bare server's.

Run `python -m bench.http_requests [SECONDS]`. The yardstick is an app that answers with a fixed body on the same
server, in the same run. Goals are five times what the reference was measured to do on 2026-11-28, on other hardware.
"""

from __future__ import annotations

import os
import selectors
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pioreactor.structs.rights import Rights
    from pioreactor.web.asgi import Receive, Scope, Send

CONNECTIONS = 8
UNITS = 10
ROWS_A_UNIT = 17_280
"""One each 5 s for 24 h."""
REFERENCE_PER_S = {"experiments": 359.0, "workers": 171.0, "recent logs": 368.0, "series of 24 h": 34.0}
PATHS = {
    "health": "/api/health",
    "experiments": "/api/experiments",
    "workers": "/api/workers",
    "recent logs": "/api/experiments/bench/recent_logs",
    "series of 24 h": "/api/experiments/bench/time_series/growth_rates?lookback=24",
}


def fill(path: Path) -> None:
    """Make a database of ten units, twenty experiments, and a day of growth rates and logs."""
    from pioreactor.storage.leader.database import LeaderDatabase
    from pioreactor.storage.leader.rollups.sqlite_rollups import SqliteRollups

    path.parent.mkdir(parents=True)
    database = LeaderDatabase.open(path)
    for number in range(20):
        database.experiments.create("bench" if number == 0 else f"bench{number}", description="", tags=[])
    for number in range(UNITS):
        database.workers.add(f"unit{number}", model_name="pioreactor_20ml", model_version="1.1")
        database.assignments.assign(f"unit{number}", "bench")
    database.close()
    start = datetime.now(UTC) - timedelta(hours=24)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS update_activity_from_growth_rates")
        for number in range(UNITS):
            connection.executemany(
                "INSERT INTO growth_rates (experiment, pioreactor_unit, timestamp, rate) VALUES ('bench', ?, ?, ?)",
                (
                    (f"unit{number}", _text(start + timedelta(seconds=5 * row)), 0.3 + row % 97 * 1e-3)
                    for row in range(ROWS_A_UNIT)
                ),
            )
        connection.executemany(
            "INSERT INTO logs (experiment, pioreactor_unit, timestamp, message, source, level, task) "
            "VALUES ('bench', ?, ?, 'Ready.', 'app', 'INFO', 'stirring')",
            ((f"unit{row % UNITS}", _text(start + timedelta(seconds=86 * row))) for row in range(1000)),
        )
        connection.commit()
        connection.isolation_level = None
        rollups, done = SqliteRollups(connection), 1
        while done:
            connection.execute("BEGIN IMMEDIATE")
            done = rollups.step()
            connection.execute("COMMIT")


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def serve_leader(root: Path, rights: Sequence[Rights | None] = (None,)) -> None:
    """Serve the API of a leader whose broker is away; print the port and a token with each of these rights.

    None: all rights of the person.
    """
    from pioreactor.bootstrap import build_runtime
    from pioreactor.http.client import StandardHttpClient
    from pioreactor.identity import access_tokens
    from pioreactor.identity.people import FIRST_PERSON, ensure_first_person
    from pioreactor.storage.leader.database import LeaderDatabase
    from pioreactor.web.app_factory import compose
    from pioreactor.web.serve import serve

    environment = {
        "HOSTNAME": "leader1",
        "DOT_PIOREACTOR": str(root / "dot_pioreactor"),
        "RUN_PIOREACTOR": str(root / "run"),
        "PATH": os.environ["PATH"],
    }
    runtime = build_runtime(environment, quiet=True, handles_signals=False)
    runtime.paths.storage.mkdir(parents=True, exist_ok=True)
    database = LeaderDatabase.open(runtime.paths.database)
    ensure_first_person(database.people)
    made = [
        access_tokens.create(
            database.people, name=f"bench {number}", username=FIRST_PERSON, now=database.access.now(), rights=each
        ).token
        for number, each in enumerate(rights)
    ]
    app = compose(runtime, http=StandardHttpClient(), environment=environment, database=database)
    serve(app, "127.0.0.1", 0, on_start=lambda port: print(port, *made, flush=True))


def serve_yardstick() -> None:
    """Serve a fixed body of the size of a list; print port and a token that is not checked."""
    from pioreactor.web.serve import serve

    body = b'{"status":"success"}' * 50
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    serve(app, "127.0.0.1", 0, on_start=lambda port: print(port, "none", flush=True))


@contextmanager
def server(*arguments: str) -> Iterator[tuple[int, str]]:
    """Run this module as a server; give its port and token."""
    command = [sys.executable, "-m", "bench.http_requests", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port, token = process.stdout.readline().split()
            yield int(port), token
        finally:
            process.terminate()


def request_of(path: str, token: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


class KeptConnection:
    """One connection that sends the same request again as soon as it has its answer."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._received = bytearray()
        self.took_s: list[float] = []

    def send(self) -> None:
        self._received.clear()
        self._sent_s = time.perf_counter()
        self.socket.sendall(self._request)

    def receive(self) -> None:
        """Take what has arrived; after a whole answer, ask again."""
        arrived = self.socket.recv(1 << 20)
        self._received += arrived
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not arrived or (found and b" 200 " not in head[:16]):
            raise SystemExit(f"the server answered {bytes(self._received[:300])!r}")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if found and len(body) >= int(length):
            self.took_s.append(time.perf_counter() - self._sent_s)
            self.send()


def requests_per_s(port: int, path: str, token: str, seconds: float) -> tuple[float, float]:
    """Return requests per second, and the median of an answer [ms], at all connections at once."""
    kept = [KeptConnection(port, request_of(path, token)) for _ in range(CONNECTIONS)]
    with selectors.DefaultSelector() as selector:
        for each in kept:
            selector.register(each.socket, selectors.EVENT_READ, each)
            each.send()
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            for key, _ in selector.select(1.0):
                key.data.receive()
        spent = time.perf_counter() - began
    for each in kept:
        each.socket.close()
    took = [one for each in kept for one in each.took_s]
    return len(took) / spent, 1000 * statistics.median(took)


@contextmanager
def rows_arriving(path: Path) -> Iterator[None]:
    """Store a row of each unit once a second, as the database writer does, so that no answer stays valid for longer."""
    ended = threading.Event()

    def store() -> None:
        with closing(sqlite3.connect(path, timeout=15.0)) as connection:
            while not ended.wait(1.0):
                at = _text(datetime.now(UTC))
                connection.executemany(
                    "INSERT OR IGNORE INTO growth_rates (experiment, pioreactor_unit, timestamp, rate) "
                    "VALUES ('bench', ?, ?, 0.3)",
                    ((f"unit{number}", at) for number in range(UNITS)),
                )
                connection.commit()

    thread = threading.Thread(target=store)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def main(seconds: float) -> None:
    """Print requests per second, the share of the yardstick, and the goal; once at rest, once while rows arrive."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        database = root / "dot_pioreactor" / "storage" / "pioreactor.sqlite"
        fill(database)
        (root / "dot_pioreactor" / "config.ini").write_text("[cluster.topology]\nleader_hostname=leader1\n")
        with server("--yardstick") as (bare_port, _), server("--leader", folder) as (port, token):
            requests_per_s(port, PATHS["health"], token, 0.5)
            bare, bare_ms = requests_per_s(bare_port, "/", token, seconds)
            print(f"{'bare server':16} {bare:7.0f}/s  median {bare_ms:7.2f} ms")
            print("nothing changes:")
            print_all(port, token, seconds, bare)
            print("a row of each unit a second:")
            with rows_arriving(database):
                print_all(port, token, seconds, bare)


def print_all(port: int, token: str, seconds: float, bare: float) -> None:
    for name, path in PATHS.items():
        rate, median_ms = requests_per_s(port, path, token, seconds)
        line = f"{name:16} {rate:7.0f}/s  median {median_ms:7.2f} ms  {rate / bare:6.3f} of the bare server"
        if name in REFERENCE_PER_S:
            goal = 5 * REFERENCE_PER_S[name]
            line += f"  goal {goal:5.0f}/s: {'met' if rate >= goal else 'not met'}"
        print(line)


if __name__ == "__main__":
    if "--yardstick" in sys.argv:
        serve_yardstick()
    elif "--leader" in sys.argv:
        serve_leader(Path(sys.argv[-1]))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
