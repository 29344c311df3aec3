"""An estimator is judged by its standards and against the active one before it is used."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from click.testing import CliRunner

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.calibrations.sessions.session_context import SessionContext
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.commands.estimators import estimators as command
from pioreactor.estimators import store
from pioreactor.estimators.estimator_judgment import judge, judge_usable, save_judged
from pioreactor.estimators.models import EstimatorBase, ODFusionEstimator
from pioreactor.procedures.protocols import fusion_steps
from pioreactor.runtime.context import Runtime
from pioreactor.science.fusion import Observation
from pioreactor.types import PdAngle

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
OD600 = (0.03, 0.1, 0.3, 1.0, 3.0)
ANGLES: tuple[PdAngle, ...] = ("45", "90", "135")


def reading(angle: str, od: float) -> float:
    if angle == "90":
        return 0.02 + 0.5 * od * math.exp(-od / 2)
    return 0.01 + {"45": 0.3, "135": 0.2}[angle] * math.pow(od, 0.9)


def made(
    name: str = "new",
    *,
    noise: float = 0.01,
    factor: float = 1.0,
    standards: tuple[float, ...] = OD600,
    angles: tuple[PdAngle, ...] = ANGLES,
) -> ODFusionEstimator:
    """Make an estimator from standards that were entered as `factor` times what they are."""
    rng = random.Random(3)
    seen = [
        Observation(angle, od * factor, reading(angle, od) * math.exp(rng.gauss(0, noise)))
        for angle in angles
        for od in standards
        for _ in range(4)
    ]
    return ODFusionEstimator.fitted(seen, name=name, unit="unit1", created_at=CREATED, ir_led_intensity=80.0)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return build_simulation(data_root=tmp_path).units[0].runtime


def test_a_good_one_has_numbers_and_no_doubts() -> None:
    found = judge(made(), made("old"))
    assert (found.grade, found.doubts, found.points) == ("good", [], 20)
    assert found.ratio == pytest.approx(1.0, abs=0.1)
    assert found.compared_with == "old"
    assert found.r is not None
    assert f"r {found.r:.4f}" in found.summary


@pytest.mark.parametrize(("noise", "grade"), [(0.01, "good"), (0.15, "fair"), (1.0, "poor")])
def test_readings_that_scatter_are_graded(noise: float, grade: str) -> None:
    found = judge(made(noise=noise))
    assert found.grade == grade, found
    assert bool(found.doubts) == (grade == "poor")
    if found.doubts:
        assert "misreads its own standards by" in found.doubts[0]


def test_one_without_standards_and_one_of_a_plugin_are_not_graded() -> None:
    assert judge(msgspec.structs.replace(made(), recorded_data={})).grade == "unknown"
    other = EstimatorBase(estimator_name="x", calibrated_on_pioreactor_unit="unit1", created_at=CREATED)
    assert (judge(other, made()).grade, judge(made(), other).doubts) == ("unknown", [])


@pytest.mark.parametrize(
    ("new", "doubt"),
    [
        (made(factor=10), "gives 10 times the OD of 'old', the active one"),
        (made(factor=0.1), "gives 0.1 times the OD"),
        (
            made(standards=(0.2, 0.25, 0.3, 0.35)),
            "It reads from 0.2 to 0.35, and 'old'",
        ),
        (made(angles=("45", "90")), "no readings in common with 'old'"),
        (made(factor=1e4), "'old', the active one"),
    ],
)
def test_a_change_against_the_active_one_is_doubtful(new: ODFusionEstimator, doubt: str) -> None:
    doubts = judge(new, made("old")).doubts
    assert any(doubt in each for each in doubts), doubts


def test_a_doubtful_one_is_kept_beside_the_active_one_and_waits_for_a_second_yes(runtime: Runtime) -> None:
    first, second = made("mine"), made("mine", factor=10)
    saved = save_judged(runtime, "od_fused", first, activate=True)
    assert (store.active_name(runtime, "od_fused"), saved.active, saved.judgment.doubts) == ("mine", True, [])

    saved = save_judged(runtime, "od_fused", second, activate=True)
    assert saved.judgment.doubts
    assert (saved.name, second.estimator_name, store.active_name(runtime, "od_fused")) == ("mine-2", "mine-2", "mine")
    assert store.load(runtime, "od_fused", "mine") == first
    assert judge_usable(runtime, "od_fused", second) == saved.judgment

    store.set_active(runtime, "od_fused", "mine-2")
    assert store.active_name(runtime, "od_fused") == "mine-2"


def test_a_session_under_http_does_not_use_a_doubtful_one(runtime: Runtime) -> None:
    notes: list[dict[str, Any]] = []

    def note_saved(kind: str, device: str, name: str, **more: Any) -> None:
        notes.append({"kind": kind, "name": name, **more})

    session = SimpleNamespace(runtime=runtime, device="od_fused", mode="ui", note_saved=note_saved)
    for new in (made("a"), made("b", factor=10)):
        fusion_steps.save(cast(SessionContext, session), new)
    assert [(note["name"], note["active"], bool(note["judgment"].doubts)) for note in notes] == [
        ("a", True, False),
        ("b", False, True),
    ]
    assert store.active_name(runtime, "od_fused") == "a"


def test_the_command_prints_doubts_and_obeys(runtime: Runtime) -> None:
    save_judged(runtime, "od_fused", made("a"), activate=True)
    save_judged(runtime, "od_fused", made("b", factor=10), activate=True)
    done = CliRunner().invoke(command, ["set-active", "--name", "b"], obj=CliContext(runtime=runtime))
    assert done.exit_code == 0, done.output
    assert "od_fused uses 'b'." in done.output
    assert "Doubtful: For equal readings it gives 10 times the OD of 'a'" in done.output
    assert store.active_name(runtime, "od_fused") == "b"
