"""Fused OD: curves of three angles, from standards of known OD600."""

from __future__ import annotations

from pioreactor.calibrations.registry import CalibrationProtocol
from pioreactor.calibrations.sessions import fields, steps
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep
from pioreactor.calibrations.sessions.session_context import SessionContext, SessionStep, registry_of
from pioreactor.estimators.models import ODFusionEstimator
from pioreactor.estimators.store import OD_FUSED
from pioreactor.procedures import od_standard
from pioreactor.procedures.exclusive_run import OD_READING, STIRRING, ask_to_stop
from pioreactor.procedures.protocols import fusion_steps
from pioreactor.procedures.protocols.naming import NameOverwriteConfirm
from pioreactor.runtime import context
from pioreactor.science.fusion import Observation

FEWEST_LEVELS = 4


class Intro(SessionStep):
    step_id = "intro"

    def render(self, ctx: SessionContext) -> CalibrationStep:  # noqa: ARG002  the same for all
        body = (
            "You put standards of known OD600 into the reactor, one after another; light of three angles is read.\n"
            f"At least {FEWEST_LEVELS} different standards are needed; more, from thin to dense, are better."
        )
        return steps.info("Fused OD with standards", body)

    def advance(self, ctx: SessionContext) -> SessionStep:
        od_standard.forget_reference(ctx.runtime)
        return FusionName()


class FusionName(fusion_steps.EstimatorName):
    def following(self) -> SessionStep:
        return Rpm()


class FusionNameOverwrite(NameOverwriteConfirm):
    asking = FusionName


FusionName.overwrite = FusionNameOverwrite


class Rpm(fusion_steps.FusionRpm):
    def following(self) -> SessionStep:
        return PlaceStandard()


class PlaceStandard(SessionStep):
    step_id = "place_standard"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        body = "Put a standard with a stir bar into the reactor, wipe the vial dry, and close the cap."
        offered = steps.vial_offer(fusion_steps.next_od600(ctx))
        return steps.confirm(f"Standard {len(ctx.data['standards']) + 1}", body, offered)

    def advance(self, ctx: SessionContext) -> SessionStep:  # noqa: ARG002  nothing is entered
        return MeasureStandard()


class MeasureStandard(SessionStep):
    step_id = "measure_standard"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        field = fields.float("od", "OD600 of this standard", minimum=fusion_steps.MIN_OD, maximum=200)
        offered = steps.vial_offer(fusion_steps.next_od600(ctx), "od")
        return steps.form("What is it?", "The blank is not needed: an empty medium has no logarithm.", [field], offered)

    def advance(self, ctx: SessionContext) -> SessionStep:
        ctx.data["present_od"] = ctx.inputs.float("od")
        return RecordObservation()


class RecordObservation(SessionStep):
    step_id = "record_observation"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        count = len(od_standard.FUSION_JITTER)
        body = f"Stirs, and reads OD600 {ctx.data['present_od']:g} at {count} speeds: about a minute."
        return steps.action("Read the standard", body, button="Measure standard")

    def advance(self, ctx: SessionContext) -> SessionStep:
        samples = fusion_steps.observe(ctx)
        ctx.data["standards"].append({"od": ctx.data["present_od"], "samples": samples})
        return RemoveObservation()


class RemoveObservation(SessionStep):
    step_id = "remove_observation"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        rows = [
            [f"{angle}°", *(f"{sample[angle]:.5f}" for sample in ctx.data["standards"][-1]["samples"])]
            for angle in fusion_steps.ANGLES
        ]
        columns = ["Angle", *(f"Sample {k + 1}" for k in range(len(rows[0]) - 1))]
        table = {"title": "Readings", "columns": columns, "rows": rows}
        actions = [steps.redo_last("Read it again")]
        return steps.confirm("Remove the standard", "Take the vial out.", {"table": table, "actions": actions})

    def advance(self, ctx: SessionContext) -> SessionStep:
        if ctx.wants_redo:
            ctx.data["standards"].pop()
            return RecordObservation()
        return AnotherStandard()


class AnotherStandard(SessionStep):
    step_id = "another_standard"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        levels = len({standard["od"] for standard in ctx.data["standards"]})
        metadata = {
            "chart": fusion_steps.chart_of_standards(ctx),
            "actions": [steps.redo_last("Measure the last standard again")],
        }
        default = "record another" if levels < FEWEST_LEVELS else "finish"
        field = fields.choice("next", ["record another", "finish"], "What next?", default=default)
        return steps.form("Another standard?", f"{levels} different standards so far.", [field], metadata)

    def advance(self, ctx: SessionContext) -> SessionStep:
        if ctx.wants_redo:
            ctx.ensure(ctx.data["standards"], "nothing was measured yet")
            ctx.data["standards"].pop()
            return PlaceStandard()
        if ctx.inputs.str("next") == "record another":
            return PlaceStandard()
        levels = len({standard["od"] for standard in ctx.data["standards"]})
        ctx.ensure(levels >= FEWEST_LEVELS, f"{FEWEST_LEVELS} different standards are needed, not {levels}")
        return _finish(ctx)


def _finish(ctx: SessionContext) -> SessionStep:
    observations = [
        Observation(angle, standard["od"], sample[angle])
        for standard in ctx.data["standards"]
        for sample in standard["samples"]
        for angle in fusion_steps.ANGLES
    ]
    estimator = ODFusionEstimator.fitted(
        observations,
        name=ctx.data["name"],
        unit=ctx.unit,
        created_at=ctx.runtime.clock.now(),
        ir_led_intensity=od_standard.numeric_intensity(ctx.runtime),
    )
    fusion_steps.save(ctx, estimator)
    low, high = 10**estimator.min_logc, 10**estimator.max_logc
    return ctx.complete(
        {
            "estimator_name": estimator.estimator_name,
            "message": f"Fused OD can be read from {low:.4g} to {high:.4g}.",
            "chart": fusion_steps.chart_of_standards(ctx, estimator),
        }
    )


class ODFusionStandards(CalibrationProtocol):
    protocol_name = "od_fusion_standards"
    target_device = OD_FUSED
    title = "Fused OD with standards"
    description = "Relates light scattered at 45°, 90° and 135° to OD600, over a wider range than one angle has."
    requirements = (
        "A reactor with photodiodes at 45°, 90° and 135° and a reference (XR models).",
        f"At least {FEWEST_LEVELS} standards of known OD600, in vials with stir bars.",
        "A fixed intensity of the IR LED; stirring and OD reading are off.",
    )
    priority = 1
    step_registry = registry_of(
        *(Intro, FusionName, FusionNameOverwrite, Rpm, PlaceStandard, MeasureStandard, RecordObservation),
        *(RemoveObservation, AnotherStandard),
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
