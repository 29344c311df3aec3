"""Pumps: which time of running moves which volume."""

from __future__ import annotations

import math
from statistics import StatisticsError, correlation, fmean
from typing import Any

from pioreactor.actions.dosing import UncalibratedPump
from pioreactor.calibrations.fitting import fit_through_origin
from pioreactor.calibrations.models import SimplePeristalticPump
from pioreactor.calibrations.registry import CalibrationProtocol
from pioreactor.calibrations.sessions import fields, steps
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep
from pioreactor.calibrations.sessions.session_context import SessionContext, SessionStep, registry_of
from pioreactor.procedures.exclusive_run import PUMPS as PUMP_ACTIONS
from pioreactor.procedures.exclusive_run import ask_to_stop, refuse_while_running
from pioreactor.procedures.protocols.charts import chart, series
from pioreactor.procedures.protocols.naming import NameInput, NameOverwriteConfirm
from pioreactor.procedures.pump_run import LONGEST_S, PUMPS
from pioreactor.runtime import context

TRACER_S = 1.0
SMALLEST_ML = 0.0001
USUAL = UncalibratedPump()


def plan_durations(volumes_ml: list[float], tracer_ml: float) -> list[float]:
    """Return the times of the test runs [s], from what a tracer of one second moved: short, middle and long ones."""
    rate = tracer_ml / TRACER_S
    shortest, longest = 0.8 * min(volumes_ml) / rate, 1.1 * max(volumes_ml) / rate
    middle = (shortest + longest) / 2
    return [round(seconds, 2) for seconds in [shortest] * 4 + [middle] * 2 + [longest] * 4]


class Intro1(SessionStep):
    step_id = "intro_confirm_1"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        body = (
            "The pump runs for known times, and you measure what it moved.\n"
            "Take a vial of water, an empty vial, and a scale (1 g of water is 1 mL) or a measuring cylinder."
        )
        return steps.info(f"Calibrate {ctx.device}", body)

    def advance(self, ctx: SessionContext) -> SessionStep:  # noqa: ARG002  nothing is entered
        return Intro2()


class Intro2(SessionStep):
    step_id = "intro_confirm_2"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        return steps.info("Connect the pump", f"Connect {ctx.device} to its PWM channel, and power to the unit.")

    def advance(self, ctx: SessionContext) -> SessionStep:  # noqa: ARG002  nothing is entered
        return Intro3()


class Intro3(SessionStep):
    step_id = "intro_confirm_3"

    def render(self, ctx: SessionContext) -> CalibrationStep:  # noqa: ARG002  the same for all
        body = "Lead the outlet into the empty vial, at the height it will have later. Nothing flows into the reactor."
        return steps.info("Lay the tubes", body, steps.cup_offer())

    def advance(self, ctx: SessionContext) -> SessionStep:  # noqa: ARG002  nothing is entered
        return PumpName()


class PumpName(NameInput):
    def following(self) -> SessionStep:
        return VolumeTargets()


class PumpNameOverwrite(NameOverwriteConfirm):
    asking = PumpName


PumpName.overwrite = PumpNameOverwrite


class VolumeTargets(SessionStep):
    step_id = "volume_targets"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        body = "Test runs move volumes from a little below the smallest of these to a little above the largest."
        default = ctx.data.get("volumes_ml", [1.0])
        field = fields.float_list("volumes_ml", "Volumes you will dose (mL)", default=default, minimum=0.01, maximum=50)
        return steps.form("Volumes", body, [field])

    def advance(self, ctx: SessionContext) -> SessionStep:
        ctx.data["volumes_ml"] = ctx.inputs.float_list("volumes_ml")
        return PwmSettings()


class PwmSettings(SessionStep):
    step_id = "pwm_settings"

    def render(self, ctx: SessionContext) -> CalibrationStep:  # noqa: ARG002  the same for all
        return steps.form(
            "Power",
            "The calibration holds for this frequency and duty.",
            [
                fields.float("hz", "Frequency (Hz)", default=USUAL.hz, minimum=0.1, maximum=10_000),
                fields.float("dc", "Duty (%)", default=USUAL.dc, minimum=1, maximum=100),
            ],
        )

    def advance(self, ctx: SessionContext) -> SessionStep:
        ctx.data["hz"], ctx.data["dc"] = ctx.inputs.float("hz"), ctx.inputs.float("dc")
        return TubingIntoWater()


class TubingIntoWater(SessionStep):
    step_id = "tubing_into_water"

    def render(self, ctx: SessionContext) -> CalibrationStep:  # noqa: ARG002  the same for all
        return steps.confirm("Inlet", "Put the end of the inlet tube under water.")

    def advance(self, ctx: SessionContext) -> SessionStep:  # noqa: ARG002  nothing is entered
        return PrimePump()


class PrimePump(SessionStep):
    step_id = "prime_pump_duration"

    def render(self, ctx: SessionContext) -> CalibrationStep:  # noqa: ARG002  the same for all
        field = fields.float("duration_s", "Time (s)", default=15.0, minimum=5, maximum=LONGEST_S)
        return steps.form("Fill the tubes", "The pump runs until the tubes hold no air.", [field], steps.cup_offer())

    def advance(self, ctx: SessionContext) -> SessionStep:
        _run(ctx, ctx.inputs.float("duration_s"))
        return TracerRun()


class TracerRun(SessionStep):
    step_id = "tracer_run"

    def render(self, ctx: SessionContext) -> CalibrationStep:  # noqa: ARG002  the same for all
        body = f"Empty the outlet's vial. The pump then runs for {TRACER_S:g} s."
        return steps.action("First look", body, steps.cup_offer(), button="Run the pump")

    def advance(self, ctx: SessionContext) -> SessionStep:
        _run(ctx, TRACER_S)
        return TracerVolume()


class TracerVolume(SessionStep):
    step_id = "tracer_volume"

    def render(self, ctx: SessionContext) -> CalibrationStep:  # noqa: ARG002  the same for all
        field = fields.float("volume_ml", "Volume (mL)", minimum=SMALLEST_ML, maximum=100)
        body = "Roughly is enough: it sets the times of the test runs."
        return steps.form("How much was it?", body, [field], steps.cup_offer("volume_ml"))

    def advance(self, ctx: SessionContext) -> SessionStep:
        durations_s = plan_durations(ctx.data["volumes_ml"], ctx.inputs.float("volume_ml"))
        ctx.ensure(
            min(durations_s) > 0 and max(durations_s) <= LONGEST_S,
            f"runs of {min(durations_s):g}–{max(durations_s):g} s would be needed, and at most {LONGEST_S:g} s are "
            "possible: check the tracer's volume, or choose other volumes",
        )
        ctx.data["durations_s"], ctx.data["measured_ml"] = durations_s, []
        return TestRun()


class TestRun(SessionStep):
    step_id = "test_run"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        done, durations_s = len(ctx.data["measured_ml"]), ctx.data["durations_s"]
        body = f"Empty the outlet's vial. The pump then runs for {durations_s[done]:g} s."
        metadata = {**_so_far(ctx), **steps.cup_offer()}
        return steps.action(f"Test run {done + 1} of {len(durations_s)}", body, metadata, button="Run the pump")

    def advance(self, ctx: SessionContext) -> SessionStep:
        if ctx.wants_redo:
            ctx.ensure(ctx.data["measured_ml"], "nothing was measured yet")
            ctx.data["measured_ml"].pop()
            return TestRun()
        _run(ctx, ctx.data["durations_s"][len(ctx.data["measured_ml"])])
        return TestVolume()


class TestVolume(SessionStep):
    step_id = "test_volume"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        done = len(ctx.data["measured_ml"])
        field = fields.float("volume_ml", "Volume (mL)", minimum=SMALLEST_ML, maximum=200)
        metadata = {**_so_far(ctx), **steps.cup_offer("volume_ml")}
        metadata["actions"] = [steps.redo_last("Run it again")]
        return steps.form(f"How much was it? ({ctx.data['durations_s'][done]:g} s)", "", [field], metadata)

    def advance(self, ctx: SessionContext) -> SessionStep:
        if ctx.wants_redo:
            return TestRun()
        ctx.data["measured_ml"].append(ctx.inputs.float("volume_ml"))
        return TestRun() if len(ctx.data["measured_ml"]) < len(ctx.data["durations_s"]) else _finish(ctx)


def _run(ctx: SessionContext, duration_s: float) -> None:
    ctx.perform("pump", device=ctx.device, duration_s=duration_s, hz=ctx.data["hz"], dc=ctx.data["dc"])


def _so_far(ctx: SessionContext) -> dict[str, Any]:
    volumes_ml = ctx.data["measured_ml"]
    if not volumes_ml:
        return {}
    points = series("runs", "Runs", ctx.data["durations_s"][: len(volumes_ml)], volumes_ml)
    return {
        "chart": chart("Runs so far", "Time (s)", "Volume (mL)", points),
        "actions": [steps.redo_last("Measure the last run again")],
    }


def _correlation(xs: list[float], ys: list[float]) -> float | None:
    try:
        return correlation(xs, ys)
    except StatisticsError:
        return None  # all volumes are equal


def _finish(ctx: SessionContext) -> SessionStep:
    durations_s, volumes_ml = ctx.data["durations_s"], ctx.data["measured_ml"]
    fit = fit_through_origin(durations_s, volumes_ml)
    slope = fit.coefficients[0]
    residuals = [y - slope * x for x, y in zip(durations_s, volumes_ml, strict=True)]
    calibration = SimplePeristalticPump(
        calibration_name=ctx.data["name"],
        calibrated_on_pioreactor_unit=ctx.unit,
        created_at=ctx.runtime.clock.now(),
        curve_data_=fit,
        recorded_data={"x": list(durations_s), "y": list(volumes_ml)},
        hz=ctx.data["hz"],
        dc=ctx.data["dc"],
        voltage=ctx.perform("read_aux_voltage")["voltage"],
    )
    wanted_ml = ctx.data["volumes_ml"]
    ctx.save_calibration(calibration, asked={"y": (min(wanted_ml), max(wanted_ml))})
    r = _correlation(durations_s, volumes_ml)
    points = series("runs", "Runs", durations_s, volumes_ml, {"type": "poly", "coefficients": fit.coefficients})
    return ctx.complete(
        {
            "calibration_name": calibration.calibration_name,
            "message": f"The pump moves {slope:.4f} mL/s.",
            "slope_ml_per_s": slope,
            "correlation": r,
            "residual_sd_ml": math.sqrt(fmean(residual**2 for residual in residuals)),
            "recommended_range_ml": [min(volumes_ml), max(volumes_ml)],
            "chart": chart(ctx.device, "Time (s)", "Volume (mL)", points),
        }
    )


class DurationBasedPump(CalibrationProtocol):
    protocol_name = "duration_based"
    target_device = sorted(PUMPS)
    title = "Pump by time"
    description = "Runs {device} for known times; you measure what it moved."
    requirements = (
        "{device} is connected to a PWM channel.",
        "A vial of water, an empty vial, and a scale or a measuring cylinder.",
    )
    step_registry = registry_of(
        *(Intro1, Intro2, Intro3, PumpName, PumpNameOverwrite, VolumeTargets, PwmSettings, TubingIntoWater, PrimePump),
        *(TracerRun, TracerVolume, TestRun, TestVolume),
    )

    @classmethod
    def start_session(cls, target_device: str) -> CalibrationSession:
        refuse_while_running(context.current(), ("dosing_automation", *PUMP_ACTIONS), what="a pump's calibration")
        return super().start_session(target_device)

    @classmethod
    def on_session_abort(cls, session: CalibrationSession) -> None:
        ask_to_stop(context.current(), [PUMPS[session.target_device].event])
