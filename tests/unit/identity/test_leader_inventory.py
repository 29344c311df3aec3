"""What the leader says is used while it is fresh, and remembered for when the leader is away."""

from contextlib import AbstractContextManager
from typing import Any, cast

import pytest

from pioreactor.clock.ports import Clock
from pioreactor.exc import NotAssignedAnExperimentError, NotAuthenticatedError, UnitUnreachableError
from pioreactor.http.loopback import LoopbackHttp, Request, json_response
from pioreactor.http.ports import Response
from pioreactor.identity.assignment import ATTEMPTS, FRESH_S, HOLD_OFF_S, Given, LeaderInventory
from pioreactor.storage.ports import KeyType, KeyValues, ValueType


class HandClock:
    """A clock that moves when told to, or slept on."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def monotonic(self) -> float:
        return self.time_s

    def sleep(self, duration_s: float) -> None:
        self.time_s += duration_s


class Remembered(dict[KeyType, ValueType]):
    def set(self, key: KeyType, value: ValueType) -> None:
        self[key] = value

    def transaction(self) -> AbstractContextManager[KeyValues]:
        raise AssertionError("not asked for")


class Cluster:
    """A leader, a unit's memory of it, and what the unit said."""

    def __init__(self, **given: Any) -> None:
        self.worker: Response = json_response({"is_active": 1, "model_name": "pioreactor_20ml", "model_version": "1.5"})
        self.experiment: Response = json_response({"experiment": "batch 3"})
        self.http = LoopbackHttp({"leader:80": self.answer})
        self.clock = HandClock()
        self.memory = Remembered()
        self.said: list[str] = []
        self.given = given

    def answer(self, request: Request) -> Response:
        assert request.headers == {"Authorization": "Bearer t"}
        return self.experiment if request.path.endswith("/experiment") else self.worker

    def unit(self) -> LeaderInventory:
        return LeaderInventory(
            self.http,
            base_url="http://leader:80",
            token=lambda: "t",
            clock=cast(Clock, self.clock),
            remembered=cast(KeyValues, self.memory),
            given=Given("w1", **self.given),
            report=self.said.append,
        )

    def leader_dies(self) -> None:
        self.http.hosts.clear()


def test_answers() -> None:
    cluster = Cluster()
    unit = cluster.unit()
    assert unit.experiment("w1") == "batch 3"
    assert unit.is_active("w1")
    assert unit.is_worker("w1")
    assert unit.model("w1") == ("pioreactor_20ml", "1.5")
    assert [request.path for _, request in cluster.http.asked] == ["/api/workers/w1/experiment", "/api/workers/w1"]


def test_a_fresh_answer_costs_no_request_and_an_older_one_is_asked_again() -> None:
    cluster = Cluster()
    unit = cluster.unit()
    assert unit.is_active("w1")
    cluster.worker = json_response({"is_active": 0})
    cluster.clock.time_s += FRESH_S - 1
    assert unit.is_active("w1")
    cluster.clock.time_s += 2
    assert not unit.is_active("w1")
    assert unit.model("w1") is None


def test_no_worker_and_no_assignment() -> None:
    cluster = Cluster()
    cluster.worker = cluster.experiment = json_response({"error": "not found"}, 404)
    unit = cluster.unit()
    assert not unit.is_worker("w1")
    assert not unit.is_active("w1")
    assert unit.model("w1") is None
    with pytest.raises(NotAssignedAnExperimentError, match="w1"):
        unit.experiment("w1")
    cluster.experiment = json_response({"experiment": None})
    cluster.clock.time_s += FRESH_S
    with pytest.raises(NotAssignedAnExperimentError):
        unit.experiment("w1")


def test_a_worker_goes_on_without_its_leader_even_after_a_restart_and_says_so_once() -> None:
    cluster = Cluster()
    assert cluster.unit().experiment("w1") == "batch 3"
    cluster.leader_dies()

    restarted = cluster.unit()
    asked_before = len(cluster.http.asked)
    for _ in range(5):
        assert restarted.experiment("w1") == "batch 3"
        cluster.clock.time_s += HOLD_OFF_S / 10
    assert len(cluster.http.asked) == asked_before + 1
    (sentence,) = cluster.said
    assert "last answer" in sentence

    cluster.clock.time_s += HOLD_OFF_S
    assert restarted.experiment("w1") == "batch 3"
    assert len(cluster.http.asked) == asked_before + 2
    assert len(cluster.said) == 1

    cluster.http.hosts["leader:80"] = cluster.answer
    cluster.experiment = json_response({"experiment": "batch 4"})
    cluster.clock.time_s += HOLD_OFF_S + 1
    assert restarted.experiment("w1") == "batch 4"


def test_an_unassignment_is_remembered_too() -> None:
    cluster = Cluster()
    unit = cluster.unit()
    assert unit.experiment("w1") == "batch 3"
    cluster.experiment = json_response({}, 404)
    cluster.clock.time_s += FRESH_S
    with pytest.raises(NotAssignedAnExperimentError):
        unit.experiment("w1")
    cluster.leader_dies()
    with pytest.raises(NotAssignedAnExperimentError):
        cluster.unit().experiment("w1")


def test_without_leader_and_memory_it_tries_with_pauses_and_then_says_what_to_do() -> None:
    cluster = Cluster()
    cluster.leader_dies()
    with pytest.raises(UnitUnreachableError) as error:
        cluster.unit().experiment("w1")
    assert len(cluster.http.asked) == ATTEMPTS
    assert cluster.clock.time_s == 100 + 0.5 * (1 + 2 + 3 + 4 + 5)
    assert "EXPERIMENT" in str(error.value.remedy)


def test_with_nothing_known_a_silent_leader_is_waited_for_once_and_not_for_each_question() -> None:
    """The monitor of a new unit asks several, on the lane that also brings its records to the broker."""
    cluster = Cluster()
    cluster.leader_dies()
    unit = cluster.unit()
    with pytest.raises(UnitUnreachableError):
        unit.experiment("w1")
    waited_until_s = cluster.clock.time_s
    for ask in (unit.is_worker, unit.model, unit.experiment):
        with pytest.raises(UnitUnreachableError, match="does not answer"):
            ask("w1")
    assert (len(cluster.http.asked), cluster.clock.time_s) == (ATTEMPTS, waited_until_s)
    cluster.clock.time_s += HOLD_OFF_S
    with pytest.raises(UnitUnreachableError):
        unit.experiment("w1")
    assert len(cluster.http.asked) == ATTEMPTS + 1
    assert cluster.clock.time_s == waited_until_s + HOLD_OFF_S, "and later it is tried without pauses"
    cluster.http.hosts["leader:80"] = cluster.answer
    cluster.clock.time_s += HOLD_OFF_S
    assert unit.experiment("w1") == "batch 3"


def test_a_leader_that_is_broken_counts_as_away() -> None:
    cluster = Cluster()
    assert cluster.unit().is_active("w1")
    cluster.worker = json_response({"error": "database locked"}, 500)
    assert cluster.unit().is_active("w1")
    assert len(cluster.said) == 1


def test_a_refused_token_is_said_and_not_hidden_by_memory() -> None:
    cluster = Cluster()
    assert cluster.unit().is_active("w1")
    cluster.worker = json_response({"error": "who?"}, 401)
    with pytest.raises(NotAuthenticatedError, match="token"):
        cluster.unit().is_active("w1")


def test_what_the_environment_gives_is_not_asked_for_and_is_this_units_only() -> None:
    given = Given.from_environment(
        "w1", {"EXPERIMENT": "mine", "ACTIVE": "0", "MODEL_NAME": "m", "MODEL_VERSION": "1.0", "OTHER": "x"}
    )
    cluster = Cluster(experiment=given.experiment, is_active=given.is_active, model=given.model)
    unit = cluster.unit()
    assert (unit.experiment("w1"), unit.is_active("w1"), unit.model("w1")) == ("mine", False, ("m", "1.0"))
    assert unit.is_worker("w1")
    assert cluster.http.asked == []
    assert (unit.experiment("w2"), unit.is_active("w2")) == ("batch 3", True)


def test_an_empty_variable_counts_as_absent() -> None:
    assert Given.from_environment("w1", {"EXPERIMENT": "", "ACTIVE": "", "MODEL_NAME": "m"}) == Given("w1")


def test_a_damaged_memory_is_no_memory() -> None:
    cluster = Cluster()
    cluster.memory["/api/workers/w1"] = b"\x00\xff"
    assert cluster.unit().is_active("w1")


def test_without_a_configured_leader_nobody_is_asked() -> None:
    cluster = Cluster()
    unit = LeaderInventory(
        cluster.http,
        base_url=None,
        token=lambda: None,
        clock=cast(Clock, cluster.clock),
        remembered=cast(KeyValues, cluster.memory),
        given=Given("w1"),
        report=cluster.said.append,
    )
    with pytest.raises(UnitUnreachableError, match="no leader is configured"):
        unit.experiment("w1")
    assert (cluster.http.asked, cluster.clock.time_s) == ([], 100)
