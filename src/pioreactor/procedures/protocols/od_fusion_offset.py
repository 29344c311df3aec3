"""Fused OD: another unit's estimator, fitted to this reactor with two standards."""

from __future__ import annotations

import math
import re
from statistics import fmean
from typing import Any

import msgspec

from pioreactor.calibrations.curves import AkimaFitData
from pioreactor.calibrations.registry import CalibrationProtocol
from pioreactor.calibrations.sessions import fields, steps
from pioreactor.calibrations.sessions.actions import Payload, register_calibration_action
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep
from pioreactor.calibrations.sessions.session_context import SessionContext, SessionStep, registry_of
from pioreactor.estimators import store
from pioreactor.estimators.models import ODFusionEstimator, estimator_from_builtins
from pioreactor.estimators.store import OD_FUSED
from pioreactor.exc import ConflictError, InvalidRequestError, UnitUnreachableError
from pioreactor.procedures import od_standard
from pioreactor.procedures.exclusive_run import OD_READING, STIRRING, ask_to_stop
from pioreactor.procedures.protocols import fusion_steps
from pioreactor.procedures.protocols.naming import NameOverwriteConfirm
from pioreactor.runtime import context

STANDARDS = 2
USUAL_OD600 = (0.2, 2.0)
"""What the bench of a simulated reactor offers: a thin one and a dense one."""
_UNIT = re.compile(r"[A-Za-z0-9_-]{1,63}")
ESTIMATORS_OF_UNIT = "estimators_of_unit"
"""The action that asks a unit for its estimators; who can reach other units registers one that does."""


def affine_map(estimated: tuple[float, float], true: tuple[float, float]) -> tuple[float, float]:
    """Return scale and offset that take two estimated concentrations to the true ones, in log10.

    Raise `InvalidRequestError` when the standards are equal, or their order is not what the estimator says.
    """
    (e1, e2), (t1, t2) = ((math.log10(a), math.log10(b)) for a, b in (estimated, true))
    if t1 == t2 or e1 == e2:
        raise InvalidRequestError("the two standards must differ, and must look different")
    scale = (t2 - t1) / (e2 - e1)
    if scale <= 0:
        raise InvalidRequestError("the standard that is denser looks thinner: were the vials mixed up?")
    return scale, t1 - scale * e1


def shifted(estimator: ODFusionEstimator, scale: float, offset: float, **changes: Any) -> ODFusionEstimator:
    """Return an estimator whose log10 concentrations are `scale · former + offset`."""

    def moved(curve: AkimaFitData) -> AkimaFitData:
        knots = [scale * knot + offset for knot in curve.knots]
        pieces = [[a, b / scale, c / scale**2, d / scale**3] for a, b, c, d in curve.coefficients]
        return AkimaFitData(knots, pieces)

    by_angle = {
        angle: {"x": [10 ** (scale * math.log10(x) + offset) for x in recorded["x"]], "y": list(recorded["y"])}
        for angle, recorded in estimator.recorded_data.get("by_angle", {}).items()
    }
    return msgspec.structs.replace(
        estimator,
        mu_splines={angle: moved(curve) for angle, curve in estimator.mu_splines.items()},
        sigma_splines_log={angle: moved(curve) for angle, curve in estimator.sigma_splines_log.items()},
        min_logc=scale * estimator.min_logc + offset,
        max_logc=scale * estimator.max_logc + offset,
        recorded_data={**estimator.recorded_data, "by_angle": by_angle},
        **changes,
    )


class Intro(SessionStep):
    step_id = "intro"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        body = (
            "An estimator that was made on one unit is fitted to this one with two standards.\n"
            f"Take {STANDARDS} standards of known OD600, a thin one and a dense one."
        )
        field = fields.str("source_unit", "Unit that has the estimator", default=ctx.unit)
        return steps.form("Fused OD from another unit", body, [field])

    def advance(self, ctx: SessionContext) -> SessionStep:
        od_standard.forget_reference(ctx.runtime)
        unit = ctx.inputs.str("source_unit")
        found = ctx.perform(ESTIMATORS_OF_UNIT, unit=unit)["estimators"]
        usable = [one for one in found if one.get("estimator_type") == "od_fused_estimator"]
        ctx.ensure(usable, f"{unit} has no estimator of fused OD")
        ctx.data["source_unit"] = unit
        ctx.data["offered"] = usable
        return ChooseEstimator()


class ChooseEstimator(SessionStep):
    step_id = "choose_estimator"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        names = [one["estimator_name"] for one in ctx.data["offered"]]
        field = fields.choice("estimator", names, "Estimator", default=names[0])
        return steps.form("Estimator", f"Estimators of {ctx.data['source_unit']}.", [field])

    def advance(self, ctx: SessionContext) -> SessionStep:
        name = ctx.inputs.str("estimator")
        chosen = next(one for one in ctx.data["offered"] if one["estimator_name"] == name)
        known = {field: value for field, value in chosen.items() if field not in ("is_active", "pioreactor_unit")}
        made_with = float(known["ir_led_intensity"])
        here = od_standard.numeric_intensity(ctx.runtime)
        ctx.ensure(
            made_with == here,
            f"{name} was made with the IR LED at {made_with:g} %, and here it is at {here:g} %: set ir_led_intensity "
            f"to {made_with:g}",
        )
        ctx.data["source"] = known
        del ctx.data["offered"]
        return OffsetName()


class OffsetName(fusion_steps.EstimatorName):
    def following(self) -> SessionStep:
        return Rpm()


class OffsetNameOverwrite(NameOverwriteConfirm):
    asking = OffsetName


OffsetName.overwrite = OffsetNameOverwrite


class Rpm(fusion_steps.FusionRpm):
    def following(self) -> SessionStep:
        return PlaceStandard()


class PlaceStandard(SessionStep):
    step_id = "place_standard"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        number = len(ctx.data["standards"]) + 1
        body = "Put the standard with a stir bar into the reactor, wipe the vial dry, and close the cap."
        field = fields.float("od", "OD600 of this standard", minimum=fusion_steps.MIN_OD, maximum=200)
        offered = steps.vial_offer(USUAL_OD600[min(number, STANDARDS) - 1], "od")
        return steps.form(f"Standard {number} of {STANDARDS}", body, [field], offered)

    def advance(self, ctx: SessionContext) -> SessionStep:
        od = ctx.inputs.float("od")
        ctx.ensure(od not in [standard["od"] for standard in ctx.data["standards"]], "take a different standard")
        ctx.data["present_od"] = od
        return RecordObservation()


class RecordObservation(SessionStep):
    step_id = "record_observation"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        metadata = {"actions": [steps.redo_last("Read the standard before again")]} if ctx.data["standards"] else {}
        body = f"Stirs, and reads OD600 {ctx.data['present_od']:g} at several speeds: about a minute."
        return steps.action("Read the standard", body, metadata, button="Measure standard")

    def advance(self, ctx: SessionContext) -> SessionStep:
        if ctx.wants_redo:
            ctx.data["standards"].pop()
            return PlaceStandard()
        samples = fusion_steps.observe(ctx)
        ctx.data["standards"].append({"od": ctx.data["present_od"], "samples": samples})
        return PlaceStandard() if len(ctx.data["standards"]) < STANDARDS else _finish(ctx)


def _estimate(source: ODFusionEstimator, samples: list[dict[str, float]], od: float) -> float:
    """Return what the source makes of a standard: the geometric mean over its samples."""
    estimates = [source.fusion.estimate(sample) for sample in samples]
    if any(source.fusion.is_at_bound(estimate) for estimate in estimates):
        raise InvalidRequestError(f"the standard of OD600 {od:g} lies beyond what the estimator was made for")
    return float(10 ** fmean(math.log10(estimate) for estimate in estimates))


def _finish(ctx: SessionContext) -> SessionStep:
    source = estimator_from_builtins(_with_moment(ctx.data["source"]))
    if not isinstance(source, ODFusionEstimator):
        raise ConflictError("the source is no estimator of fused OD")
    first, second = ctx.data["standards"]
    estimated = (
        _estimate(source, first["samples"], first["od"]),
        _estimate(source, second["samples"], second["od"]),
    )
    scale, offset = affine_map(estimated, (first["od"], second["od"]))
    made = shifted(
        source,
        scale,
        offset,
        estimator_name=ctx.data["name"],
        calibrated_on_pioreactor_unit=ctx.unit,
        created_at=ctx.runtime.clock.now(),
    )
    fusion_steps.save(ctx, made)
    return ctx.complete(
        {
            "estimator_name": made.estimator_name,
            "message": f"Fused OD can be read from {10**made.min_logc:.4g} to {10**made.max_logc:.4g}.",
            "scale": scale,
            "offset": offset,
            "estimates": list(estimated),
            "chart": fusion_steps.chart_of_standards(ctx, made),
        }
    )


def _with_moment(plain: dict[str, Any]) -> dict[str, Any]:
    """Return plain data with the moment as one: JSON has it as a text."""
    from pioreactor.structs.encoding import from_timestamp

    made = plain["created_at"]
    return {**plain, "created_at": from_timestamp(made) if isinstance(made, str) else made}


def question_for(unit: str) -> str:
    """Return where the leader answers for a unit: it knows which names are units, and they get the cluster's token."""
    if not _UNIT.fullmatch(unit):
        raise InvalidRequestError(f"{unit!r} cannot be the name of a unit")
    return f"/api/workers/{unit}/estimators/{OD_FUSED}"


def estimators_in(report: Any, unit: str) -> dict[str, Any]:
    """Return the action's answer from the leader's report; raise `UnitUnreachableError` when the unit was silent."""
    answer = report.get(unit) if isinstance(report, dict) else None
    if not isinstance(answer, dict) or not answer.get("ok") or not isinstance(answer.get("value"), list):
        raise UnitUnreachableError(f"{unit} did not tell its estimators", remedy="Check that the unit is on.")
    return {"estimators": answer["value"]}


def own_estimators(payload: Payload) -> dict[str, Any]:
    """Return this unit's estimators; raise `InvalidRequestError` for another unit, which cannot be asked from here."""
    runtime = context.current()
    unit = payload["unit"]
    if unit != runtime.unit:
        raise InvalidRequestError(
            f"{unit} cannot be asked from here", remedy="Copy the estimator to this unit, and choose this unit."
        )
    found = store.list_all(runtime).get(OD_FUSED, [])
    return {"estimators": [msgspec.to_builtins(one) for one in found]}


register_calibration_action(ESTIMATORS_OF_UNIT, own_estimators)


class ODFusionOffset(CalibrationProtocol):
    protocol_name = "od_fusion_offset"
    target_device = OD_FUSED
    title = "Fused OD from another unit"
    description = "Fits an estimator that was made on one unit to this one, with two standards."
    requirements = (
        "A reactor with photodiodes at 45°, 90° and 135° and a reference (XR models).",
        "An estimator of fused OD on some unit, made at the same intensity of the IR LED.",
        f"{STANDARDS} standards of known OD600; stirring and OD reading are off.",
    )
    priority = 2
    step_registry = registry_of(
        *(Intro, ChooseEstimator, OffsetName, OffsetNameOverwrite, Rpm, PlaceStandard, RecordObservation)
    )

    @classmethod
    def is_offered(cls, device: str) -> bool:  # noqa: ARG003  the signature of the hook
        return fusion_steps.has_all_angles(context.current())

    @classmethod
    def start_session(cls, target_device: str) -> CalibrationSession:
        fusion_steps.refuse_unless_ready(context.current())
        return super().start_session(target_device)

    @classmethod
    def on_session_abort(cls, session: CalibrationSession) -> None:  # noqa: ARG003  the signature of the hook
        ask_to_stop(context.current(), [od_standard.JOB_NAME, OD_READING, STIRRING])
