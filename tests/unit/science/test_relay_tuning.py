"""The relay experiment on processes whose ultimate gain and period are known."""

import math
import random

import pytest

from pioreactor.science.bumpless_pid import BumplessPid
from pioreactor.science.relay_tuning import RelayExperiment, Ultimate

DT = 0.1


class Process:
    """An integrator with a load and a dead time, as acid that a culture makes and base that must mix in."""

    def __init__(self, slope: float = 0.5, dead_time: float = 2.0, load: float = 0.1, noise: float = 0.0) -> None:
        self.slope, self.load, self.noise = slope, load, noise
        self.level = 0.0
        self.pipe = [0.0] * round(dead_time / DT)
        self.rng = random.Random(1)

    def step(self, output: float) -> float:
        self.pipe.append(output)
        self.level += DT * (self.slope * self.pipe.pop(0) - self.load)
        return self.level + self.rng.gauss(0.0, self.noise)


def tuned(process: Process, *, sign: float = 1.0, hysteresis: float = 0.0, limit: int = 20_000) -> RelayExperiment:
    relay = RelayExperiment(1.0, 0.0, 1.0, 0.5, hysteresis, is_raising=sign > 0)
    measured = 0.0
    for number in range(limit):
        measured = process.step(relay.update(measured, number * DT))
        if relay.ultimate is not None:
            break
    return relay


@pytest.mark.parametrize(("slope", "dead_time", "load"), [(0.5, 2.0, 0.1), (2.0, 1.0, 1.2), (0.1, 5.0, 0.04)])
def test_ultimate_gain_and_period_of_an_integrator_with_dead_time(slope: float, dead_time: float, load: float) -> None:
    relay = tuned(Process(slope, dead_time, load))
    found = relay.ultimate
    assert found is not None, relay.failure()
    assert found.period == pytest.approx(4 * dead_time, rel=0.2)
    assert found.gain == pytest.approx(math.pi / 2 / dead_time / slope, rel=0.25)
    assert relay.bias == pytest.approx(load / slope, abs=0.02), "the output that holds the set point"
    assert len(relay.cycles) <= 8


def test_noise_does_not_switch_the_relay() -> None:
    quiet, noisy = tuned(Process()).ultimate, tuned(Process(noise=0.03)).ultimate
    assert quiet is not None and noisy is not None
    assert noisy.period == pytest.approx(quiet.period, rel=0.4)
    assert noisy.gain == pytest.approx(quiet.gain, rel=0.4)


def test_the_loop_with_these_gains_is_stable_when_the_process_is_half_as_slow_or_twice_as_strong() -> None:
    found = tuned(Process()).ultimate
    assert found is not None
    for process in (Process(), Process(slope=1.0), Process(dead_time=4.0), Process(load=0.3)):
        pid = BumplessPid(found.pi_gains(), 1.0, 0.0, 1.0)
        measured = pid.start(0.0, 0.0)
        course = []
        for _ in range(4000):
            measured = process.step(pid.update(measured, DT))
            course.append(measured)
        assert max(abs(level - 1.0) for level in course[-1000:]) < 0.01


def test_it_says_why_there_is_no_result() -> None:
    assert "does not oscillate" in tuned(Process(slope=0.0), limit=2000).failure()
    assert "does not oscillate" in tuned(Process(), sign=-1.0, limit=2000).failure()
    fast = tuned(Process(dead_time=0.0), limit=2000)
    assert fast.ultimate is None
    assert "as fast as" in fast.failure()
    unlike = tuned(Process(), limit=450)
    assert unlike.ultimate is None


def test_the_rule_is_that_of_tyreus_and_luyben() -> None:
    gains = Ultimate(3.2, 10.0).pi_gains()
    assert (gains.gain, gains.integral_time, gains.derivative_time) == (1.0, 22.0, 0.0)
