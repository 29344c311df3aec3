"""How well a calibration is supported by its data, and how it compares with the active one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from statistics import median
from typing import Literal

from msgspec import Struct

from pioreactor.calibrations import fit_quality, store
from pioreactor.calibrations.fit_quality import Range
from pioreactor.calibrations.models import CalibrationBase
from pioreactor.exc import CalibrationError, UnusableCalibrationError
from pioreactor.runtime.context import Runtime
from pioreactor.science.curves import NoSolutionError

Grade = Literal["good", "fair", "poor", "unknown"]
Asked = Mapping[Literal["x", "y"], Range]
"""What a person wanted to be covered, on one axis or both."""

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


class Judgment(Struct, frozen=True):
    """Quality of a calibration. With a doubt it is not made active without asking."""

    grade: Grade
    """Of the fit; "unknown" when the curve passes through all of too few points."""
    summary: str
    points: int
    r: float | None
    residual: float | None
    """Share of the span of the curve."""
    ratio: float | None
    """For equal y, how many times the x of the active one."""
    compared_with: str | None
    doubts: list[str]


def judge(calibration: CalibrationBase, active: CalibrationBase | None = None, asked: Asked | None = None) -> Judgment:
    """Return the judgment of a usable calibration, compared with the active one and with what was asked for."""
    recorded = calibration.recorded_data
    r = fit_quality.r(calibration.curve_data_, recorded)
    residual = fit_quality.residual(calibration.curve_data_, recorded)
    grade = _grade(calibration, r, residual)
    ratio = None if active is None else ratio_to(calibration, active)
    doubts = _doubts_of_fit(grade, r, residual)
    if active is not None:
        doubts += _doubts_of_change(calibration, active, ratio)
    for axis, wanted in (asked if asked is not None else {}).items():
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


def judge_stored(runtime: Runtime, device: str, calibration: CalibrationBase) -> Judgment:
    """Return the judgment of one that is kept, compared with the active one unless it is that itself."""
    active = active_or_none(runtime, device)
    is_active = active is not None and active.calibration_name == calibration.calibration_name
    return judge(calibration, None if is_active else active)


def active_or_none(runtime: Runtime, device: str) -> CalibrationBase | None:
    """Return the active calibration of a device, None if there is none or it cannot be used."""
    try:
        return store.load_active(runtime, device)
    except CalibrationError:
        return None


def judge_usable(runtime: Runtime, device: str, calibration: CalibrationBase) -> Judgment | None:
    """Return the judgment of one that is kept, None if it would give wrong numbers."""
    try:
        store.check(calibration)
    except UnusableCalibrationError:
        return None
    return judge_stored(runtime, device, calibration)


class SavedCalibration(Struct, frozen=True):
    """Where a new calibration was saved, and whether it is active."""

    name: str
    active: bool
    judgment: Judgment


def save_judged(
    runtime: Runtime, device: str, calibration: CalibrationBase, *, activate: bool, asked: Asked | None = None
) -> SavedCalibration:
    """Save a calibration, and make it active if that is wanted and nothing speaks against it.

    A doubtful one never replaces the active one: if it has its name, it is renamed and saved beside it. Raise
    `UnusableCalibrationError` if it would give wrong numbers; the active one is unchanged then.
    """
    store.check(calibration)
    judgment = judge(calibration, active_or_none(runtime, device), asked)
    if judgment.doubts and store.active_name(runtime, device) == calibration.calibration_name:
        calibration.calibration_name = free_name(store.names(runtime, device), calibration.calibration_name)
    store.save(runtime, device, calibration)
    name = calibration.calibration_name
    if activate and not judgment.doubts:
        store.set_active(runtime, device, name)
    return SavedCalibration(name, store.active_name(runtime, device) == name, judgment)


def free_name(taken: Collection[str], name: str) -> str:
    """Return the name with the first number that is not taken."""
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


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
