"""What both ways to make an estimator of fused OD share: names, speed, samples of a standard, saving."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from pioreactor.calibrations.sessions import fields, steps
from pioreactor.calibrations.sessions.payloads import CalibrationStep
from pioreactor.calibrations.sessions.session_context import SessionContext, SessionStep
from pioreactor.estimators import store
from pioreactor.estimators.estimator_judgment import save_judged
from pioreactor.estimators.models import ODFusionEstimator
from pioreactor.exc import ConfigurationError
from pioreactor.procedures import od_standard
from pioreactor.procedures.protocols.charts import chart, series
from pioreactor.procedures.protocols.naming import NameInput
from pioreactor.runtime.context import Runtime
from pioreactor.types import PdAngle

ANGLES: tuple[PdAngle, ...] = ("45", "90", "135")
MIN_OD = 0.0001
USUAL_RPM = 500.0
USUAL_OD600 = (0.1, 0.4, 1.5, 5.0, 10.0)
"""What the bench of a simulated reactor offers, in this order."""


def has_all_angles(runtime: Runtime) -> bool:
    return set(ANGLES) <= set(runtime.settings.photodiodes.values())


def refuse_unless_ready(runtime: Runtime) -> None:
    """Raise when angles, reference or a fixed IR intensity are not configured, or the reactor is in use."""
    if not has_all_angles(runtime) or "REF" not in runtime.settings.photodiodes.values():
        raise ConfigurationError(
            "fused OD needs photodiodes at 45°, 90° and 135°, and a reference",
            remedy="Configure them in [od_config.photodiode_channel]; only XR models have four.",
        )
    od_standard.numeric_intensity(runtime)
    od_standard.refuse_unless_free(runtime)


class EstimatorName(NameInput):
    """Asks for the estimator's name."""

    def taken(self, ctx: SessionContext) -> list[str]:
        return store.names(ctx.runtime, ctx.device)


class FusionRpm(SessionStep):
    """Asks for the speed. Subclasses say what follows."""

    step_id = "rpm_input"

    def following(self) -> SessionStep:
        raise LookupError("a subclass says what follows the speed")

    def render(self, ctx: SessionContext) -> CalibrationStep:  # noqa: ARG002  the same for all
        body = "Each standard is read at this speed and a little beside it, so that one swirl does not count for all."
        field = fields.float("rpm", "Speed (RPM)", default=USUAL_RPM, minimum=100, maximum=1500)
        return steps.form("Stirring", body, [field])

    def advance(self, ctx: SessionContext) -> SessionStep:
        ctx.data["rpm"] = ctx.inputs.float("rpm")
        ctx.data["standards"] = []
        return self.following()


def next_od600(ctx: SessionContext) -> float:
    return USUAL_OD600[min(len(ctx.data["standards"]), len(USUAL_OD600) - 1)]


def observe(ctx: SessionContext) -> list[dict[str, float]]:
    """Read the standard in the reactor; return samples of angle → reading [V relative to the reference]."""
    samples: list[dict[str, float]] = ctx.perform("od_fusion_standard_observation", rpm=ctx.data["rpm"])["samples"]
    dark = sorted({angle for sample in samples for angle in ANGLES if not sample[angle] > 0})
    ctx.ensure(
        not dark,
        f"the reading at {', '.join(dark)}° is not above 0: check that the IR LED and the photodiodes are plugged in",
    )
    return samples


def chart_of_standards(ctx: SessionContext, estimator: ODFusionEstimator | None = None) -> dict[str, Any]:
    """Return log10 concentration against the natural logarithm of the reading, one series an angle.

    With an estimator its curves go through them.
    """
    lines = []
    for angle in ANGLES:
        points = [
            (math.log10(standard["od"]), math.log(sample[angle]))
            for standard in ctx.data["standards"]
            for sample in standard["samples"]
        ]
        curve = msgspec.to_builtins(estimator.mu_splines[angle]) if estimator is not None else None
        lines.append(series(f"angle-{angle}", f"{angle}°", [x for x, _ in points], [y for _, y in points], curve))
    return chart("Standards", "log10 OD600", "ln reading", *lines)


def save(ctx: SessionContext, estimator: ODFusionEstimator) -> None:
    """Keep an estimator; under HTTP it is in use at once, unless there are doubts about it."""
    saved = save_judged(ctx.runtime, ctx.device, estimator, activate=ctx.mode == "ui")
    ctx.note_saved("estimator", ctx.device, saved.name, active=saved.active, judgment=saved.judgment)
