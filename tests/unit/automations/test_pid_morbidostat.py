"""The morbidostat's decisions, on readings that the test publishes."""

from collections.abc import Callable
from typing import Any

import pytest

from pioreactor import structs, topics
from pioreactor.automations.dosing.pid_morbidostat import PIDMorbidostat
from pioreactor.exc import InvalidRequestError
from pioreactor.testing.simulation import EXPERIMENT, Bench

Simulated = Callable[..., Bench]
CONFIG = "[dosing_automation.pid_morbidostat]\nKp=0.5\nKi=0.2\nKd=0\n"


def publish_reading(bench: Bench, od: float, growth_rate: float) -> None:
    now = bench.simulation.clock.now()
    for name, value in (
        ("od_filtered", structs.ODFiltered(od_filtered=od, timestamp=now)),
        ("growth_rate", structs.GrowthRate(growth_rate=growth_rate, timestamp=now)),
    ):
        bench.bus.publish(topics.setting("unit1", EXPERIMENT, "growth_rate_calculating", name), structs.encode(value))


def started(simulated: Simulated, **options: Any) -> Bench:
    bench = simulated(scenario="water", config=CONFIG)
    settings: dict[str, Any] = {"target_growth_rate": "0.2", "target_normalized_od": "1.0", "duration": "30"}
    settings |= {"skip_first_run": "1", **options}
    bench.start(lambda: PIDMorbidostat(**settings))
    return bench


def decide(bench: Bench, od: float, growth_rate: float) -> dict[str, float]:
    """Let one decision come; return the volumes that it dosed [mL]."""
    bench.wait(1700.0)
    publish_reading(bench, od, growth_rate)
    bench.messages.clear()
    bench.wait(400.0)
    publish_reading(bench, od, growth_rate)
    dosed: dict[str, float] = {}
    for event in bench.decoded("dosing_events"):
        dosed[event["event"]] = dosed.get(event["event"], 0.0) + event["volume_change"]
    return dosed


def test_a_thin_culture_is_left_alone(simulated: Simulated) -> None:
    assert decide(started(simulated), 0.7, 0.9) == {}


def test_fast_growth_gets_the_drug_and_slow_growth_media(simulated: Simulated) -> None:
    volume_ml = 0.2 * 15.0 * 0.5
    fast = decide(started(simulated), 1.0, 0.9)
    fraction = 0.5 * 0.7 + 0.2 * 0.7 * 0.5
    assert fast["add_alt_media"] == pytest.approx(fraction * volume_ml, abs=1e-3)
    assert fast["add_media"] == pytest.approx((1 - fraction) * volume_ml, abs=1e-3)
    slow = decide(started(simulated), 1.0, 0.1)
    assert "add_alt_media" not in slow
    assert slow["add_media"] == pytest.approx(volume_ml, abs=1e-3)


def test_a_dense_culture_is_diluted_more(simulated: Simulated) -> None:
    dosed = decide(started(simulated), 1.3, 0.0)
    assert dosed["add_media"] == pytest.approx(2.5 * 0.2 * 15.0 * 0.5, abs=1e-2)


def test_doses_that_pumps_cannot_measure_are_left_out(simulated: Simulated) -> None:
    dosed = decide(started(simulated), 1.0, 0.26)
    assert "add_alt_media" not in dosed, "0.05 mL would be less than the pump's dead volume"
    assert dosed["add_media"] > 1.0
    assert decide(started(simulated, target_growth_rate="0.01"), 1.0, 0.0) == {}


def test_targets_are_needed(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    with pytest.raises(InvalidRequestError, match="targets"):
        bench.start(lambda: PIDMorbidostat(target_growth_rate="0.2"))


def test_without_readings_it_says_what_it_misses(simulated: Simulated) -> None:
    bench = started(simulated)
    bench.wait(1801.0)
    (event,) = bench.decoded("dosing_automation/latest_event")
    assert event["event_name"] == "ErrorOccurred"
    assert bench.decoded("dosing_events") == []


def test_a_culture_that_tolerates_the_stock_is_told_of_once(simulated: Simulated) -> None:
    bench = started(simulated)
    told_at = []
    bench.wait(1700.0)
    for half_hour in range(1, 13):
        publish_reading(bench, 1.0, 2.5)
        bench.messages.clear()
        bench.wait(300.0)
        told_at += [half_hour for line in bench.logged("warning") if "use a stronger stock" in line]
        bench.wait(1500.0)
    assert len(told_at) == 1
    assert told_at[0] in (6, 7), "after three hours of nothing but alternative media"
