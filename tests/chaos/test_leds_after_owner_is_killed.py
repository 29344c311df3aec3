"""What becomes of lights when the job that darkened them, or the one that lit them, is killed."""

import pytest
from bench.chaos.cluster import WORKER, Machine, build_cluster
from bench.chaos.faults import quiet_logs

from pioreactor.bootstrap.sim_process import SimProcess

AUTOMATION = ("led_automation", "--automation-name", "light_dark_cycle", "--light-intensity", "40")
BY_HAND = ("led_intensity", "--C", "40")
LONGEST_WAIT_S = 200.0
BACK_WITHIN_S = 2.0


@pytest.fixture
def machine() -> Machine:
    cluster = build_cluster(2)
    machine = cluster.machines[WORKER]
    with quiet_logs():
        machine.boot()
        cluster.simulation.clock.sleep(20.0)
    return machine


def start(machine: Machine, *words: str) -> SimProcess:
    process = machine.start(words)
    machine.unit.clock.sleep(5.0)
    return process


def wait_until_darkened(machine: Machine) -> None:
    leds, clock = machine.unit.world.optics.leds, machine.unit.clock
    until_s = clock.monotonic() + LONGEST_WAIT_S
    while leds["C"] > 0:
        assert clock.monotonic() < until_s
        clock.sleep(0.05)


def lit(machine: Machine) -> dict[str, float]:
    """Which LEDs are lit, and how bright."""
    return {channel: round(level, 3) for channel, level in machine.unit.world.optics.leds.items() if level > 0}


@pytest.mark.parametrize("words", [BY_HAND, AUTOMATION])
def test_a_light_that_a_killed_reading_had_darkened_is_lit_again(machine: Machine, words: tuple[str, ...]) -> None:
    with quiet_logs():
        start(machine, *words)
        before = lit(machine)
        assert before["C"] > 0
        reader = start(machine, "od_reading")
        wait_until_darkened(machine)
        reader.kill()
        machine.unit.clock.sleep(BACK_WITHIN_S)
        assert lit(machine) == before


def test_a_light_whose_automation_died_is_not_lit_again_by_the_next_reading(machine: Machine) -> None:
    with quiet_logs():
        light = start(machine, *AUTOMATION)
        reader = start(machine, "od_reading")
        wait_until_darkened(machine)
        light.kill()
        reader.kill()
        start(machine, "od_reading")
        for _ in range(600):
            machine.unit.clock.sleep(0.2)
            assert "C" not in lit(machine)


def test_after_a_power_cut_lights_set_by_hand_are_dark_and_nothing_says_otherwise(machine: Machine) -> None:
    with quiet_logs():
        start(machine, *BY_HAND)
        machine.cut_power()
        machine.unit.clock.sleep(10.0)
        machine.boot()
        machine.unit.clock.sleep(20.0)
        assert lit(machine) == {}
        said = machine.unit.broker.retained[f"pioreactor/{WORKER}/chaos/leds/intensity"]
        assert b"40" not in said
