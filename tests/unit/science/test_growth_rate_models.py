"""The filters' written-out algebra, against the same equations as matrices."""

import math
import random

import numpy as np
import pytest

from pioreactor.science.growth_rate.dilution import Dilution, log_dilution
from pioreactor.science.growth_rate.estimator import GrowthRateEstimator
from pioreactor.science.growth_rate.fed_model import FedModel
from pioreactor.science.growth_rate.imm_filter_bank import FilterBank
from pioreactor.science.growth_rate.model import GrowthModel
from pioreactor.science.growth_rate.noise_estimation import ReadingNoise


def random_belief(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    return rng.normal(size=size), root @ root.T


def put(model: GrowthModel, mean: np.ndarray, cov: np.ndarray) -> None:
    model.level, model.rate, model.gain = mean[:3]
    model.cll, model.clm, model.clg = cov[0, :3]
    model.cmm, model.cmg, model.cgg = cov[1, 1], cov[1, 2], cov[2, 2]
    if isinstance(model, FedModel):
        model.boost = mean[3]
        model.clb, model.cmb, model.cgb, model.cbb = cov[:, 3]


def get(model: GrowthModel) -> tuple[np.ndarray, np.ndarray]:
    m = model
    mean = [m.level, m.rate, m.gain]
    cov = np.array([[m.cll, m.clm, m.clg], [m.clm, m.cmm, m.cmg], [m.clg, m.cmg, m.cgg]])
    if isinstance(m, FedModel):
        mean.append(m.boost)
        edge = np.array([m.clb, m.cmb, m.cgb])
        cov = np.block([[cov, edge[:, None]], [edge[None, :], np.array([[m.cbb]])]])
    return np.array(mean), cov


@pytest.mark.parametrize("dilution", [0.0, 0.07, -0.02])
@pytest.mark.parametrize("kind", [GrowthModel, FedModel])
def test_predict_and_update_are_the_kalman_equations(kind: type[GrowthModel], dilution: float) -> None:
    size = 4 if kind is FedModel else 3
    mean, cov = random_belief(size, 3)
    model = kind(0.5, 1.0)
    put(model, mean, cov)
    dt, fed, level_var, gain_var, noise_var = 0.3, 0.7, 0.01, 0.02, 0.5
    q = 0.25 * dt
    move = np.eye(size)
    move[0, :3] = [1, dt, -dilution]
    added = np.zeros((size, size))
    added[:2, :2] = [[level_var + q * dt**2 / 3, q * dt / 2], [q * dt / 2, q]]
    added[2, 2] = gain_var
    if isinstance(model, FedModel):
        model.fed = fed
        move[0, 3] = fed * dt

    model.predict(dt, dilution, level_var, gain_var)
    mean, cov = move @ mean, move @ cov @ move.T + added
    np.testing.assert_allclose(get(model)[0], mean)
    np.testing.assert_allclose(get(model)[1], cov)

    model.update(0.4, noise_var)
    s = cov[0, 0] + noise_var
    off = 0.4 - mean[0]
    assert model.likelihood == pytest.approx(-0.5 * (math.log(s) + off**2 / s))
    np.testing.assert_allclose(get(model)[0], mean + cov[:, 0] * off / s)
    np.testing.assert_allclose(get(model)[1], cov - np.outer(cov[:, 0], cov[0]) / s, atol=1e-12)


@pytest.mark.parametrize("kind", [GrowthModel, FedModel])
def test_absorbing_a_neighbor_keeps_mean_and_covariance_of_the_mixture(kind: type[GrowthModel]) -> None:
    size = 4 if kind is FedModel else 3
    one, other = kind(0.1, 0.5), kind(0.1, 0.5)
    (a, p), (b, r) = random_belief(size, 1), random_belief(size, 2)
    put(one, a, p)
    put(other, b, r)

    one.merge(other.moments(), 0.3)

    mean = 0.7 * a + 0.3 * b
    spread = 0.7 * np.outer(a - mean, a - mean) + 0.3 * np.outer(b - mean, b - mean)
    np.testing.assert_allclose(get(one)[0], mean)
    np.testing.assert_allclose(get(one)[1], 0.7 * p + 0.3 * r + spread)


def test_mixing_moves_weight_and_loses_none() -> None:
    models = [GrowthModel(process_noise, weight) for process_noise, weight in ((0.01, 0.7), (0.1, 0.2), (1.0, 0.1))]
    bank = FilterBank(models, (0.2, 0.2), (1.0, 1.0))
    for i, model in enumerate(models):
        put(model, *random_belief(3, i))
    expected = sum(model.weight * model.rate for model in models)

    bank.interact(0.5)

    assert sum(model.weight for model in models) == pytest.approx(1)
    assert bank.rate()[0] == pytest.approx(expected)
    assert all(model.weight > 0 for model in models)


def test_a_dose_is_seen_within_seconds_and_completely() -> None:
    dilution = Dilution(mixing_s=4.0, settling_s=8.0)
    dilution.release(0.0)
    for second in range(10):
        dilution.announce(float(second), 0.007)
    seen = [dilution.release(t) for t in np.arange(10.0, 200.0, 5.0)]
    whole = sum(seen)

    assert whole == pytest.approx(0.07)
    assert sum(seen[:3]) > 0.9 * whole
    assert dilution.pending + dilution.unsettled < 1e-9


def test_slices_of_one_dose_share_the_error_of_their_pump() -> None:
    sliced, whole = Dilution(mixing_s=4.0, settling_s=8.0), Dilution(mixing_s=4.0, settling_s=8.0)
    for each in (sliced, whole):
        each.release(0.0)
    for _ in range(10):
        sliced.announce(1.0, 0.007)
    whole.announce(1.0, 0.07)
    sliced.release(2.0)
    whole.release(2.0)

    assert sliced.square == pytest.approx(whole.square) == pytest.approx(0.07**2)


def test_a_dose_announced_late_counts_as_old() -> None:
    dilution = Dilution(mixing_s=4.0, settling_s=8.0)
    dilution.release(100.0)
    dilution.announce(60.0, 0.07)

    assert dilution.release(105.0) == pytest.approx(0.07, rel=1e-3)


def test_taking_a_dose_back_undoes_it_exactly() -> None:
    assert log_dilution(1.0, 14.0) == pytest.approx(math.log(15 / 14))
    assert log_dilution(1.0, 14.0) + log_dilution(-1.0, 14.0) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("every_s", [1.0, 5.0, 30.0])
@pytest.mark.parametrize("slope_per_h", [0.0, 2.0])
def test_white_noise_is_measured_through_a_trend(every_s: float, slope_per_h: float) -> None:
    rng = random.Random(1)
    noise = ReadingNoise()
    for i in range(2000):
        noise.add(i * every_s, slope_per_h * i * every_s / 3600 + 0.02 * rng.gauss(0, 1))

    assert math.sqrt(noise.white) == pytest.approx(0.02, rel=0.2)
    assert noise.excess < 2


def test_correlated_noise_shows_as_excess_and_spikes_do_not() -> None:
    rng = random.Random(1)
    slow, spiky = ReadingNoise(), ReadingNoise()
    drift = 0.0
    for i in range(4000):
        drift = 0.83 * drift + 0.01 * rng.gauss(0, 1)
        slow.add(i * 5.0, drift)
        spiky.add(i * 5.0, 0.0056 * rng.gauss(0, 1) + (0.2 if rng.random() < 0.03 else 0.0))

    assert slow.excess > 4
    assert spiky.excess < 3
    assert math.sqrt(spiky.white) < 0.009


def test_a_cluster_of_bubbles_before_the_first_of_many_doses_does_not_count_for_hours() -> None:
    """With a dose every 20 s no block of undisturbed readings comes any more: nothing would correct the excess."""
    rng = random.Random(4)
    estimator = GrowthRateEstimator()
    for n in range(60):
        bubble = 0.2 if 20 <= n < 24 else 0.0
        estimator.update(5.0 * n, math.exp(bubble + rng.gauss(0, 0.03)))
    at_first = estimator._noise.excess
    for n in range(60, 60 + 720):
        if n % 4 == 0:
            estimator.dose(5.0 * n, 0.12)
        estimator.update(5.0 * n, math.exp(rng.gauss(0, 0.03)))
    assert at_first > 3.0
    assert estimator._noise.excess < 1.3


def test_what_is_known_of_slow_noise_is_kept_while_readings_rest() -> None:
    rng = random.Random(5)
    noise, slow = ReadingNoise(), 0.0
    for n in range(2000):
        slow = 0.95 * slow + rng.gauss(0, 0.003)
        noise.add(5.0 * n, slow + rng.gauss(0, 0.005))
    known = noise.excess
    noise.wait(12 * 3600.0)
    assert noise.excess == known > 1.5
