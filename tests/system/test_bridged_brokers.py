"""A bench's own Mosquitto, bridged to the site's: what goes up, what comes down, and what outlives an outage."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pioreactor import structs, topics
from pioreactor.cluster.broker_bridges import BridgePlan, add_bridge, bridges, remove_bridge
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.plan import LEADER, DemoPlan
from pioreactor.demo.unit_files import broker_accounts
from pioreactor.messaging.accounts import Account
from pioreactor.messaging.broker import find_mosquitto
from pioreactor.messaging.broker_files import BrokerFiles
from pioreactor.messaging.mqtt import MqttBus
from pioreactor.messaging.ports import BrokerAddress
from pioreactor.messaging.reconnect_delay import ConnectionTiming
from pioreactor.processes.service import Service
from pioreactor.processes.termination import terminate
from pioreactor.storage.sqlite.journal import SqliteJournal
from pioreactor.testing.contracts.messaging import Inbox, flushed
from pioreactor.testing.ports import free_ports

pytestmark = pytest.mark.system

FAST = ConnectionTiming(min_retry_s=0.02, max_retry_s=0.2)
WORKER = "worker1"
EXPERIMENT = "records"


def stop(services: Iterable[Service]) -> None:
    terminate([service.process for service in services if service.process is not None], patience_s=5.0)


def mosquitto_of(files: BrokerFiles, log: Path) -> Service:
    program = find_mosquitto()
    assert program, "these tests need Mosquitto: install the package mosquitto"
    service = Service("mosquitto", [program, "-c", str(files.configuration)], {}, log, max_restart_delay_s=0.2)
    service.start()
    return service


def password_of(bench: BrokerFiles) -> str:
    lines = bench.configuration.read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("remote_password"))


class Site:
    """The site's broker and one bench's, of the units unit1 and unit2; unit3 stays at the site."""

    def __init__(self, directory: Path) -> None:
        first = free_ports(2)
        self.ports = {"site": first, "bench": first + 1}
        self.site = BrokerFiles(directory / "site")
        self.site.write_configuration(port=self.ports["site"], interface="127.0.0.1")
        for name in ("leader1", "unit1", "unit2", "unit3"):
            self.site.set_account(Account(name, f"of {name}", "leader" if name == "leader1" else "unit"))
        plan = BridgePlan(
            *("bench1", ["unit1", "unit2"], "leader1", "127.0.0.1", self.ports["site"], self.ports["bench"]),
            interface="127.0.0.1",
        )
        self.bench = BrokerFiles(directory / "bench")
        self.bridge = add_bridge(self.site, plan, self.bench.folder)
        self.services = {
            name: mosquitto_of(files, directory / f"{name}.log")
            for name, files in (("site", self.site), ("bench", self.bench))
        }
        self.buses: list[MqttBus] = []

    def bus(self, at: str, name: str) -> MqttBus:
        address = BrokerAddress("127.0.0.1", self.ports[at], name, f"of {name}")
        self.buses.append(MqttBus(address, f"{name}-{len(self.buses)}", timing=FAST))
        return self.buses[-1]

    def inbox(self, at: str, name: str, topic_filter: str) -> Inbox:
        bus, inbox = self.bus(at, name), Inbox()
        bus.subscribe(topic_filter, inbox)
        flushed(bus)
        return inbox

    def until_bridged(self) -> None:
        """Wait until a message has come up and another one down."""
        up, down = self.inbox("site", "leader1", "pioreactor/unit1/+/up"), self.inbox("bench", "unit1", "#")
        unit, leader = self.bus("bench", "unit1"), self.bus("site", "leader1")
        unit.publish("pioreactor/unit1/exp/up", b"here", retain=True)
        leader.publish("pioreactor/$broadcast/exp/job/down/set", b"here", retain=True)
        up.wait_for_payload(b"here")
        down.wait_until(lambda: any("$broadcast" in message.topic for message in down.messages))

    def close(self) -> None:
        for bus in self.buses:
            bus.abort()
        stop(self.services.values())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        made.until_bridged()
        yield made
    finally:
        made.close()


def test_telemetry_goes_up_and_commands_come_down_each_once(site: Site) -> None:
    at_site, at_bench = site.inbox("site", "leader1", "pioreactor/#"), site.inbox("bench", "unit2", "pioreactor/#")
    unit, leader, other = site.bus("bench", "unit1"), site.bus("site", "leader1"), site.bus("site", "unit3")
    unit.publish("pioreactor/unit1/exp/od_reading/od1", b"od")
    unit.publish("pioreactor/unit1/exp/stirring/$state", b"ready", retain=True)
    leader.publish("pioreactor/unit1/exp/stirring/target_rpm/set", b"500")
    leader.publish(topics.journal_acknowledged("unit2"), b"7")
    leader.publish(topics.alarm_heartbeat("leader1"), b"beat")
    other.publish("pioreactor/unit3/exp/od_reading/od1", b"of another bench")
    for bus in (unit, leader, other):
        flushed(bus)
        bus.publish(f"pioreactor/{'unit1' if bus is unit else '$broadcast' if bus is leader else 'unit3'}/e/j/end/set")
        flushed(bus)
    at_site.wait_until(lambda: sum(message.topic.endswith("/end/set") for message in at_site.messages) == 3)
    at_bench.wait_until(lambda: sum(message.topic.endswith("/end/set") for message in at_bench.messages) == 2)
    seen = {name: Counter(m.payload for m in box.messages) for name, box in (("site", at_site), ("bench", at_bench))}
    for payload in (b"od", b"ready", b"500", b"7", b"beat"):
        assert seen["site"][payload] == seen["bench"][payload] == 1, (payload, seen)
    assert seen["site"][b"of another bench"] == 1
    assert seen["bench"][b"of another bench"] == 0


def test_a_bench_cannot_command_units_of_others(site: Site) -> None:
    account = site.bridge.account
    password = password_of(site.bench)
    inbox = site.inbox("site", "leader1", "pioreactor/#")
    rogue = MqttBus(BrokerAddress("127.0.0.1", site.ports["site"], account, password), "rogue", timing=FAST)
    site.buses.append(rogue)
    for topic in ("unit3/exp/stirring/target_rpm/set", "$broadcast/exp/stirring/target_rpm/set", "leader1/exp/x"):
        rogue.publish(f"pioreactor/{topic}", b"forged")
    rogue.publish("pioreactor/unit1/exp/x", b"own")
    inbox.wait_for_payload(b"own")
    assert b"forged" not in inbox.payloads


def test_a_bench_whose_account_is_removed_is_cut_off(site: Site) -> None:
    assert [bridge.bench for bridge in bridges(site.site)] == ["bench1"]
    remove_bridge(site.site, "bench1")
    assert bridges(site.site) == []
    inbox, unit = site.inbox("site", "leader1", "pioreactor/#"), site.bus("bench", "unit1")
    unit.publish("pioreactor/unit1/exp/late", b"late")
    flushed(unit)
    site.bus("site", "unit3").publish("pioreactor/unit3/exp/x", b"later")
    inbox.wait_for_payload(b"later")
    assert b"late" not in inbox.payloads


def test_secrets_of_a_bench_are_private(site: Site) -> None:
    for path in (site.bench.configuration, site.bench.passwords, site.bench.permissions):
        assert path.stat().st_mode & 0o077 == 0
        assert "of unit1" not in path.read_text()
    assert "leader1" not in site.bench.accounts()


def test_a_site_broker_killed_under_load_loses_no_row_and_stores_none_twice(tmp_path: Path) -> None:
    """A worker whose monitor forwards its records over the bench's broker, and the leader's real writer."""
    chance = DemoCluster(DemoPlan(tmp_path, workers=1, scenario="water", experiment=EXPERIMENT), log=lambda _: None)
    chance.prepare()
    assert chance.broker is not None
    site = BrokerFiles(chance.broker.directory)
    site.write_configuration(port=chance.broker.port, interface=chance.broker.interface)
    plan = BridgePlan("bench1", [WORKER], LEADER, chance.broker.interface, chance.broker.port, free_ports(1))
    bench = BrokerFiles(tmp_path / "bench")
    bridge = add_bridge(site, plan, bench.folder)
    own = Account(bridge.account, password_of(bench), "bench", units=(WORKER,))
    chance.broker.set_accounts([*broker_accounts(chance.plan), own])
    settings = chance.paths(WORKER).local_config
    settings.write_text(
        f"{settings.read_text()}\n[mqtt]\nbroker_address=127.0.0.1\nbroker_port={plan.units_port}\n", encoding="utf-8"
    )
    services = [mosquitto_of(bench, tmp_path / "bench.log")]
    pio = [sys.executable, "-m", "pioreactor.cli.main", "run"]
    for unit, job in ((LEADER, "mqtt_to_db_streaming"), (WORKER, "monitor")):
        model = {"MODEL_NAME": "pioreactor_20ml", "MODEL_VERSION": "1.5", "EXPERIMENT": EXPERIMENT, "ACTIVE": "1"}
        services.append(Service(job, [*pio, job], {**chance.environment(unit), **model}, tmp_path / f"{job}.out"))
        services[-1].start()
    journal = SqliteJournal(chance.paths(WORKER).journal)
    recorded = 0

    def record(count: int) -> None:
        nonlocal recorded
        at = datetime.now(UTC)
        readings = [structs.MeasuredRPM(measured_rpm=float(recorded + n + 1), timestamp=at) for n in range(count)]
        topic = topics.event(WORKER, EXPERIMENT, "stirring/measured_rpm")
        journal.append([(topic, structs.encode(reading), at) for reading in readings])
        recorded += count

    def wait_until_safe(within_s: float) -> None:
        seq, began = journal.last_seq(), time.monotonic()
        while journal.acknowledged_seq() < seq:
            assert time.monotonic() - began < within_s, "\n".join(service.log_tail() for service in services)
            time.sleep(0.05)

    try:
        record(1)
        wait_until_safe(30.0)
        for _ in range(4):
            for _ in range(10):
                record(40)
                time.sleep(0.02)
            assert chance.broker.pid is not None
            subprocess.run(["kill", f"-{int(signal.SIGKILL)}", str(chance.broker.pid)], check=True)
            record(200)
            time.sleep(0.3)
            chance.broker.start()
        wait_until_safe(60.0)
        with closing(sqlite3.connect(chance.paths(LEADER).database, timeout=5.0)) as connection:
            rows = Counter(rpm for (rpm,) in connection.execute("SELECT measured_rpm FROM stirring_rates"))
        assert rows == Counter(float(number + 1) for number in range(recorded))
    finally:
        stop(services)
        journal.close()
        chance.stop()
