"""A unit's own configuration reaches it after an absence, and never replaces what was edited there; in virtual time."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.cluster.delivery_records import MAX_RETRY_S, POLL_EVERY_S, VERIFY_EVERY_S, DeliveryRecords
from pioreactor.cluster.own_config_delivery import OwnConfigDelivery
from pioreactor.exc import ConfigurationError, UnitUnreachableError
from pioreactor.http.fanout import UnitRefusedError
from pioreactor.storage.memory import MemoryUnitStores

V1, V2, V3 = "[leds]\nA=1\n", "[leds]\nA=2\n", "[leds]\nA=3\n"


@dataclass
class Cluster:
    """Units with a file each that are there or not, accept a text or not, and the leader's history."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    stores: MemoryUnitStores = field(default_factory=MemoryUnitStores)
    files: dict[str, str] = field(default_factory=lambda: {"a": V1, "b": V1})
    absent: set[str] = field(default_factory=set)
    refusing: dict[str, int] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def add_of_unit(self, unit: str, data: str) -> None:
        self.texts.setdefault(unit, []).insert(0, data)

    def of_unit(self, unit: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(timestamp="", data=data) for data in self.texts.get(unit, [])]

    def read(self, unit: str) -> str:
        if unit in self.absent:
            raise UnitUnreachableError(f"{unit} cannot be reached")
        return self.files[unit]

    def write(self, unit: str, text: str) -> None:
        if unit in self.refusing:
            raise UnitRefusedError("not valid here", kind="x", status=self.refusing[unit], cause=None, remedy=None)
        self.files[unit] = text
        self.written.append(unit)

    def delivery(self) -> OwnConfigDelivery:
        cache = self.stores.persistent("own_config_delivery")
        clock = self.clock
        return OwnConfigDelivery(
            history=self,
            units=lambda: list(self.files),
            files=self,
            records=DeliveryRecords("its own", cache=cache, now=clock.now, seconds=clock.monotonic),
        )

    def start(self) -> OwnConfigDelivery:
        """Run the delivery beside the test, as the web server does."""
        delivery, ended = self.delivery(), self.clock.signal()
        self.clock.spawn(lambda: delivery.run(ended.wait), name="own-config-delivery")
        self.clock.sleep(0)
        return delivery


def is_valid() -> None:
    pass


def state_of_b(delivery: OwnConfigDelivery) -> tuple[str, int | None, int]:
    [state] = [each for each in delivery.states() if each.pioreactor_unit == "b"]
    return state.state, state.version, state.newest


def message_for_b(delivery: OwnConfigDelivery) -> str | None:
    return next(each.message for each in delivery.states() if each.pioreactor_unit == "b")


def test_an_absent_unit_gets_its_configuration_when_it_returns() -> None:
    cluster = Cluster()
    delivery = cluster.start()
    assert state_of_b(delivery) == ("in_step", 1, 1)

    cluster.absent.add("b")
    cluster.clock.sleep(3600)
    assert state_of_b(delivery) == ("in_step", 1, 1), "a unit that is away with the newest version waits for nothing"
    before, answer = delivery.save("b", V2, is_valid)
    assert (before, answer["b"]["ok"]) == (V1, False)
    assert state_of_b(delivery) == ("waiting", 1, 2)
    delivery.save("b", V3, is_valid)  # saved once more: only the newest version counts
    cluster.clock.sleep(86_400)
    assert message_for_b(delivery) == "b cannot be reached"

    cluster.absent.clear()
    delivery.on_return("b")
    cluster.clock.sleep(POLL_EVERY_S)
    assert state_of_b(delivery) == ("in_step", 3, 3)
    assert cluster.files == {"a": V1, "b": V3}
    assert cluster.written == ["b"], "nothing else is written"


def test_what_waits_outlives_a_restart_and_a_return_that_nobody_reported() -> None:
    cluster = Cluster()
    cluster.start()
    cluster.absent.add("b")
    cluster.delivery().save("b", V2, is_valid)
    restarted = cluster.start()
    cluster.absent.clear()
    cluster.clock.sleep(MAX_RETRY_S + POLL_EVERY_S)
    assert (cluster.files["b"], state_of_b(restarted)) == (V2, ("in_step", 2, 2))


def test_a_unit_that_was_never_read_keeps_what_it_has() -> None:
    cluster = Cluster(absent={"b"})
    delivery = cluster.start()
    delivery.save("b", V2, is_valid)
    cluster.absent.clear()
    cluster.clock.sleep(MAX_RETRY_S)
    assert cluster.files["b"] == V1
    assert state_of_b(delivery)[0] == "refused"


def test_an_edit_on_the_unit_while_a_version_waits_is_not_replaced() -> None:
    cluster = Cluster()
    delivery = cluster.start()
    cluster.absent.add("b")
    delivery.save("b", V2, is_valid)
    cluster.files["b"] = V3
    cluster.absent.clear()
    answer = delivery.deliver(["b"])["b"]
    assert (answer["ok"], answer["status_code"], cluster.files["b"]) == (False, 409, V3)
    assert state_of_b(delivery) == ("refused", 1, 2)
    assert "edited on b" in str(message_for_b(delivery))
    delivery.save("b", V2, is_valid)  # a person has compared them
    assert (cluster.files["b"], state_of_b(delivery)) == (V2, ("in_step", 3, 3))


def test_an_edit_on_the_unit_becomes_a_version() -> None:
    cluster = Cluster()
    delivery = cluster.start()
    cluster.files["b"] = V2
    cluster.clock.sleep(VERIFY_EVERY_S + POLL_EVERY_S)
    assert cluster.texts["b"] == [V2, V1]
    assert state_of_b(delivery) == ("in_step", 2, 2)
    assert cluster.written == []


def test_a_text_that_is_refused_is_no_version() -> None:
    cluster = Cluster(refusing={"b": 400})
    delivery = cluster.start()
    with pytest.raises(UnitRefusedError, match="not valid here"):
        delivery.save("b", V2, is_valid)
    cluster.absent.add("b")

    def is_not_valid() -> None:
        raise ConfigurationError("not valid")

    with pytest.raises(ConfigurationError):
        delivery.save("b", V3, is_not_valid)
    assert cluster.texts["b"] == [V1]
    delivery.save("b", V2, is_valid)
    cluster.absent.clear()
    delivery.deliver()
    assert state_of_b(delivery) == ("refused", 1, 2), "the unit alone finds what is wrong"
    assert message_for_b(delivery) == "not valid here"


def test_a_unit_with_an_older_release_is_not_said_to_refuse() -> None:
    cluster = Cluster(refusing={"b": 401})
    delivery = cluster.start()
    delivery.save("b", V2, is_valid)
    assert state_of_b(delivery) == ("waiting", 1, 2)


def test_a_unit_that_left_is_forgotten() -> None:
    cluster = Cluster()
    delivery = cluster.start()
    del cluster.files["b"], cluster.texts["b"]
    cluster.clock.sleep(POLL_EVERY_S)
    cluster.files["b"] = V3
    cluster.clock.sleep(POLL_EVERY_S)
    assert (state_of_b(delivery), cluster.texts["b"]) == (("in_step", 1, 1), [V3])
