"""What browsers, units and the leader may subscribe to and publish, on every documented topic."""

import json
import re
from typing import Any

import pytest

from pioreactor.exc import NotPermittedError
from pioreactor.messaging.accounts import Account, permission_file, read_permissions
from pioreactor.messaging.packets import Packet, PacketType
from pioreactor.web import asyncapi
from pioreactor.web.live.subscriber_policy import checked_packet
from pioreactor.web.security.rights_page import rights_page, topics_of_kinds

ADDRESSES = sorted(str(channel["address"]) for channel in json.loads(asyncapi.render())["channels"].values())
RIGHTS = read_permissions(
    permission_file(
        [
            *(Account("browsers", "x", "viewer"), Account("unit1", "x", "unit"), Account("leader1", "x", "leader")),
            *(Account("reads", "x", "home_assistant"), Account("commands", "x", "home_assistant_commands")),
        ]
    )
)
STATUS_TOPIC, STATUS = "homeassistant/status", "subscribe, publish"
UNITS = ("unit1", "unit10", "unit2", "leader1", "$broadcast", "Unit1")


def topic_of(address: str, unit: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: unit if match[1] == "unit" else "x", address)


def test_the_documented_topics_are_many() -> None:
    assert len(ADDRESSES) > 100


@pytest.mark.parametrize("unit", UNITS)
def test_everybody_reads_all_topics_and_writes_no_more_than_their_own(unit: str) -> None:
    for address in ADDRESSES:
        topic = topic_of(address, unit)
        found = {name: (rights.may_read(topic), rights.may_write(topic)) for name, rights in RIGHTS.items()}
        reads = {name: (True, False) for name in ("browsers", "reads", "commands")}
        assert found == {**reads, "unit1": (True, unit == "unit1"), "leader1": (True, True)}, topic


@pytest.mark.parametrize("topic", ["$SYS/broker/uptime", "other/unit1/x", "pioreactorx/unit1", "unit1/pioreactor", ""])
def test_other_topics_are_of_the_leader_alone(topic: str) -> None:
    for name in ("browsers", "unit1"):
        assert not RIGHTS[name].may_read(topic)
        assert not RIGHTS[name].may_write(topic)
    assert not RIGHTS["leader1"].may_write("$SYS/broker/uptime")


def test_home_assistant_commands_only_with_a_token_and_only_through_the_leader() -> None:
    own = "pioreactor/leader1/$experiment/home_assistant/unit1/stirring/target_rpm/set"
    assert [name for name, rights in RIGHTS.items() if rights.may_write(own)] == ["leader1", "commands"]
    for name in ("reads", "commands"):
        assert RIGHTS[name].may_read("homeassistant/sensor/pioreactor_unit1/stirring_state/config")
        assert not RIGHTS[name].may_write("homeassistant/sensor/pioreactor_unit1/stirring_state/config")
        assert not RIGHTS[name].may_write("pioreactor/unit1/exp/stirring/target_rpm/set")
    assert not RIGHTS["unit1"].may_write("homeassistant/sensor/pioreactor_unit1/stirring_state/config")


def test_browsers_publish_nothing_whatever_their_role() -> None:
    """Their packets are refused before the broker sees them; its account for them has no right to write either."""
    allowed = {kind for kind in PacketType if passes(kind)}
    assert PacketType.SUBSCRIBE in allowed
    assert not allowed & {PacketType.PUBLISH, PacketType.PUBREL, PacketType.CONNECT}
    assert RIGHTS["browsers"].write == ()


def passes(kind: Any) -> bool:
    try:
        checked_packet(Packet(kind))
    except NotPermittedError:
        return False
    return True


def test_the_page_says_what_the_permissions_say() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", rights_page().partition("## Topics of MQTT")[2], flags=re.M))
    assert list(rows) == topics_of_kinds()
    for topic, cells in rows.items():
        is_ours = topic.startswith("pioreactor/")
        browser, token, unit, bench, reads, commands, leader = cells.split(" | ")
        is_discovery = topic.startswith("homeassistant/")
        assert reads == ("no" if not (is_ours or is_discovery) else STATUS if topic == STATUS_TOPIC else "subscribe")
        assert commands == (STATUS if "/home_assistant/" in topic else reads), topic
        assert (browser, token) == ("subscribe" if is_ours else "no", "none"), topic
        own = "subscribe, publish" if topic.startswith("pioreactor/UNIT/") else "subscribe" if is_ours else "no"
        assert (unit, bench) == (own, own), topic
        assert leader == ("subscribe" if topic.startswith("$SYS") else "subscribe, publish"), topic
