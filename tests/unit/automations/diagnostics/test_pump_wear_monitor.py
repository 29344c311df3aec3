"""When a pump is said to be worn: slow losses count, doubt and other densities do not, and it is said once."""

import math

import msgspec
import pytest

from pioreactor import topics
from pioreactor.automations.diagnostics.pump_wear_monitor import FirstGain, judge
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench
from pioreactor.twin.scenarios import find_scenario

FIRST = FirstGain("may", 0.89, 0.019, 0.0)


def told(first: FirstGain | None, *estimates: tuple[float, float, float], calibration: str = "may") -> list[float]:
    shares = []
    for gain, sd, level in estimates:
        first, lost = judge(first, calibration, gain, sd, level)
        if lost is not None:
            shares.append(lost)
    return shares


def test_a_slow_loss_is_told_once() -> None:
    course = [(0.89 - 0.002 * hour, max(0.0135, 0.019 - 0.0005 * hour), 0.0) for hour in range(60)]
    (lost,) = told(FIRST, *course)
    assert lost == pytest.approx(0.06, abs=0.01)


def test_what_is_known_of_another_calibration_says_nothing() -> None:
    assert told(FIRST, (0.75, 0.014, 0.0), calibration="june") == []
    known, _ = judge(FIRST, "june", 0.75, 0.014, 0.0)
    assert known == FirstGain("june", 0.75, 0.014, 0.0)


def test_an_estimate_that_is_not_sure_is_no_beginning() -> None:
    assert judge(None, "may", 0.9, 0.05, 0.0) == (None, None)


def test_another_density_begins_anew_but_does_not_tell_twice() -> None:
    worn, lost = judge(FIRST, "may", 0.80, 0.014, 0.0)
    assert lost is not None and worn is not None
    elsewhere, lost = judge(worn, "may", 0.6, 0.014, math.log(2))
    assert lost is None
    assert elsewhere is not None and elsewhere.is_told and elsewhere.gain == 0.6
    assert told(elsewhere, (0.5, 0.014, math.log(2))) == []


@pytest.mark.parametrize("gain", [0.91, 0.89, 0.85])
def test_a_gain_that_wanders_by_a_few_percent_is_not_wear(gain: float) -> None:
    assert told(FIRST, (gain, 0.014, 0.0)) == []


def hear(bench: Bench, gain: float) -> None:
    estimate = {"pump_gain": gain, "pump_gain_sd": 0.018, "od_filtered": 1.0}
    topic = topics.setting(bench.unit.name, EXPERIMENT, "growth_rate_calculating", "estimate")
    bench.bus.publish(topic, msgspec.json.encode(estimate))
    bench.wait(90.0)


def test_wear_is_said_once_and_what_it_is_compared_with_survives_a_restart() -> None:
    with simulated_bench(scenario=find_scenario("water")) as bench:
        job = bench.start(lambda: Chemostat(exchange_volume_ml=0.5, duration=1000, skip_first_run=True))
        hear(bench, 0.95)
        hear(bench, 0.94)
        assert bench.logged("warning") == []
        job.clean_up()
        bench.start(lambda: Chemostat(exchange_volume_ml=0.5, duration=1000, skip_first_run=True))
        for gain in (0.85, 0.84, 0.80):
            hear(bench, gain)
        (said,) = bench.logged("warning")
        assert "media pump delivers about 11 % less than when calibration" in said
