"""A supervisor that falls silent is noticed, in the words of systemd."""

import socket
from pathlib import Path

import pytest

from pioreactor.cluster import heartbeat_listener
from pioreactor.cluster.heartbeat_listener import PATIENCE_S, STARTING_S, HeartbeatListener
from pioreactor.output_guard.heartbeat import ALIVE, heartbeat


class Watch:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 50.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(heartbeat_listener, "time", made)
    return made


@pytest.fixture
def listening(tmp_path: Path, watch: Watch):
    made = HeartbeatListener(tmp_path / "notify")
    yield made
    made.close()


def test_silence_is_noticed_and_speech_ends_it(listening: HeartbeatListener, watch: Watch) -> None:
    say = heartbeat({"NOTIFY_SOCKET": str(listening.path)})
    for _ in range(20):
        say()
        watch.now += 0.5
        assert not listening.is_silent()
    watch.now += PATIENCE_S - 0.1
    assert not listening.is_silent()
    watch.now += 0.7
    assert listening.is_silent()
    listening.begin()
    say()
    watch.now += 0.5
    assert not listening.is_silent()


def test_a_start_may_take_longer(listening: HeartbeatListener, watch: Watch) -> None:
    for _ in range(int(STARTING_S)):
        watch.now += 1.0
        assert not listening.is_silent()
    watch.now += 1.0
    assert listening.is_silent()


def test_who_was_held_up_itself_gives_the_other_time(listening: HeartbeatListener, watch: Watch) -> None:
    say = heartbeat({"NOTIFY_SOCKET": str(listening.path)})
    say()
    watch.now += 0.5
    assert not listening.is_silent()
    watch.now += 60.0
    assert not listening.is_silent()
    watch.now += PATIENCE_S - 0.1
    assert not listening.is_silent()
    watch.now += 1.0
    assert listening.is_silent()


def test_nothing_is_said_where_nobody_listens(tmp_path: Path) -> None:
    heartbeat({})()
    heartbeat({"NOTIFY_SOCKET": str(tmp_path / "nobody")})()


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0pioreactor-test-heartbeat")
        listener.settimeout(1.0)
        heartbeat({"NOTIFY_SOCKET": "@pioreactor-test-heartbeat"})()
        assert listener.recv(64) == ALIVE
