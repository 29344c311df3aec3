"""Dosing automations in closed loop, judged against what the culture really is and what really flowed.

Longer runs of the same over more plants: `python -m bench.loops`.
"""

import math
from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest
from bench import closed_loops as loops
from msgspec.structs import replace

from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.automations.dosing.fed_batch import FedBatch
from pioreactor.automations.dosing.pid_morbidostat import PIDMorbidostat
from pioreactor.automations.dosing.turbidostat import Turbidostat
from pioreactor.testing.simulation import Bench
from pioreactor.twin.scenarios import find_scenario

Simulated = Callable[..., Bench]
MAX_FILL_ML = 18.0


@pytest.mark.parametrize(
    "plant",
    [
        {"growth_per_h": 1.5, "noise_cv": 0.03, "bubbles": 0.03, "pump_gain": 0.85},
        {"growth_per_h": 0.3, "bubbles": 0.03, "pump_gain": 1.15},
        {"strain": "yeast", "growth_per_h": 0.42, "noise_cv": 0.03, "start_od": 1.0},
    ],
)
def test_a_turbidostat_holds_its_target_whatever_noise_bubbles_and_pumps_do(
    simulated: Simulated, plant: dict[str, Any]
) -> None:
    bench = simulated(scenario=loops.plant(**plant), seed=21)
    loops.observe(bench)
    bench.start(lambda: Turbidostat(target_biomass=1.0, exchange_volume_ml=1.0))
    loops.watch(bench, 1.0)
    moments = loops.watch(bench, 2.0)
    target = loops.equivalent_density(bench, 1.0, norm=loops.norm_of(bench))
    score = loops.score(moments, target)
    assert score.within_2_percent >= 0.99
    assert score.mean_over_target == pytest.approx(1.0, abs=0.005)
    assert score.media_ml_per_h < 1.2 * score.growth_per_h * 14.0, "little more than growth needs, in so short a run"
    assert score.highest_volume_ml < 15.1
    assert bench.logged("error") == []


@pytest.mark.parametrize("pump_gain", [0.85, 1.15])
def test_a_chemostat_knows_its_real_dilution_rate_where_od_is_calibrated(
    simulated: Simulated, pump_gain: float
) -> None:
    bench = simulated(scenario=loops.plant(growth_per_h=0.5, pump_gain=pump_gain), seed=5)
    loops.calibrate_od(bench)
    loops.observe(bench, interval_s=15.0, warm_up_s=700.0)
    job = bench.start(lambda: Chemostat(exchange_volume_ml=0.6, duration=6, correct_pump_gain=False))
    moments = loops.watch(bench, 2.5)
    hours = (moments[-1].t_s - moments[0].t_s) / 3600.0
    flowed_ml = moments[-1].media_added_ml - moments[0].media_added_ml
    real = flowed_ml / 0.6 / hours * math.log1p(0.6 / 14.0)
    assert job.nominal_dilution_rate is not None
    assert job.dilution_rate is not None
    assert job.nominal_dilution_rate == pytest.approx(10 * math.log1p(0.6 / 14.0), rel=0.03)
    assert abs(real / job.nominal_dilution_rate - 1) > 0.08, "which the pump's calibration does not know"
    assert abs(job.dilution_rate - real) < 0.5 * abs(job.nominal_dilution_rate - real)
    assert job.dilution_rate == pytest.approx(real, rel=0.1)


def test_a_chemostat_pumps_what_its_pump_lacks_once_that_is_measured(simulated: Simulated) -> None:
    bench = simulated(scenario=loops.plant(growth_per_h=0.5, pump_gain=0.85), seed=5)
    loops.calibrate_od(bench)
    loops.observe(bench, interval_s=15.0, warm_up_s=700.0)
    job = bench.start(lambda: Chemostat(exchange_volume_ml=0.6, duration=6))
    loops.watch(bench, 2.05)
    before_ml = loops.now(bench).media_added_ml
    loops.watch(bench, 1.0)
    assert loops.now(bench).media_added_ml - before_ml == pytest.approx(10 * 0.6, rel=0.05)
    assert job.dilution_rate == job.nominal_dilution_rate


def test_a_chemostat_without_calibrated_od_claims_nothing(simulated: Simulated) -> None:
    bench = simulated(scenario=loops.plant(growth_per_h=0.5), seed=5)
    loops.observe(bench, interval_s=10.0)
    job = bench.start(lambda: Chemostat(exchange_volume_ml=0.6, duration=6))
    loops.watch(bench, 0.5)
    assert job.nominal_dilution_rate == pytest.approx(0.42, abs=0.01)
    assert job.dilution_rate is None


@pytest.mark.parametrize("pump_gain", [0.85, 1.15])
def test_a_fed_batch_ends_before_the_vial_is_full(simulated: Simulated, pump_gain: float) -> None:
    scenario = loops.plant("yeast", growth_per_h=0.42, start_od=1.0, pump_gain=pump_gain)
    bench = simulated(scenario=scenario, seed=4)
    job = bench.start(lambda: FedBatch(dosing_volume_ml=0.5, duration=90))
    moments = loops.watch(bench, 15.0, every_s=60.0)
    assert max(moment.volume_ml for moment in moments) < MAX_FILL_ML
    assert moments[-1].media_added_ml == pytest.approx(7 * 0.5 * pump_gain, rel=0.15)
    assert job.state == job.SLEEPING
    assert any("the maximum volume of this vial" in line for line in bench.logged("error"))


def test_a_morbidostat_holds_growth_and_density(simulated: Simulated) -> None:
    scenario = replace(find_scenario("morbidostat_tmp"), start_od=0.3, ambient_celsius=37.0, bubbles=0.0)
    bench = simulated(scenario=scenario, seed=1)
    loops.calibrate_od(bench)
    loops.observe(bench, interval_s=30.0, warm_up_s=1200.0)
    bench.start(lambda: PIDMorbidostat(target_growth_rate=0.4, target_normalized_od=1.2, duration=12))
    loops.watch(bench, 3.0, every_s=60.0)
    moments = loops.watch(bench, 6.0, every_s=60.0)
    assert fmean(moment.growth_per_h for moment in moments) == pytest.approx(0.4, abs=0.05)
    assert max(moment.drug_ug_ml for moment in moments) > 0.3
    ods = [moment.od for moment in moments]
    assert 0.7 * fmean(ods) < min(ods) < max(ods) < 1.4 * fmean(ods)
    assert max(moment.volume_ml for moment in moments) < MAX_FILL_ML
