"""A unit knows its own name and its leader's."""

import pytest

from pioreactor.exc import ConfigurationError, NotAssignedAnExperimentError
from pioreactor.identity.unit import FixedInventory, UnitIdentity, unit_name
from pioreactor.types import Experiment, Unit


def test_the_environment_names_the_unit_before_the_machine_does() -> None:
    assert unit_name({"HOSTNAME": "w1"}, hostname="machine") == "w1"
    assert unit_name({"HOSTNAME": ""}, hostname="machine") == "machine"
    assert unit_name({}, hostname="w2.lab.example") == "w2"
    assert unit_name({})


@pytest.mark.parametrize("name", ["raspberrypi", "a/b", "#", "$broadcast", "a b", ""])
def test_some_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        unit_name({}, hostname=name)


def test_leader_by_name() -> None:
    inventory = FixedInventory(Experiment("e"))
    assert UnitIdentity(Unit("a"), "a", inventory).is_leader
    assert not UnitIdentity(Unit("a"), "b", inventory).is_leader
    assert not UnitIdentity(Unit("a"), "", inventory).is_leader


def test_fixed_answers() -> None:
    identity = UnitIdentity(Unit("a"), "", FixedInventory(Experiment("e"), active=False, chosen_model=("m", "1.0")))
    assert (identity.experiment(), identity.is_active(), identity.model()) == ("e", False, ("m", "1.0"))
    assert identity.is_worker()
    with pytest.raises(NotAssignedAnExperimentError):
        FixedInventory().experiment("a")
