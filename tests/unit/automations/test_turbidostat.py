"""What the turbidostat decides on: filtered OD while there is some, the median of readings while there is none."""

from collections.abc import Callable
from typing import Any

import pytest

from pioreactor import structs, topics
from pioreactor.automations.dosing.turbidostat import Turbidostat
from pioreactor.automations.dosing.turbidostat_logic import TurbidostatLogic
from pioreactor.calibrations import store
from pioreactor.states import JobState
from pioreactor.testing.simulation import EXPERIMENT, Bench

Simulated = Callable[..., Bench]
FLAT = """\
calibration_type: od
calibration_name: flat
calibrated_on_pioreactor_unit: unit1
created_at: 2026-01-01T00:00:00Z
ir_led_intensity: 80
angle: "90"
pd_channel: "2"
curve_data_: {type: poly, coefficients: [0.0, 0.5]}
x: OD600
y: Voltage
recorded_data: {x: [0.0, 1.0], y: [0.5, 0.5]}
"""


def publish_reading(
    bench: Bench, *, filtered: float | None = None, od: float | None = None, fused: float | None = None
) -> None:
    """Publish readings as the jobs do."""
    now = bench.simulation.clock.now()

    def publish(job: str, name: str, value: object) -> None:
        bench.bus.publish(topics.setting("unit1", EXPERIMENT, job, name), structs.encode(value))

    if od is not None:
        reading = structs.RawODReading(timestamp=now, angle="90", od=od, channel="2", ir_led_intensity=80.0)
        publish("od_reading", "ods", structs.ODReadings(timestamp=now, ods={"2": reading}))
    if fused is not None:
        publish("od_reading", "od_fused", structs.ODFused(od_fused=fused, timestamp=now))
    if filtered is not None:
        publish("growth_rate_calculating", "od_filtered", structs.ODFiltered(od_filtered=filtered, timestamp=now))


def feed(bench: Bench, duration_s: float, **readings: float) -> None:
    """Let time pass with readings each 5 s."""
    for _ in range(round(duration_s / 5)):
        publish_reading(bench, **readings)
        bench.wait(5.0)


def media_ml(bench: Bench) -> float:
    return sum(float(e["volume_change"]) for e in bench.decoded("dosing_events") if e["event"] == "add_media")


def dilutions(bench: Bench) -> list[dict[str, object]]:
    return [
        e["data"] for e in bench.decoded("dosing_automation/latest_event") if e["event_name"] == "DilutionEvent"
    ]  # fmt: skip


def started(simulated: Simulated, **options: Any) -> Bench:
    bench = simulated(scenario="water")
    settings: dict[str, Any] = {"target_biomass": "1.0", "exchange_volume_ml": "1.0", **options}
    bench.start(lambda: Turbidostat(**settings))
    return bench


def test_a_jump_that_does_not_last_is_not_diluted_away(simulated: Simulated) -> None:
    bench = started(simulated)
    feed(bench, 60.0, filtered=0.99)
    feed(bench, 90.0, filtered=1.2)
    feed(bench, 60.0, filtered=0.99)
    assert media_ml(bench) == 0.0
    feed(bench, 150.0, filtered=1.2)
    assert media_ml(bench) > 0.9


def test_below_its_target_nothing_is_dosed(simulated: Simulated) -> None:
    bench = started(simulated)
    feed(bench, 600.0, filtered=0.99)
    assert media_ml(bench) == 0.0


def test_far_above_doses_are_bounded_and_wait_for_an_estimate_that_knows_the_last(simulated: Simulated) -> None:
    bench = started(simulated)
    feed(bench, 20.0, filtered=2.0)
    feed(bench, 100.0, filtered=2.0)
    found = dilutions(bench)
    assert found
    assert all(data["exchange_volume_ml"] == 1.0 for data in found)
    starts = [e for e in bench.decoded("dosing_automation/latest_event") if e["event_name"] == "DosingStarted"]
    assert len(starts) <= 3, "each exchange takes half a minute and settles"


def test_readings_from_before_a_dose_do_not_dose_again(simulated: Simulated) -> None:
    bench = started(simulated)
    publish_reading(bench, filtered=1.1)
    bench.wait(60.0)
    assert len(dilutions(bench)) == 1
    late = bench.simulation.clock.now()
    bench.wait(1.0)
    message = structs.ODFiltered(od_filtered=1.1, timestamp=late.replace(minute=0, second=5))
    topic = topics.setting("unit1", EXPERIMENT, "growth_rate_calculating", "od_filtered")
    bench.bus.publish(topic, structs.encode(message))
    bench.wait(60.0)
    assert len(dilutions(bench)) == 1, "the estimate was of a moment before the dose"


def test_one_outlier_among_unfiltered_readings_does_not_dilute(simulated: Simulated) -> None:
    bench = started(simulated, biomass_signal="od")
    feed(bench, 60.0, od=0.9)
    publish_reading(bench, od=5.0)
    bench.wait(5.0)
    feed(bench, 60.0, od=0.9)
    assert media_ml(bench) == 0.0
    feed(bench, 160.0, od=1.2)
    assert media_ml(bench) > 0.0


def test_filtered_od_is_scaled_to_the_unit_of_the_target(simulated: Simulated) -> None:
    bench = started(simulated, biomass_signal="od", target_biomass="0.5")
    feed(bench, 200.0, od=0.45, filtered=3.0)
    assert media_ml(bench) == 0.0
    feed(bench, 160.0, od=0.54, filtered=3.6)
    assert media_ml(bench) > 0.0, "filtered OD rose by a fifth: 0.54 in the unit of the target"


def test_when_the_estimates_end_unfiltered_readings_decide(simulated: Simulated) -> None:
    bench = started(simulated, biomass_signal="od")
    feed(bench, 120.0, od=0.9, filtered=1.0)
    feed(bench, 400.0, od=1.2)
    assert media_ml(bench) > 0.0


def test_a_new_target_counts_at_once(simulated: Simulated) -> None:
    bench = started(simulated, target_biomass="2.0")
    feed(bench, 30.0, filtered=1.5)
    assert media_ml(bench) == 0.0
    bench.set("dosing_automation", "target_biomass", "1.0")
    feed(bench, 30.0, filtered=1.5)
    assert media_ml(bench) > 0.0
    bench.set("dosing_automation", "target_biomass", "-1")
    bench.set("dosing_automation", "biomass_signal", "color")
    bench.wait(120.0)
    assert len([line for line in bench.logged("warning") if line.startswith("Refused")]) == 2


def test_a_paused_turbidostat_hears_and_does_nothing(simulated: Simulated) -> None:
    bench = started(simulated)
    bench.set("dosing_automation", "state", "sleeping")
    feed(bench, 100.0, filtered=2.0)
    assert media_ml(bench) == 0.0
    bench.set("dosing_automation", "state", "ready")
    feed(bench, 30.0, filtered=2.0)
    assert media_ml(bench) > 0.0


@pytest.mark.parametrize("payload", [b"{", b"[]", b"", b'{"od_filtered": "x"}', b"\xff"])
def test_garbage_among_the_readings_is_left_out(simulated: Simulated, payload: bytes) -> None:
    bench = started(simulated)
    for job, name in (("growth_rate_calculating", "od_filtered"), ("od_reading", "ods"), ("od_reading", "od_fused")):
        bench.bus.publish(topics.setting("unit1", EXPERIMENT, job, name), payload)
    feed(bench, 30.0, filtered=2.0)
    assert media_ml(bench) > 0.0
    assert bench.logged("error") == []


def test_auto_chooses_by_what_is_calibrated(simulated: Simulated) -> None:
    bench = simulated(scenario="water", config="[od_config.photodiode_channel]\n1=REF\n2=90\n3=\n4=\n")
    with bench.start(lambda: Turbidostat(target_biomass=1)) as job:
        assert job.biomass_signal == "normalized_od"
    bench.unit.runtime.stores.persistent("active_calibrations").set("od45", "of another angle")
    with bench.start(lambda: Turbidostat(target_biomass=1)) as job:
        assert job.biomass_signal == "normalized_od"
    bench.unit.runtime.stores.persistent("active_calibrations").set("od90", "mine")
    with bench.start(lambda: Turbidostat(target_biomass=1)) as job:
        assert job.biomass_signal == "od"
    bench.unit.runtime.stores.persistent("active_estimators").set("od_fused", "mine")
    with bench.start(lambda: Turbidostat(target_biomass=1)) as job:
        assert job.biomass_signal == "od_fused"
    assert store.PUMP_DEVICES


def test_a_calibration_that_cannot_be_inverted_pauses_the_loop_with_one_error(simulated: Simulated) -> None:
    bench = simulated(scenario="water", config="[od_config.photodiode_channel]\n1=REF\n2=90\n3=\n4=\n")
    runtime = bench.unit.runtime
    runtime.artifacts.write("calibrations", "od90", "flat", FLAT)
    runtime.stores.persistent("active_calibrations").set("od90", "flat")
    with bench.start(lambda: Turbidostat(target_biomass=1)) as job:
        bench.wait(1.0)
        assert job.biomass_signal == "od"
        assert job.state == JobState.SLEEPING
        bench.set("dosing_automation", "$state", "ready")
        bench.wait(1.0)
        assert job.state == JobState.SLEEPING
    assert [line for line in bench.logged("error") if "is constant" in line and "Dosing is paused" in line]


@pytest.mark.parametrize("biomass", [0.0, -1.0, float("nan")])
def test_the_rule_leaves_impossible_biomass_alone(biomass: float) -> None:
    assert TurbidostatLogic(1.0, 1.0).decide(biomass, 14.0) is None


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("volume_ml", [8.0, 14.0, 30.0])
def test_the_rule_centres_the_culture_on_its_target(gain: float, volume_ml: float) -> None:
    """Growth up to the threshold and a dose from there: the middle of the two, in logarithms, is the target."""
    logic = TurbidostatLogic(1.0, 5.0)
    biomass = 0.95
    seen = []
    for _ in range(20_000):
        biomass *= 1.0001
        exchange = logic.decide(biomass, volume_ml, gain)
        if exchange is not None:
            above = biomass
            biomass *= volume_ml / (volume_ml + gain * exchange.volume_ml)
            seen.append((above * biomass) ** 0.5)
    assert len(seen) > 10
    assert all(middle == pytest.approx(1.0, rel=0.003) for middle in seen[1:])


def test_a_target_that_is_set_during_a_dose_is_in_force_at_once(simulated: Simulated) -> None:
    bench = started(simulated, exchange_volume_ml="4.0")
    while media_ml(bench) == 0.0:
        feed(bench, 5.0, filtered=1.5)
        assert bench.simulation.clock.monotonic() < 3600.0
    bench.set("dosing_automation", "target_biomass", "1.1")
    bench.wait(0.1)
    assert dilutions(bench) == [], "the dose continues"
    assert bench.payloads("dosing_automation/target_biomass")[-1] == b"1.1"
    feed(bench, 240.0, filtered=1.0)
    (dose,) = dilutions(bench)
    assert dose["target_biomass"] == 1.0, "it was decided on the target of its start"
