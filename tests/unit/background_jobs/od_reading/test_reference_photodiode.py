"""Reference photodiode: smoothing, outliers, steps, and the alarm on lasting noise."""

import itertools
from collections.abc import Sequence

import pytest

from pioreactor.background_jobs.od_reading.published_readings import is_sampled
from pioreactor.background_jobs.od_reading.reference_photodiode import Reference
from pioreactor.exc import HardwareError


def fed(reference: Reference, volts: Sequence[float]) -> list[bool]:
    return [reference.update(value) for value in volts]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.2, 200), (0.25, 250), (1 / 3, 334), (1.0, 1000)])
def test_a_share_of_the_readings_is_sampled_evenly(share: float, expected: int) -> None:
    sampled = [count for count in range(1000) if is_sampled(count, share)]
    assert len(sampled) == pytest.approx(expected, abs=1)
    assert sampled[:1] in ([0], []), "the first reading is one of them"
    if sampled:
        gaps = {later - earlier for earlier, later in itertools.pairwise(sampled)}
        assert max(gaps) - min(gaps) <= 1


def test_it_is_relative_to_its_scale_and_smoothed() -> None:
    reference = Reference(scale_volts=0.2, interval_s=5.0, ema=0.75)
    assert reference.relative_intensity == 1.0
    assert fed(reference, [0.2, 0.204]) == [True, True]
    assert reference.relative_intensity == pytest.approx(1.005)


def test_one_spike_is_skipped_without_an_alarm() -> None:
    reference = Reference(scale_volts=1.0, interval_s=5.0, ema=0.75)
    assert fed(reference, [1.0, 1.0, 1.4, 1.0, 1.0]) == [True, True, False, True, True]
    assert reference.relative_intensity == pytest.approx(1.0)
    assert not reference.is_alarming


def test_a_step_that_stays_is_followed_at_the_second_reading() -> None:
    reference = Reference(scale_volts=1.0, interval_s=5.0, ema=0.75)
    assert fed(reference, [1.0] * 8 + [0.5, 0.5, 0.5]) == [True] * 8 + [False, True, True]
    assert reference.relative_intensity == pytest.approx(0.5)
    assert not reference.is_alarming


def test_lasting_noise_raises_an_alarm_until_it_is_quiet() -> None:
    reference = Reference(scale_volts=1.0, interval_s=5.0, ema=0.75)
    fed(reference, [1.0, 1.3, 0.7, 1.9, 0.4, 1.2, 0.6, 1.6, 0.8, 1.4])
    assert reference.is_alarming
    fed(reference, [1.0] * 12)
    assert not reference.is_alarming


def test_drift_is_followed() -> None:
    reference = Reference(scale_volts=1.0, interval_s=5.0, ema=0.75)
    assert all(fed(reference, [1.0 - 0.002 * k for k in range(100)]))
    assert reference.relative_intensity == pytest.approx(0.802, abs=0.01)


def test_readings_far_apart_in_time_may_differ_more() -> None:
    assert fed(Reference(1.0, interval_s=5.0, ema=0.0), [1.0, 1.07])[1] is False
    assert fed(Reference(1.0, interval_s=60.0, ema=0.0), [1.0, 1.07])[1] is True


@pytest.mark.parametrize("volts", [0.0, -0.001, float("nan")])
def test_a_dark_reference_is_an_error(volts: float) -> None:
    with pytest.raises(HardwareError, match="reference photodiode"):
        Reference(1.0, 5.0, 0.75).update(volts)
