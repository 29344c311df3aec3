"""A real leader for a load test: broker, web server, database writer and monitor, each a process of its own."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.site.units import names, timestamp
from pioreactor.bootstrap.process import http_client
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.plan import LEADER, DemoPlan
from pioreactor.demo.unit_files import broker_accounts
from pioreactor.exc import UnitUnreachableError
from pioreactor.identity import access_tokens
from pioreactor.identity.people import ensure_first_person
from pioreactor.messaging.accounts import Account, make_password
from pioreactor.processes.launch import pio_argv
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.rollups.sqlite_rollups import SqliteRollups
from pioreactor.testing.ports import free_ports

EXPERIMENT = "site"
HISTORY = (
    ("growth_rates", "rate", "0.2 + 0.0001 * (i * 7919 % 997)"),
    ("od_readings_filtered", "normalized_od_reading", "1.0 + 0.0001 * (i * 7919 % 997)"),
    ("od_readings", "od_reading, angle, channel", "0.5 + 0.0001 * (i * 7919 % 997), 90, 2"),
)
"""Tables, columns and values of past readings."""
START_TIMEOUT_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Site:
    """A running leader."""

    cluster: DemoCluster
    token: str
    passwords: Path
    """JSON object of simulated units and their passwords at the broker."""
    started_at: str
    """Later than all past readings."""

    @property
    def port(self) -> int:
        return self.cluster.plan.port

    @property
    def broker_port(self) -> int:
        assert self.cluster.broker is not None
        return self.cluster.broker.port

    @property
    def database(self) -> Path:
        return self.cluster.paths(LEADER).database

    def processes(self) -> dict[str, int]:
        """Return the process ids of the leader, by name."""
        found = {service.name.split()[0]: service.process.pid for service in self.cluster.services if service.process}
        assert self.cluster.broker is not None and self.cluster.broker.pid is not None
        renamed = {"web": "web server", "mqtt_to_db_streaming": "database writer"}
        return {"broker": self.cluster.broker.pid, **{renamed.get(name, name): pid for name, pid in found.items()}}

    def od_readings(self) -> tuple[int, int]:
        """Return the OD readings that are stored since the start, and how many of them are different."""
        with closing(sqlite3.connect(self.database, timeout=30.0)) as connection:
            query = "SELECT count(*), count(DISTINCT pioreactor_unit || timestamp) FROM od_readings WHERE timestamp > ?"
            stored, different = connection.execute(query, (self.started_at,)).fetchone()
        return int(stored), int(different)


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used [s]; 0 after its end."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mb(pid: int) -> float:
    """Return the proportional set size of a process [MB]; 0 after its end."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1e3 for line in rollup.splitlines() if line.startswith("Pss:"))


@contextmanager
def running(directory: Path, units: int, history_h: float) -> Iterator[Site]:
    """Run a leader whose inventory has so many units, all of one experiment, with readings of the last hours."""
    cluster = DemoCluster(DemoPlan(directory, workers=1, port=free_ports(2), experiment=EXPERIMENT))
    cluster.prepare()
    passwords = {name: make_password() for name in names(units)}
    assert cluster.broker is not None
    cluster.broker.set_accounts([*broker_accounts(cluster.plan), *(Account(n, p) for n, p in passwords.items())])
    path = directory / "passwords.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(passwords))
    token = _fill(cluster, list(passwords))
    _fill_history(cluster.paths(LEADER).database, list(passwords), history_h)
    try:
        address = ("--host", "127.0.0.1", "--port", str(cluster.plan.port))
        cluster.add_service(LEADER, "web", pio_argv("web", *address))
        _wait(cluster)
        cluster.add_service(LEADER, "mqtt_to_db_streaming", pio_argv("run", "mqtt_to_db_streaming"))
        cluster.add_service(LEADER, "monitor", pio_argv("run", "monitor"))
        yield Site(cluster, token, path, timestamp())
    finally:
        cluster.stop()


def _fill(cluster: DemoCluster, units: list[str]) -> str:
    """Make an experiment and its units; return the token of a person."""
    database = LeaderDatabase.open(cluster.paths(LEADER).database)
    try:
        database.experiments.create(EXPERIMENT, description="Load of a site.")
        for unit in units:
            database.workers.add(unit, model_name="pioreactor_20ml", model_version="1.5")
            database.assignments.assign(unit, EXPERIMENT)
        ensure_first_person(database.people)
        made = access_tokens.create(database.people, name="load", username="pioreactor", now=database.access.now())
        return made.token
    finally:
        database.close()


def _fill_history(path: Path, units: list[str], hours: float) -> None:
    """Store what the charts of the overview read, a row each 5 s and unit, and roll it up."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'update_activity%'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for table, columns, values in HISTORY:
            connection.executemany(
                f"""WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
                INSERT INTO {table} (experiment, pioreactor_unit, timestamp, {columns})
                SELECT '{EXPERIMENT}', :unit, strftime('%Y-%m-%dT%H:%M:%fZ', :start + i * 5, 'unixepoch'), {values}
                FROM n""",
                [
                    {"rows": int(720 * hours), "unit": unit, "start": int(time.time() - 3600 * hours)}
                    for unit in (units if hours else [])
                ],
            )
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("COMMIT")
        rollups, done = SqliteRollups(connection), 1
        while done:
            connection.execute("BEGIN IMMEDIATE")
            done = rollups.step()
            connection.execute("COMMIT")


def _wait(cluster: DemoCluster) -> None:
    client, deadline = http_client(), time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            if client.request("GET", f"{cluster.plan.url_of(LEADER)}/unit_api/health").ok:
                return
        except UnitUnreachableError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
