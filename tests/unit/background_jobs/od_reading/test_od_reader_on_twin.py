"""OD reading on the simulated reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pioreactor import topics
from pioreactor.background_jobs.od_reading import ODReader, start_od_reading
from pioreactor.exc import ActuatorInUseError, ConfigurationError, SettingError, StoppedError
from pioreactor.jobs.dodging import SCHEDULE_CACHE
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import find_scenario

SetUp = Callable[..., Bench]
XR = ("pioreactor_20ml_XR", "1.5")
TWO_SIGNALS = "[od_config.photodiode_channel]\n1=REF\n2=90\n3=45\n"


def lit(bench: Bench) -> dict[str, float]:
    return {channel: value for channel, value in bench.unit.world.snapshot().leds.items() if value > 0}


def water_with(*faults: Fault) -> Any:
    return replace(find_scenario("water"), faults=list(faults))


def test_a_reading_is_taken_at_once_and_then_each_interval(bench: Bench) -> None:
    reader = bench.start(lambda: start_od_reading(interval=10.0))
    bench.wait(31.5)
    ods = bench.decoded("od_reading/ods")
    assert len(ods) == 4
    assert ods[-1]["ods"]["2"]["angle"] == "90"
    assert ods[-1]["ods"]["2"] == bench.decoded("od_reading/od2")[-1]
    assert bench.payloads("od_reading/od1") == []
    assert reader.first_od_obs_time is not None
    relative = bench.decoded("od_reading/relative_intensity_of_ir_led")
    assert relative[0]["relative_intensity_of_ir_led"] == pytest.approx(1.0, abs=0.02)
    assert bench.logged("error") == []


def test_readings_repeat_within_their_noise_and_dark_offsets_are_removed(bench: Bench) -> None:
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(300.0)
    values = [reading["od"] for reading in bench.decoded("od_reading/od2")]
    mean = sum(values) / len(values)
    assert 0 < mean < 0.01
    assert max(abs(value - mean) for value in values) < 0.0005


def test_leds_are_as_before_between_readings_and_dark_during_them(bench: Bench) -> None:
    from pioreactor.actions.led_intensity import led_intensity, led_state

    with context.using(bench.unit.runtime):
        assert led_intensity({"B": 30.0})
    bench.start(lambda: start_od_reading(interval=5.0))
    seen = []
    for _ in range(200):
        bench.wait(0.1)
        seen.append(tuple(sorted(lit(bench))))
        assert led_state(bench.unit.runtime)["B"] == 30.0
    assert set(seen) == {("A",), ("B",)}
    assert seen.count(("B",)) > seen.count(("A",))


def test_other_leds_stay_on_when_configured_so(set_up: SetUp) -> None:
    bench = set_up(config="[od_reading.config]\nturn_off_leds_during_reading=0\n")
    from pioreactor.actions.led_intensity import led_intensity

    with context.using(bench.unit.runtime):
        led_intensity({"B": 30.0})
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(0.5)
    assert sorted(lit(bench)) == ["A", "B"]


@pytest.mark.parametrize("after_s", [0.05, 0.4, 0.9])
def test_a_stop_in_the_middle_of_a_reading_leaves_no_light_and_no_half_reading(bench: Bench, after_s: float) -> None:
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(5.0 + after_s)
    published = len(bench.decoded("od_reading/ods"))
    assert lit(bench) == {"A": 80.0}
    bench.bus.publish(topics.set_setting("unit1", EXPERIMENT, "od_reading", "state"), "disconnected")
    bench.wait(0.2)
    assert lit(bench) == {}
    assert reader.state == "disconnected"
    assert len(bench.decoded("od_reading/ods")) == published
    assert bench.unit.runtime.stores.volatile(SCHEDULE_CACHE).get("schedule") is None
    assert bench.unit.runtime.ownership.holder("led-A") is None


def test_pausing_stops_the_readings_and_resuming_begins_at_once(bench: Bench) -> None:
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(12.0)
    reader.set_state("sleeping")
    bench.wait(1.0)
    before = len(bench.decoded("od_reading/ods"))
    bench.wait(30.0)
    assert len(bench.decoded("od_reading/ods")) == before
    assert lit(bench) == {}
    reader.set_state("ready")
    bench.wait(2.0)
    assert len(bench.decoded("od_reading/ods")) == before + 1


def test_the_interval_and_the_schedule_of_dodging_change_while_it_runs(bench: Bench) -> None:
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(11.5)
    assert len(bench.decoded("od_reading/ods")) == 3
    bench.set("od_reading", "interval", 20)
    bench.wait(21.5)
    assert len(bench.decoded("od_reading/ods")) == 4
    stored = bench.unit.runtime.stores.volatile(SCHEDULE_CACHE).get("schedule")
    assert isinstance(stored, str)
    assert msgspec.json.decode(stored)["interval_s"] == 20.0
    for wrong in ("0", "-5", "nan"):
        bench.set("od_reading", "interval", wrong)
    bench.wait(1.0)
    assert reader.interval == 20.0


def test_the_intensity_changes_while_it_runs_and_the_od_stays(bench: Bench) -> None:
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(60.0)
    before = [reading["od"] for reading in bench.decoded("od_reading/od2")][-5:]
    bench.set("od_reading", "ir_led_intensity", 60)
    bench.wait(60.0)
    after = [reading["od"] for reading in bench.decoded("od_reading/od2")][-5:]
    assert reader.ir_led_intensity == 60.0
    assert bench.decoded("od_reading/od2")[-1]["ir_led_intensity"] == 60.0
    assert sum(after) / 5 == pytest.approx(sum(before) / 5, rel=0.1)
    bench.set("od_reading", "ir_led_intensity", 95)
    bench.wait(6.0)
    assert any("wears" in line for line in bench.logged("warning"))


def test_a_snapshot_reads_once_and_publishes_it(bench: Bench) -> None:
    reader = bench.start(lambda: start_od_reading(interval=None))
    bench.wait(30.0)
    assert bench.decoded("od_reading/ods") == []
    readings = reader.record()
    bench.wait(0.1)
    assert list(readings.ods) == ["2"]
    assert msgspec.json.decode(str(readings)) == bench.decoded("od_reading/ods")[-1]
    assert lit(bench) == {}


def test_iterating_gives_each_reading_and_ends_with_the_job(bench: Bench) -> None:
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    seen = []

    def follow() -> None:
        for readings in reader:
            seen.append(readings.timestamp)

    bench.unit.run(follow, name="script")
    bench.wait(16.5)
    assert len(seen) == 4
    reader.clean_up()
    bench.wait(2.0)
    assert len(seen) == 4


def test_roles_of_photodiodes_can_be_given_and_nonsense_is_refused(bench: Bench) -> None:
    reader = bench.start(lambda: start_od_reading("REF", "90", interval=5.0))
    bench.wait(2.0)
    assert list(bench.decoded("od_reading/ods")[0]["ods"]) == ["2"]
    with pytest.raises(ActuatorInUseError), context.using(bench.unit.runtime):
        bench.unit.runtime.ownership.acquire("led-A", "other job")
    reader.clean_up()
    bench.wait(0.1)
    with pytest.raises(ConfigurationError, match="no photodiode"):
        bench.start(lambda: start_od_reading("REF", interval=5.0))
    bench.wait(0.1)
    assert bench.logged("error") == ["no photodiode is configured"]
    with pytest.raises(SettingError, match="interval"):
        bench.start(lambda: start_od_reading(interval=0.0))
    bench.start(lambda: start_od_reading(interval=5.0))


def test_chips_that_vanish_for_a_while_cost_readings_but_not_the_job(set_up: SetUp) -> None:
    bench = set_up(scenario=water_with(Fault("i2c_dropout", start_s=30.0, end_s=50.0, target="0x49")))
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(28.0)
    before = len(bench.decoded("od_reading/ods"))
    bench.wait(24.0)
    assert reader.state == "ready"
    assert len([line for line in bench.logged("error") if "No OD reading" in line]) == 1
    assert len(bench.decoded("od_reading/ods")) <= before + 1
    bench.wait(20.0)
    assert any("density again" in line for line in bench.logged())
    assert len(bench.decoded("od_reading/ods")) >= before + 4
    bench.wait(2.0)
    assert lit(bench) == {}


def test_an_led_that_could_not_be_switched_off_is_switched_off_when_the_chip_is_back(set_up: SetUp) -> None:
    dac_is_gone = Fault("i2c_dropout", start_s=30.4, end_s=32.9, target="0x2C")
    bench = set_up(scenario=water_with(dac_is_gone))
    reader = bench.start(lambda: start_od_reading(interval=None))
    bench.wait(30.0 - bench.unit.world.snapshot().t_s)
    reader.record()
    assert lit(bench) == {"A": 80.0}
    assert any("LED A could not be restored" in line for line in bench.logged("error"))
    bench.wait(4.0)
    assert lit(bench) == {}


def test_too_much_light_switches_everything_off_and_ends_the_job(set_up: SetUp) -> None:
    bench = set_up(scenario=water_with(Fault("saturated_photodiode", start_s=20.0, target="2")))
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(60.0)
    assert reader.state == "disconnected"
    assert lit(bench) == {}
    assert any("Too much light" in line for line in bench.logged("error"))
    flicker = topics.monitor("unit1", "flicker_led_with_error_code")
    assert [m.payload for m in bench.messages if m.topic == flicker][-1] == b"5"


def test_too_much_light_at_the_start_is_refused_with_a_remedy(set_up: SetUp) -> None:
    from pioreactor.exc import HardwareError

    bench = set_up(scenario=water_with(Fault("saturated_photodiode", target="2")))
    with pytest.raises(HardwareError, match="photodiode 2 reads") as raised:
        bench.start(lambda: start_od_reading(interval=5.0))
    assert raised.value.remedy
    assert lit(bench) == {}
    assert bench.unit.runtime.stores.jobs().running(job_name="od_reading") == []
    assert bench.unit.runtime.ownership.holder("led-A") is None


def test_mains_hum_leaves_the_readings_alone(set_up: SetUp) -> None:
    scenario = replace(find_scenario("ecoli_batch"), faults=[Fault("mains_hum", start_s=100.0, value=0.3)])
    bench = set_up(scenario=scenario)
    bench.start(lambda: start_od_reading(interval=5.0))
    bench.wait(200.0)
    values = [reading["od"] for reading in bench.decoded("od_reading/od2")]
    quiet, humming = values[5:19], values[21:]
    assert sum(humming) / len(humming) == pytest.approx(sum(quiet) / len(quiet), rel=0.15)


def test_auto_intensity_is_chosen_between_50_and_85(set_up: SetUp) -> None:
    bench = set_up(config="[od_reading.config]\nir_led_intensity=auto\n")
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    assert 50.0 <= reader.ir_led_intensity <= 85.0
    other = set_up(config="[od_reading.config]\nir_led_intensity=auto\n" + TWO_SIGNALS, model=XR)
    assert other.start(lambda: start_od_reading(interval=5.0)).ir_led_intensity == 85.0


def test_the_first_reference_of_an_experiment_is_kept(bench: Bench) -> None:
    cache = bench.unit.runtime.stores.persistent("ir_led_reference_normalization")
    reader = bench.start(lambda: start_od_reading(interval=5.0))
    first = cache.get(EXPERIMENT)
    assert isinstance(first, float)
    bench.wait(6.0)
    reader.clean_up()
    bench.wait(0.1)
    bench.start(lambda: start_od_reading(interval=5.0))
    assert cache.get(EXPERIMENT) == first


def test_plugin_callbacks_run_around_each_reading_and_may_raise(bench: Bench) -> None:
    calls: list[str] = []

    class Reader(ODReader):
        _pre_read = []  # noqa: RUF012  a list of its own, so that other tests keep theirs
        _post_read = []  # noqa: RUF012

    def mistaken(reader: ODReader, readings: object) -> None:
        raise ValueError("a plugin's bug")

    Reader.add_pre_read_callback(lambda reader: calls.append("before"))
    Reader.add_post_read_callback(mistaken)
    Reader.add_post_read_callback(lambda reader, readings: calls.append("after"))
    bench.start(lambda: Reader({"2": "90"}, 5.0, "unit1", EXPERIMENT, reference_channel="1"))
    bench.wait(7.0)
    assert calls == ["before", "after", "before", "after"]
    assert any("plugin" in line for line in bench.logged("error"))


def test_a_stopped_job_takes_no_reading(bench: Bench) -> None:
    reader = bench.start(lambda: start_od_reading(interval=None))
    reader.clean_up()
    with pytest.raises(StoppedError):
        reader.record()
    assert lit(bench) == {}
