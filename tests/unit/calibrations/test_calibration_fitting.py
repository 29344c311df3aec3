"""Curves of calibrations are fitted by name, and survive being written."""

import msgspec
import pytest

from pioreactor.calibrations.fitting import fit_curve, fit_through_origin
from pioreactor.exc import InvalidRequestError
from pioreactor.structs.calibrations import CurveData

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
