"""Runs a leader's web server with a real broker's address; says its port and the first person's password."""

import os
import sys
from pathlib import Path

from pioreactor.clock.system import SystemClock
from pioreactor.http.addresses import base_url
from pioreactor.http.client import StandardHttpClient
from pioreactor.http.units import Units
from pioreactor.messaging.mqtt import BrokerAddress, MqttBusFactory
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.stores import SqliteUnitStores
from pioreactor.web.app import LeaderSide, create_app
from pioreactor.web.leader.services import LeaderServices
from pioreactor.web.live.packets import Credentials
from pioreactor.web.security.people import ensure_first_person
from pioreactor.web.serve import serve
from pioreactor.web.tasks import Tasks
from pioreactor.web.unit.launching import JobLauncher
from pioreactor.web.unit.services import UnitServices


class EmptyCatalogue:
    def jobs(self) -> list[object]:
        return []

    def automations(self, kind: str) -> list[object]:
        return []


def main(root: Path, broker_port: int, viewer_password: str, leader_password: str, token: str) -> None:
    paths = Paths.below(root)
    for folder in (paths.storage, paths.cache):
        folder.mkdir(parents=True, exist_ok=True)
    stores = SqliteUnitStores(paths)
    buses = MqttBusFactory(BrokerAddress("127.0.0.1", broker_port, "leader1", leader_password), "leader1")
    bus = buses.connect("web")
    ports: dict[str, str] = {}
    tasks = Tasks("leader1")
    unit = UnitServices(
        unit="leader1",
        clock=SystemClock(),
        stores=stores,
        bus=bus,
        paths=paths,
        tasks=tasks,
        launcher=JobLauncher((sys.executable, "-c", "pass"), os.environ),
        catalogue=EmptyCatalogue(),
        environment=os.environ,
    )
    database = LeaderDatabase.open(paths.database)
    password = ensure_first_person(database.people)
    units = Units(StandardHttpClient(), lambda name: base_url(name, ports), token=token, pause=tasks.pause)
    services = LeaderServices(unit, database, bus, units, lambda name: "")
    viewer = Credentials("viewer", viewer_password)
    app = create_app(
        unit, token=token, leader=LeaderSide(services, database.people, ("127.0.0.1", broker_port), viewer)
    )

    def started(port: int) -> None:
        ports["leader1"] = f"127.0.0.1:{port}"
        sys.stdout.write(f"{port} {password}\n")
        sys.stdout.flush()

    serve(app, "127.0.0.1", 0, on_start=started)
    database.close()
    bus.close()
    stores.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6])
