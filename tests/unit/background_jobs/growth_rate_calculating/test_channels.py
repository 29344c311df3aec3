"""Channels of the growth rate: joining, missing and failing ones."""

from collections.abc import Callable

import msgspec
import pytest

from pioreactor import structs, topics
from pioreactor.background_jobs.growth_rate_calculating import GrowthRateCalculator
from pioreactor.testing.simulation import EXPERIMENT, Bench

Simulated = Callable[..., Bench]


@pytest.fixture
def bench(simulated: Simulated) -> Bench:
    made = simulated(scenario="water", config="[growth_rate_calculating.config]\nsamples_for_od_statistics=5\n")
    made.start(lambda: GrowthRateCalculator("unit1", EXPERIMENT))
    return made


def read(bench: Bench, times: int, **ods: float) -> list[float]:
    """Publish readings each 5 s; return the filtered OD that came of them."""
    bench.messages.clear()
    for _ in range(times):
        now = bench.simulation.clock.now()
        readings = {
            channel[-1]: structs.RawODReading(
                timestamp=now,
                angle="90",
                od=od,
                channel=channel[-1],  # type: ignore[arg-type]
                ir_led_intensity=80.0,
            )
            for channel, od in ods.items()
        }
        topic = topics.setting("unit1", EXPERIMENT, "od_reading", "ods")
        bench.bus.publish(topic, structs.encode(structs.ODReadings(timestamp=now, ods=readings)))  # type: ignore[arg-type]
        bench.wait(5.0)
    return [r["od_filtered"] for r in bench.decoded("growth_rate_calculating/od_filtered")]


def test_the_first_readings_give_the_unit_and_nothing_is_said_before(bench: Bench) -> None:
    assert read(bench, 4, ch2=0.05) == []
    assert read(bench, 30, ch2=0.05)[-1] == pytest.approx(1.0, abs=0.01)
    stored = bench.unit.runtime.stores.persistent("od_normalization_mean").get(EXPERIMENT)
    assert msgspec.json.decode(stored) == {"2": 0.05}  # type: ignore[arg-type]


def test_channels_count_alike_whatever_their_scale(bench: Bench) -> None:
    read(bench, 30, ch1=0.5, ch2=0.05)
    assert read(bench, 120, ch1=0.5 * 1.2, ch2=0.05 * 1.2)[-1] == pytest.approx(1.2, rel=0.02)


def test_a_missing_or_dark_channel_is_skipped(bench: Bench) -> None:
    read(bench, 60, ch1=0.5, ch2=0.05)
    for gone in ({}, {"ch2": 0.0}, {"ch2": -0.01}):
        assert read(bench, 30, ch1=0.5, **gone)[-1] == pytest.approx(1.0, abs=0.02)


def test_a_channel_that_joins_later_begins_where_the_others_are(bench: Bench) -> None:
    read(bench, 30, ch1=0.5)
    grown = read(bench, 200, ch1=1.0)[-1]
    assert grown == pytest.approx(2.0, rel=0.02)
    joined = read(bench, 60, ch1=1.0, ch2=0.3)
    assert joined == pytest.approx([2.0] * len(joined), rel=0.02)


def test_dark_readings_are_skipped_and_logged(bench: Bench) -> None:
    read(bench, 30, ch2=0.05)
    assert read(bench, 5, ch2=0.0) == []
    assert any("not positive" in line for line in bench.logged("warning"))
    assert read(bench, 30, ch2=0.05)[-1] == pytest.approx(1.0, abs=0.02)


def test_a_wall_clock_that_jumps_is_no_growth(bench: Bench) -> None:
    read(bench, 60, ch2=0.05)
    for step_s in (+86_400.0, -86_400.0 * 2):
        bench.simulation.clock.step_wall_clock(step_s)
        assert read(bench, 30, ch2=0.05)[-1] == pytest.approx(1.0, abs=0.02)
        rates = [r["growth_rate"] for r in bench.decoded("growth_rate_calculating/growth_rate")]
        assert all(abs(rate) < 0.3 for rate in rates)


@pytest.mark.parametrize("stored", ["{", '{"2": "x"}', "null", "[]"])
def test_a_damaged_store_is_measured_anew(simulated: Simulated, stored: str) -> None:
    bench = simulated(scenario="water", config="[growth_rate_calculating.config]\nsamples_for_od_statistics=5\n")
    for cache in ("od_normalization_mean", "growth_rate_state"):
        bench.unit.runtime.stores.persistent(cache).set(EXPERIMENT, stored)
    bench.start(lambda: GrowthRateCalculator("unit1", EXPERIMENT))
    assert read(bench, 30, ch2=0.05)[-1] == pytest.approx(1.0, abs=0.01)


def test_forgetting_the_normalization_starts_a_new_unit(bench: Bench) -> None:
    read(bench, 30, ch2=0.05)
    bench.set("growth_rate_calculating", "state", "disconnected")
    bench.wait(1.0)
    for cache in ("od_normalization_mean", "growth_rate_state"):
        bench.unit.runtime.stores.persistent(cache).pop(EXPERIMENT)
    bench.start(lambda: GrowthRateCalculator("unit1", EXPERIMENT))
    assert read(bench, 30, ch2=0.2)[-1] == pytest.approx(1.0, abs=0.01)
