"""Growth follows the textbook where the textbook has an answer."""

import math
import random
from dataclasses import replace

import pytest

from pioreactor.twin.culture import STRAINS, Culture, Strain, cardinal_temperature
from pioreactor.twin.drugs import DRUGS, Drug
from pioreactor.twin.vessel import Vessel

STEP_H = 1 / 3600


def culture(name: str = "ecoli", od: float = 0.01, *, drug: str = "none", lag_h: float | None = None) -> Culture:
    strain = STRAINS[name]
    if lag_h is not None:
        strain = replace(strain, lag_h=lag_h)
    made = Culture(strain, density_g_l=od / strain.od_per_g_l, drug=DRUGS[drug], rng=random.Random(1))
    made.set_temperature(strain.temperature_optimum)
    return made


def grow(made: Culture, hours: float, *, dt_h: float = STEP_H, kla: float = 60.0) -> None:
    for _ in range(round(hours / dt_h)):
        made.step(dt_h, oxygen_transfer_per_h=kla)


@pytest.mark.parametrize("strain", STRAINS.values(), ids=STRAINS)
def test_growth_is_best_at_the_optimum_and_nil_outside_the_range(strain: Strain) -> None:
    best = strain.temperature_optimum
    assert cardinal_temperature(strain, best) == pytest.approx(1.0)
    assert cardinal_temperature(strain, best - 3) < 1.0 > cardinal_temperature(strain, best + 3)
    assert cardinal_temperature(strain, strain.temperature_min) == 0.0
    assert cardinal_temperature(strain, strain.temperature_max) == 0.0
    assert cardinal_temperature(strain, -20.0) == 0.0


def test_exponential_growth_at_low_density() -> None:
    made = culture(od=0.001, lag_h=0.0)
    grow(made, 2.0)
    expected = made.strain.mu_max_per_h * 4.0 / 4.05 - made.strain.maintenance_per_h
    assert math.log(made.od / 0.001) / 2.0 == pytest.approx(expected, rel=0.03)


def test_lag_delays_by_its_length() -> None:
    early, late = culture(od=0.001, lag_h=0.0), culture(od=0.001, lag_h=1.5)
    grow(early, 5.0)
    grow(late, 5.0)
    delay_h = math.log(early.od / late.od) / early.strain.mu_max_per_h
    assert delay_h == pytest.approx(1.5, abs=0.1)


def test_batch_stops_when_the_substrate_is_gone_and_then_declines() -> None:
    made = culture(od=0.5, lag_h=0.0)
    grow(made, 12.0)
    assert made.first_g_l < 0.01
    peak = made.od
    grow(made, 20.0, dt_h=10 * STEP_H)
    assert made.od < peak
    assert made.growth_rate_per_h < 0.0


def test_substrate_is_accounted_for() -> None:
    made = culture("ecoli", od=0.01, lag_h=0.0)
    before = made.total_g_l
    grow(made, 4.0)
    eaten = made.strain.feed_g_l - made.first_g_l
    assert made.total_g_l - before == pytest.approx(eaten * made.strain.first_yield, rel=0.05)


def test_diauxie_of_yeast_has_two_phases_with_a_pause() -> None:
    made = culture("yeast", od=0.5, lag_h=0.0)
    rates = []
    for _ in range(24 * 6):
        grow(made, 1 / 6, dt_h=5 * STEP_H)
        rates.append((made.growth_rate_per_h, made.second_g_l))
    first = max(rate for rate, _ in rates[:30])
    turning = max(range(len(rates)), key=lambda i: rates[i][1])
    pause = min(rate for rate, _ in rates[turning : turning + 12])
    again = max(rate for rate, _ in rates[turning + 1 : turning + 60])
    assert first > 0.3
    assert pause < 0.06 < again < 0.2


def test_oxygen_limits_dense_aerobic_cultures() -> None:
    def rate(od: float) -> tuple[float, float]:
        made = culture(od=od, lag_h=0.0)
        grow(made, 0.2)
        return made.growth_rate_per_h, made.oxygen_mg_l

    thin, airy = rate(0.05)
    thick, starved = rate(4.0)
    assert airy > 6.0 > 1.0 > starved > 0.0
    assert thick < 0.75 * thin


def test_oxygen_reaches_the_steady_state_of_its_equation() -> None:
    made = culture(od=2.0, lag_h=0.0)
    grow(made, 0.3, kla=30.0)
    supplied = 30.0 * (7.0 - made.oxygen_mg_l)
    grow(made, 1 / 60, kla=30.0)
    assert supplied > 100.0
    assert made.oxygen_mg_l == pytest.approx(7.0 - supplied / 30.0, rel=0.2)


def test_step_length_hardly_matters() -> None:
    fine, coarse = culture(od=0.05), culture(od=0.05)
    grow(fine, 6.0)
    grow(coarse, 6.0, dt_h=20 * STEP_H)
    assert coarse.od == pytest.approx(fine.od, rel=0.02)


def test_a_phototroph_grows_only_in_the_light_and_shades_itself() -> None:
    def rate(od: float, light: float) -> float:
        made = culture("phototroph", od=od, lag_h=0.0)
        for _ in range(720):
            made.set_light(light, uv_fraction=0.0, duration_h=5 * STEP_H)
            grow(made, 5 * STEP_H, dt_h=5 * STEP_H)
        return made.growth_rate_per_h

    assert rate(0.1, 0.0) < 0.0 < rate(0.1, 50.0) < rate(0.1, 200.0)
    assert rate(10.0, 200.0) < 0.6 * rate(0.1, 200.0)


def test_uv_and_heat_kill() -> None:
    made = culture(od=0.5, lag_h=0.0)
    made.set_light(0.0, uv_fraction=1.0, duration_h=STEP_H)
    grow(made, 0.5)
    assert made.od < 0.1
    hot = culture(od=0.5, lag_h=0.0)
    hot.set_temperature(60.0)
    grow(hot, 0.5)
    assert hot.od < 0.01


def test_dilution_conserves_mass() -> None:
    made = culture(od=1.0)
    made.second_g_l = 2.0
    made.dilute(0.75, feed_g_l=8.0, drug_ug_ml=4.0)
    assert made.od == pytest.approx(0.75)
    assert made.second_g_l == pytest.approx(1.5)
    assert made.first_g_l == pytest.approx(0.75 * 4.0 + 0.25 * 8.0)
    assert made.drug_ug_ml == pytest.approx(1.0)
    made.concentrate(2.0)
    assert made.od == pytest.approx(1.5)
    assert made.drug_ug_ml == pytest.approx(2.0)


def test_ic50_halves_growth_and_regoes_is_zero_at_zmic() -> None:
    static = Drug("x", 2.0)
    assert static.growth_factor(0, 2.0, 0.8) == pytest.approx(0.5)
    assert static.growth_factor(0, 0.0, 0.8) == 1.0
    killing = DRUGS["ampicillin"]
    assert killing.growth_factor(0, 3.4, 0.75) == pytest.approx(0.0, abs=1e-12)
    assert 0.75 * killing.growth_factor(0, 1e9, 0.75) == pytest.approx(-4.0, rel=0.01)


def test_less_than_half_a_cell_is_no_cell() -> None:
    made = culture(od=0.2, drug="trimethoprim")
    one_cell = 1.0 / (made.strain.od_per_g_l * made.strain.cells_per_ml_per_od * 12.0)
    made.genotypes[1], made.genotypes[2] = 0.4 * one_cell, 0.6 * one_cell
    made.mutate(12.0)
    assert made.genotypes[1] == 0.0
    assert made.genotypes[2] > 0.0


def test_resistance_takes_over_in_a_morbidostat() -> None:
    """Toprak's rule for ten days: at constant growth rate the drug must rise by more than two mutations."""
    made = culture(od=0.1, drug="trimethoprim", lag_h=0.0)
    vessel = Vessel(12.0, 20.0, 12.0)
    stock, last_od = 5.0, made.od
    for _ in range(10 * 120):
        grow(made, 0.2, dt_h=0.01)
        made.mutate(vessel.volume_ml)
        rate = math.log(made.od / last_od) / 0.2
        drugged = made.od > 0.15 and rate > 0.40
        kept = vessel.add(1.0, alt=drugged)
        made.dilute(kept, feed_g_l=4.0, drug_ug_ml=stock if drugged else 0.0)
        vessel.remove(1.0)
        last_od = made.od
        if made.drug_ug_ml > 0.6 * stock:
            stock *= 5.0
    assert made.ic50_ug_ml > 4.5**2
    assert 0.05 < made.od < 0.5
