"""The shared configuration reaches every worker, also one that was absent when it was saved; in virtual time."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.cluster.config_delivery import ConfigDelivery
from pioreactor.cluster.delivery_records import MAX_RETRY_S, MIN_RETRY_S, POLL_EVERY_S, VERIFY_EVERY_S, DeliveryRecords
from pioreactor.http.fanout import Answered, Failed
from pioreactor.storage.memory import MemoryUnitStores
from pioreactor.structs.encoding import to_timestamp

V1, V2, V3 = "[mqtt]\nusername=1\n", "[mqtt]\nusername=2\n", "[mqtt]\nusername=3\n"


@dataclass
class Row:
    timestamp: str
    data: str


@dataclass
class Cluster:
    """A leader's file, its history, and workers that are there or not, accept it or not."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    stores: MemoryUnitStores = field(default_factory=MemoryUnitStores)
    text: str = V1
    rows: list[Row] = field(default_factory=list)
    workers: list[str] = field(default_factory=lambda: ["a", "b"])
    absent: set[str] = field(default_factory=set)
    refusing: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[float, str]] = field(default_factory=list)

    def add_shared(self, data: str) -> None:
        self.rows.insert(0, Row(to_timestamp(self.clock.now()), data))

    def of_shared(self) -> list[Row]:
        return self.rows

    def ask(self, units: Iterable[str], method: str, path: str, json: object) -> list[Answered[object] | Failed]:
        assert (method, path) == ("PATCH", "/unit_api/config/shared")
        assert isinstance(json, dict)
        return [self._answer(unit, json["code"]) for unit in units]

    def _answer(self, unit: str, code: str) -> Answered[object] | Failed:
        self.asked.append((self.clock.monotonic(), unit))
        if unit in self.absent:
            return Failed(unit, "connection_error", f"{unit} cannot be reached", 503)
        if unit in self.refusing:
            return Failed(unit, "http_error", "not valid here", self.refusing[unit])
        self.files[unit] = code
        return Answered(unit, {"status": "success"})

    def delivery(self) -> ConfigDelivery:
        return ConfigDelivery(
            read=lambda: self.text,
            history=self,
            workers=lambda: self.workers,
            ask=self.ask,
            records=DeliveryRecords(
                "the shared configuration",
                cache=self.stores.persistent("config_delivery"),
                now=self.clock.now,
                seconds=self.clock.monotonic,
            ),
        )

    def start(self) -> ConfigDelivery:
        """Run the delivery beside the test, as the web server does."""
        delivery, ended = self.delivery(), self.clock.signal()
        self.clock.spawn(lambda: delivery.run(ended.wait), name="config-delivery")
        self.clock.sleep(0)
        return delivery


def states(delivery: ConfigDelivery) -> dict[str, tuple[str, int | None]]:
    return {each.pioreactor_unit: (each.state, each.version) for each in delivery.states()}


def test_an_absent_worker_gets_the_configuration_when_it_returns() -> None:
    cluster = Cluster()
    delivery = cluster.start()
    assert states(delivery) == {"a": ("in_step", 1), "b": ("in_step", 1)}

    cluster.absent.add("b")
    cluster.clock.sleep(3600)
    cluster.text = V2
    answers = delivery.deliver()
    assert (answers["a"]["ok"], answers["b"]["ok"]) == (True, False)
    assert states(delivery) == {"a": ("in_step", 2), "b": ("waiting", 1)}
    [_, waiting] = delivery.states()
    assert waiting.message == "b cannot be reached"

    cluster.clock.sleep(86_400)
    cluster.text = V3  # saved once more meanwhile: only the newest version counts
    delivery.deliver()
    cluster.clock.sleep(86_400)
    assert states(delivery)["b"] == ("waiting", 1)
    cluster.absent.clear()
    delivery.on_return("b")
    cluster.clock.sleep(POLL_EVERY_S)
    assert states(delivery) == {"a": ("in_step", 3), "b": ("in_step", 3)}
    assert cluster.files == {"a": V3, "b": V3}
    assert [each.message for each in delivery.states()] == [None, None]


def test_a_return_that_nobody_reported_is_found_by_asking_at_growing_intervals() -> None:
    cluster = Cluster(absent={"b"})
    delivery = cluster.start()
    cluster.clock.sleep(3600)
    asked = [at for at, unit in cluster.asked if unit == "b"]
    gaps = [after - before for before, after in itertools.pairwise(asked)]
    assert gaps[0] == pytest.approx(MIN_RETRY_S, abs=POLL_EVERY_S)
    assert max(gaps) <= MAX_RETRY_S + POLL_EVERY_S
    assert len(asked) < 25
    cluster.absent.clear()
    cluster.clock.sleep(MAX_RETRY_S + POLL_EVERY_S)
    assert states(delivery)["b"] == ("in_step", 1)


def test_a_worker_that_is_away_with_the_current_version_waits_for_nothing() -> None:
    cluster = Cluster()
    delivery = cluster.start()
    cluster.absent.add("b")
    delivery.on_return("b")
    cluster.clock.sleep(2 * VERIFY_EVERY_S)
    assert states(delivery)["b"] == ("in_step", 1)


def test_a_refusal_is_stated_and_sent_again_when_the_text_changes() -> None:
    cluster = Cluster()
    delivery = cluster.start()
    cluster.refusing["b"] = 400
    cluster.text = V2
    delivery.deliver()
    cluster.clock.sleep(60)
    assert states(delivery)["b"] == ("refused", 1)
    assert [each.message for each in delivery.states()] == [None, "not valid here"]
    assert sum(unit == "b" for _, unit in cluster.asked) == 2, "a text that was refused is not sent again at once"
    cluster.refusing.clear()
    cluster.text = V3
    cluster.clock.sleep(POLL_EVERY_S)
    assert states(delivery)["b"] == ("in_step", 3)


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_worker_whose_server_is_not_ready_is_not_said_to_refuse(status: int) -> None:
    cluster = Cluster(refusing={"b": status})
    delivery = cluster.start()
    assert states(delivery)["b"] == ("waiting", None)
    cluster.refusing.clear()
    cluster.clock.sleep(MIN_RETRY_S + POLL_EVERY_S)
    assert states(delivery)["b"] == ("in_step", 1)


def test_a_file_that_was_edited_by_hand_becomes_a_version_and_is_delivered() -> None:
    cluster = Cluster()
    delivery = cluster.start()
    cluster.text = V2
    cluster.clock.sleep(POLL_EVERY_S)
    assert [row.data for row in cluster.rows] == [V2, V1]
    assert cluster.files == {"a": V2, "b": V2}
    cluster.text = V1  # a text that was there before is a new version
    cluster.clock.sleep(POLL_EVERY_S)
    assert delivery.current().number == 3
    assert states(delivery) == {"a": ("in_step", 3), "b": ("in_step", 3)}


def test_a_copy_that_was_edited_on_a_worker_is_replaced() -> None:
    cluster = Cluster()
    cluster.start()
    cluster.files["a"] = "edited"
    cluster.clock.sleep(VERIFY_EVERY_S + POLL_EVERY_S)
    assert cluster.files["a"] == V1


def test_what_is_known_outlives_a_restart_of_the_leader() -> None:
    cluster = Cluster(absent={"b"})
    cluster.start()
    restarted = cluster.delivery()
    assert states(restarted) == {"a": ("in_step", 1), "b": ("waiting", None)}
    cluster.stores.persistent("config_delivery").set("a", "damaged")
    assert states(restarted)["a"] == ("waiting", None)
    cluster.clock.sleep(POLL_EVERY_S)
    restarted.poll()
    assert states(restarted)["a"] == ("in_step", 1)


def test_workers_come_and_go() -> None:
    cluster = Cluster()
    delivery = cluster.start()
    cluster.workers = ["b", "c"]
    assert states(delivery) == {"b": ("in_step", 1), "c": ("waiting", None)}
    cluster.clock.sleep(POLL_EVERY_S)
    assert states(delivery) == {"b": ("in_step", 1), "c": ("in_step", 1)}
    assert cluster.stores.persistent("config_delivery").get("a") is None


def test_without_a_configuration_nothing_is_sent() -> None:
    cluster = Cluster(text="")
    delivery = cluster.start()
    assert cluster.asked == []
    assert delivery.current().number == 0
