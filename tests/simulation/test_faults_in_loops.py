"""Faults while loops run: each is logged with what to check, and survived."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from bench import closed_loops as loops
from msgspec.structs import replace

from pioreactor.actions import bioreactor
from pioreactor.actions.pump import add_media
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.automations.dosing.turbidostat import Turbidostat
from pioreactor.background_jobs.growth_rate_calculating import GrowthRateCalculator
from pioreactor.background_jobs.od_reading import start_od_reading
from pioreactor.background_jobs.stirring import start_stirring
from pioreactor.background_jobs.temperature_automation import start_temperature_automation
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import find_scenario

Simulated = Callable[..., Bench]
MAX_FILL_ML = 18.0
PHOTODIODES, THERMOMETER, LEDS = "0x4A", "0x4F", "0x49"


def turbidostat(simulated: Simulated, *faults: Fault, seed: int = 3, **plant: Any) -> tuple[Bench, Turbidostat]:
    bench = simulated(scenario=loops.plant(faults=faults, **plant), seed=seed)
    loops.observe(bench)
    return bench, bench.start(lambda: Turbidostat(target_biomass=1.0, exchange_volume_ml=1.0))


def says(bench: Bench, words: str, level: str = "#") -> bool:
    return any(words in line for line in bench.logged(level))


# ---- liquids --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise_cv", [0.0055, 0.03])
@pytest.mark.parametrize(
    "fault", [Fault("empty_media_bottle", start_s=3600.0), Fault("pump_gain", 3600.0, target="media", value=0.05)]
)
def test_an_empty_bottle_or_a_clogged_pump_pauses_dosing(simulated: Simulated, fault: Fault, noise_cv: float) -> None:
    bench, job = turbidostat(simulated, fault, noise_cv=noise_cv)
    loops.watch(bench, 0.9)
    assert job.state == job.READY
    before = bioreactor.vial_state(bench.unit.runtime, EXPERIMENT).cumulative_media_added_ml
    loops.watch(bench, 0.5)
    assert job.state == job.SLEEPING
    assert says(bench, "media bottle is empty, its tube is clogged", "error")
    after = bioreactor.vial_state(bench.unit.runtime, EXPERIMENT).cumulative_media_added_ml
    assert after - before < 25.0
    assert len(bench.logged("error")) == 1


def test_a_bottle_that_is_empty_from_the_beginning_is_reported(simulated: Simulated) -> None:
    """The growth rate takes the missing doses for fast growth, as no dose was seen to dilute before."""
    bench = simulated(scenario=find_scenario("ecoli_empty_bottle"), seed=1)
    loops.observe(bench)
    bench.start(lambda: Turbidostat(target_biomass=1.0, exchange_volume_ml=1.0))
    loops.watch(bench, 0.25)
    assert says(bench, "No effect of doses", "warning")


def test_dosing_goes_on_once_the_bottle_is_changed(simulated: Simulated) -> None:
    bench, job = turbidostat(simulated, Fault("empty_media_bottle", start_s=3000.0, end_s=4800.0))
    loops.watch(bench, 1.3)
    assert job.state == job.SLEEPING
    bench.set("dosing_automation", "state", "ready")
    loops.watch(bench, 1.0)
    assert job.state == job.READY
    target = loops.equivalent_density(bench, 1.0, norm=loops.norm_of(bench))
    assert loops.now(bench).scattering_mg_ml == pytest.approx(target, rel=0.05)


def test_a_blank_may_be_dosed_though_no_light_shows_it(simulated: Simulated) -> None:
    bench = simulated(scenario=replace(find_scenario("water"), volume_ml=14.0, bubbles=0.0), seed=1)
    loops.observe(bench)
    job = bench.start(lambda: Chemostat(exchange_volume_ml=0.5, duration=3))
    loops.watch(bench, 1.5)
    assert job.state == job.READY
    assert len([line for line in bench.logged("warning") if "No effect of doses" in line]) == 1


@pytest.mark.parametrize("noise_cv", [0.0055, 0.03])
def test_a_blocked_waste_tube_pauses_dosing_before_the_vial_is_full(simulated: Simulated, noise_cv: float) -> None:
    """The volume ledger trusts the waste pump. The stirrer does not: a fuller vial is heavier to stir."""
    fault = Fault("blocked_waste", start_s=1.5 * 3600.0)
    bench, job = turbidostat(simulated, fault, growth_per_h=1.0, noise_cv=noise_cv)
    loops.watch(bench, 1.4)
    assert job.state == job.READY
    assert bench.logged("warning") == []
    moments = loops.watch(bench, 0.6)
    assert job.state == job.SLEEPING
    assert says(bench, "check whether the waste tube is blocked", "error")
    assert max(moment.volume_ml for moment in moments) < 17.0 < MAX_FILL_ML


def test_without_a_measured_speed_a_blocked_waste_tube_is_told_of_by_the_light(simulated: Simulated) -> None:
    """Doses dilute less in a fuller vial; to be sure of that takes its time."""
    fault = Fault("blocked_waste", start_s=2.5 * 3600.0)
    bench = simulated(scenario=loops.plant(faults=[fault], growth_per_h=1.0), seed=3)
    loops.observe(bench, measures_speed=False)
    bench.start(lambda: Turbidostat(target_biomass=1.0, exchange_volume_ml=1.0))
    loops.watch(bench, 2.4)
    assert not says(bench, "dilute", "warning")
    loops.watch(bench, 1.5)
    assert says(bench, "the vial holds more than the recorded volume", "warning")


@pytest.mark.parametrize("dead", ["growth_rate_calculating", "broker", "od_reading"])
def test_no_death_around_it_makes_the_vial_overflow(simulated: Simulated, dead: str) -> None:
    """No monitor runs here at all; media is added by hand besides."""
    bench = simulated(scenario=loops.plant(growth_per_h=1.5, faults=(Fault("bubbles", value=0.03),)), seed=8)
    unit = bench.unit

    def process(name: str, make: Callable[[], Any]) -> Any:
        return unit.run(lambda: make().block_until_disconnected(), name=name)

    process("stirring", lambda: start_stirring(500))
    processes = {
        "od_reading": process("od_reading", lambda: start_od_reading(interval=5.0)),
        "growth_rate_calculating": process("growth", lambda: GrowthRateCalculator("unit1", EXPERIMENT)),
    }
    bench.wait(300.0)
    process("dosing", lambda: Turbidostat(target_biomass=1.0, exchange_volume_ml=1.0))
    loops.watch(bench, 0.5)
    if dead == "broker":
        unit.cut_network()
    else:
        processes[dead].kill()
    moments = []
    for _ in range(6):
        unit.run(lambda: add_media(ml=1.0), name="add_media")
        moments += loops.watch(bench, 0.15)
    assert max(moment.volume_ml for moment in moments) < MAX_FILL_ML
    unit.mend_network()
    unit.cut_power()


# ---- instruments ----------------------------------------------------------------------------------------------------


def test_a_fan_that_stalls_is_told_and_stirs_again(simulated: Simulated) -> None:
    bench, job = turbidostat(simulated, Fault("stalled_fan", start_s=1800.0, end_s=2100.0))
    loops.watch(bench, 0.5)
    assert says(bench, "The stir bar does not turn", "warning")
    loops.watch(bench, 0.25)
    assert bench.unit.world.snapshot().rpm == pytest.approx(500.0, abs=25.0)
    assert job.state == job.READY


@pytest.mark.parametrize("address", [PHOTODIODES, LEDS])
def test_a_chip_that_drops_out_and_returns_costs_readings_only(simulated: Simulated, address: str) -> None:
    bench, job = turbidostat(simulated, Fault("i2c_dropout", start_s=1800.0, end_s=2100.0, target=address))
    bench.start(lambda: start_temperature_automation("thermostat", target_temperature=37.0))
    loops.watch(bench, 1.0)
    assert says(bench, "No OD reading", "error")
    assert says(bench, "Reading optical density again")
    moments = loops.watch(bench, 0.4)
    assert job.state == job.READY
    target = loops.equivalent_density(bench, 1.0, norm=loops.norm_of(bench))
    assert loops.score(moments, target).mean_over_target == pytest.approx(1.0, abs=0.03)


def test_a_saturated_photodiode_switches_the_light_off_and_dosing_rests(simulated: Simulated) -> None:
    bench, job = turbidostat(simulated, Fault("saturated_photodiode", start_s=1800.0, target="2"))
    loops.watch(bench, 0.45)
    assert says(bench, "Too much light", "error")
    assert set(bench.unit.world.optics.leds.values()) == {0.0}
    dosed = bench.unit.world.snapshot().media_added_ml
    loops.watch(bench, 0.5)
    assert bench.unit.world.snapshot().media_added_ml == pytest.approx(dosed, abs=1.2)
    assert job.state == job.SLEEPING
    assert len([line for line in bench.logged("error") if "No signal" in line]) == 1


def test_a_drifting_reference_is_followed_and_changes_the_light_not_the_rule(simulated: Simulated) -> None:
    """What divides all readings cannot be told from density: 1 %/h of drift is 1 %/h of OD."""
    bench, job = turbidostat(simulated, Fault("ref_drift", start_s=1200.0, value=0.01))
    loops.watch(bench, 1.5)
    filtered = bench.unit.runtime.stores.persistent("growth_rate_state").get(EXPERIMENT)
    assert filtered is not None
    assert job.latest_normalized_od == pytest.approx(1.0, abs=0.02)
    assert bench.logged("error") == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("stuck_heater_sensor", start_s=3600.0), "does not follow it"),
        (Fault("i2c_dropout", start_s=3600.0, end_s=4200.0, target=THERMOMETER), "does not respond"),
    ],
)
def test_a_thermometer_that_fails_turns_the_heater_off(simulated: Simulated, fault: Fault, words: str) -> None:
    scenario = replace(loops.plant(faults=(fault,)), ambient_celsius=22.0)
    bench = simulated(scenario=scenario, seed=2)
    bench.start(lambda: start_temperature_automation("thermostat", target_temperature=37.0))
    hottest = 0.0
    for _ in range(180):
        bench.wait(30.0)
        hottest = max(hottest, bench.unit.world.thermal.board)
    assert hottest < 63.0
    if fault.kind == "i2c_dropout":
        assert says(bench, words, "error")
        assert bench.unit.world.thermal.liquid == pytest.approx(37.0, abs=1.0), "it answers again, and heats again"
    else:
        assert bench.unit.world.thermal.liquid < 45.0


def test_a_cold_draught_is_met(simulated: Simulated) -> None:
    scenario = replace(loops.plant(faults=(Fault("ambient_step", 3600.0, value=-6.0),)), ambient_celsius=24.0)
    bench = simulated(scenario=scenario, seed=2)
    bench.start(lambda: start_temperature_automation("thermostat", target_temperature=37.0))
    lowest = 99.0
    bench.wait(3600.0)
    for _ in range(120):
        bench.wait(30.0)
        lowest = min(lowest, bench.unit.world.thermal.liquid)
    assert lowest > 36.0
    assert bench.unit.world.thermal.liquid == pytest.approx(37.0, abs=0.4)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_power_cut_at_any_moment_leaves_everything_off_and_the_books_true(simulated: Simulated, seed: int) -> None:
    bench = simulated(scenario=loops.plant(growth_per_h=1.5), seed=seed)
    unit = bench.unit

    def start_all() -> None:
        for name, make in (
            ("stirring", lambda: start_stirring(500)),
            ("od_reading", lambda: start_od_reading(interval=5.0)),
            ("growth", lambda: GrowthRateCalculator("unit1", EXPERIMENT)),
            ("dosing", lambda: Chemostat(exchange_volume_ml=1.0, duration=2)),
        ):
            unit.run(lambda make=make: make().block_until_disconnected(), name=name)  # type: ignore[misc]

    start_all()
    bench.wait(random.Random(seed).uniform(400.0, 800.0))
    unit.cut_power()
    assert not any(unit.world.outputs.values())
    bench.wait(600.0)
    assert not any(unit.world.outputs.values())
    start_all()
    bench.wait(600.0)
    truth = unit.world.snapshot()
    books = bioreactor.vial_state(unit.runtime, EXPERIMENT)
    assert books.cumulative_media_added_ml == pytest.approx(truth.media_added_ml, rel=0.2)
    assert truth.volume_ml < MAX_FILL_ML
    assert bench.unit.runtime.stores.jobs().running() != []
    unit.cut_power()
