"""The exchange of the embedded broker: who hears what, what is kept, and who is shown the door."""

from pathlib import Path

import pytest

from pioreactor.messaging.accounts import Account, password_file, permission_file
from pioreactor.messaging.embedded.broker_core import Exchange
from pioreactor.messaging.embedded.packets import Publication

LEADER, UNIT, VIEWER = Account("leader", "L", "leader"), Account("unit1", "U"), Account("anna", "A", "viewer")


class FakeClient:
    def __init__(self, exchange: Exchange, client_id: str, username: str = "leader") -> None:
        self.client_id, self.username = client_id, username
        self.exchange = exchange
        self.heard: list[Publication] = []
        self.will: Publication | None = None
        self.evicted = False
        exchange.arrive(self)

    def deliver(self, publication: Publication) -> None:
        self.heard.append(publication)

    def evict(self, *, announce: bool = True) -> None:
        self.evicted = True
        self.exchange.leave(self, will=self.will if announce else None)


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return open_exchange(tmp_path, LEADER, UNIT, VIEWER)


def open_exchange(directory: Path, *accounts: Account) -> Exchange:
    (directory / "passwords").write_text(password_file(accounts))
    (directory / "permissions").write_text(permission_file(accounts))
    return Exchange(directory / "passwords", directory / "permissions", directory / "retained.msgpack")


def said(topic: str, payload: bytes = b"1", *, qos: int = 1, retain: bool = False) -> Publication:
    return Publication(topic, payload, qos, retain)


def test_only_the_right_password_is_admitted(exchange: Exchange) -> None:
    assert exchange.admits("unit1", "U")
    assert not exchange.admits("unit1", "L")
    assert not exchange.admits("nobody", "U")
    assert not exchange.admits(None, None)
    assert not exchange.admits("unit1", None)


def test_the_lower_quality_counts_and_overlaps_are_delivered_once(exchange: Exchange) -> None:
    client = FakeClient(exchange, "a")
    assert exchange.subscribe(client, "pioreactor/#", 0) == 0
    assert exchange.subscribe(client, "pioreactor/unit1/+", 2) == 1
    exchange.publish("leader", said("pioreactor/unit1/a", qos=2))
    exchange.publish("leader", said("pioreactor/unit1/a", qos=0))
    exchange.publish("leader", said("pioreactor/unit2/a", qos=1))
    assert [heard.qos for heard in client.heard] == [1, 0, 0]


def test_subscribing_twice_replaces_the_first(exchange: Exchange) -> None:
    client = FakeClient(exchange, "a")
    exchange.subscribe(client, "pioreactor/a", 1)
    exchange.subscribe(client, "pioreactor/a", 0)
    exchange.unsubscribe(client, "pioreactor/a")
    exchange.publish("leader", said("pioreactor/a"))
    assert client.heard == []
    assert exchange.subscribe(client, "a/#/b", 1) is None


def test_a_unit_cannot_speak_for_others_not_even_in_its_will(exchange: Exchange) -> None:
    listener = FakeClient(exchange, "listener")
    exchange.subscribe(listener, "#", 1)
    unit = FakeClient(exchange, "stirring-unit1", "unit1")
    unit.will = said("pioreactor/unit2/exp/stirring/$state", b"lost", retain=True)
    exchange.publish("unit1", said("pioreactor/unit2/exp/stirring/target_rpm/set"))
    exchange.publish("anna", said("pioreactor/unit1/exp/stirring/target_rpm/set"))
    unit.evict()
    exchange.publish("unit1", said("pioreactor/unit1/exp/stirring/target_rpm/set"))
    assert [heard.topic for heard in listener.heard] == ["pioreactor/unit1/exp/stirring/target_rpm/set"]


def test_nobody_reads_what_is_not_for_them(exchange: Exchange) -> None:
    exchange.publish("leader", said("private", retain=True))
    viewer = FakeClient(exchange, "viewer", "anna")
    exchange.subscribe(viewer, "#", 1)
    exchange.repeat_retained(viewer, "#", 1)
    exchange.publish("leader", said("private"))
    assert viewer.heard == []


def test_a_second_client_of_the_same_name_ends_the_first_and_keeps_its_own_subscriptions(exchange: Exchange) -> None:
    first = FakeClient(exchange, "same")
    exchange.subscribe(first, "a", 1)
    second = FakeClient(exchange, "same")
    exchange.subscribe(second, "a", 1)
    assert first.evicted
    exchange.publish("leader", said("a"))
    assert first.heard == []
    assert len(second.heard) == 1


def test_retained_messages_survive_a_restart_and_a_broken_file_does_not_prevent_one(
    exchange: Exchange, tmp_path: Path
) -> None:
    exchange.publish("leader", said("a", b"\xff", retain=True))
    exchange.publish("leader", said("b", b"gone", retain=True))
    exchange.publish("leader", said("b", b"", retain=True))
    exchange.save()
    again = open_exchange(tmp_path, LEADER)
    client = FakeClient(again, "a")
    again.repeat_retained(client, "#", 1)
    assert client.heard == [Publication("a", b"\xff", 1, True)]
    (tmp_path / "retained.msgpack").write_bytes(b"\xc1 not ours")
    empty = open_exchange(tmp_path, LEADER)
    client = FakeClient(empty, "a")
    empty.repeat_retained(client, "#", 1)
    assert client.heard == []


def test_the_file_of_retained_messages_is_private(exchange: Exchange, tmp_path: Path) -> None:
    exchange.publish("leader", said("a", retain=True))
    exchange.save()
    assert (tmp_path / "retained.msgpack").stat().st_mode & 0o077 == 0


def test_whoever_loses_the_account_is_disconnected(exchange: Exchange, tmp_path: Path) -> None:
    unit, leader = FakeClient(exchange, "u", "unit1"), FakeClient(exchange, "l", "leader")
    (tmp_path / "passwords").write_text(password_file([LEADER]))
    (tmp_path / "permissions").write_text(permission_file([LEADER]))
    exchange.read_accounts()
    assert unit.evicted
    assert not leader.evicted
    assert not exchange.admits("unit1", "U")


def test_a_leaving_broker_says_no_wills(exchange: Exchange) -> None:
    client, listener = FakeClient(exchange, "job"), FakeClient(exchange, "listener")
    exchange.subscribe(listener, "#", 1)
    client.will = said("job/$state", b"lost", retain=True)
    exchange.evict_all()
    assert client.evicted
    assert listener.heard == []
