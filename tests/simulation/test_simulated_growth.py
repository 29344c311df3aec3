"""Growth rate and turbidostat on the twin, against the truth."""

import math
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.automations.dosing.turbidostat import Turbidostat
from pioreactor.background_jobs.growth_rate_calculating import GrowthRateCalculator
from pioreactor.background_jobs.od_reading import start_od_reading
from pioreactor.background_jobs.stirring import start_stirring
from pioreactor.exc import InvalidRequestError
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.twin.scenarios import find_scenario

Simulated = Callable[..., Bench]
AT_37 = replace(find_scenario("ecoli_turbidostat"), ambient_celsius=37.0)


def growing(simulated: Simulated, *, seed: int, interval_s: float = 10.0) -> Bench:
    bench = simulated(scenario=AT_37, seed=seed)
    bench.start(lambda: start_stirring(500))
    bench.wait(30.0)
    bench.start(lambda: start_od_reading(interval=interval_s))
    bench.start(lambda: GrowthRateCalculator("unit1", EXPERIMENT))
    return bench


def watch(bench: Bench, hours: float) -> list[tuple[float, float]]:
    """Let hours pass; return what the light path really sees [mg/mL] and the volume [mL], each minute."""
    seen = []
    for _ in range(round(hours * 60)):
        bench.wait(60.0)
        world = bench.unit.world
        seen.append((world.culture.scattering_mg_ml, world.snapshot().volume_ml))
        bench.messages[:] = [m for m in bench.messages if "/od_reading/" not in m.topic]
    return seen


def mean_reading(bench: Bench, count: int) -> float:
    """Return the mean of the last readings of the first channel."""
    readings = [next(iter(o["ods"].values()))["od"] for o in bench.decoded("od_reading/ods")[-count:]]
    return float(sum(readings) / len(readings))


def test_the_growth_rate_is_that_of_the_light_signal_and_the_band_holds_it(simulated: Simulated) -> None:
    """The photodiode's curve is not a straight line, so the job's truth is the growth of what the diode is shown."""
    bench = growing(simulated, seed=1)
    bench.wait(2400.0)
    inside = []
    for _ in range(6):
        before = mean_reading(bench, 30)
        bench.wait(300.0)
        middle = bench.decoded("growth_rate_calculating/estimate")[-1]
        bench.wait(300.0)
        truth = math.log(mean_reading(bench, 30) / before) * 6
        assert middle["growth_rate"] == pytest.approx(truth, rel=0.08)
        inside.append(middle["lower_95"] <= truth <= middle["upper_95"])
    assert sum(inside) >= 5


def test_a_pause_leaves_readings_out_and_a_restart_goes_on_where_it_was(simulated: Simulated) -> None:
    bench = simulated(scenario=AT_37, seed=2)
    bench.start(lambda: start_stirring(500))
    bench.wait(30.0)
    bench.start(lambda: start_od_reading(interval=10.0))
    job = bench.start(lambda: GrowthRateCalculator("unit1", EXPERIMENT))
    bench.wait(1800.0)
    bench.set("growth_rate_calculating", "state", "sleeping")
    bench.wait(1.0)
    count = len(bench.payloads("growth_rate_calculating/od_filtered"))
    bench.wait(300.0)
    assert len(bench.payloads("growth_rate_calculating/od_filtered")) == count
    bench.set("growth_rate_calculating", "state", "ready")
    bench.wait(300.0)
    last = bench.decoded("growth_rate_calculating/od_filtered")[-1]["od_filtered"]
    job.clean_up()
    bench.start(lambda: GrowthRateCalculator("unit1", EXPERIMENT))
    bench.wait(60.0)
    again = bench.decoded("growth_rate_calculating/od_filtered")[-1]["od_filtered"]
    assert again == pytest.approx(last, rel=0.05), "the normalization and the estimate outlive the job"
    assert bench.logged("error") == []


def test_garbage_on_its_topics_harms_nobody(simulated: Simulated) -> None:
    bench = growing(simulated, seed=3)
    bench.wait(300.0)
    for rest in ("od_reading/ods", "dosing_events"):
        for payload in (b"{", b"[]", b"\xff", b"{}", b'{"timestamp": 1}', b""):
            bench.bus.publish(f"pioreactor/unit1/{EXPERIMENT}/{rest}", payload)
    bench.wait(60.0)
    assert bench.states("growth_rate_calculating")[-1] == "ready"
    assert bench.decoded("growth_rate_calculating/od_filtered")[-1]["od_filtered"] > 0
    assert [line for line in bench.logged("error") if "Calculator" in line] == []


def test_a_turbidostat_holds_its_target_for_hours(simulated: Simulated) -> None:
    bench = growing(simulated, seed=3)
    bench.wait(200.0)
    reference = []
    bench.wait(100.0)
    reference.append(bench.unit.world.culture.scattering_mg_ml)
    relative = bench.decoded("growth_rate_calculating/od_filtered")[-1]["od_filtered"]
    bench.start(lambda: Turbidostat(target_biomass=relative, exchange_volume_ml=1.0))
    watch(bench, 1.0)
    bench.messages.clear()
    seen = watch(bench, 3.0)
    filtered = [r["od_filtered"] for r in bench.decoded("growth_rate_calculating/od_filtered")]
    assert sum(filtered) / len(filtered) == pytest.approx(relative, rel=0.005)
    truth = [density for density, _ in seen]
    mean = sum(truth) / len(truth)
    assert max(truth) < 1.02 * mean
    assert min(truth) > 0.98 * mean
    assert mean == pytest.approx(reference[0], rel=0.015), "what was the target in truth when it was chosen"
    assert max(volume for _, volume in seen) < 16.0
    assert bench.logged("error") == []


def test_a_turbidostat_that_hears_nothing_does_nothing(simulated: Simulated) -> None:
    bench = simulated(scenario=AT_37, seed=1)
    job = bench.start(lambda: Turbidostat(target_biomass=0.1))
    bench.wait(600.0)
    assert bench.decoded("dosing_events") == []
    assert job.state == job.READY


def test_a_turbidostat_without_a_target_does_not_start(simulated: Simulated) -> None:
    bench = simulated(scenario=AT_37)
    with pytest.raises(InvalidRequestError, match="target"):
        bench.start(Turbidostat)
    with pytest.raises(InvalidRequestError, match="biomass signal"):
        bench.start(lambda: Turbidostat(target_biomass=1, biomass_signal="color"))


def test_a_turbidostat_goes_on_diluting_when_the_wall_clock_goes_back(simulated: Simulated) -> None:
    bench = growing(simulated, seed=4)
    bench.wait(300.0)
    bench.start(lambda: Turbidostat(target_biomass=1.0, exchange_volume_ml=1.0))
    bench.wait(1200.0)
    bench.simulation.clock.step_wall_clock(-7200.0)
    bench.wait(30.0)
    bench.messages.clear()
    bench.wait(1800.0)
    doses = [e for e in bench.decoded("dosing_events") if e["event"] == "add_media"]
    assert len(doses) > 10
    filtered = [r["od_filtered"] for r in bench.decoded("growth_rate_calculating/od_filtered")]
    assert max(filtered[-30:]) < 1.05


def test_a_chemostat_drives_growth_to_its_dilution_rate(simulated: Simulated) -> None:
    """At a dilution rate above the growth rate the culture washes out as fast as the volume ledger says."""
    bench = simulated(scenario=replace(find_scenario("water"), start_od=1.0, spread=0.0, strain="ecoli"), seed=1)
    bench.start(lambda: start_stirring(500))
    before = bench.unit.world.snapshot()
    bench.start(lambda: Chemostat(exchange_volume_ml=1.0, duration=5))
    bench.wait(3600.0)
    after = bench.unit.world.snapshot()
    exchanges = 12
    assert after.media_added_ml - before.media_added_ml == pytest.approx(exchanges * 1.0, rel=0.1)
    assert after.density_g_l / before.density_g_l == pytest.approx((15 / 16) ** exchanges, rel=0.15)
    assert after.volume_ml == pytest.approx(before.volume_ml, abs=0.2)
