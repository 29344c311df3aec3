"""Stirring on the twin's fan: it settles, recovers, rests when told, and keeps still for OD readings."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from pioreactor.background_jobs.od_reading import start_od_reading
from pioreactor.background_jobs.stirring import Stirrer, start_stirring
from pioreactor.testing.simulation import Bench
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import find_scenario

Simulated = Callable[..., Bench]
WATER = find_scenario("water")
UNLIKE = replace(WATER, spread=2.0)


def stirring(bench: Bench, *args: Any, **options: Any) -> Stirrer:
    return bench.start(lambda: start_stirring(*args, **options))


def rpm(bench: Bench, over_s: float = 10.0) -> float:
    """Return the mean true speed over some seconds."""
    speeds = []
    for _ in range(int(over_s * 2)):
        bench.wait(0.5)
        speeds.append(bench.unit.world.snapshot().rpm)
    return sum(speeds) / len(speeds)


def duty(bench: Bench) -> float:
    return bench.unit.world.outputs.get("stirring", 0.0)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("target", [300.0, 500.0, 800.0])
def test_it_settles_within_a_minute_on_fans_that_differ(simulated: Simulated, seed: int, target: float) -> None:
    bench = simulated(scenario=UNLIKE, seed=seed)
    job = stirring(bench, target)
    assert job.block_until_rpm_is_close_to_target(timeout=60.0)
    assert bench.simulation.clock.monotonic() < 60.0
    bench.wait(30.0)
    assert rpm(bench) == pytest.approx(target, rel=0.05)


def test_a_new_target_is_held_within_a_minute(simulated: Simulated) -> None:
    bench = simulated(scenario=UNLIKE, seed=5)
    stirring(bench, 500)
    bench.wait(120.0)
    for target in (900, 300, 500):
        bench.set("stirring", "target_rpm", target)
        bench.wait(60.0)
        assert rpm(bench) == pytest.approx(target, rel=0.05)
    assert bench.logged("warning") == []


def test_a_heavier_load_is_met(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    stirring(bench, 500)
    bench.wait(120.0)
    fan = bench.unit.world.fan
    set_conditions = fan.set_conditions
    fan.set_conditions = lambda at_s, load, number: set_conditions(at_s, load=1.25 * load, number=number)  # type: ignore[method-assign, misc]
    bench.wait(60.0)
    assert rpm(bench) == pytest.approx(500, rel=0.05)


def test_a_stalled_bar_is_kicked_until_it_turns_again(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    stirring(bench, 500)
    bench.wait(120.0)
    bench.unit.world.inject(Fault("stalled_fan", 120.0, 200.0))
    bench.wait(70.0)
    assert rpm(bench, 2.0) == 0.0
    assert any("does not turn" in line for line in bench.logged("warning"))
    assert any(m.topic.endswith("monitor/flicker_led_with_error_code") and m.payload == b"4" for m in bench.messages)
    bench.wait(60.0)
    assert rpm(bench) == pytest.approx(500, rel=0.05)


def test_no_target_is_the_configured_one_and_zero_means_zero(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    with stirring(bench):
        bench.wait(60.0)
        assert rpm(bench) == pytest.approx(500, rel=0.05)
    with stirring(bench, 0):
        bench.wait(60.0)
        assert duty(bench) == 0.0
        bench.set("stirring", "target_rpm", 400)
        bench.wait(60.0)
        assert rpm(bench) == pytest.approx(400, rel=0.05)
        bench.set("stirring", "target_rpm", 0)
        bench.wait(1.0)
        assert duty(bench) == 0.0
        assert bench.decoded("stirring/measured_rpm")[-1]["measured_rpm"] == 0.0
        reader = bench.start(start_od_reading)
        bench.wait(60.0)
        reader.clean_up()
        bench.wait(60.0)
        assert duty(bench) == 0.0, "OD reading that comes and goes does not set a resting bar in motion"


def test_a_pause_stops_the_bar_and_its_end_brings_it_back(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    stirring(bench, 500)
    bench.wait(60.0)
    bench.set("stirring", "state", "sleeping")
    bench.wait(0.1)
    assert duty(bench) == 0.0
    bench.set("stirring", "target_rpm", 700)
    bench.wait(60.0)
    assert duty(bench) == 0.0, "a paused job notes a target and rests"
    bench.set("stirring", "state", "ready")
    bench.wait(60.0)
    assert rpm(bench) == pytest.approx(700, rel=0.05)


def test_a_fixed_duty_is_left_alone(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    stirring(bench, use_rpm=False, duty_cycle=42.0)
    bench.wait(60.0)
    assert duty(bench) == 42.0
    bench.set("stirring", "duty_cycle", 20)
    bench.wait(1.0)
    assert duty(bench) == 20.0


# ---- keeping still for OD ------------------------------------------------------------------------------------------


def around_readings(bench: Bench, count: int) -> tuple[list[float], list[float]]:
    """Return the duty during each of the next OD readings, and four seconds before each."""
    during: list[float] = []
    before: list[float] = []
    for _ in range(count):
        seen = len(bench.payloads("od_reading/ods"))
        recent: list[float] = []
        while len(bench.payloads("od_reading/ods")) == seen:
            bench.wait(0.25)
            recent.append(duty(bench))
        during.append(max(recent[-2:]))
        before.append(recent[-16] if len(recent) >= 16 else -1.0)
    return during, before


@pytest.mark.parametrize("options", [{"target_rpm": 500}, {"use_rpm": False, "duty_cycle": 30.0}])
def test_the_bar_rests_during_readings_and_comes_back_without_any_calibration(
    simulated: Simulated, options: dict[str, Any]
) -> None:
    bench = simulated(scenario=WATER)
    bench.start(lambda: start_od_reading(interval=10.0))
    bench.wait(21.0)
    stirring(bench, enable_dodging_od=True, **options)
    bench.wait(60.0)
    during, before = around_readings(bench, 60)
    assert max(during) == 0.0
    assert min(before) > 10.0, "the duty that holds the target is not forgotten"
    assert bench.retained("stirring/currently_dodging_od") == b"True"
    if "target_rpm" in options:
        speeds = [r["measured_rpm"] for r in bench.decoded("stirring/measured_rpm")[-20:]]
        assert all(speed == pytest.approx(500, rel=0.1) for speed in speeds)


def test_a_stepped_wall_clock_does_not_move_the_rests(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    bench.start(lambda: start_od_reading(interval=10.0))
    stirring(bench, 500, enable_dodging_od=True)
    bench.wait(61.0)
    for step_s in (+3603.7, -7207.1):
        bench.simulation.clock.step_wall_clock(step_s)
        during, _ = around_readings(bench, 10)
        assert max(during) == 0.0


def test_a_target_that_is_set_while_dodging_holds(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    bench.start(lambda: start_od_reading(interval=20.0))
    job = stirring(bench, 500, enable_dodging_od=True)
    bench.wait(100.0)
    while duty(bench) > 0:
        bench.wait(0.1)
    bench.set("stirring", "target_rpm", 300)
    bench.wait(0.2)
    assert duty(bench) == 0.0, "not in the middle of a reading"
    bench.wait(100.0)
    assert job.target_rpm_outside_od_reading == 300.0
    speeds = [r["measured_rpm"] for r in bench.decoded("stirring/measured_rpm")[-4:]]
    assert all(speed == pytest.approx(300, rel=0.1) for speed in speeds)


def test_stirring_goes_on_when_reading_ends_or_pauses_or_dodging_is_switched_off(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    stirring(bench, 500, enable_dodging_od=True)
    bench.wait(60.0)
    assert bench.retained("stirring/currently_dodging_od") in (b"False", None)
    assert rpm(bench) == pytest.approx(500, rel=0.05)
    reader = bench.start(lambda: start_od_reading(interval=10.0))
    bench.wait(60.0)
    assert bench.retained("stirring/currently_dodging_od") == b"True"
    while duty(bench) > 0:
        bench.wait(0.1)
    reader.clean_up()
    bench.wait(60.0)
    assert bench.retained("stirring/currently_dodging_od") == b"False"
    assert rpm(bench) == pytest.approx(500, rel=0.05)
    bench.start(lambda: start_od_reading(interval=10.0))
    bench.wait(61.0)
    while duty(bench) > 0:
        bench.wait(0.1)
    bench.set("stirring", "enable_dodging_od", "0")
    bench.wait(60.0)
    assert rpm(bench) == pytest.approx(500, rel=0.05)


def test_too_frequent_readings_cannot_be_dodged_and_the_bar_turns(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    bench.start(lambda: start_od_reading(interval=2.5))
    stirring(bench, 500, enable_dodging_od=True)
    bench.wait(60.0)
    assert any("too often for dodging" in line for line in bench.logged("error"))
    assert rpm(bench) == pytest.approx(500, rel=0.05)


def test_a_pause_in_the_middle_of_a_reading_is_left_in_motion(simulated: Simulated) -> None:
    bench = simulated(scenario=WATER)
    bench.start(lambda: start_od_reading(interval=10.0))
    stirring(bench, 500, enable_dodging_od=True)
    bench.wait(60.0)
    while duty(bench) > 0:
        bench.wait(0.1)
    bench.set("stirring", "state", "sleeping")
    bench.wait(30.0)
    assert duty(bench) == 0.0
    bench.set("stirring", "state", "ready")
    bench.wait(30.0)
    around_readings(bench, 1)
    during, before = around_readings(bench, 5)
    assert max(during) == 0.0
    assert min(before) > 10.0


def test_declared_settings_are_all_of_the_specification() -> None:
    assert set(Stirrer.settings()) == {
        "target_rpm",
        "duty_cycle",
        "enable_dodging_od",
        "target_rpm_during_od_reading",
        "target_rpm_outside_od_reading",
    }
    assert set(Stirrer.measurements()) == {"measured_rpm"}
    assert {"measured_rpm", "currently_dodging_od"} <= set(Stirrer.published())
