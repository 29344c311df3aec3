"""The real drivers and board definitions find every part of the twin where they look for it."""

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.board import load_board
from pioreactor.devices.drivers.tachometer import rpm_from_edges
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.ports import Rig
from pioreactor.devices.rig import open_rig
from pioreactor.twin.buses import open_buses
from pioreactor.twin.scenarios import SCENARIOS, Scenario
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World

ROLES = {"stirring": "1", "media": "2", "alt_media": "3", "waste": "4"}
REACTORS = [
    ("1.0", "pioreactor_20ml", "1.0"),
    ("1.0", "pioreactor_20ml", "1.1"),
    ("1.1", "pioreactor_40ml", "1.0"),
    ("1.1", "pioreactor_20ml", "1.1"),
    ("1.2", "pioreactor_20ml", "1.5"),
    ("1.2", "pioreactor_40ml", "1.5"),
    ("1.2", "pioreactor_20ml_XR", "1.5"),
    ("1.2", "pioreactor_40ml_XR", "1.5"),
]


def rig_of(
    hat: str, model: str, version: str, scenario: Scenario = SCENARIOS["ideal"], *, seed: int = 1
) -> tuple[Rig, World, VirtualClock]:
    clock = VirtualClock()
    world = World(scenario, wiring(hat, model, version), seed=seed, now_s=clock.monotonic)
    board = load_board(None, hat_version=hat, model_name=model, model_version=version)
    return open_rig(board, open_buses(world), clock, MemoryOwnership(), pwm_roles=ROLES), world, clock


@pytest.mark.parametrize(("hat", "model", "version"), REACTORS)
def test_every_part_answers(hat: str, model: str, version: str) -> None:
    rig, world, clock = rig_of(hat, model, version)
    assert rig.missing() == []
    assert rig.is_hat_present()
    assert rig.is_heating_pcb_present()
    assert rig.aux_volts() == pytest.approx(12.0, abs=0.1)
    assert rig.thermometer().read_celsius() == pytest.approx(22.0, abs=0.3)
    ref, signal = rig.photodiode("1"), rig.photodiode("2")
    assert ref.read_volts() == pytest.approx(0.0, abs=0.002)
    rig.leds().set_intensity("A", 80.0)
    clock.sleep(1.0)
    assert ref.read_volts() == pytest.approx(0.1, rel=0.05)
    assert signal.read_volts() == pytest.approx(0.0106, rel=0.1)
    with_roles = rig.pwm("stirring", owner="test", hz=200)
    tachometer = rig.tachometer()
    tachometer.edges()
    with_roles.set_duty(40.0)
    clock.sleep(10.0)
    assert 500 < rpm_from_edges(tachometer.edges()) < 800
    rig.close()
    assert world.outputs["stirring"] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_what_a_self_test_expects_of_a_healthy_reactor(seed: int) -> None:
    """Bounds of the reference's self test, on units that differ as real ones do."""
    rig, _, clock = rig_of("1.2", "pioreactor_20ml", "1.5", SCENARIOS["water"], seed=seed)
    ref, signal = rig.photodiode("1"), rig.photodiode("2")
    assert max(ref.read_volts(), signal.read_volts()) < 0.010
    rig.leds().set_intensity("A", 80.0)
    clock.sleep(1.0)
    assert 0.01 < ref.read_volts() < 0.25
    assert signal.read_volts() < 0.035
    heater = rig.pwm("heating", owner="test", hz=16)
    thermometer = rig.thermometer()
    warmth = []
    for step in range(10):
        heater.set_duty(3.0 * step)
        clock.sleep(1.5)
        warmth.append(sum(thermometer.read_celsius() for _ in range(6)) / 6)
    assert warmth[-1] > warmth[0] + 1.0
    stirrer = rig.pwm("stirring", owner="test", hz=200)
    tachometer = rig.tachometer()
    tachometer.edges()
    speeds = []
    for duty in (36.0, 33.0, 30.0, 27.0, 24.0):
        stirrer.set_duty(duty)
        clock.sleep(3.0)
        tachometer.edges()
        clock.sleep(4.0)
        speeds.append(rpm_from_edges(tachometer.edges()))
    assert speeds == sorted(speeds, reverse=True)
    assert speeds[-1] > 200.0
    rig.close()


def test_dosing_through_the_rig_moves_liquid() -> None:
    rig, world, clock = rig_of("1.2", "pioreactor_20ml", "1.5")
    media, waste = (rig.pwm(role, owner="test", hz=250) for role in ("media", "waste"))
    media.set_duty(100.0)
    clock.sleep(20.0)
    media.off()
    assert world.snapshot().volume_ml == pytest.approx(16.8, abs=0.2)
    waste.set_duty(100.0)
    clock.sleep(60.0)
    waste.off()
    assert world.snapshot().volume_ml == pytest.approx(15.0, abs=0.01)
    rig.close()
