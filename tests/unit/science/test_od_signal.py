"""The level of a burst survives hum, spikes, coarse converters and short bursts."""

import math
import random
from statistics import fmean

import pytest

from pioreactor.science.od_signal import LevelEstimator, schedule

TIMES = [k * 0.85 / 39 for k in range(40)]
NOISE_MV = 0.6


def burst(
    rng: random.Random,
    *,
    level: float = 50.0,
    hum: float = 0.0,
    hz: float = 50.0,
    spikes: int = 0,
    spike: float = 20.0,
    times: list[float] = TIMES,
) -> list[float]:
    phase = rng.uniform(0, 2 * math.pi)
    values = [level + hum * math.sin(2 * math.pi * hz * t + phase) + rng.gauss(0, NOISE_MV) for t in times]
    for k in rng.sample(range(len(times)), spikes):
        values[k] += spike
    return values


def rmse_percent(errors: list[float], *, level: float = 50.0) -> float:
    return math.sqrt(fmean(e * e for e in errors)) / level * 100


@pytest.mark.parametrize("hz", [50.0, 60.0])
@pytest.mark.parametrize("hum", [0.0, 2.0, 20.0])
def test_hum_of_either_mains_frequency_is_removed_without_being_detected(hum: float, hz: float) -> None:
    rng, estimator = random.Random(1), LevelEstimator()
    moments = schedule(TIMES)
    errors = [estimator.level(moments, burst(rng, hum=hum, hz=hz)) - 50.0 for _ in range(600)]
    assert rmse_percent(errors) <= 0.22
    assert abs(fmean(errors)) <= 0.02


@pytest.mark.parametrize("hum", [0.0, 20.0])
@pytest.mark.parametrize("spikes", [2, 4])
def test_spikes_do_not_move_the_level(spikes: int, hum: float) -> None:
    rng, estimator = random.Random(2), LevelEstimator()
    moments = schedule(TIMES)
    estimator.level(moments, burst(rng, hum=hum))
    errors = [estimator.level(moments, burst(rng, hum=hum, spikes=spikes)) - 50.0 for _ in range(150)]
    assert rmse_percent(errors) <= 0.28


def test_a_first_burst_full_of_spikes_is_seen_through() -> None:
    rng = random.Random(3)
    moments = schedule(TIMES)
    errors = [LevelEstimator().level(moments, burst(rng, spikes=6)) - 50.0 for _ in range(100)]
    assert rmse_percent(errors) <= 0.6


def test_noise_around_nothing_averages_to_nothing() -> None:
    rng, estimator = random.Random(4), LevelEstimator()
    moments = schedule(TIMES)
    levels = [estimator.level(moments, burst(rng, level=0.0)) for _ in range(800)]
    assert abs(fmean(levels)) <= 4 * 0.1 / math.sqrt(800)
    assert min(levels) < 0 < max(levels)


def test_samples_taken_at_uneven_moments_are_as_good() -> None:
    rng, estimator = random.Random(5), LevelEstimator()
    errors = []
    for _ in range(300):
        times = [t + rng.uniform(0, 0.012) for t in TIMES]
        errors.append(estimator.level(schedule(times), burst(rng, hum=20.0, hz=60.0, times=times)) - 50.0)
    assert rmse_percent(errors) <= 0.24


def test_a_noisier_channel_is_followed() -> None:
    rng, estimator = random.Random(6), LevelEstimator()
    moments = schedule(TIMES)
    for _ in range(20):
        estimator.level(moments, burst(rng))
    errors = []
    for _ in range(300):
        values = [50.0 + rng.gauss(0, 5 * NOISE_MV) for _ in TIMES]
        errors.append(estimator.level(moments, values) - 50.0)
    assert rmse_percent(errors) <= 5 * 0.24


@pytest.mark.parametrize("upper", [1, 4, 10, 19])
def test_a_coarse_converter_that_flips_between_two_values_is_averaged(upper: int) -> None:
    rng = random.Random(7)
    values = [1.0008] * upper + [1.0] * (40 - upper)
    rng.shuffle(values)
    level = LevelEstimator().level(schedule(TIMES, mains_hz=50.0), values)
    assert level == pytest.approx(1.0 + 0.0008 * upper / 40, abs=0.0001)


def test_equal_samples_are_their_own_level() -> None:
    estimator = LevelEstimator()
    assert [estimator.level(schedule(TIMES), [3.25] * 40) for _ in range(3)] == pytest.approx([3.25] * 3)


def test_a_burst_cut_short_gives_its_median_and_an_empty_one_nothing() -> None:
    assert LevelEstimator().level(schedule(TIMES[:3]), [1.0, 9.0, 2.0]) == 2.0
    assert LevelEstimator().level(schedule([]), []) == 0.0
    stuck_clock = schedule([0.0] * 40)
    assert LevelEstimator().level(stuck_clock, [1.0] * 39 + [7.0]) == 1.0


def test_a_schedule_is_worked_out_once() -> None:
    assert schedule(TIMES) is schedule([t + 1e-9 for t in TIMES])
    assert schedule(TIMES) is not schedule(TIMES, mains_hz=60.0)


def hum_of(
    rng: random.Random, hz: float, *, times: list[float], amplitude: float = 20.0, third: float = 0.2
) -> list[float]:
    """50 mV with noise, hum of this frequency, and a third harmonic of some phase."""
    phase, phase_of_third = rng.uniform(0, 2 * math.pi), rng.uniform(0, 2 * math.pi)
    turns = [2 * math.pi * hz * t for t in times]
    return [
        50.0
        + amplitude * (math.sin(turn + phase) + third * math.sin(3 * turn + phase_of_third))
        + rng.gauss(0, NOISE_MV)
        for turn in turns
    ]


@pytest.mark.parametrize("off", [-0.01, -0.0075, -0.003, 0.003, 0.01])
@pytest.mark.parametrize("nominal_hz", [50.0, 60.0])
@pytest.mark.parametrize("jitter_s", [0.0, 0.015])
def test_mains_off_their_frequency_cost_nothing(nominal_hz: float, off: float, jitter_s: float) -> None:
    rng, estimator = random.Random(8), LevelEstimator()
    errors = []
    for _ in range(400):
        times = [t + rng.uniform(0, jitter_s) for t in TIMES]
        values = hum_of(rng, nominal_hz * (1 + off), times=times)
        errors.append(estimator.level(schedule(times), values) - 50.0)
    assert rmse_percent(errors) <= 0.22


@pytest.mark.parametrize("amplitude", [0.3, 0.6, 1.0, 5.0, 50.0])
def test_hum_of_any_strength_costs_nothing(amplitude: float) -> None:
    rng, estimator = random.Random(9), LevelEstimator()
    moments = schedule(TIMES)
    errors = [estimator.level(moments, hum_of(rng, 50.4, times=TIMES, amplitude=amplitude)) - 50.0 for _ in range(400)]
    assert rmse_percent(errors) <= 0.22


def test_the_frequency_of_a_generator_wanders_and_is_followed() -> None:
    rng, estimator, hz = random.Random(10), LevelEstimator(), 60.0
    errors = []
    for _ in range(400):
        hz = min(max(hz + rng.gauss(0, 0.1), 59.4), 60.6)
        values = hum_of(rng, hz, times=TIMES)
        for k in rng.sample(range(40), 2):
            values[k] += 20.0
        errors.append(estimator.level(schedule(TIMES), values) - 50.0)
    assert rmse_percent(errors) <= 0.24


def test_a_first_burst_full_of_hum_off_its_frequency_is_seen_through() -> None:
    rng = random.Random(11)
    errors = [LevelEstimator().level(schedule(TIMES), hum_of(rng, hz, times=TIMES)) - 50.0 for hz in (49.5, 59.55) * 15]
    assert rmse_percent(errors) <= 0.3


def test_where_a_harmonic_looks_like_the_level_it_is_left_alone() -> None:
    """Four channels on one slow converter: 27 samples, at whose spacing 151.5 Hz stands still."""
    rng, estimator = random.Random(12), LevelEstimator()
    times = [k * 5 / 151.5 for k in range(27)]
    errors = [estimator.level(schedule(times), hum_of(rng, 50.5, times=times, third=0.0)) - 50.0 for _ in range(200)]
    assert rmse_percent(errors) <= 0.35


def test_white_noise_is_not_taken_for_hum() -> None:
    rng, estimator = random.Random(13), LevelEstimator()
    moments = schedule(TIMES)
    errors = [estimator.level(moments, burst(rng)) - 50.0 for _ in range(1500)]
    assert rmse_percent(errors) <= 0.2


@pytest.mark.parametrize("hum", [0.0, 20.0])
@pytest.mark.parametrize("reference_noise", [0.05, 0.6])
def test_a_warming_led_is_divided_out_by_the_reference(hum: float, reference_noise: float) -> None:
    rng, signal, reference = random.Random(14), LevelEstimator(), LevelEstimator()
    moments = schedule(TIMES)
    light = [1 - 0.05 * math.exp(-(t + 0.125) / 0.08) for t in TIMES]
    ratios = []
    for _ in range(600):
        clean = [y - 50.0 for y in burst(rng, hum=hum, hz=50.2)]
        of_signal = signal.level(moments, [50.0 * x + y for x, y in zip(light, clean, strict=True)])
        of_reference = reference.level(moments, [100.0 * x + rng.gauss(0, reference_noise) for x in light])
        ratios.append(of_signal / of_reference * 100.0)
    assert rmse_percent([ratio - 50.0 for ratio in ratios]) <= 0.23
    assert abs(fmean(ratios) - 50.0) <= 0.05
