"""A loop whose signal is lost reports it once and rests, and works again when the signal is back."""

from collections.abc import Callable
from typing import Any

import pytest
from bench import closed_loops as loops
from msgspec.structs import replace

from pioreactor import structs, topics
from pioreactor.automations.dosing.pid_morbidostat import PIDMorbidostat
from pioreactor.automations.dosing.turbidostat import Turbidostat
from pioreactor.background_jobs.growth_rate_calculating import GrowthRateCalculator
from pioreactor.background_jobs.temperature_automation import start_temperature_automation
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.twin.faults import Fault

Simulated = Callable[..., Bench]
THERMOMETER = "0x4F"


def publish_od(bench: Bench, od: float, *, times: int = 1, every_s: float = 5.0) -> None:
    """Stand in for OD reading."""
    topic = topics.setting(bench.unit.name, EXPERIMENT, "od_reading", "ods")
    for _ in range(times):
        now = bench.unit.runtime.clock.now()
        reading = structs.RawODReading(timestamp=now, angle="90", od=od, channel="2", ir_led_intensity=80.0)
        message = structs.ODReadings(timestamp=now, ods={"2": reading})
        bench.bus.publish(topic, structs.encode(message), retain=True)
        bench.wait(every_s)


def start_loop(bench: Bench, kind: str) -> Any:
    """Start a loop and what estimates its signal; OD readings are published by the test."""
    bench.start(lambda: GrowthRateCalculator("unit1", EXPERIMENT))
    if kind == "pid_morbidostat":
        return bench.start(lambda: PIDMorbidostat(target_growth_rate=0.1, target_normalized_od=1.0, duration=5))
    return bench.start(lambda: Turbidostat(target_biomass=5.0, exchange_volume_ml=1.0, biomass_signal=kind))


LOOPS = pytest.mark.parametrize("kind", ["normalized_od", "od", "pid_morbidostat"])


@LOOPS
@pytest.mark.parametrize("lost", ["silent", "zero", "never"])
def test_a_lost_signal_is_one_error_and_a_pause_until_it_is_back(simulated: Simulated, kind: str, lost: str) -> None:
    bench = simulated(scenario=loops.plant(), seed=1)
    job = start_loop(bench, kind)
    if lost != "never":
        publish_od(bench, 0.5, times=60)
        assert job.state == job.READY
    dosed = bench.unit.world.snapshot().media_added_ml
    if lost == "zero":
        publish_od(bench, 0.0, times=360)
    else:
        bench.wait(1800.0)
    assert job.state == job.SLEEPING
    assert len(bench.logged("error")) == 1, bench.logged("error")
    assert "No signal" in bench.logged("error")[0]
    assert "od_reading" in bench.logged("error")[0] or "growth_rate_calculating" in bench.logged("error")[0]
    assert len(bench.logged("warning")) <= 3, bench.logged("warning")
    assert bench.unit.world.snapshot().media_added_ml == pytest.approx(dosed, abs=0.6)

    publish_od(bench, 0.5, times=80)
    assert job.state == job.READY
    assert any("The signal is back after" in line for line in bench.logged())
    assert len(bench.logged("error")) == 1


@pytest.mark.parametrize("kind", ["normalized_od", "od"])
def test_a_signal_that_comes_rarely_is_not_lost(simulated: Simulated, kind: str) -> None:
    bench = simulated(scenario=loops.plant(), seed=1, config="[od_reading.config]\nsamples_per_second=0.001\n")
    job = start_loop(bench, kind)
    bench.wait(900.0)
    publish_od(bench, 0.5, times=40, every_s=1000.0)
    assert bench.logged("error") == []
    assert job.state == job.READY


def test_the_pause_of_a_person_is_not_ended(simulated: Simulated) -> None:
    bench = simulated(scenario=loops.plant(), seed=1)
    job = start_loop(bench, "od")
    publish_od(bench, 0.5, times=10)
    bench.wait(1200.0)
    assert job.state == job.SLEEPING
    bench.set("dosing_automation", "$state", "sleeping")
    publish_od(bench, 0.5, times=20)
    assert job.state == job.SLEEPING
    bench.set("dosing_automation", "$state", "ready")
    publish_od(bench, 0.5, times=20)
    assert job.state == job.READY


def test_od_that_stays_at_zero_is_one_warning_and_a_count(simulated: Simulated) -> None:
    bench = simulated(scenario=loops.plant(), seed=1)
    bench.start(lambda: GrowthRateCalculator("unit1", EXPERIMENT))
    publish_od(bench, 0.5, times=60)
    publish_od(bench, 0.0, times=120)
    publish_od(bench, 0.5, times=5)
    assert len([line for line in bench.logged("warning") if "not positive" in line]) == 1
    assert any("120 readings were skipped" in line for line in bench.logged())


def test_a_lost_thermometer_is_one_error_and_no_heat_until_it_is_back(simulated: Simulated) -> None:
    fault = Fault("i2c_dropout", start_s=1800.0, end_s=3600.0, target=THERMOMETER)
    bench = simulated(scenario=replace(loops.plant(faults=(fault,)), ambient_celsius=22.0), seed=2)
    bench.start(lambda: start_temperature_automation("thermostat", target_temperature=37.0))
    bench.wait(1830.0)
    for _ in range(58):
        bench.wait(30.0)
        assert bench.unit.world.outputs.get("heating", 0.0) == 0.0
    assert len(bench.logged("error")) == 1, bench.logged("error")
    bench.wait(1800.0)
    assert len(bench.logged("error")) == 1
    assert bench.unit.world.thermal.liquid == pytest.approx(37.0, abs=1.0)
