"""The watchdog notices a service that stops reporting."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.fake_time import FakeTime

from pioreactor.processes import watchdog
from pioreactor.processes.watchdog import ALIVE, START_TIMEOUT_S, TIMEOUT_S, WatchdogListener, watchdog_sender


@pytest.fixture
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    made = FakeTime(50.0)
    monkeypatch.setattr(watchdog, "time", made)
    return made


@pytest.fixture
def listener(tmp_path: Path, fake_time: FakeTime) -> Iterator[WatchdogListener]:
    made = WatchdogListener(tmp_path / "notify")
    yield made
    made.close()


def test_missing_reports_make_a_service_overdue(listener: WatchdogListener, fake_time: FakeTime) -> None:
    send = watchdog_sender({"NOTIFY_SOCKET": str(listener.path)})
    for _ in range(20):
        send()
        fake_time.now += 0.5
        assert not listener.is_overdue()
    fake_time.now += TIMEOUT_S - 0.1
    assert not listener.is_overdue()
    fake_time.now += 0.7
    assert listener.is_overdue()
    listener.reset()
    send()
    fake_time.now += 0.5
    assert not listener.is_overdue()


def test_a_start_has_a_longer_timeout(listener: WatchdogListener, fake_time: FakeTime) -> None:
    for _ in range(int(START_TIMEOUT_S)):
        fake_time.now += 1.0
        assert not listener.is_overdue()
    fake_time.now += 1.0
    assert listener.is_overdue()


def test_time_without_a_poll_does_not_count(listener: WatchdogListener, fake_time: FakeTime) -> None:
    send = watchdog_sender({"NOTIFY_SOCKET": str(listener.path)})
    send()
    fake_time.now += 0.5
    assert not listener.is_overdue()
    fake_time.now += 60.0
    assert not listener.is_overdue()
    fake_time.now += TIMEOUT_S - 0.1
    assert not listener.is_overdue()
    fake_time.now += 1.0
    assert listener.is_overdue()


def test_nothing_is_sent_without_a_listener(tmp_path: Path) -> None:
    watchdog_sender({})()
    watchdog_sender({"NOTIFY_SOCKET": str(tmp_path / "absent")})()


def test_abstract_addresses_are_supported() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0pioreactor-test-heartbeat")
        listener.settimeout(1.0)
        watchdog_sender({"NOTIFY_SOCKET": "@pioreactor-test-heartbeat"})()
        assert listener.recv(64) == ALIVE
