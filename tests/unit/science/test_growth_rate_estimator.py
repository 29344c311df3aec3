"""The online estimator: what it learns, what it withstands, and that it forgets nothing over a restart."""

import json
import math
import random
from collections.abc import Callable

import pytest

from pioreactor.science.growth_rate import Assumptions, Estimate, GrowthRateEstimator

Readings = list[tuple[float, float]]


def culture(
    growth: Callable[[float], float] | float,
    hours: float,
    *,
    every_s: float = 5.0,
    start: float = 0.1,
    noise: float = 0.0056,
    seed: int = 1,
    begin_s: float = 0.0,
) -> Readings:
    """Readings of a culture that grows at `growth` [1/h] from `start`, with independent relative noise."""
    rng = random.Random(seed)
    level = math.log(start)
    out: Readings = []
    for i in range(int(hours * 3600 / every_s)):
        t_h = i * every_s / 3600
        out.append((begin_s + i * every_s, math.exp(level) * (1 + noise * rng.gauss(0, 1))))
        level += (growth(t_h) if callable(growth) else growth) * every_s / 3600
    return out


def feed(estimator: GrowthRateEstimator, readings: Readings) -> list[Estimate]:
    return [estimator.update(t_s, od) for t_s, od in readings]


def exchanges(growth: float, hours: float, *, gain: float = 1.0, lag_s: float = 0.0, seed: int = 1) -> list[Estimate]:
    """A turbidostat: at OD 0.5, 1 mL in 14 mL, announced in slices; the pump moves `gain` times that."""
    rng = random.Random(seed)
    estimator = GrowthRateEstimator(vial_volume_ml=14.0)
    level = math.log(0.4)
    out = []
    pumping: list[float] = []
    for second in range(int(hours * 3600)):
        level += growth / 3600
        if pumping:
            level -= math.log1p(gain * 0.1 / 14)
            estimator.dose(second + lag_s, pumping.pop())
        if second % 5 == 0:
            out.append(estimator.update(second, math.exp(level) * (1 + 0.0056 * rng.gauss(0, 1))))
        if not pumping and level > math.log(0.5):
            pumping = [0.1] * 10
    return out


def exchanges_by_clock(growth: float, hours: float, *, gain: float) -> list[Estimate]:
    """1 mL announced every five minutes from the second hour on; the pump moves `gain` times that."""
    rng = random.Random(1)
    estimator = GrowthRateEstimator()
    level = math.log(0.1)
    out = []
    for second in range(int(hours * 3600)):
        level += growth / 3600
        if second > 5400 and second % 300 < 10:
            estimator.dose(second, 0.1)
            level -= gain * math.log1p(0.1 / 14)
        if second % 5 == 0:
            out.append(estimator.update(second, math.exp(level) * (1 + 0.0056 * rng.gauss(0, 1))))
    return out


@pytest.mark.parametrize("growth", [-0.05, 0.0, 0.1, 0.4, 0.8, 1.5])
def test_a_steady_culture_is_found_within_two_of_its_standard_deviations(growth: float) -> None:
    last = feed(GrowthRateEstimator(), culture(growth, 2))[-1]

    assert abs(last.growth_rate - growth) < 2 * last.growth_rate_sd
    assert last.growth_rate_sd < 0.02
    assert last.od_filtered == pytest.approx(0.1 * math.exp(growth * 2), rel=0.004)
    assert last.noise_cv == pytest.approx(0.0056, rel=0.25)


@pytest.mark.parametrize("seed", range(5))
def test_a_culture_that_already_grows_is_known_after_ten_minutes(seed: int) -> None:
    estimates = feed(GrowthRateEstimator(), culture(0.8, 0.5, seed=seed))

    assert all(abs(e.growth_rate - 0.8) < 0.08 for e in estimates[120:])


@pytest.mark.parametrize("before", [0.4, 0.8, 1.5])
@pytest.mark.parametrize("ramp_min", [0.1, 10, 60, 120])
def test_growth_that_ends_is_followed_and_never_locks_the_estimator_out(before: float, ramp_min: float) -> None:
    def growth(t_h: float) -> float:
        return before * min(1.0, max(0.0, 1 - (t_h - 1.5) * 60 / ramp_min))

    readings = culture(growth, 1.5 + ramp_min / 60 + 0.9)
    estimates = feed(GrowthRateEstimator(), readings)

    recovered_from = int((1.5 + ramp_min / 60 + 40 / 60) * 720)
    assert all(abs(e.growth_rate) < 0.06 for e in estimates[recovered_from:])
    assert estimates[-1].od_filtered == pytest.approx(readings[-1][1], rel=0.03)


def test_growth_that_begins_is_followed_within_six_minutes() -> None:
    estimates = feed(GrowthRateEstimator(), culture(lambda t_h: 0.05 if t_h < 2 else 0.6, 3))

    assert min(e.growth_rate for e in estimates[2 * 720 + 72 :]) > 0.4


def test_one_dose_hardly_moves_the_growth_rate() -> None:
    estimator = GrowthRateEstimator(vial_volume_ml=14.0)
    feed(estimator, culture(0.5, 2, seed=3))
    before = estimator.update(7200.0, 0.1 * math.exp(1.0)).growth_rate
    for second in range(10):
        estimator.dose(7201.0 + second, 0.1, 14 + 0.1 * second)

    after = feed(estimator, culture(0.5, 0.3, begin_s=7215.0, start=0.1 * math.exp(1.002) * 14 / 15, seed=4))

    assert max(abs(e.growth_rate - before) for e in after) < 0.01
    assert not any(e.outcome == "level_shift" for e in after)


@pytest.mark.parametrize("gain", [0.85, 1.0, 1.1])
@pytest.mark.parametrize("lag_s", [0.0, 4.0])
def test_the_pump_gain_is_learned_in_a_turbidostat(gain: float, lag_s: float) -> None:
    estimates = exchanges(0.8, 4, gain=gain, lag_s=lag_s)

    assert estimates[-1].pump_gain == pytest.approx(gain, abs=0.03)
    assert estimates[-1].pump_gain_sd < 0.03
    assert all(abs(e.growth_rate - 0.8) < 0.04 for e in estimates[1440:])


def test_a_correction_takes_a_dose_back() -> None:
    told, corrected = GrowthRateEstimator(), GrowthRateEstimator()
    readings = culture(0.3, 0.5)
    feed(told, readings)
    feed(corrected, readings)
    corrected.dose(1800.0, 1.0)
    corrected.dose(1801.0, -1.0)
    later = culture(0.3, 0.2, begin_s=1805.0, start=readings[-1][1], seed=2)

    pairs = zip(feed(told, later), feed(corrected, later), strict=True)
    assert all(abs(one.od_filtered / other.od_filtered - 1) < 0.005 for one, other in pairs)


def test_a_culture_diluted_by_hand_keeps_its_growth_rate() -> None:
    estimator = GrowthRateEstimator()
    feed(estimator, culture(0.4, 3))
    after = feed(estimator, culture(0.4, 1, begin_s=3 * 3600.0, start=0.1 * math.exp(1.2) * 0.6, seed=2))

    assert sum(e.outcome == "level_shift" for e in after) == 1
    assert max(abs(e.growth_rate - 0.4) for e in after) < 0.03
    assert after[20].od_filtered == pytest.approx(0.06 * math.exp(1.2), rel=0.02)


def test_bubbles_are_called_outliers_and_counted_little() -> None:
    rng = random.Random(7)
    lifted = {i for i in range(2160) if rng.random() < 0.03 and i > 50}
    readings = [(t, od * 1.25 if i in lifted else od) for i, (t, od) in enumerate(culture(0.3, 3))]
    estimates = feed(GrowthRateEstimator(), readings)

    assert sum(estimates[i].outlier for i in lifted) > 0.9 * len(lifted)
    assert sum(e.outlier for e in estimates) < 1.5 * len(lifted)
    assert estimates[-1].growth_rate == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("od", [0.0, -0.1, math.nan, math.inf])
def test_a_reading_that_is_no_density_changes_nothing(od: float) -> None:
    estimator = GrowthRateEstimator()
    before = feed(estimator, culture(0.4, 0.2))[-1]
    state = estimator.state()

    assert estimator.update(1e4, od) == before._replace(outcome="not_positive", outlier=True)
    assert estimator.state() == state


def test_readings_from_before_the_last_one_are_left_out_unless_the_clock_was_set_back() -> None:
    estimator = GrowthRateEstimator()
    feed(estimator, culture(0.4, 1, begin_s=1e6))
    assert estimator.update(5e5, 0.15).outcome == "out_of_order"

    outcomes = [e.outcome for e in feed(estimator, culture(0.4, 0.5, start=0.1 * math.exp(0.4)))]

    assert outcomes.count("out_of_order") < 3
    assert outcomes[-1] == "used"
    assert estimator.update(1800.0, 0.1 * math.exp(0.6)).growth_rate == pytest.approx(0.4, abs=0.05)


def test_a_moment_that_is_no_number_is_left_out() -> None:
    estimator = GrowthRateEstimator()
    feed(estimator, culture(0.4, 0.1))

    assert estimator.update(math.nan, 0.1).outcome == "out_of_order"
    assert estimator.update(math.inf, 0.1).outcome == "out_of_order"


@pytest.mark.parametrize("gap_h", [0.2, 3, 200])
def test_after_a_silence_the_estimator_is_less_sure_and_finds_back(gap_h: float) -> None:
    estimator = GrowthRateEstimator()
    before = feed(estimator, culture(0.6, 2))[-1]
    after = feed(estimator, culture(0.1, 1.5, begin_s=(2 + gap_h) * 3600.0, start=0.05, seed=2))

    assert after[0].growth_rate_sd > before.growth_rate_sd
    assert all(math.isfinite(e.growth_rate) and e.growth_rate_sd > 0 for e in after)
    assert abs(after[-1].growth_rate - 0.1) < 0.03


@pytest.mark.parametrize("every_s", [1.0, 5.0, 20.0, 60.0])
def test_the_reading_interval_does_not_change_what_is_believed(every_s: float) -> None:
    estimates = feed(GrowthRateEstimator(), culture(lambda t_h: 0.6 if t_h < 3 else 0.2, 5, every_s=every_s))
    at = int(3 * 3600 / every_s)

    assert abs(estimates[at - 1].growth_rate - 0.6) < 0.04
    assert abs(estimates[-1].growth_rate - 0.2) < 0.04
    assert estimates[-1].growth_rate_sd < 0.04


def test_irregular_intervals_are_fine() -> None:
    rng = random.Random(5)
    readings = [each for each in culture(0.5, 3, every_s=1.0) if rng.random() < 0.1]

    assert feed(GrowthRateEstimator(), readings)[-1].growth_rate == pytest.approx(0.5, abs=0.03)


def test_a_pump_that_moves_nothing_is_found_out() -> None:
    estimates = exchanges_by_clock(0.4, 4, gain=0.0)

    assert abs(estimates[-1].pump_gain) < 0.05
    assert all(abs(e.growth_rate - 0.4) < 0.05 for e in estimates[-720:])


def test_growth_that_follows_doses_is_learned() -> None:
    """A chemostat fed every ten minutes: growth doubles with each dose and falls until the next."""
    rng = random.Random(11)
    estimator = GrowthRateEstimator()
    level = 0.0
    errors = []
    for second in range(6 * 3600):
        phase = second % 600
        growth = 0.45 - 0.3 * phase / 600
        level += growth / 3600
        if phase < 8:
            estimator.dose(second, 0.0875, 14.0)
            level -= math.log1p(0.0875 / 14)
        if second % 5 == 0:
            estimate = estimator.update(second, math.exp(level) * (1 + 0.0056 * rng.gauss(0, 1)))
            errors.append(estimate.growth_rate - growth)
    late = errors[4 * 720 :]

    assert math.sqrt(sum(e * e for e in late) / len(late)) < 0.05
    mean, variance = estimator.boosted_rate
    assert abs(mean) > 0.05 > math.sqrt(variance)


def test_state_survives_json_and_continues_as_if_nothing_had_happened() -> None:
    first = GrowthRateEstimator(vial_volume_ml=12.0)
    feed(first, culture(0.5, 1))
    for second in range(10):
        first.dose(3600.0 + second, 0.1)
    feed(first, culture(0.5, 0.01, begin_s=3600.0, start=0.15, seed=5))
    second_ = GrowthRateEstimator.from_state(json.loads(json.dumps(first.state())))

    later = culture(0.5, 0.5, begin_s=3650.0, start=0.155, seed=9)
    for one, other in zip(feed(first, later), feed(second_, later), strict=True):
        assert other.growth_rate == pytest.approx(one.growth_rate, abs=0.002)
        assert other.od_filtered == pytest.approx(one.od_filtered, rel=0.002)
    assert second_.vial_volume_ml == 12.0


def test_a_state_before_the_first_reading_can_be_kept() -> None:
    fresh = GrowthRateEstimator()
    fresh.dose(0.0, 1.0)
    restored = GrowthRateEstimator.from_state(json.loads(json.dumps(fresh.state())))

    assert feed(restored, culture(0.2, 0.5))[-1].outcome == "used"


@pytest.mark.parametrize("broken", [{}, {"version": 99}])
def test_a_state_of_another_version_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="version"):
        GrowthRateEstimator.from_state(broken)


@pytest.mark.parametrize("volume_ml", [0.0, -1.0, math.nan])
def test_an_empty_vial_is_refused(volume_ml: float) -> None:
    with pytest.raises(ValueError, match="mL"):
        GrowthRateEstimator(vial_volume_ml=volume_ml)
    with pytest.raises(ValueError, match="mL"):
        GrowthRateEstimator().dose(0.0, 1.0, volume_ml)


def test_a_dose_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="mL"):
        GrowthRateEstimator().dose(0.0, math.nan)


def test_the_band_covers_what_it_says() -> None:
    inside = total = 0
    for seed in range(6):
        growth = 0.2 + 0.1 * seed
        for estimate in feed(GrowthRateEstimator(), culture(growth, 2, seed=seed))[360:]:
            inside += abs(estimate.growth_rate - growth) < 1.96 * estimate.growth_rate_sd
            total += 1

    assert inside / total > 0.9


def test_correlated_noise_is_seen_as_such() -> None:
    rng = random.Random(2)
    estimator = GrowthRateEstimator()
    noise = 0.0
    worst = 0.0
    for i in range(4 * 720):
        noise = 0.83 * noise + 0.0114 * math.sqrt(1 - 0.83**2) * rng.gauss(0, 1)
        estimate = estimator.update(i * 5.0, 0.1 * math.exp(0.3 * i * 5 / 3600 + noise))
        if i > 720:
            worst = max(worst, abs(estimate.growth_rate - 0.3) / estimate.growth_rate_sd)

    assert worst < 4


def test_a_state_kept_before_bands_were_earned_is_continued() -> None:
    first = GrowthRateEstimator()
    feed(first, culture(0.5, 1))
    first.dose(3600.0, 1.0)
    feed(first, culture(0.5, 0.1, begin_s=3605.0, start=0.155))
    state = json.loads(json.dumps(first.state()))
    del state["steadiness"], state["fed"]["mixed_s"]

    again = GrowthRateEstimator.from_state(state)

    assert again.update(3970.0, 0.16).growth_rate == pytest.approx(0.5, abs=0.05)


def test_what_the_band_has_earned_survives_a_restart() -> None:
    first = GrowthRateEstimator()
    feed(first, culture(0.5, 5))
    again = GrowthRateEstimator.from_state(json.loads(json.dumps(first.state())))
    reading = (5 * 3600.0, 0.1 * math.exp(2.5))

    assert again.update(*reading).growth_rate_sd == pytest.approx(first.update(*reading).growth_rate_sd, rel=0.02)


def test_the_band_narrows_while_a_culture_keeps_steady_and_widens_when_growth_drifts() -> None:
    plain = Assumptions(earn_band=False)

    def factor(growth: Callable[[float], float] | float, hours: float) -> float:
        readings = culture(growth, hours)
        earned, given = feed(GrowthRateEstimator(), readings), feed(GrowthRateEstimator(assumptions=plain), readings)
        assert earned[-1].growth_rate == given[-1].growth_rate
        return earned[-1].growth_rate_sd / given[-1].growth_rate_sd

    assert factor(0.4, 8) < 0.75
    assert factor(lambda t_h: 0.8 - 0.1 * t_h, 6) > 1.0


def test_both_banks_exchange_at_long_intervals_though_never_at_the_same_reading() -> None:
    estimator = GrowthRateEstimator()
    feed(estimator, culture(0.4, 0.5, every_s=60.0))
    estimator.dose(1800.0, 1.0)
    mixed = []
    for t_s, od in culture(0.4, 0.5, every_s=60.0, begin_s=1800.0, start=0.115):
        estimator.update(t_s, od)
        state = estimator.state()
        if state["fed"] is not None:
            mixed.append((t_s - state["mixed_s"], t_s - state["fed"]["mixed_s"]))

    assert all(sorted(pair) == [0.0, 60.0] for pair in mixed[2:])
