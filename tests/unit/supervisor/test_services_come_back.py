"""What must always run in a local cluster is started again: at once if it had lived, later and later if it had not."""

import configparser
from pathlib import Path

import pytest

from pioreactor.bootstrap.demo_cluster import build_demo_cluster
from pioreactor.cluster import demo_cluster
from pioreactor.cluster.demo_cluster import LIVES_S, DemoCluster, DemoClusterPlan, Service

UNITS = Path(__file__).parents[3] / "packaging" / "systemd"


class Mortal(Service):
    """A service without a process."""

    starts = 0
    lives = True

    def start(self) -> None:
        self.starts += 1
        self.lives = True
        self.started_at = demo_cluster.time.monotonic()  # type: ignore[attr-defined]

    @property
    def is_running(self) -> bool:
        return self.lives


class Watch:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(demo_cluster, "time", made)
    return made


@pytest.fixture
def cluster(tmp_path: Path, watch: Watch) -> DemoCluster:
    return build_demo_cluster(DemoClusterPlan(tmp_path), say=lambda _words: None)


@pytest.fixture
def service(cluster: DemoCluster, tmp_path: Path) -> Mortal:
    made = Mortal("supervisor", ["true"], {}, tmp_path / "out")
    made.start()
    cluster.services.append(made)
    return made


def test_one_that_had_lived_is_back_at_the_first_look(cluster: DemoCluster, service: Mortal, watch: Watch) -> None:
    for turn in range(5):
        watch.now += LIVES_S + 1.0
        service.lives = False
        cluster.check_services()
        assert service.lives
        assert service.starts == turn + 2


def test_one_that_dies_at_once_is_tried_ever_more_seldom_but_always_again(
    cluster: DemoCluster, service: Mortal, watch: Watch
) -> None:
    for _ in range(3600):
        watch.now += 1.0
        service.lives = False
        cluster.check_services()
    assert 3600 / 32 < service.starts < 3600 / 20


def test_a_supervisor_is_tried_at_each_look(cluster: DemoCluster, service: Mortal, watch: Watch) -> None:
    service.longest_pause_s = 0.0
    for _ in range(10):
        watch.now += 0.5
        service.lives = False
        cluster.check_services()
    assert service.starts == 11


@pytest.mark.parametrize("name", ["supervisor", "monitor", "records"])
def test_systemd_never_gives_up(name: str) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNITS / f"pioreactor-{name}.service")
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_systemd_ends_a_frozen_supervisor() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNITS / "pioreactor-supervisor.service")
    assert unit["Service"]["Type"] == "notify"
    assert unit["Service"]["WatchdogSec"] == "2"
    assert unit["Service"]["WatchdogSignal"] == "SIGKILL"
