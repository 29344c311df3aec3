"""How well an estimator reads back the standards that it was made from, and how it compares with the active one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import correlation, median

from pioreactor.calibrations.judged_store import Grade, JudgedStore, Judgment
from pioreactor.calibrations.judgment import GOOD_R, MAX_RATIO, MIN_COVERED, MIN_R
from pioreactor.estimators import store
from pioreactor.estimators.models import EstimatorBase, ODFusionEstimator

GOOD_MISS, MAX_MISS = 0.05, 0.15
"""Root mean square by which standards are misread, in decades: 12 % and 41 %."""
_SAMPLES = 17


def judge(estimator: EstimatorBase, active: EstimatorBase | None = None) -> Judgment:
    """Return the judgment of a usable estimator, compared with the active one. A plugin's kind is not judged."""
    if not isinstance(estimator, ODFusionEstimator):
        return Judgment("unknown", "an estimator of this kind is not judged", 0, None, None, None, None, [])
    read_back = standards(estimator)
    logs = [(math.log10(known), math.log10(found)) for known, found in read_back]
    miss = math.hypot(*(a - b for a, b in logs)) / math.sqrt(len(logs)) if logs else None
    r = _r(logs)
    grade = _grade(miss, r)
    doubts = _doubts_of_fit(grade, miss, r)
    ratio = None
    if isinstance(active, ODFusionEstimator):
        ratio = ratio_to(estimator, active)
        doubts += [*_doubts_of_change(active, ratio), *_doubts_of_range(estimator, active)]
    span = estimator.max_logc - estimator.min_logc
    return Judgment(
        grade=grade,
        summary=_summary(grade, miss, r, len(logs)),
        points=len(logs),
        r=None if r is None else round(r, 4),
        residual=None if miss is None else round(miss / span, 4),
        ratio=None if ratio is None else float(f"{ratio:.3g}"),
        compared_with=active.estimator_name if isinstance(active, ODFusionEstimator) else None,
        doubts=doubts,
    )


judged = JudgedStore(store.files, judge, "estimator_name")
judge_usable, save_judged = judged.judge_usable, judged.save_judged


def standards(estimator: ODFusionEstimator) -> list[tuple[float, float]]:
    """Return known and estimated concentration of each sample of its standards that all angles have read."""
    samples: dict[float, dict[str, list[float]]] = {}
    for angle, recorded in recorded_by_angle(estimator).items():
        for known, reading in zip(recorded["x"], recorded["y"], strict=True):
            samples.setdefault(known, {}).setdefault(angle, []).append(reading)
    found = []
    for known, by_angle in sorted(samples.items()):
        if known <= 0 or not set(estimator.angles) <= set(by_angle):
            continue
        for readings in zip(*(by_angle[angle] for angle in estimator.angles), strict=False):
            if min(readings) > 0:
                found.append((known, estimator.fusion.estimate(dict(zip(estimator.angles, readings, strict=True)))))
    return found


def recorded_by_angle(estimator: ODFusionEstimator) -> Mapping[str, Mapping[str, list[float]]]:
    """Return concentrations and readings by angle; empty if none were kept."""
    found = estimator.recorded_data.get("by_angle", {})
    return found if isinstance(found, dict) else {}


def ratio_to(estimator: ODFusionEstimator, other: ODFusionEstimator) -> float | None:
    """Return how many times the concentration of another estimator this one gives for equal readings.

    None if they read different angles, or what one reads within its range is beyond that of the other.
    """
    if set(estimator.angles) != set(other.angles):
        return None
    ratios = []
    for k in range(_SAMPLES):
        level = other.min_logc + (other.max_logc - other.min_logc) * k / (_SAMPLES - 1)
        found = estimator.fusion.estimate(
            {angle: math.exp(other.mu_splines[angle].curve.evaluate(level)) for angle in other.angles}
        )
        if not estimator.fusion.is_at_bound(found):
            ratios.append(found / 10**level)
    return median(ratios) if ratios else None


def _r(logs: list[tuple[float, float]]) -> float | None:
    known, found = [a for a, _ in logs], [b for _, b in logs]
    if len(set(known)) < 2:
        return None
    return correlation(known, found) if len(set(found)) > 1 else 0.0


def _grade(miss: float | None, r: float | None) -> Grade:
    if miss is None:
        return "unknown"
    if miss > MAX_MISS or (r is not None and r < MIN_R):
        return "poor"
    return "good" if miss <= GOOD_MISS and (r is None or r >= GOOD_R) else "fair"


def _percent(miss: float) -> str:
    return f"{100 * (10**miss - 1):.2g} %"


def _summary(grade: Grade, miss: float | None, r: float | None, points: int) -> str:
    if miss is None:
        return "no recorded standards"
    numbers = [] if r is None else [f"r {r:.4f}"]
    return f"{grade} fit: {', '.join([*numbers, f'standards are read within {_percent(miss)}', f'{points} readings'])}"


def _doubts_of_fit(grade: Grade, miss: float | None, r: float | None) -> list[str]:
    if grade != "poor":
        return []
    if miss is not None and miss > MAX_MISS:
        return [f"It misreads its own standards by {_percent(miss)}; up to {_percent(MAX_MISS)} is usual."]
    return [f"Its readings of its own standards hardly follow them: r is {r:.2f}, below {MIN_R:g}."]


def _doubts_of_change(active: ODFusionEstimator, ratio: float | None) -> list[str]:
    if ratio is None:
        return [f"It has no readings in common with {active.estimator_name!r}, the active one."]
    if 1 / MAX_RATIO <= ratio <= MAX_RATIO:
        return []
    return [f"For equal readings it gives {ratio:.3g} times the OD of {active.estimator_name!r}, the active one."]


def _doubts_of_range(estimator: ODFusionEstimator, active: ODFusionEstimator) -> list[str]:
    low, high = max(estimator.min_logc, active.min_logc), min(estimator.max_logc, active.max_logc)
    if high - low >= MIN_COVERED * (active.max_logc - active.min_logc):
        return []
    mine, its = (f"{10**one.min_logc:.3g} to {10**one.max_logc:.3g}" for one in (estimator, active))
    return [f"It reads from {mine}, and {active.estimator_name!r}, the active one, from {its}."]
