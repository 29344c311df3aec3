"""In-process web servers of a unit and a leader, and clients of them."""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from pioreactor import topics
from pioreactor.alarms.rules import AlarmRule
from pioreactor.bootstrap import build_runtime
from pioreactor.http.addresses import base_url
from pioreactor.http.loopback import LoopbackHttp, Request
from pioreactor.http.ports import Response
from pioreactor.http.units import Units
from pioreactor.identity.people import ensure_first_person
from pioreactor.identity.unit_model import stored_model
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.published_attribute import PublishedAttribute
from pioreactor.jobs.settings import Setting
from pioreactor.messaging.ports import Message, Subscription
from pioreactor.messaging.subscription import Cancellable
from pioreactor.models import DEFAULT_MODEL, ReactorModel, find_model, load_models
from pioreactor.processes.liveness import is_alive
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.memory import MemoryUnitStores
from pioreactor.storage.paths import Paths
from pioreactor.structs.commands import CommandAnnouncement, CommandAnswer
from pioreactor.structs.encoding import decode, encode
from pioreactor.web.app import LeaderSide, create_app
from pioreactor.web.leader.rehearsal_runner import RehearsalRunner
from pioreactor.web.leader.services import LeaderServices
from pioreactor.web.security.identity import Identity
from pioreactor.web.tasks import Tasks
from pioreactor.web.unit.job_launcher import JobLauncher
from pioreactor.web.unit.services import UnitServices

TOKEN = "the-token-of-the-cluster"
AS_CLUSTER = {"Authorization": f"Bearer {TOKEN}"}
WORKER_TOKENS = {
    "the-token-of-unit1": Identity("unit", "unit1", "own"),
    "the-token-of-unit9": Identity("unit", "unit9", "joining"),
}
"""Tokens of a worker in the inventory, and of a unit that is not."""


def accept(topic: str, announcement: CommandAnnouncement) -> CommandAnswer:
    return CommandAnswer(announcement.id, "accepted", announcement.expires_at, value=announcement.payload)


@dataclass
class SpyBus:
    """A bus that remembers what was published."""

    connected: bool = True
    published: list[tuple[str, str, int, bool]] = field(default_factory=list)
    """Without the announcements of commands."""
    answer: Callable[[str, CommandAnnouncement], CommandAnswer | None] = field(default=accept)
    """What jobs answer to commands; the topic is that of the announcement."""
    on_subscription: Callable[[str], object] = field(default=len)
    """Called with each topic filter that is subscribed to."""
    _listeners: list[tuple[str, Callable[[Message], None]]] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        text = payload.decode() if isinstance(payload, bytes) else payload
        if not topic.endswith("/set/command"):
            self.published.append((topic, text, qos, retain))
            return
        answer = self.answer(topic, decode(text, CommandAnnouncement))
        if answer is not None:
            self.send(topic.removesuffix("command") + "answer", encode(answer))

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Deliver a message to the web server."""
        for topic_filter, callback in list(self._listeners):
            if topics.matches(topic_filter, topic):
                callback(Message(topic, payload, 1, retain))

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Subscription:
        listener = (topic_filter, callback)
        self._listeners.append(listener)
        self.on_subscription(topic_filter)
        return Cancellable(lambda: self._listeners.remove(listener))

    def is_connected(self) -> bool:
        return self.connected

    def on_connection(self, callback: Callable[[bool], None]) -> Subscription:
        raise AssertionError("the web server does not care")

    def flush(self, timeout_s: float) -> bool:
        return self.connected

    def close(self) -> None:
        return None


def named(name: str, attribute: PublishedAttribute[Any]) -> PublishedAttribute[Any]:
    attribute.__set_name__(object, name)
    return attribute


@dataclass
class DeclaredStirring:
    job_name: str = "stirring"
    display_name: str = "Stirring"
    description: str = "Turns the stir bar."
    display: bool = True
    source: str = "pioreactor"
    alarm_rules: tuple[AlarmRule, ...] = ()

    @property
    def published(self) -> Mapping[str, PublishedAttribute[Any]]:
        return {
            "target_rpm": named(
                "target_rpm",
                Setting(500.0, unit="RPM", label="Target stir RPM", ge=0, le=1500),
            ),
            "measured_rpm": named("measured_rpm", Measurement[float](unit="RPM", label="Measured RPM")),
        }

    @property
    def settings(self) -> Mapping[str, Setting[Any]]:
        return {name: value for name, value in self.published.items() if isinstance(value, Setting)}


@dataclass
class DeclaredTurbidostat:
    automation_name: str = "turbidostat"
    display_name: str = "Turbidostat"
    description: str = "Dilutes when the culture is above target."
    source: str = "pioreactor"
    form: Mapping[str, Setting[Any]] | None = None

    @property
    def published(self) -> Mapping[str, PublishedAttribute[Any]]:
        return {"target_biomass": named("target_biomass", Setting(1.0, label="Target", ge=0))}

    @property
    def settings(self) -> Mapping[str, Setting[Any]]:
        return {name: value for name, value in self.published.items() if isinstance(value, Setting)}


class SmallCatalog:
    def jobs(self) -> Sequence[Any]:
        return [DeclaredStirring()]

    def automations(self, kind: str) -> Sequence[Any]:
        return [DeclaredTurbidostat()] if kind == "dosing" else []


def _model_of(chosen: tuple[str, str] | None) -> ReactorModel:
    return find_model(load_models(None), *(chosen if chosen is not None else DEFAULT_MODEL))


def a_unit(name: str, tmp_path: Path, *, command: Sequence[str] = (sys.executable, "-c", "pass")) -> UnitServices:
    paths = Paths.below(tmp_path / name)
    paths.dot_pioreactor.mkdir(parents=True)
    environment = {
        "HOSTNAME": name,
        "DOT_PIOREACTOR": str(paths.dot_pioreactor),
        "RUN_PIOREACTOR": str(paths.run_pioreactor),
    }
    runtime = build_runtime(environment, quiet=True, handles_signals=False)
    runtime.stores.close()
    stores = MemoryUnitStores(alive=is_alive)
    identity = replace(runtime.identity, own_model=lambda: stored_model(stores))
    return UnitServices(
        runtime=replace(runtime, stores=stores, identity=identity, model=lambda: _model_of(stored_model(stores))),
        bus=SpyBus(),
        tasks=Tasks(name),
        launcher=JobLauncher(command, {"PATH": "/usr/bin", "SECRET": "not for jobs"}),
        catalog=SmallCatalog(),
    )


@contextmanager
def client_of(unit: UnitServices, *, leader: LeaderSide | None = None) -> Iterator[Any]:
    """Talk to a unit's server with its own token."""
    known = {TOKEN: Identity("unit", unit.name), **(WORKER_TOKENS if leader is not None else {})}
    app: Any = create_app(unit, unit_of=known.get, leader=leader)
    with TestClient(app) as client:
        client.headers.update(AS_CLUSTER)
        yield client


@pytest.fixture
def make_unit(tmp_path: Path) -> Iterator[Callable[..., UnitServices]]:
    made: list[UnitServices] = []

    def make(name: str = "unit1", **options: Any) -> UnitServices:
        made.append(a_unit(name, tmp_path, **options))
        return made[-1]

    yield make
    for services in made:
        services.close()


@pytest.fixture
def unit(make_unit: Callable[..., UnitServices]) -> UnitServices:
    return make_unit()


@pytest.fixture
def worker(unit: UnitServices) -> Iterator[Any]:
    """The server of a worker, asked with the cluster's token."""
    with client_of(unit) as client:
        yield client


def result_of(client: Any, answer: Any, *, max_polls: int = 400) -> dict[str, Any]:
    """Wait for a task that an answer points to."""
    assert answer.status_code == 202, answer.text
    path = answer.json()["result_url_path"]
    for _ in range(max_polls):
        found = client.get(path)
        if found.status_code != 202:
            return dict(found.json())
        client_pause()
    raise AssertionError(f"still {found.json()}")


def client_pause() -> None:
    import threading

    threading.Event().wait(0.02)


@dataclass
class Leader:
    """The server of a leader and what is behind it."""

    client: Any
    services: LeaderServices
    bus: SpyBus
    http: LoopbackHttp
    password: str

    def sign_in(self) -> None:
        """Use a person's session from here on, not the cluster's token."""
        self.client.headers.pop("Authorization", None)
        body = {"username": "pioreactor", "password": self.password}
        assert self.client.post("/auth/sign-in", json=body).status_code == 200

    def add_host(self, unit: str, answer: Callable[[Request], Response]) -> None:
        """Add a unit to the network with this handler of requests."""
        self.http.hosts[f"{unit}.local:80"] = answer

    def add_workers(self, *units: str, experiment: str | None = None) -> None:
        for unit in units:
            assert self.client.put("/api/workers", json={"pioreactor_unit": unit}).status_code == 201
        if experiment is not None:
            assert self.client.post("/api/experiments", json={"experiment": experiment}).status_code == 201
            for unit in units:
                path = f"/api/experiments/{experiment}/workers"
                assert self.client.put(path, json={"pioreactor_unit": unit}).status_code == 200

    def result(self, answer: Any) -> dict[str, Any]:
        return result_of(self.client, answer)


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The file of a new leader's database, to be copied, and the password of the person in it."""
    path = tmp_path_factory.mktemp("leader") / "leader.sqlite"
    database = LeaderDatabase.open(path)
    password = ensure_first_person(database.people)
    database.close()
    assert password is not None
    return path, password


ON_BOTH_DATABASES = pytest.mark.parametrize("leader_database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def leader_database(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: tuple[Path, str]
) -> tuple[LeaderDatabase, str]:
    """The database of the leader, and the password of the person in it: of SQLite, unless the test says otherwise."""
    if getattr(request, "param", "sqlite") == "sqlite":
        source, password = new_database
        return LeaderDatabase.open(shutil.copy(source, tmp_path / "leader.sqlite")), password
    database = LeaderDatabase.open(request.getfixturevalue("leader_url"))
    first_password = ensure_first_person(database.people)
    assert first_password is not None
    return database, first_password


@pytest.fixture
def leader(
    make_unit: Callable[..., UnitServices], tmp_path: Path, leader_database: tuple[LeaderDatabase, str]
) -> Iterator[Leader]:
    """The server of a leader that is no worker itself, asked with the cluster's token."""
    here = make_unit("leader1")
    database, password = leader_database
    http = LoopbackHttp()
    bus = here.bus
    assert isinstance(bus, SpyBus)
    units = Units(http, lambda unit: base_url(unit, {}), token_for=lambda _: TOKEN, pause=here.tasks.pause)
    services = LeaderServices(here, database, bus, units, lambda unit: "10.0.0.7" if unit == "unit7" else "")
    services.act_rehearsals = RehearsalRunner(("/nowhere/pio",), {}, here.tasks.pause)
    pages = tmp_path / "pages"
    (pages / "assets").mkdir(parents=True)
    (pages / "index.html").write_text("<!doctype html><title>Pioreactor</title>" + " " * 200)
    (pages / "assets" / "app-1a2b.js").write_text("export const x = 1;\n" * 50)
    side = LeaderSide(services, database.people, ("127.0.0.1", 1), pages=pages, docs=tmp_path / "docs")
    with client_of(here, leader=side) as client:
        yield Leader(client, services, bus, http, password)
    database.close()
