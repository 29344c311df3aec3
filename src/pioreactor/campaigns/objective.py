"""The objective of an arm: an expression of what was measured while it ran."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final, NamedTuple, NoReturn

from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.evaluator import EvaluationContext, ExpressionError, evaluate
from pioreactor.science.campaigns.factors import Setting

MEANS: Final = ("od", "growth_rate_per_h", "celsius", "volume_ml")
TOTALS: Final = ("media_ml", "alt_media_ml", "waste_ml")


class Outcome(NamedTuple):
    """The objective of an arm, or None and why there is none."""

    objective: float | None
    note: str = ""


def measured(hours: Sequence[float], values: Mapping[str, Sequence[float]], from_hours: float) -> dict[str, float]:
    """Return means since `from_hours` and totals at the end; a quantity without values is absent."""
    late = [index for index, hour in enumerate(hours) if hour >= from_hours]
    means = {name: fmean(values[name][index] for index in late) for name in MEANS if late and values.get(name)}
    totals = {name: float(values[name][-1]) for name in TOTALS if values.get(name)}
    return {**means, **totals}


def objective_of(expression: str, setting: Setting, found: Mapping[str, float]) -> Outcome:
    """Return the value of the expression; one that is no finite number is None, with the cause."""
    context = EvaluationContext("", "", "", 0.0, {**setting, **found}, _no_setting, _no_chance)
    try:
        value = evaluate(expression, context)
    except PioreactorError as error:
        return Outcome(None, str(error))
    if isinstance(value, str) or not math.isfinite(value):
        known = ", ".join(sorted({**setting, **found}))
        return Outcome(None, f"the objective is {value!r}, which is no number; known are {known}")
    return Outcome(float(value))


def _no_setting(_unit: str, job: str, setting: str) -> NoReturn:
    raise ExpressionError(f"an objective does not read {job}:{setting}; it has means and totals of measurements")


def _no_chance() -> NoReturn:
    raise ExpressionError("an objective has no random part")
