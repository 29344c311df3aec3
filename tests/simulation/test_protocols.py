"""Protocols on simulated reactors: what they find is what the world is."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pioreactor.procedures.protocols  # noqa: F401  registers the built-in protocols
from pioreactor.actions import bioreactor
from pioreactor.background_jobs.od_reading.job import start_od_reading
from pioreactor.background_jobs.stirring.job import start_stirring
from pioreactor.calibrations import store
from pioreactor.calibrations.registry import all_protocols, get_protocol
from pioreactor.calibrations.sessions import session_store
from pioreactor.calibrations.sessions.session_engine import SessionEngine
from pioreactor.calibrations.sessions.terminal import run_session_in_cli
from pioreactor.estimators import store as estimators
from pioreactor.exc import ConfigurationError, InvalidRequestError, StoppedError
from pioreactor.procedures import od_standard
from pioreactor.procedures.exclusive_run import ReactorInUseError
from pioreactor.procedures.protocols.od_fusion_offset import affine_map
from pioreactor.procedures.pump_run import run_pump
from pioreactor.runtime import context
from pioreactor.testing.simulation import Bench, simulated_bench

THREE_ANGLES = "[od_config.photodiode_channel]\n1=REF\n2=90\n3=135\n4=45\n"


@pytest.fixture
def bench() -> Iterator[Bench]:
    with simulated_bench(scenario="water", calibrated_pumps=False) as bench, context.using(bench.unit.runtime):
        yield bench


def engine_of(device: str, protocol: str, mode: Any = "ui") -> SessionEngine:
    chosen = get_protocol(device, protocol)
    return SessionEngine(chosen.step_registry, chosen.start_session(device), mode=mode)


class Script:
    """A person who answers by a rule, and remembers what was shown."""

    def __init__(self, answer: Callable[[str, str | None], str]) -> None:
        self.answer = answer
        self.shown: list[str] = []

    def print_line(self, text: str) -> None:
        self.shown.append(text)

    def ask(self, question: str, *, default: str | None) -> str:
        assert len(self.shown) < 300, self.shown[-12:]
        return self.answer(question, default)


def test_stirring_curve_predicts_the_speed_of_the_bar(bench: Bench) -> None:
    engine = engine_of("stirring", "dc_based")
    assert engine.step().step_id == "intro"
    assert engine.advance({}).step_id == "run_calibration"
    assert engine.advance({"confirm": True}).step_id == "complete"

    calibration = store.load_active(bench.unit.runtime, "stirring")
    assert calibration is not None
    assert len(calibration.recorded_data["x"]) == 15
    fan = bench.unit.runtime.open_rig().pwm("stirring", owner="test", hz=200)
    fan.set_duty(100)
    bench.wait(0.5)
    fan.set_duty(calibration.y_to_x(500.0))
    bench.wait(6.0)
    assert bench.unit.world.snapshot().rpm == pytest.approx(500.0, rel=0.04)
    fan.release()


def test_stirring_calibration_shows_its_progress_and_leaves_the_fan_off(bench: Bench) -> None:
    engine = engine_of("stirring", "dc_based")
    engine.advance({"min_dc": "25", "max_dc": 40})
    engine.advance({})
    topic = "pioreactor/unit1/_testing_simulation/stirring_calibration/percent_progress"
    progress = [float(m.payload) for m in bench.messages if m.topic == topic and m.payload]
    assert progress[0] == 0.0
    assert progress[-1] == 100.0
    assert progress == sorted(progress)
    assert bench.unit.world.snapshot().outputs["stirring"] == 0.0
    assert bench.unit.runtime.stores.jobs().running() == []


def test_stirring_calibration_refuses_while_stirring_runs(bench: Bench) -> None:
    bench.start(lambda: start_stirring(300))
    with pytest.raises(ReactorInUseError, match="stirring runs"):
        engine_of("stirring", "dc_based")


def test_pump_calibration_finds_the_rate_of_the_pump_in_a_terminal(bench: Bench) -> None:
    world = bench.unit.world
    at_start = [0.0]

    def answer(question: str, default: str | None) -> str:
        bench.wait(2.0)
        moved = world.snapshot().media_added_ml
        if question.startswith("Volume (mL)"):
            return f"{moved - at_start[0]:.4f}"
        at_start[0] = moved  # the pump runs once this is answered
        return default if default is not None else ""

    chosen = get_protocol("media_pump", "duration_based")
    session = chosen.start_session("media_pump")
    found = run_session_in_cli(chosen.step_registry, session, talk=Script(answer), given={"name": "mine"})

    assert [c.calibration_name for c in found] == ["mine"]
    assert store.active_name(bench.unit.runtime, "media_pump") is None  # the person is asked first
    assert session.status == "complete"
    assert session.result is not None
    assert session.result["correlation"] > 0.95
    assert session_store.driver_of(bench.unit.runtime, session.session_id) is None
    calibration = found[0]
    assert calibration.hz == 250
    assert calibration.voltage == pytest.approx(12.0, abs=0.2)
    assert len(calibration.recorded_data["x"]) == 10
    before = world.snapshot().media_added_ml
    run_pump("media_pump", 20.0, hz=250, dc=100)
    bench.wait(2.0)
    assert world.snapshot().media_added_ml - before == pytest.approx(calibration.duration_to_ml(20.0), rel=0.1)
    assert world.snapshot().outputs["media"] == 0.0


def test_runs_of_a_pump_that_is_calibrated_are_no_doses_of_the_experiment(bench: Bench) -> None:
    run_pump("waste_pump", 3.0, hz=250, dc=100)
    assert bench.payloads("dosing_events") == []
    assert bioreactor.vial_state(bench.unit.runtime, "simulation").cumulative_waste_removed_ml == 0


@pytest.fixture
def three_angles() -> Iterator[Bench]:
    model = ("pioreactor_40ml_XR", "1.5")
    with (
        simulated_bench(scenario="water", model=model, config=THREE_ANGLES) as bench,
        context.using(bench.unit.runtime),
    ):
        yield bench


def put_standard(bench: Bench, od: float) -> None:
    """Exchange the vial for a standard's."""
    bench.unit.lab_bench.place_standard(od)
    bench.wait(2.0)


def measure_series(bench: Bench, engine: SessionEngine, ods: list[float]) -> None:
    for number, od in enumerate(ods):
        assert engine.advance({}).step_id == "measure_standard"
        put_standard(bench, od)
        assert engine.advance({"od600": od}).step_id == "another_standard"
        is_last = number == len(ods) - 1
        engine.advance({"next": "continue to blank" if is_last else "record another"})
    assert engine.step().step_id == "place_blank"
    engine.advance({})
    put_standard(bench, 0.0)
    assert engine.advance({}).step_id == "complete"


def test_standards_make_one_calibration_for_each_photodiode(three_angles: Bench) -> None:
    bench = three_angles
    engine = engine_of("od", "standards")
    engine.advance({})
    engine.advance({"name": "batch A"})
    assert engine.step().step_id == "channel_confirm"
    engine.advance({})
    engine.advance({"rpm": 500})
    measure_series(bench, engine, [2.0, 1.6, 1.2, 0.8, 0.5, 0.3, 0.15, 0.05])

    runtime = bench.unit.runtime
    assert {d: n for d, n in store.active_names(runtime).items() if d.startswith("od")} == {
        "od45": "batch A",
        "od90": "batch A",
        "od135": "batch A",
    }
    # a standard that was not measured is found again
    put_standard(bench, 0.9)
    reading = od_standard.measure_standard(500)
    calibration = store.load_active(runtime, "od90")
    assert calibration is not None
    assert calibration.y_to_x(reading["2"]) == pytest.approx(0.9, rel=0.1)
    # at 45° the light first falls and then rises with density, which the person is told
    assert engine.session.result is not None
    assert "45° (channel 4)" in engine.session.result["message"]
    assert "90° (channel 2)" not in engine.session.result["message"]
    assert bench.unit.world.snapshot().outputs["stirring"] == 0.0
    assert set(bench.unit.world.snapshot().leds.values()) == {0.0}
    assert runtime.stores.jobs().running() == []


def test_the_last_standard_can_be_measured_again(bench: Bench) -> None:
    engine = engine_of("od90", "standards")
    for inputs in ({}, {"name": "n"}, {"rpm": 400}, {}, {"od600": 1.0}):
        engine.advance(inputs)
    assert engine.session.data["od600"] == [1.0]
    assert engine.advance({"action": "redo_last"}).step_id == "place_standard"
    assert engine.session.data["od600"] == []
    engine.advance({})
    engine.advance({"od600": 2.0})
    with pytest.raises(InvalidRequestError, match="2 different standards"):
        engine.advance({"next": "continue to blank"})


@pytest.mark.parametrize(
    ("config", "device", "message"),
    [
        ("[od_reading.config]\nir_led_intensity=auto\n", "od90", "auto"),
        ("[od_config.photodiode_channel]\n1=\n2=90\n", "od90", "reference photodiode"),
        ("", "od45", "no photodiode is configured for od45"),
    ],
)
def test_standards_refuse_a_unit_that_cannot_keep_what_they_find(config: str, device: str, message: str) -> None:
    with (
        simulated_bench(config=config) as bench,
        context.using(bench.unit.runtime),
        pytest.raises(ConfigurationError, match=message),
    ):
        engine_of(device, "standards")


def test_only_protocols_that_fit_the_unit_are_offered(bench: Bench) -> None:
    offered = {(device, protocol.protocol_name) for device, protocol in all_protocols()}
    assert ("od90", "standards") in offered
    assert ("stirring", "dc_based") in offered
    assert ("waste_pump", "duration_based") in offered
    assert ("od45", "standards") not in offered  # no photodiode at 45°
    assert ("od", "standards") not in offered  # one angle only


def test_abort_stops_the_hardware_of_a_session(bench: Bench) -> None:
    session = get_protocol("media_pump", "duration_based").start_session("media_pump")
    failures: list[Exception] = []

    def pump() -> None:
        try:
            run_pump("media_pump", 200.0, hz=250, dc=100)
        except StoppedError as error:
            failures.append(error)

    bench.unit.run(pump, name="pump")
    bench.wait(5.0)
    assert bench.unit.world.snapshot().outputs["media"] == 100.0
    get_protocol("media_pump", "duration_based").on_session_abort(session)
    bench.wait(2.0)
    assert bench.unit.world.snapshot().outputs["media"] == 0.0
    assert len(failures) == 1


def test_abort_leaves_jobs_of_a_real_experiment_alone(bench: Bench) -> None:
    session = get_protocol("od90", "standards").start_session("od90")
    stirrer = bench.start(lambda: start_stirring(400))
    get_protocol("od90", "standards").on_session_abort(session)
    bench.wait(3.0)
    assert stirrer.state == "ready"


LEVELS = [0.02, 0.05, 0.1, 0.25, 0.6, 1.2, 2.5, 5.0, 9.0]


def fuse(bench: Bench, engine: SessionEngine, ods: list[float]) -> None:
    for number, od in enumerate(ods):
        engine.advance({})
        put_standard(bench, od)
        engine.advance({"od": od})
        assert engine.advance({}).step_id == "remove_observation"
        if number == 1:
            assert engine.advance({"action": "redo_last"}).step_id == "record_observation"
            engine.advance({})
        assert engine.advance({}).step_id == "another_standard"
        if number < len(ods) - 1:
            engine.advance({"next": "record another"})


def estimate(bench: Bench, od: float) -> float:
    put_standard(bench, od)
    with start_stirring(500), start_od_reading(interval=None) as reader:
        bench.wait(10.0)
        reader.record()
        assert reader.od_fused is not None
        return float(reader.od_fused.od_fused)


def test_an_estimator_of_three_angles_finds_standards_it_has_not_seen(three_angles: Bench) -> None:
    bench = three_angles
    engine = engine_of("od_fused", "od_fusion_standards")
    for inputs in ({}, {"name": "fused"}, {"rpm": 500}):
        engine.advance(inputs)
    fuse(bench, engine, LEVELS[:3])
    with pytest.raises(InvalidRequestError, match="4 different standards"):
        engine.advance({"next": "finish"})
    engine.advance({"next": "record another"})
    fuse(bench, engine, LEVELS[3:])
    complete = engine.advance({"next": "finish"})
    assert complete.step_id == "complete"
    assert all(one["curve"]["type"] == "akima" for one in complete.metadata["chart"]["series"])
    assert estimators.active_name(bench.unit.runtime, "od_fused") == "fused"
    for od in (0.08, 0.9, 3.5):
        assert estimate(bench, od) == pytest.approx(od, rel=0.15)
    assert bench.unit.world.snapshot().outputs["stirring"] == 0.0

    # another spectrophotometer says twice as much: two standards are enough to agree with it
    offset = engine_of("od_fused", "od_fusion_offset")
    assert offset.advance({"source_unit": "unit1"}).step_id == "choose_estimator"
    for inputs in ({"estimator": "fused"}, {"name": "doubled"}, {"rpm": 500}):
        offset.advance(inputs)
    for od in (0.15, 4.0):
        put_standard(bench, od)
        assert offset.advance({"od": 2 * od}).step_id == "record_observation"
        offset.advance({})
    assert offset.step().step_id == "complete"
    assert offset.session.result is not None
    assert offset.session.result["scale"] == pytest.approx(1.0, abs=0.1)
    assert estimate(bench, 1.0) == pytest.approx(2.0, rel=0.2)


def test_fusion_is_refused_where_an_angle_is_missing(bench: Bench) -> None:
    with pytest.raises(ConfigurationError, match="45°, 90° and 135°"):
        engine_of("od_fused", "od_fusion_standards")
    assert "od_fused" not in {device for device, _ in all_protocols()}


def test_standards_that_were_mixed_up_are_noticed() -> None:
    assert affine_map((0.1, 1.0), (0.2, 2.0)) == (pytest.approx(1.0), pytest.approx(0.30103))  # type: ignore[comparison-overlap]
    with pytest.raises(InvalidRequestError, match="mixed up"):
        affine_map((0.1, 1.0), (2.0, 0.2))
    with pytest.raises(InvalidRequestError, match="must differ"):
        affine_map((0.1, 1.0), (2.0, 2.0))


def test_another_unit_cannot_be_asked_without_a_network(three_angles: Bench) -> None:
    engine = engine_of("od_fused", "od_fusion_offset")
    with pytest.raises(InvalidRequestError, match="unit9 cannot be asked"):
        engine.advance({"source_unit": "unit9"})
    with pytest.raises(InvalidRequestError, match="has no estimator"):
        engine.advance({})
