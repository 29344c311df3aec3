"""Services are restarted: at once after a stable run, with growing delays after failed starts."""

import configparser
from pathlib import Path

import pytest
from tests.unit.fake_time import FakeTime

from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.plan import DemoPlan
from pioreactor.processes import service as service_module
from pioreactor.processes.service import STABLE_AFTER_S, Service

UNITS = Path(__file__).parents[3] / "src" / "pioreactor" / "install" / "systemd"


class FakeService(Service):
    """A service without a process."""

    starts = 0
    alive = True

    def start(self) -> None:
        self.starts += 1
        self.alive = True
        self.started_at = service_module.time.monotonic()  # type: ignore[attr-defined]

    @property
    def is_running(self) -> bool:
        return self.alive


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    made = FakeTime(1000.0)
    monkeypatch.setattr(service_module, "time", made)
    return made


@pytest.fixture
def cluster(tmp_path: Path, clock: FakeTime) -> DemoCluster:
    return DemoCluster(DemoPlan(tmp_path), log=lambda _message: None)


@pytest.fixture
def service(cluster: DemoCluster, tmp_path: Path) -> FakeService:
    made = FakeService("output_guard", ["true"], {}, tmp_path / "out")
    made.start()
    cluster.services.append(made)
    return made


def test_restart_is_immediate_after_a_stable_run(cluster: DemoCluster, service: FakeService, clock: FakeTime) -> None:
    for turn in range(5):
        clock.now += STABLE_AFTER_S + 1.0
        service.alive = False
        cluster.check_services()
        assert service.alive
        assert service.starts == turn + 2


def test_restarts_are_delayed_ever_longer_after_failed_starts_but_never_end(
    cluster: DemoCluster, service: FakeService, clock: FakeTime
) -> None:
    for _ in range(3600):
        clock.now += 1.0
        service.alive = False
        cluster.check_services()
    assert 3600 / 32 < service.starts < 3600 / 20


def test_the_output_guard_is_restarted_at_each_check(
    cluster: DemoCluster, service: FakeService, clock: FakeTime
) -> None:
    service.max_restart_delay_s = 0.0
    for _ in range(10):
        clock.now += 0.5
        service.alive = False
        cluster.check_services()
    assert service.starts == 11


@pytest.mark.parametrize("name", ["output-guard", "monitor", "records"])
def test_systemd_restarts_without_limit(name: str) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNITS / f"pioreactor-{name}.service")
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_systemd_kills_an_output_guard_that_hangs() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNITS / "pioreactor-output-guard.service")
    assert unit["Service"]["Type"] == "notify"
    assert unit["Service"]["WatchdogSec"] == "2"
    assert unit["Service"]["WatchdogSignal"] == "SIGKILL"
