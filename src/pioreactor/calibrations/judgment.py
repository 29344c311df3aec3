"""How well a calibration is supported by its data, and how it compares with the active one."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from types import MappingProxyType
from typing import Final, Literal

from pioreactor.calibrations import fit_quality
from pioreactor.calibrations.fit_quality import Range
from pioreactor.calibrations.judged_store import Grade, JudgedStore, Judgment, Saved
from pioreactor.calibrations.models import CalibrationBase, files
from pioreactor.runtime.context import Runtime
from pioreactor.science.curves import NoSolutionError

Asked = Mapping[Literal["x", "y"], Range]
"""What a person wanted to be covered, on one axis or both."""
NOTHING_ASKED: Final[Asked] = MappingProxyType({})

GOOD_RESIDUAL, MAX_RESIDUAL = 0.03, 0.1
"""Root mean square by which points miss the curve, as a share of the curve's span."""
GOOD_R, MIN_R = 0.98, 0.9
"""Correlation of recorded and fitted values. Runs of one pump scatter by 0.05 at most, which gives 0.94 over the
narrow range of its test runs."""
MAX_RATIO = 3.0
"""New tubes change a pump by up to a factor of two; a value typed in another unit changes more."""
MIN_COVERED = 0.5
"""Share of the range asked for that data must cover."""
_EXACT = 1e-9
_SAMPLES = 17


def judge(
    calibration: CalibrationBase, active: CalibrationBase | None = None, asked: Asked = NOTHING_ASKED
) -> Judgment:
    """Return the judgment of a usable calibration, compared with the active one and with what was asked for."""
    recorded = calibration.recorded_data
    r = fit_quality.r(calibration.curve_data_, recorded)
    residual = fit_quality.residual(calibration.curve_data_, recorded)
    grade = _grade(calibration, r, residual)
    ratio = None if active is None else ratio_to(calibration, active)
    doubts = _doubts_of_fit(grade, r, residual)
    if active is not None:
        doubts += _doubts_of_change(calibration, active, ratio)
    for axis, wanted in asked.items():
        label, values = getattr(calibration, axis), recorded.get(axis, [])
        doubts += _doubts_of_range(label, values, wanted)
    return Judgment(
        grade=grade,
        summary=_summary(grade, r, residual, len(recorded["x"])),
        points=len(recorded["x"]),
        r=None if r is None else round(r, 4),
        residual=None if residual is None else round(residual, 4),
        ratio=None if ratio is None else float(f"{ratio:.3g}"),
        compared_with=None if active is None else active.calibration_name,
        doubts=doubts,
    )


def save_judged(
    runtime: Runtime, device: str, calibration: CalibrationBase, *, activate: bool, asked: Asked = NOTHING_ASKED
) -> Saved:
    """Save a calibration as `JudgedStore.save_judged` does, compared with what was asked for, too."""
    return judged.save_judged(
        runtime, device, calibration, activate=activate, judge=lambda new, active: judge(new, active, asked)
    )


judged = JudgedStore(files, judge, "calibration_name")
judge_stored, judge_usable, active_or_none = judged.judge_stored, judged.judge_usable, judged.active_or_none


def ratio_to(calibration: CalibrationBase, other: CalibrationBase) -> float | None:
    """Return how many times the x of another calibration this one gives for equal y; None without a common range.

    Calibrations are used from y to x: from a voltage to an OD, from a volume to a run time, from a speed to a duty.
    """
    (low, high), (other_low, other_high) = _range_of_y(calibration), _range_of_y(other)
    low, high = max(low, other_low), min(high, other_high)
    if not low < high:
        return None
    ratios = []
    for k in range(_SAMPLES):
        y = low + (high - low) * k / (_SAMPLES - 1)
        try:
            mine, its = calibration.y_to_x(y), other.y_to_x(y)
        except NoSolutionError:
            continue
        if mine > _EXACT and its > _EXACT:
            ratios.append(mine / its)
    return median(ratios) if ratios else None


def _range_of_y(calibration: CalibrationBase) -> Range:
    return fit_quality.range_of_y(calibration.curve_data_, calibration.recorded_data)


def _grade(calibration: CalibrationBase, r: float | None, residual: float | None) -> Grade:
    if residual is None or fit_quality.is_exact(calibration.curve_data_, calibration.recorded_data):
        return "unknown"
    if residual > MAX_RESIDUAL or (r is not None and r < MIN_R):
        return "poor"
    return "good" if residual <= GOOD_RESIDUAL and (r is None or r >= GOOD_R) else "fair"


def _summary(grade: Grade, r: float | None, residual: float | None, points: int) -> str:
    if residual is None:
        return "no recorded points"
    if grade == "unknown":
        return f"the curve passes through its {points} points, so the fit cannot be judged"
    numbers = [] if r is None else [f"r {r:.4f}"]
    return f"{grade} fit: {', '.join([*numbers, f'residual {100 * residual:.2g} % of the span', f'{points} points'])}"


def _doubts_of_fit(grade: Grade, r: float | None, residual: float | None) -> list[str]:
    if grade != "poor":
        return []
    if residual is not None and residual > MAX_RESIDUAL:
        usual = f"up to {100 * MAX_RESIDUAL:.0f} % is usual"
        return [f"The points miss the curve by {100 * residual:.0f} % of its span; {usual}."]
    return [f"The points hardly follow the curve: r is {r:.2f}, below {MIN_R:g}."]


def _doubts_of_change(calibration: CalibrationBase, active: CalibrationBase, ratio: float | None) -> list[str]:
    if ratio is None:
        low, high = _range_of_y(calibration)
        other_low, other_high = _range_of_y(active)
        return [
            f"Its {calibration.y} of {low:.3g} to {high:.3g} has nothing in common with the {other_low:.3g} to "
            f"{other_high:.3g} of {active.calibration_name!r}, the active one."
        ]
    if 1 / MAX_RATIO <= ratio <= MAX_RATIO:
        return []
    return [
        f"For the same {calibration.y} it gives {ratio:.3g} times the {calibration.x} of "
        f"{active.calibration_name!r}, the active one."
    ]


def _doubts_of_range(label: str, values: list[float], wanted: Range) -> list[str]:
    if not values:
        return []
    low, high = wanted
    missing = max(0.0, min(values) - low) + max(0.0, high - max(values))
    if missing <= (1 - MIN_COVERED) * max(high - low, MIN_COVERED * abs(high)):
        return []
    asked = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    return [f"Its {label} covers {min(values):.3g} to {max(values):.3g}, and {asked} was asked for."]
