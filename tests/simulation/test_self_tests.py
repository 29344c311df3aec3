"""Self-tests on simulated reactors: the healthy one passes, and each fault is found by the test that is about it."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pioreactor.actions.still_capture import move_lens, stills_of
from pioreactor.background_jobs.stirring.job import start_stirring
from pioreactor.exc import NotFoundError, StoppedError
from pioreactor.procedures.exclusive_run import ReactorInUseError
from pioreactor.procedures.self_test import SelfTestFailure, register_self_tests
from pioreactor.procedures.self_test import registry as registry_module
from pioreactor.procedures.self_test.fixture import SelfTestFixture
from pioreactor.procedures.self_test.self_test_runner import Outcome, all_self_tests, run_self_tests, select
from pioreactor.runtime import context
from pioreactor.structs.camera_still import CameraStill, microsecond_timestamp
from pioreactor.testing.simulation import Bench, simulated_bench
from pioreactor.twin.faults import Fault
from pioreactor.twin.vial_camera import SimulatedCamera
from pioreactor.twin.world import World

FOUR = "[od_config.photodiode_channel]\n1=REF\n2=90\n3=135\n4=45\n"
SWAPPED = "[od_config.photodiode_channel]\n1=90\n2=REF\n"
REACTORS = [
    ("pioreactor_20ml", "1.5", "1.2", ""),
    ("pioreactor_40ml", "1.0", "1.0", ""),
    ("pioreactor_40ml_XR", "1.5", "1.2", FOUR),
]


def published_by(bench: Bench) -> dict[str, bytes]:
    """Return the last payload of each setting of the self-test."""
    topic = "pioreactor/unit1/$experiment/self_test/"
    return {m.topic.removeprefix(topic): m.payload for m in bench.messages if m.topic.startswith(topic)}


def outcomes_of(bench: Bench, only: str | None = None) -> dict[str, Outcome]:
    with context.using(bench.unit.runtime):
        tests = select(bench.unit.runtime, only, retry_failed=False)
        return {outcome.name: outcome for outcome in run_self_tests(tests)}


@pytest.mark.parametrize(("model", "version", "hat", "config"), REACTORS)
def test_a_healthy_reactor_passes_and_is_left_off(model: str, version: str, hat: str, config: str) -> None:
    with simulated_bench(scenario="water", model=(model, version), hat=hat, config=config) as bench:
        outcomes = outcomes_of(bench)
        assert [outcome for outcome in outcomes.values() if not outcome.passed] == []
        assert len(outcomes) == 11
        truth = bench.unit.world.snapshot()
        assert set(truth.leds.values()) <= {0.0}
        assert set(truth.outputs.values()) <= {0.0}
        published = published_by(bench)
        assert published["test_detect_heating_pcb"] == b"1"
        assert published["all_tests_passed"] == b"1"
        pairs = json.loads(published["correlations_between_pds_and_leds"])
        assert [channel for _, channel in pairs] == sorted(bench.unit.runtime.settings.photodiodes)


def test_a_camera_is_tested_last_where_there_is_one(tmp_path: Path) -> None:
    with simulated_bench(scenario="water", data_root=tmp_path, config="[camera]\nenabled=1\n") as bench:
        last = list(select(bench.unit.runtime, None, retry_failed=False))[-4:]
        assert last == ["camera_capture", "camera_exposure", "camera_sharpness", "camera_timestamp"]
        assert {name: outcome.passed for name, outcome in outcomes_of(bench, "camera").items()} == dict.fromkeys(
            last, True
        )
        assert set(bench.unit.world.snapshot().leds.values()) <= {0.0}
    with simulated_bench(scenario="water") as bench, pytest.raises(NotFoundError):
        select(bench.unit.runtime, "camera", retry_failed=False)


def _picture(level: int) -> bytes:
    from io import BytesIO

    from PIL import Image

    written = BytesIO()
    Image.effect_noise((96, 96), 6.0).point([max(0, min(255, one + level - 128)) for one in range(256)]).save(
        written, "JPEG"
    )
    return written.getvalue()


class _StuckCamera(SimulatedCamera):
    """A camera that gives one picture again and again."""

    def __init__(self, world: World, picture: bytes) -> None:
        super().__init__(world)
        self._picture = picture

    def capture(self) -> bytes:
        return self._picture


@pytest.mark.parametrize(
    ("level", "failing", "words"),
    [(0, "exposure", "black"), (255, "exposure", "saturated"), (128, "timestamp", "same")],
)
def test_a_picture_of_nothing_or_of_the_past_fails(tmp_path: Path, level: int, failing: str, words: str) -> None:
    with simulated_bench(scenario="water", data_root=tmp_path, config="[camera]\nenabled=1\n") as bench:
        camera = _StuckCamera(bench.unit.world, _picture(level))
        bench.unit.runtime = replace(bench.unit.runtime, open_camera=lambda: camera)
        found = outcomes_of(bench, f"camera_{failing}")[f"camera_{failing}"]
    assert not found.passed
    assert words in str(found.message)
    assert found.remedy


def test_a_lens_out_of_focus_fails_and_a_still_of_tomorrow_too(tmp_path: Path) -> None:
    with simulated_bench(scenario="water", data_root=tmp_path, config="[camera]\nenabled=1\n") as bench:
        runtime = bench.unit.runtime
        tomorrow = microsecond_timestamp(runtime.clock.now() + timedelta(days=1))
        stills_of(runtime).add(CameraStill(experiment="exp1", captured_at=tomorrow, image_id="a"), b"picture")
        move_lens(runtime, 0.0)
        assert [name for name, one in outcomes_of(bench, "camera").items() if not one.passed] == [
            "camera_sharpness",
            "camera_timestamp",
        ]


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        (Fault("stalled_fan"), "positive_correlation_between_rpm_and_stirring"),
        (Fault("dead_heater"), "positive_correlation_between_temperature_and_heating"),
        (Fault("stuck_heater_sensor"), "positive_correlation_between_temperature_and_heating"),
        (Fault("saturated_photodiode", target="2"), "all_positive_correlations_between_pds_and_leds"),
        (Fault("saturated_photodiode", target="1"), "REF_is_lower_than_0_dot_256_volts"),
        (Fault("dim_ir_led", value=0.0), "all_positive_correlations_between_pds_and_leds"),
        (Fault("dim_ir_led", value=0.002), "REF_is_lower_than_0_dot_256_volts"),
        (Fault("ambient_light", value=0.2), "ambient_light_interference"),
        (Fault("i2c_dropout", target="0x4F"), "detect_heating_pcb"),
        (Fault("i2c_dropout", target="0x49"), "pioreactor_HAT_present"),
        (Fault("i2c_dropout", target="0x2C"), "pioreactor_HAT_present"),
    ],
    ids=lambda value: f"{value.kind}-{value.target}" if isinstance(value, Fault) else "",
)
def test_a_fault_is_found_by_the_test_that_is_about_it(fault: Fault, failing: str) -> None:
    with simulated_bench(scenario="water") as bench:
        bench.unit.world.inject(fault)
        outcome = outcomes_of(bench, failing)[failing]
        assert not outcome.passed
        assert outcome.message
        assert outcome.remedy, "a failure says what to check"
        published = published_by(bench)
        assert published[f"test_{failing}"] == b"0"
        assert json.loads(published["failures"])[failing] == {"message": outcome.message, "remedy": outcome.remedy}
        assert set(bench.unit.world.snapshot().outputs.values()) <= {0.0}
        assert set(bench.unit.world.snapshot().leds.values()) <= {0.0}


def test_a_culture_in_the_vial_is_no_blank() -> None:
    with simulated_bench(scenario="ecoli_turbidostat") as bench:
        assert outcomes_of(bench, "ambient")["ambient_light_interference"].passed
        bench.unit.world.culture.total_g_l = 3.0
        bench.wait(60.0)
        assert not outcomes_of(bench, "blank")["PD_is_near_0_volts_for_blank"].passed


@pytest.mark.parametrize("seed", range(3))
def test_a_reference_that_looks_at_the_culture_is_found(seed: int) -> None:
    with simulated_bench(scenario="water", config=SWAPPED, seed=seed) as bench:
        outcome = outcomes_of(bench, "REF_is_in")["REF_is_in_correct_position"]
        assert not outcome.passed
        assert "reference photodiode sees the stirring" in str(outcome.message)


def test_self_tests_refuse_a_reactor_in_use() -> None:
    with simulated_bench(scenario="water") as bench:
        bench.start(lambda: start_stirring(300))
        with pytest.raises(ReactorInUseError, match="stirring runs"):
            outcomes_of(bench, "heating_pcb")


def test_only_what_failed_is_run_again() -> None:
    with simulated_bench(scenario="water") as bench:
        bench.unit.world.inject(Fault("ambient_light", value=0.2, end_s=60.0))
        outcomes_of(bench, "a")
        with context.using(bench.unit.runtime):
            again = select(bench.unit.runtime, None, retry_failed=True)
            assert "ambient_light_interference" in again
            assert "detect_heating_pcb" not in again
            assert all(outcome.passed for outcome in run_self_tests(again))
            assert select(bench.unit.runtime, None, retry_failed=True) == {}
            with pytest.raises(NotFoundError):
                select(bench.unit.runtime, "no such test", retry_failed=False)


def test_tests_of_plugins_are_run_and_may_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "_extra", {})
    seen: list[str] = []

    def test_my_sensor(bench: SelfTestFixture) -> None:
        seen.append(bench.runtime.unit)
        raise SelfTestFailure("the sensor is silent", remedy="Plug it in.")

    def test_broken(bench: SelfTestFixture) -> None:
        raise ZeroDivisionError("oops")

    def test_endless(bench: SelfTestFixture) -> None:
        while True:
            bench.wait(5.0)

    register_self_tests(test_my_sensor, test_broken, test_endless)
    with simulated_bench(scenario="water") as bench, context.using(bench.unit.runtime):
        names = ("my_sensor", "broken", "endless", "detect_heating_pcb")
        outcomes = {o.name: o for o in run_self_tests({name: all_self_tests()[name] for name in names})}
    assert seen == ["unit1"]
    assert outcomes["my_sensor"].remedy == "Plug it in."
    assert "ZeroDivisionError" in str(outcomes["broken"].message)
    assert "180 s" in str(outcomes["endless"].message)
    assert outcomes["detect_heating_pcb"].passed


def test_a_stop_ends_the_run_with_everything_off() -> None:
    with simulated_bench(scenario="water") as bench:
        ended: list[Exception] = []

        def run() -> None:
            try:
                run_self_tests(all_self_tests())
            except StoppedError as error:
                ended.append(error)

        bench.unit.run(run, name="self-test")
        bench.wait(30.0)
        bench.unit.stop_jobs()
        bench.wait(5.0)
        assert len(ended) == 1
        truth = bench.unit.world.snapshot()
        assert set(truth.leds.values()) <= {0.0}
        assert set(truth.outputs.values()) <= {0.0}
        assert bench.unit.runtime.stores.jobs().running() == []


def test_a_later_run_leaves_nothing_of_a_former_one_to_be_taken_for_its_own() -> None:
    with simulated_bench(scenario="water") as bench:
        bench.unit.world.inject(Fault("i2c_dropout", target="0x4F", end_s=60.0))
        assert not outcomes_of(bench, "detect_heating_pcb")["detect_heating_pcb"].passed
        bench.wait(90.0)
        seen = len(bench.messages)
        assert outcomes_of(bench, "detect_heating_pcb")["detect_heating_pcb"].passed
        topic = "pioreactor/unit1/$experiment/self_test/"
        told = [(m.topic.removeprefix(topic), m.payload) for m in bench.messages[seen:] if m.topic.startswith(topic)]
        assert told.index(("test_detect_heating_pcb", b"")) < told.index(("test_detect_heating_pcb", b"1"))
        assert ("failures", b"") in told
