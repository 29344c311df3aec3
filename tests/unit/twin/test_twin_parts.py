"""Vessel, pumps, heat, stirrer, light and noise, each by itself."""

import math
import random
import statistics
from itertools import pairwise

import pytest

from pioreactor.twin.fan import STALL_RPM, EdgeReader, Fan
from pioreactor.twin.noise import Noise
from pioreactor.twin.optics import ANGLE_CURVES, RAIL_V, REF_V, Optics, Photodiode, ReadingNoise, Scene
from pioreactor.twin.pumps import FULL_DUTY_ML_PER_S, Pump
from pioreactor.twin.thermal import THERMAL_SETS, Thermal, exponential
from pioreactor.twin.vessel import Vessel

# ---- noise


def test_noise_is_a_function_of_its_counter() -> None:
    one, two = Noise(7, "a"), Noise(7, "a")
    backwards = [two.gauss(n) for n in reversed(range(100))]
    assert [one.gauss(n) for n in range(100)] == backwards[::-1]
    assert [one.gauss(n) for n in range(100)] != [Noise(8, "a").gauss(n) for n in range(100)]


def test_noise_is_standard_normal_and_white() -> None:
    noise = Noise(1, "x")
    values = [noise.gauss(n) for n in range(20000)]
    assert statistics.fmean(values) == pytest.approx(0.0, abs=0.03)
    assert statistics.stdev(values) == pytest.approx(1.0, abs=0.03)
    assert statistics.correlation(values[1:], values[:-1]) == pytest.approx(0.0, abs=0.03)
    uniform = [noise.uniform(n) for n in range(20000)]
    assert min(uniform) >= 0.0 and max(uniform) < 1.0
    assert statistics.fmean(uniform) == pytest.approx(0.5, abs=0.02)


# ---- vessel


def test_waste_stops_at_the_tube() -> None:
    vessel = Vessel(15.0, 20.0, 14.0)
    assert vessel.remove(5.0) == pytest.approx(1.0)
    assert vessel.remove(5.0) == 0.0
    assert vessel.volume_ml == pytest.approx(14.0)


def test_the_vial_spills_above_its_capacity() -> None:
    vessel = Vessel(19.0, 20.0, 14.0)
    assert vessel.add(3.0, alt=False) == pytest.approx(19 / 22)
    assert vessel.volume_ml == 20.0
    assert vessel.spilled_ml == pytest.approx(2.0)


def test_alt_fraction_after_alternating_additions() -> None:
    vessel = Vessel(10.0, 40.0, 10.0)
    vessel.add(10.0, alt=True)
    assert vessel.alt_fraction == pytest.approx(0.5)
    vessel.add(20.0, alt=False)
    assert vessel.alt_fraction == pytest.approx(0.25)


def test_evaporation_concentrates() -> None:
    vessel = Vessel(10.0, 20.0, 10.0)
    assert vessel.evaporate(1.0) == pytest.approx(10 / 9)
    assert Vessel(0.0, 20.0, 10.0).evaporate(1.0) == 1.0


# ---- pumps


def pumped(pump: Pump, duration_s: float, *, duty: float = 100.0, looks: int = 1, start_s: float = 0.0) -> float:
    pump.set_duty(duty, 250.0, start_s)
    volume = sum(pump.flow_until(start_s + duration_s * (i + 1) / looks) for i in range(looks))
    pump.set_duty(0.0, 250.0, start_s + duration_s)
    return volume


def test_a_pump_delivers_its_rate_less_the_start() -> None:
    pump = Pump(random.Random(1), cv=0.0, wear_per_h=0.0)
    assert pumped(pump, 100.0) == pytest.approx(FULL_DUTY_ML_PER_S * (100.0 - 0.035), abs=0.02)
    assert pumped(Pump(random.Random(1)), 0.03) == 0.0
    assert pumped(Pump(random.Random(1)), 10.0, duty=5.0) == 0.0


def test_looking_at_a_pump_moves_no_more_liquid() -> None:
    once = pumped(Pump(random.Random(3)), 11.0)
    often = pumped(Pump(random.Random(3)), 11.0, looks=1000)
    assert often == pytest.approx(once, rel=1e-5)


def test_rollers_make_equal_short_doses_differ() -> None:
    pump = Pump(random.Random(3), cv=0.0)
    doses = [pumped(pump, 0.5, start_s=10.0 * i) for i in range(40)]
    assert 0.002 < statistics.stdev(doses) < 0.02
    assert all(dose >= 0.0 for dose in doses)


def test_tubes_wear_but_not_for_ever() -> None:
    pump = Pump(random.Random(3), wear_per_h=0.003)
    pumped(pump, 36000.0, looks=10)
    assert pump.wear == pytest.approx(0.03, rel=0.1)
    pump.running_h = 1e6
    assert pump.wear == pytest.approx(0.2)


def test_air_comes_before_liquid() -> None:
    pump = Pump(random.Random(3), cv=0.0)
    pump.air_ml = 0.5
    total = pumped(pump, 20.0)
    assert total == pytest.approx(20.0 * FULL_DUTY_ML_PER_S - 0.5, abs=0.03)


# ---- heat


def test_the_matrix_exponential_knows_rotation_and_decay() -> None:
    angle = 0.7
    ((a, b), (c, d)) = exponential(((0.0, -angle), (angle, 0.0)))
    assert (a, b, c, d) == pytest.approx((math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle)))
    assert exponential(((-30.0,),))[0][0] == pytest.approx(math.exp(-30.0), rel=1e-6)
    assert exponential(((0.0,),)) == ((1.0,),)


@pytest.mark.parametrize("generation", THERMAL_SETS)
def test_steady_heat_balances_losses(generation: str) -> None:
    thermal = Thermal(THERMAL_SETS[generation], start_celsius=22.0, ambient_celsius=22.0)
    for _ in range(30000):
        thermal.step(30.0, 15.0)
    k = thermal.constants
    lost = k.board_air_w_k * (thermal.board - 22) + k.wall_air_w_k * (thermal.wall - 22)
    lost += k.liquid_air_w_k * (thermal.liquid - 22)
    assert lost == pytest.approx(0.3 * k.heater_w, rel=1e-3)
    assert thermal.board > thermal.wall > thermal.liquid > 30.0


def test_energy_that_goes_in_is_stored_before_it_is_lost() -> None:
    thermal = Thermal(THERMAL_SETS["1.1"], start_celsius=22.0, ambient_celsius=22.0)
    for _ in range(10):
        thermal.step(100.0, 15.0)
    k = thermal.constants
    stored = k.board_j_k * (thermal.board - 22) + k.wall_j_k * (thermal.wall - 22) + 4.18 * 15 * (thermal.liquid - 22)
    assert stored == pytest.approx(10 * k.heater_w, rel=0.02)


def test_nothing_moves_at_ambient_temperature() -> None:
    thermal = Thermal(THERMAL_SETS["1.1"], start_celsius=25.0, ambient_celsius=25.0)
    for _ in range(100):
        thermal.step(0.0, 15.0)
    assert (thermal.board, thermal.wall, thermal.liquid) == (25.0, 25.0, 25.0)


# ---- stirrer


def spinning(duty: float = 30.0, *, kick: bool = True) -> Fan:
    fan = Fan(Noise(1, "fan"))
    if kick:
        fan.set_duty(100.0, 1.0)
        fan.set_duty(duty, 1.5)
    else:
        fan.set_duty(duty, 1.0)
    return fan


def test_speed_settles_at_the_gain_of_the_motor() -> None:
    assert spinning(30.0).rpm(20.0) == pytest.approx(550.0, rel=0.001)


def test_a_little_duty_needs_a_kick() -> None:
    assert spinning(17.0, kick=False).rpm(20.0) == pytest.approx(0.0, abs=1e-6)
    assert spinning(17.0).rpm(20.0) > 200.0


def test_too_little_duty_stalls() -> None:
    duty = 8.0 + 0.9 * STALL_RPM / 25.0
    assert spinning(duty).rpm(30.0) == pytest.approx(0.0, abs=1e-3)


def test_edges_come_once_a_revolution_whenever_one_looks() -> None:
    one, two = spinning(), spinning()
    first, second = EdgeReader(one), EdgeReader(two)
    assert first.edges(10.0) == second.edges(10.0) == []
    once = first.edges(20.0)
    often = [edge for i in range(1000) for edge in second.edges(10.0 + (i + 1) * 0.01)]
    assert often == once
    assert all(a < b for a, b in pairwise(once))
    assert len(once) == pytest.approx(550.0 / 6.0, abs=2)
    assert once[0] > 10.0 and once[-1] <= 20.0


def test_two_listeners_receive_the_same() -> None:
    fan = spinning()
    early, late = EdgeReader(fan), EdgeReader(fan)
    early.edges(5.0)
    late.edges(5.0)
    early.edges(9.0)
    assert [edge for edge in late.edges(12.0) if edge > 9.0] == pytest.approx(early.edges(12.0))


def test_edges_during_run_up_match_the_distance() -> None:
    fan = Fan(Noise(1, "fan"))
    reader = EdgeReader(fan)
    reader.edges(0.0)
    fan.set_duty(60.0, 1.0)
    edges = reader.edges(4.0)
    assert abs(len(edges) - fan.turned(4.0)) <= 2
    assert all(a < b for a, b in pairwise(edges))


def test_only_the_newest_edges_are_kept() -> None:
    fan = spinning(60.0)
    reader = EdgeReader(fan)
    reader.edges(2.0)
    for number in range(1, 400):
        fan.set_conditions(5.0 * number, load=1.0, number=number)
    edges = reader.edges(2000.0)
    assert 4000 < len(edges) <= 4096
    assert edges[-1] == pytest.approx(2000.0, abs=0.1)


def test_a_standing_fan_makes_no_edges() -> None:
    fan = spinning()
    reader = EdgeReader(fan)
    reader.edges(10.0)
    fan.set_duty(0.0, 10.0)
    reader.edges(30.0)
    assert reader.edges(40.0) == []


# ---- light


QUIET = ReadingNoise(0.0)


def lit(
    angle: str = "90", *, hum: float = 0.0, noise: ReadingNoise = QUIET, intensity: float = 0.8
) -> tuple[Optics, Photodiode]:
    optics = Optics(1, mains_hz=50.0, hum=hum, noise=noise)
    optics.ambient_v = 0.0
    optics.scene = Scene(0, 0.5, 0.0, 25.0, 15.0)
    optics.set_led("A", intensity, 0.0)
    return optics, Photodiode(optics, "2", angle, gain=1.0, phase=0.0)


def test_dark_is_dark_and_light_is_the_angle_curve() -> None:
    optics, photodiode = lit()
    expected = ANGLE_CURVES["90"].volts(0.5)
    mean = statistics.fmean(photodiode.volts(5.0, n) for n in range(200))
    assert mean == pytest.approx(expected * (1 - 0.024), rel=0.002)
    optics.set_led("A", 0.0, 10.0)
    assert photodiode.volts(11.0, 1) == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(("angle", "peak_mg_ml", "peak_v"), [("45", 22.6, 0.58), ("90", 4.7, 0.34), ("135", 1.1, 1.21)])
def test_angle_curves_peak_where_the_real_ones_do(angle: str, peak_mg_ml: float, peak_v: float) -> None:
    grid = [0.02 * 1.01**i for i in range(800)]
    best = max(grid, key=ANGLE_CURVES[angle].volts)
    assert best == pytest.approx(peak_mg_ml, rel=0.03)
    assert ANGLE_CURVES[angle].volts(best) == pytest.approx(peak_v, rel=0.02)


def test_the_led_dims_while_it_warms() -> None:
    _, photodiode = lit("REF")
    early = statistics.fmean(photodiode.volts(0.01, n) for n in range(200))
    late = statistics.fmean(photodiode.volts(1.0, n) for n in range(200))
    assert 0.015 < 1 - late / early < 0.03
    assert REF_V * 0.9 < late < 0.25


def test_reference_and_signal_share_the_led() -> None:
    optics, signal = lit()
    ref = Photodiode(optics, "1", "REF", gain=1.0, phase=0.0)
    before = signal.volts(5.0, 1) / ref.volts(5.0, 1)
    optics.ir_gain = 0.7
    assert signal.volts(5.0, 1) / ref.volts(5.0, 1) == pytest.approx(before, rel=0.01)


def test_hum_has_its_frequency() -> None:
    _, photodiode = lit(hum=0.03)
    quarter = 1 / 200
    middle, crest, trough = (photodiode.volts(5.0 + k * quarter, 1) for k in (0, 1, 3))
    # At its crests the third harmonic takes a tenth off the fundamental.
    assert (crest - trough) / 2 / middle == pytest.approx(0.027, rel=0.05)


def test_volts_stop_at_the_rail() -> None:
    optics, photodiode = lit()
    optics.ambient_v = 10.0
    assert photodiode.volts(1.0, 1) == RAIL_V


def test_stirring_noise_grows_with_speed() -> None:
    def spread(rpm: float) -> float:
        optics, photodiode = lit(noise=ReadingNoise(0.0055))
        values = []
        for tick in range(500):
            optics.scene = Scene(tick, 0.5, rpm, 25.0, 15.0)
            values.append(photodiode.volts(5.0, 1))
        return statistics.stdev(values) / statistics.fmean(values)

    assert spread(500.0) == pytest.approx(0.0055, rel=0.1)
    assert spread(0.0) == pytest.approx(0.00275, rel=0.1)
    assert spread(1400.0) > 0.02


def test_bubbles_come_as_often_as_said_and_stay_a_while() -> None:
    optics, photodiode = lit()
    optics.bubbles = 0.05
    clean = ANGLE_CURVES["90"].volts(0.5)
    high = []
    for tick in range(0, 20000, 5):
        optics.scene = Scene(tick, 0.5, 0.0, 25.0, 15.0)
        high.append(photodiode.volts(5.0, 1) > 1.03 * clean)
    assert 0.03 < statistics.fmean(high) < 0.15
    assert any(a and b for a, b in pairwise(high))


def deviations(noise: ReadingNoise, ticks: range) -> list[float]:
    optics, photodiode = lit(noise=noise)
    values = []
    for tick in ticks:
        optics.scene = Scene(tick, 0.5, 500.0, 25.0, 15.0)
        values.append(photodiode.volts(5.0, 1))
    middle = statistics.median(values)
    return [value / middle - 1.0 for value in values]


def test_white_noise_forgets_and_wander_remembers() -> None:
    readings = range(0, 20000, 5)
    white, slow = (deviations(noise, readings) for noise in (ReadingNoise(0.01), ReadingNoise(0.0, wander_cv=0.01)))
    assert statistics.correlation(white[1:], white[:-1]) == pytest.approx(0.0, abs=0.06)
    assert statistics.correlation(slow[1:], slow[:-1]) > 0.7
    assert statistics.stdev(white) == pytest.approx(0.01, rel=0.1)
    assert statistics.stdev(slow) == pytest.approx(0.01, rel=0.15)


def test_noise_grows_with_age_and_shocks_are_rare() -> None:
    grown = deviations(ReadingNoise(0.005, growth_per_h=0.5), range(36000, 39600, 5))
    assert statistics.stdev(grown) == pytest.approx(0.005 * 6.2, rel=0.1)
    shocked = deviations(ReadingNoise(0.005, shocks=0.01), range(10000))
    assert 0.005 < statistics.fmean(abs(x) > 0.02 for x in shocked) < 0.015
