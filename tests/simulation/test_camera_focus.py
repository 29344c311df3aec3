"""A camera is focused by hand: the lens of a simulated one is turned until the picture is as sharp as it gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pioreactor.bootstrap.simulated import SimulatedUnit, build_simulation
from pioreactor.calibrations.registry import CalibrationProtocol
from pioreactor.calibrations.sessions import session_store
from pioreactor.calibrations.sessions.session_engine import SessionEngine
from pioreactor.exc import ConflictError, InvalidRequestError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.procedures.camera_focus import guidance, preview_file
from pioreactor.procedures.protocols.manual_focus import ManualFocus
from pioreactor.runtime import context
from pioreactor.twin.lab_bench import TwinLabBench


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[SimulatedUnit]:
    unit = build_simulation(data_root=tmp_path, config="[camera]\nenabled=1\n").unit("unit1")
    with context.using(unit.runtime):
        yield unit


def begun(protocol: type[CalibrationProtocol] = ManualFocus) -> SessionEngine:
    return SessionEngine(protocol.step_registry, protocol.start_session("camera"))


def test_turning_the_lens_to_the_largest_figure_focuses_the_camera(unit: SimulatedUnit) -> None:
    bench = TwinLabBench(unit.world)
    bench.turn_lens(-0.5)
    engine = begun()
    picture = preview_file(unit.runtime.paths, engine.session.session_id)
    engine.advance({})
    scores: list[int] = engine.session.data["focus_scores"]
    position, step = -0.5, 0.25
    while abs(step) > 0.05:  # a person: on while it gets sharper, back with half the turn when it does not
        position += step
        bench.turn_lens(position)
        shown = engine.advance({"action": "retake"})
        scores = engine.session.data["focus_scores"]
        assert shown.metadata["image"]["src"].endswith(f"preview.jpg?{len(scores)}")
        if scores[-1] < scores[-2]:
            step = -step / 2.0
    assert abs(position) <= 0.125
    assert max(scores) > 3 * scores[0]
    assert picture.read_bytes().startswith(b"\xff\xd8\xff")
    assert shown.metadata["chart"]["series"][0]["points"][0] == {"x": 1, "y": scores[0]}
    assert "Sharpness" in engine.advance({}).body
    assert (engine.session.status, picture.exists()) == ("complete", False)


def test_a_sharp_picture_is_sharp_in_any_light_and_at_any_density(unit: SimulatedUnit) -> None:
    bench = TwinLabBench(unit.world)
    for od in (0.0, 4.0):
        bench.place_standard(od)
        engine = begun()
        engine.advance({})
        bench.turn_lens(0.75)
        engine.advance({"action": "retake"})
        sharp, blurred = engine.session.data["focus_scores"]
        assert sharp > 3 * blurred
        bench.turn_lens(0.0)


def test_nothing_that_changes_the_picture_may_run(unit: SimulatedUnit) -> None:
    with managed_lifecycle("unit1", "exp", "stirring"), pytest.raises(ConflictError, match="stirring runs"):
        begun()
    engine = begun()
    with managed_lifecycle("unit1", "exp", "od_reading"), pytest.raises(ConflictError, match="od_reading runs"):
        engine.advance({})
    assert session_store.load(unit.runtime, engine.session.session_id).step_id == "take_snapshot"


def test_a_session_that_is_canceled_leaves_no_picture(unit: SimulatedUnit) -> None:
    engine = begun()
    engine.advance({})
    with pytest.raises(InvalidRequestError, match="retake"):
        engine.advance({"action": "sharpen"})
    picture = preview_file(unit.runtime.paths, engine.session.session_id)
    assert picture.exists()
    engine.abort()
    ManualFocus.on_session_abort(engine.session)
    assert not picture.exists()


def test_only_a_unit_with_a_camera_offers_it(tmp_path: Path, unit: SimulatedUnit) -> None:
    assert ManualFocus.is_offered("camera")
    with context.using(build_simulation(data_root=tmp_path / "other").unit("unit1").runtime):
        assert not ManualFocus.is_offered("camera")


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([None], "unavailable"),
        ([100], "initial"),
        ([100, 103], "same"),
        ([100, 106], "sharper"),
        ([100, 94], "blurrier"),
        ([100, 200, 150], "blurrier"),
        ([100, 200, 150, 170], "sharper"),
        ([100, 200, 150, 196], "sharpest"),
        ([100, None, 120], "sharper"),
    ],
)
def test_advice_follows_the_figure(scores: list[int | None], said: str) -> None:
    assert guidance(scores) == said
