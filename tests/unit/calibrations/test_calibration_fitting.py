"""Curves of calibrations are fitted by name, and survive being written."""

import msgspec
import pytest

from pioreactor.calibrations.curves import CurveData
from pioreactor.calibrations.fitting import MAX_MISFIT, NEGLIGIBLE, fit_curve, fit_standards, fit_through_origin
from pioreactor.exc import InvalidRequestError

X = [0.0, 1.0, 2.0, 3.0, 5.0, 8.0]
Y = [0.0, 1.1, 1.9, 3.2, 4.9, 8.1]


@pytest.mark.parametrize("kind", ["poly", "spline", "akima"])
def test_each_kind_follows_its_data_and_comes_back_from_text(kind: str) -> None:
    fitted = fit_curve(X, Y, kind)
    assert [fitted.curve.evaluate(x) for x in X] == pytest.approx(Y, abs=0.2)
    text = msgspec.json.encode(fitted)
    assert msgspec.json.decode(text)["type"] == kind
    assert msgspec.json.decode(text, type=CurveData) == fitted


def test_complexity_can_be_chosen_and_nonsense_is_refused() -> None:
    assert len(msgspec.to_builtins(fit_curve(X, Y, "poly", complexity=3))["coefficients"]) == 4
    assert len(msgspec.to_builtins(fit_curve(X, Y, "spline", complexity=4))["knots"]) == 4
    with pytest.raises(InvalidRequestError, match="poly, spline and akima"):
        fit_curve(X, Y, "freehand")


def test_a_pumps_line_goes_through_the_origin() -> None:
    line = fit_through_origin([1.0, 2.0, 4.0], [0.09, 0.18, 0.36])
    assert line.coefficients == pytest.approx([0.09, 0.0])
    with pytest.raises(InvalidRequestError):
        fit_through_origin([0.0], [1.0])


def test_a_handful_of_standards_is_honoured_and_not_smoothed_away() -> None:
    """Readings of five vials in a simulated reactor; with AICc's two knots the curve misses 1.0 by a fifth."""
    od600, volts = [2.0, 1.0, 0.5, 0.2, 0.0], [0.0363, 0.0140, 0.0070, 0.0035, 0.0005]
    fitted = fit_standards(od600, volts)
    for od, seen in zip(od600, volts, strict=True):
        assert fitted.curve.evaluate(od) == pytest.approx(seen, rel=MAX_MISFIT, abs=NEGLIGIBLE * 0.0358)
    smoothed = fit_curve(od600, volts, "spline")
    assert abs(smoothed.curve.evaluate(1.0) / 0.0140 - 1) > 0.15


def test_standards_get_no_more_knots_than_they_need() -> None:
    assert len(fit_standards(X, [2.0 + 0.5 * x for x in X]).knots) == 2
    assert len(fit_standards([0.0, 1.0], [0.0, 1.0]).knots) == 2
    with pytest.raises(InvalidRequestError):
        fit_standards([1.0], [1.0])
