"""A dead leader is reported by workers within a minute, once, and so is its return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pioreactor import topics
from pioreactor.alarms.channels import Channel
from pioreactor.alarms.records import Notice
from pioreactor.background_jobs.monitor import Monitor
from pioreactor.background_jobs.monitor.leader_watch import GRACE_S
from pioreactor.notifiers.ports import DeliveryError
from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets
from pioreactor.storage.leader.alarms.leader_watch_file import LeaderWatch, store_leader_watch
from pioreactor.testing.simulation import Bench

PHONE = Channel(name="phone", kind="ntfy")


@dataclass
class Scene:
    bench: Bench
    secrets: Path
    told: list[tuple[float, str]] = field(default_factory=list)
    failures: int = 0
    ids: list[str] = field(default_factory=list)

    def send(self, notice: Notice, *, delivery_id: str) -> None:
        assert delivery_id.startswith("unit2-")
        if self.failures:
            self.failures -= 1
            raise DeliveryError("no route to host")
        self.ids.append(delivery_id)
        self.told.append((self.bench.unit.runtime.clock.monotonic(), notice.title))

    def watch(self, rank: int = 0) -> None:
        store_leader_watch(self.secrets, LeaderWatch(rank, (PHONE,)), {"phone": {"url": "https://a/b"}})

    def live(self, seconds: float) -> None:
        """Let the leader give signs of life."""
        for _ in range(int(seconds / 10)):
            self.bench.bus.publish(topics.alarm_heartbeat("unit1"), b"{}")
            self.bench.wait(10.0)

    @property
    def titles(self) -> list[str]:
        return [title for _, title in self.told]


@pytest.fixture
def scene(simulated: Callable[..., Bench], tmp_path: Path) -> Scene:
    bench = simulated(scenario="water", calibrated_pumps=False, units=["unit1", "unit2"], data_root=tmp_path)
    worker = bench.simulation.unit("unit2")
    made = Scene(bench, worker.runtime.paths.secrets)
    made.secrets.mkdir(parents=True)
    worker.runtime = replace(worker.runtime, open_notifier=lambda channel, bus: made)
    bench.start(lambda: Monitor("unit2"), on=worker)
    return made


@pytest.mark.parametrize(("rank", "within_s"), [(0, 50.0), (1, 60.0)])
def test_a_leader_that_dies_is_reported_within_a_minute_and_its_return_as_well(
    scene: Scene, rank: int, within_s: float
) -> None:
    scene.watch(rank)
    scene.live(60.0)
    died_s = scene.bench.unit.runtime.clock.monotonic() - 10.0
    scene.bench.wait(120.0)
    assert scene.titles == ["Leader unit1 is dead"]
    assert 30.0 < scene.told[0][0] - died_s <= within_s
    scene.live(20.0)
    scene.bench.wait(2.0)
    assert scene.titles == ["Leader unit1 is dead", "Leader unit1 is back"]
    assert len(set(scene.ids)) == 2


def test_a_worker_without_a_channel_reports_nothing(scene: Scene) -> None:
    scene.live(20.0)
    scene.bench.wait(300.0)
    assert scene.titles == []


def test_a_leader_may_start_later_than_its_workers(scene: Scene) -> None:
    scene.watch()
    scene.bench.wait(GRACE_S)
    assert scene.titles == []
    scene.bench.wait(60.0)
    assert scene.titles == ["Leader unit1 is dead"]


def test_a_report_that_cannot_be_delivered_is_tried_again(scene: Scene) -> None:
    scene.watch()
    scene.failures = 2
    scene.live(20.0)
    scene.bench.wait(250.0)
    assert scene.titles == ["Leader unit1 is dead"]


def test_what_a_worker_was_given_is_private(scene: Scene) -> None:
    scene.watch()
    for name in ("leader_watch.json", "alarm_channels.json"):
        assert (scene.secrets / name).stat().st_mode & 0o777 == 0o600
    assert "https" not in (scene.secrets / "leader_watch.json").read_text()
    assert ChannelSecrets(scene.secrets).of("phone") == {"url": "https://a/b"}
