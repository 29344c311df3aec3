"""Detection of pump wear: slow losses are reported once, uncertain estimates and other densities are not."""

import math

import msgspec
import pytest

from pioreactor import topics
from pioreactor.automations.diagnostics.pump_wear_monitor import ReferenceGain, compare_gain
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench
from pioreactor.twin.scenarios import find_scenario

FIRST = ReferenceGain("may", 0.89, 0.019, 0.0)


def reported_losses(
    first: ReferenceGain | None, *estimates: tuple[float, float, float], calibration: str = "may"
) -> list[float]:
    losses = []
    for gain, sd, level in estimates:
        first, lost = compare_gain(first, calibration, gain, sd, level)
        if lost is not None:
            losses.append(lost)
    return losses


def test_a_slow_loss_is_reported_once() -> None:
    course = [(0.89 - 0.002 * hour, max(0.0135, 0.019 - 0.0005 * hour), 0.0) for hour in range(60)]
    (lost,) = reported_losses(FIRST, *course)
    assert lost == pytest.approx(0.06, abs=0.01)


def test_the_reference_of_another_calibration_is_replaced() -> None:
    assert reported_losses(FIRST, (0.75, 0.014, 0.0), calibration="june") == []
    known, _ = compare_gain(FIRST, "june", 0.75, 0.014, 0.0)
    assert known == ReferenceGain("june", 0.75, 0.014, 0.0)


def test_an_uncertain_estimate_is_not_a_reference() -> None:
    assert compare_gain(None, "may", 0.9, 0.05, 0.0) == (None, None)


def test_another_density_needs_a_new_reference_but_no_second_report() -> None:
    worn, lost = compare_gain(FIRST, "may", 0.80, 0.014, 0.0)
    assert lost is not None and worn is not None
    elsewhere, lost = compare_gain(worn, "may", 0.6, 0.014, math.log(2))
    assert lost is None
    assert elsewhere is not None and elsewhere.is_reported and elsewhere.gain == 0.6
    assert reported_losses(elsewhere, (0.5, 0.014, math.log(2))) == []


@pytest.mark.parametrize("gain", [0.91, 0.89, 0.85])
def test_a_drift_of_the_gain_by_a_few_percent_is_not_wear(gain: float) -> None:
    assert reported_losses(FIRST, (gain, 0.014, 0.0)) == []


def publish_estimate(bench: Bench, gain: float) -> None:
    estimate = {"pump_gain": gain, "pump_gain_sd": 0.018, "od_filtered": 1.0}
    topic = topics.setting(bench.unit.name, EXPERIMENT, "growth_rate_calculating", "estimate")
    bench.bus.publish(topic, msgspec.json.encode(estimate))
    bench.wait(90.0)


def test_the_reference_survives_a_restart_and_wear_is_reported_once() -> None:
    with simulated_bench(scenario=find_scenario("water")) as bench:
        job = bench.start(lambda: Chemostat(exchange_volume_ml=0.5, duration=1000, skip_first_run=True))
        publish_estimate(bench, 0.95)
        publish_estimate(bench, 0.94)
        assert bench.logged("warning") == []
        job.clean_up()
        bench.start(lambda: Chemostat(exchange_volume_ml=0.5, duration=1000, skip_first_run=True))
        for gain in (0.85, 0.84, 0.80):
            publish_estimate(bench, gain)
        (message,) = bench.logged("warning")
        assert "media pump delivers about 11 % less than when calibration" in message
