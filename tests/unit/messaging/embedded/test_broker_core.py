"""Tests of the state and rules of the embedded broker."""

import asyncio
from pathlib import Path

import pytest

from pioreactor.messaging.accounts import Account, password_file, permission_file
from pioreactor.messaging.embedded import broker_core
from pioreactor.messaging.embedded.broker_core import BrokerCore
from pioreactor.messaging.embedded.connection import Connection
from pioreactor.messaging.packets import Connect, Publication, encode_connect

LEADER, UNIT, VIEWER = Account("leader", "L", "leader"), Account("unit1", "U"), Account("anna", "A", "viewer")


class FakeClient:
    def __init__(self, core: BrokerCore, client_id: str, username: str = "leader") -> None:
        self.client_id, self.username = client_id, username
        self.core = core
        self.received: list[Publication] = []
        self.will: Publication | None = None
        self.evicted = False
        core.connect(self)

    def deliver(self, publication: Publication) -> None:
        self.received.append(publication)

    def evict(self, *, send_will: bool = True) -> None:
        self.evicted = True
        self.core.disconnect(self, will=self.will if send_will else None)


@pytest.fixture
def core(tmp_path: Path) -> BrokerCore:
    return open_core(tmp_path, LEADER, UNIT, VIEWER)


def open_core(directory: Path, *accounts: Account) -> BrokerCore:
    (directory / "passwords").write_text(password_file(accounts))
    (directory / "permissions").write_text(permission_file(accounts))
    return BrokerCore(directory / "passwords", directory / "permissions", directory / "retained.msgpack")


def publication(topic: str, payload: bytes = b"1", *, qos: int = 1, retain: bool = False) -> Publication:
    return Publication(topic, payload, qos, retain)


def test_only_the_right_password_authenticates(core: BrokerCore) -> None:
    assert core.authenticate("unit1", "U")
    assert not core.authenticate("unit1", "L")
    assert not core.authenticate("unknown", "U")
    assert not core.authenticate(None, None)
    assert not core.authenticate("unit1", None)


def test_the_lower_qos_counts_and_overlaps_are_delivered_once(core: BrokerCore) -> None:
    client = FakeClient(core, "a")
    assert core.subscribe(client, "pioreactor/#", 0) == 0
    assert core.subscribe(client, "pioreactor/unit1/+", 2) == 1
    core.publish("leader", publication("pioreactor/unit1/a", qos=2))
    core.publish("leader", publication("pioreactor/unit1/a", qos=0))
    core.publish("leader", publication("pioreactor/unit2/a", qos=1))
    assert [received.qos for received in client.received] == [1, 0, 0]


def test_subscribing_twice_replaces_the_first(core: BrokerCore) -> None:
    client = FakeClient(core, "a")
    core.subscribe(client, "pioreactor/a", 1)
    core.subscribe(client, "pioreactor/a", 0)
    core.unsubscribe(client, "pioreactor/a")
    core.publish("leader", publication("pioreactor/a"))
    assert client.received == []
    assert core.subscribe(client, "a/#/b", 1) is None


def test_a_unit_cannot_publish_for_others_not_even_in_its_will(core: BrokerCore) -> None:
    listener = FakeClient(core, "subscriber")
    core.subscribe(listener, "#", 1)
    unit = FakeClient(core, "stirring-unit1", "unit1")
    unit.will = publication("pioreactor/unit2/exp/stirring/$state", b"lost", retain=True)
    core.publish("unit1", publication("pioreactor/unit2/exp/stirring/target_rpm/set"))
    core.publish("anna", publication("pioreactor/unit1/exp/stirring/target_rpm/set"))
    unit.evict()
    core.publish("unit1", publication("pioreactor/unit1/exp/stirring/target_rpm/set"))
    assert [received.topic for received in listener.received] == ["pioreactor/unit1/exp/stirring/target_rpm/set"]


def test_messages_without_read_permission_are_not_delivered(core: BrokerCore) -> None:
    core.publish("leader", publication("private", retain=True))
    viewer = FakeClient(core, "viewer", "anna")
    core.subscribe(viewer, "#", 1)
    core.send_retained(viewer, "#", 1)
    core.publish("leader", publication("private"))
    assert viewer.received == []


def test_a_second_client_of_the_same_id_evicts_the_first_and_keeps_its_subscriptions(core: BrokerCore) -> None:
    first = FakeClient(core, "same")
    core.subscribe(first, "a", 1)
    second = FakeClient(core, "same")
    core.subscribe(second, "a", 1)
    assert first.evicted
    core.publish("leader", publication("a"))
    assert first.received == []
    assert len(second.received) == 1


def test_retained_messages_survive_a_restart_and_a_damaged_file_is_skipped(core: BrokerCore, tmp_path: Path) -> None:
    core.publish("leader", publication("a", b"\xff", retain=True))
    core.publish("leader", publication("b", b"gone", retain=True))
    core.publish("leader", publication("b", b"", retain=True))
    core.save()
    again = open_core(tmp_path, LEADER)
    client = FakeClient(again, "a")
    again.send_retained(client, "#", 1)
    assert client.received == [Publication("a", b"\xff", 1, True)]
    (tmp_path / "retained.msgpack").write_bytes(b"\xc1 not ours")
    empty = open_core(tmp_path, LEADER)
    client = FakeClient(empty, "a")
    empty.send_retained(client, "#", 1)
    assert client.received == []


def test_the_file_of_retained_messages_is_private(core: BrokerCore, tmp_path: Path) -> None:
    core.publish("leader", publication("a", retain=True))
    core.save()
    assert (tmp_path / "retained.msgpack").stat().st_mode & 0o077 == 0


def test_clients_of_a_removed_account_are_evicted(core: BrokerCore, tmp_path: Path) -> None:
    unit, leader = FakeClient(core, "u", "unit1"), FakeClient(core, "l", "leader")
    (tmp_path / "passwords").write_text(password_file([LEADER]))
    (tmp_path / "permissions").write_text(permission_file([LEADER]))
    core.load_accounts()
    assert unit.evicted
    assert not leader.evicted
    assert not core.authenticate("unit1", "U")


def test_a_stopping_broker_publishes_no_wills(core: BrokerCore) -> None:
    client, listener = FakeClient(core, "job"), FakeClient(core, "subscriber")
    core.subscribe(listener, "#", 1)
    client.will = publication("job/$state", b"lost", retain=True)
    core.evict_all()
    assert client.evicted
    assert listener.received == []


def test_a_filter_of_many_levels_leaves_no_session_behind(core: BrokerCore) -> None:
    client = FakeClient(core, "a")
    core.subscribe(client, "pioreactor/#", 1)
    assert core.subscribe(client, "/" * 30_000, 1) is None
    core.disconnect(client, will=None)
    assert core._clients == {}
    assert core._routes == {}
    assert core._router.routes() == []


def test_subscriptions_of_a_client_are_limited(core: BrokerCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_core, "MAX_SUBSCRIPTIONS", 2)
    client = FakeClient(core, "a")
    assert [core.subscribe(client, topic, 1) for topic in ("a", "b", "c", "b")] == [1, 1, None, 1]


def test_retained_messages_have_a_budget_per_account(
    core: BrokerCore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(broker_core, "MAX_RETAINED_MESSAGES", 3)
    monkeypatch.setattr(broker_core, "MAX_RETAINED_BYTES", 100)
    listener = FakeClient(core, "listener")
    core.subscribe(listener, "#", 0)
    for number in range(5):
        core.publish("unit1", publication(f"pioreactor/unit1/{number}", retain=True))
    core.publish("leader", publication("pioreactor/leader", retain=True))
    assert len(listener.received) == 6

    def retained(of: BrokerCore) -> list[str]:
        client = FakeClient(of, "again")
        of.subscribe(client, "#", 0)
        of.send_retained(client, "#", 0)
        return [message.topic for message in client.received]

    assert retained(core) == [*(f"pioreactor/unit1/{number}" for number in range(3)), "pioreactor/leader"]
    core.save()
    again = open_core(tmp_path, LEADER, UNIT, VIEWER)
    again.publish("unit1", publication("pioreactor/unit1/9", retain=True))
    assert "pioreactor/unit1/9" not in retained(again)
    again.publish("unit1", publication("pioreactor/unit1/0", b"", retain=True))
    again.publish("unit1", publication("pioreactor/unit1/9", retain=True))
    assert "pioreactor/unit1/9" in retained(again)
    again.publish("unit1", publication("pioreactor/unit1/9", b"x" * 200, retain=True))
    assert "pioreactor/unit1/9" not in retained(again)


def test_a_client_id_is_not_taken_over_by_another_account(core: BrokerCore) -> None:
    FakeClient(core, "stirring", "unit1")
    assert core.may_use_client_id("stirring", "unit1")
    assert not core.may_use_client_id("stirring", "anna")
    assert core.may_use_client_id("other", "anna")


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True


def test_connections_are_refused_in_the_form_of_their_protocol_version(core: BrokerCore) -> None:
    async def test() -> None:
        for level, account, client_id, answer in (
            (4, VIEWER, "stirring", b"\x20\x02\x00\x02"),
            (4, UNIT, "stirring", b"\x20\x02\x00\x00"),
            (5, VIEWER, "other", b"\x20\x03\x00\x84\x00"),
        ):
            wire, connection = Wire(), Connection(core)
            connection.connection_made(wire)
            connect = Connect(
                level,
                client_id,
                60,
                True,
                None,
                account.name,
                account.password,
                properties=b"\x21\x00\x14" if level == 5 else b"",
            )
            connection.data_received(encode_connect(connect))
            assert bytes(wire.written) == answer
            connection.evict()

    FakeClient(core, "stirring", "unit1")
    asyncio.run(test())
