"""Stirring: which duty of the fan gives which speed."""

from __future__ import annotations

import msgspec

from pioreactor.calibrations.registry import CalibrationProtocol
from pioreactor.calibrations.sessions import fields, steps
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep
from pioreactor.calibrations.sessions.session_context import SessionContext, SessionStep, registry_of
from pioreactor.procedures import stirring_curve
from pioreactor.procedures.exclusive_run import STIRRING, ask_to_stop, refuse_while_running
from pioreactor.procedures.protocols.charts import chart, series
from pioreactor.procedures.protocols.naming import default_name
from pioreactor.runtime import context


class Intro(SessionStep):
    step_id = "intro"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        low, high = stirring_curve.duty_range(ctx.runtime)
        body = (
            "The stir bar is run at several duties of its fan, and its speed is measured: about a minute.\n"
            "Put a vial with a stir bar and as much liquid as you will use into the reactor."
        )
        return steps.form(
            "Stirring calibration",
            body,
            [
                fields.float("min_dc", "Lowest duty (%)", default=low, minimum=1.0, maximum=100.0),
                fields.float("max_dc", "Highest duty (%)", default=high, minimum=1.0, maximum=100.0),
            ],
        )

    def advance(self, ctx: SessionContext) -> SessionStep:
        chosen = stirring_curve.duty_range(ctx.runtime, ctx.inputs.float("min_dc"), ctx.inputs.float("max_dc"))
        ctx.data["min_dc"], ctx.data["max_dc"] = chosen
        return RunCalibration()


class RunCalibration(SessionStep):
    step_id = "run_calibration"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        return steps.action("Measure", f"Duties of {ctx.data['min_dc']:g}–{ctx.data['max_dc']:g} % are gone through.")

    def advance(self, ctx: SessionContext) -> SessionStep:
        wanted = {"min_dc": ctx.data["min_dc"], "max_dc": ctx.data["max_dc"]}
        measured = ctx.perform(stirring_curve.JOB_NAME, **wanted)
        calibration = stirring_curve.calibration_of(ctx.runtime, default_name(ctx), measured)
        ctx.save_calibration(calibration, asked={"x": (ctx.data["min_dc"], ctx.data["max_dc"])})
        curve = msgspec.to_builtins(calibration.curve_data_)
        points = series("stirring", "Measured", measured["dcs"], measured["rpms"], curve)
        return ctx.complete(
            {
                "calibration_name": calibration.calibration_name,
                "message": f"{len(measured['dcs'])} points were measured.",
                "chart": chart("Stirring", "Duty (%)", "Speed (RPM)", points),
            }
        )


class DcBasedStirring(CalibrationProtocol):
    protocol_name = "dc_based"
    target_device = "stirring"
    title = "Stirring by duty"
    description = "Measures the speed of the stir bar at duties around the usual one, so that targets are met at once."
    requirements = ("A vial with a stir bar and liquid is in the reactor.", "Stirring is off.")
    step_registry = registry_of(Intro, RunCalibration)

    @classmethod
    def start_session(cls, target_device: str) -> CalibrationSession:
        refuse_while_running(context.current(), [STIRRING], what="the stirring calibration")
        return super().start_session(target_device)

    @classmethod
    def on_session_abort(cls, session: CalibrationSession) -> None:  # noqa: ARG003  the signature of the hook
        ask_to_stop(context.current(), [stirring_curve.JOB_NAME])
