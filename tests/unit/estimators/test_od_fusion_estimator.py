"""Fused optical density: the posterior mean and the reference's formula, fitting, and keeping."""

import math
import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.calibrations.curves import AkimaFitData
from pioreactor.estimators import store
from pioreactor.estimators.models import EstimatorBase, ODFusionEstimator, estimator_from_builtins
from pioreactor.exc import CalibrationError, InvalidRequestError, UnusableCalibrationError
from pioreactor.runtime.context import Runtime
from pioreactor.science.fusion import Observation, fit_fusion

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
STANDARDS = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]


def shown(angle: str, concentration: float) -> float:
    """Return what an angle reads: 90° rises and falls again, the others rise."""
    if angle == "90":
        return 0.02 + 0.5 * concentration * math.exp(-concentration / 2)
    gain = {"45": 0.3, "135": 0.2}[angle]
    return 0.01 + gain * math.pow(concentration, 0.9)


def observations(noise: float = 0.02) -> list[Observation]:
    rng = random.Random(1)
    return [
        Observation(angle, c, shown(angle, c) * math.exp(rng.gauss(0, noise)))
        for angle in ("45", "90", "135")
        for c in STANDARDS
        for _ in range(4)
    ]


def estimator(name: str = "fused") -> ODFusionEstimator:
    return ODFusionEstimator.fitted(observations(), name=name, unit="unit1", created_at=CREATED, ir_led_intensity=80.0)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return build_simulation(data_root=tmp_path).units[0].runtime


@pytest.mark.parametrize("concentration", [0.05, 0.2, 0.7, 2.0, 6.0])
def test_both_formulas_find_a_concentration_between_the_standards(concentration: float) -> None:
    fusion = estimator().fusion
    readings = {angle: shown(angle, concentration) for angle in fusion.angles}
    for found in (fusion.estimate(readings), fusion.most_likely(readings)):
        assert abs(math.log10(found / concentration)) <= 0.04
        assert not fusion.is_at_bound(found)


def test_one_angle_that_is_far_off_does_not_decide() -> None:
    fusion = estimator().fusion
    readings = {angle: shown(angle, 0.5) for angle in fusion.angles}
    readings["45"] *= 3
    assert abs(math.log10(fusion.estimate(readings) / 0.5)) <= 0.1


def test_beyond_the_standards_the_estimate_stops_at_the_bound() -> None:
    fusion = estimator().fusion
    readings = {angle: shown(angle, 11.0) for angle in fusion.angles}
    found = fusion.most_likely(readings)
    assert fusion.is_at_bound(found)
    assert found <= 10.001
    assert 8.0 <= fusion.estimate(readings) <= 10.001


def test_a_reading_that_is_missing_or_dark_is_an_error_that_names_the_angle() -> None:
    fusion = estimator().fusion
    with pytest.raises(CalibrationError, match="135"):
        fusion.estimate({"45": 0.1, "90": 0.1})
    with pytest.raises(CalibrationError, match="90"):
        fusion.estimate({"45": 0.1, "90": 0.0, "135": 0.1})


def test_too_few_or_impossible_standards_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="3 concentrations"):
        fit_fusion([Observation("90", c, 1.0) for c in (1.0, 2.0, 3.0)])
    with pytest.raises(InvalidRequestError, match="above 0"):
        fit_fusion([Observation("90", 0.0, 1.0)])
    with pytest.raises(InvalidRequestError, match="needs observations"):
        fit_fusion([])


def test_a_fit_keeps_to_the_rules_of_the_format() -> None:
    fitted = estimator()
    assert fitted.low_conc_scales == {"135": 0.04, "90": 4.0, "45": 10.0}
    assert (fitted.min_logc, fitted.max_logc) == pytest.approx((-2.0, 1.0))
    two = fit_fusion([seen for seen in observations() if seen.angle != "45"])
    assert two.low_conc_scales == {}
    for spline in fitted.sigma_splines_log.values():
        assert min(piece[0] for piece in spline.coefficients) >= math.log(0.04) - 1e-12


def test_an_estimator_is_saved_loaded_and_used(runtime: Runtime) -> None:
    assert store.load_active(runtime, "od_fused") is None
    store.save(runtime, "od_fused", estimator())
    store.set_active(runtime, "od_fused", "fused")
    loaded = store.load_active(runtime, "od_fused")
    assert loaded == estimator()
    assert store.active_names(runtime) == {"od_fused": "fused"}
    assert isinstance(loaded, ODFusionEstimator)
    loaded.recorded_data.clear()
    assert store.load_active(runtime, "od_fused") == estimator()
    assert [kept.estimator_name for kept in store.list_all(runtime)["od_fused"]] == ["fused"]
    text = runtime.artifacts.read("estimators", "od_fused", "fused")
    assert text is not None
    assert text.startswith("estimator_type: od_fused_estimator\nestimator_name: fused\n")
    store.delete(runtime, "od_fused", "fused")
    assert store.load_active(runtime, "od_fused") is None
    assert store.names(runtime, "od_fused") == []


def test_a_damaged_estimator_is_refused_with_its_reason(runtime: Runtime) -> None:
    raw = msgspec.to_builtins(estimator(), builtin_types=(datetime,))
    damages: list[tuple[dict[str, object], str]] = [
        ({"estimator_type": "other"}, "known: od_fused_estimator"),
        ({"estimator_type": None}, "estimator_type is missing"),
        ({"mu_splines": {}}, "splines are missing for 45, 90, 135"),
        ({"max_logc": -9.0}, "min_logc must be below"),
    ]
    for change, reason in damages:
        with pytest.raises(msgspec.ValidationError, match=reason):
            estimator_from_builtins({**raw, **change})
    with pytest.raises(CalibrationError, match="cannot be used"):
        store.parse("estimator_type: od_fused_estimator")


def test_an_estimator_of_another_kind_is_not_used_for_optical_density(runtime: Runtime) -> None:
    class Guess(EstimatorBase, kw_only=True, tag="guess"):
        pass

    guess = Guess(estimator_name="g", calibrated_on_pioreactor_unit="unit1", created_at=CREATED)
    with pytest.raises(CalibrationError, match="does not fit od_fused"):
        store.save(runtime, "od_fused", guess)
    store.save(runtime, "smell", guess)
    assert store.load(runtime, "smell", "g") == guess


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.5])
def test_an_estimator_that_is_not_finite_or_constant_is_refused_when_saved_activated_and_loaded(
    runtime: Runtime, value: float
) -> None:
    good = estimator()
    flat = {
        angle: AkimaFitData(spline.knots, [[value, 0.0, 0.0, 0.0] for _ in spline.coefficients])
        for angle, spline in good.mu_splines.items()
    }
    flawed = msgspec.structs.replace(good, mu_splines=flat)
    with pytest.raises(UnusableCalibrationError, match="constant" if math.isfinite(value) else "not a finite number"):
        store.save(runtime, store.OD_FUSED, flawed)
    runtime.artifacts.write("estimators", store.OD_FUSED, "fused", msgspec.yaml.encode(flawed).decode())
    with pytest.raises(UnusableCalibrationError):
        store.set_active(runtime, store.OD_FUSED, "fused")
    runtime.stores.persistent("active_estimators").set(store.OD_FUSED, "fused")
    with pytest.raises(UnusableCalibrationError):
        store.load_active(runtime, "od_fused")
