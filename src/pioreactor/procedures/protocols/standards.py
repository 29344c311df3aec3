"""Optical density: which OD600 of a standard gives which reading of a photodiode."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec

from pioreactor.background_jobs.od_reading.photodiode_sampling import configured_channels
from pioreactor.calibrations import store
from pioreactor.calibrations.fitting import fit_standards
from pioreactor.calibrations.models import CalibrationBase, OD600Calibration
from pioreactor.calibrations.registry import CalibrationProtocol
from pioreactor.calibrations.sessions import fields, steps
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep
from pioreactor.calibrations.sessions.session_context import SessionContext, SessionStep, registry_of
from pioreactor.exc import ConfigurationError
from pioreactor.procedures import od_standard
from pioreactor.procedures.exclusive_run import OD_READING, STIRRING, ask_to_stop
from pioreactor.procedures.protocols.charts import chart, series
from pioreactor.procedures.protocols.naming import NameInput, NameOverwriteConfirm
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.types import PdAngle, PdChannel

ALL_ANGLES = "od"
ANGLES = ("45", "90", "135")
FEWEST_STANDARDS = 2
"""Beside the blank."""
USUAL_OD600 = (2.0, 1.0, 0.5, 0.2, 0.1)
"""What the bench of a simulated reactor offers, in this order."""


def channels_of(runtime: Runtime, device: str) -> dict[PdChannel, PdAngle]:
    """Return the photodiodes that a session of this device calibrates."""
    angles, _ = configured_channels(runtime.settings.photodiodes)
    return {channel: angle for channel, angle in angles.items() if device in (ALL_ANGLES, f"od{angle}")}


class Intro(SessionStep):
    step_id = "intro"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        body = (
            "You put standards of known OD600 into the reactor, from dense to thin, and a blank at the end.\n"
            f"Take at least {FEWEST_STANDARDS} standards that span what you will grow, and the same vial for all."
        )
        return steps.info(f"Calibrate {ctx.device} with standards", body)

    def advance(self, ctx: SessionContext) -> SessionStep:
        od_standard.forget_reference(ctx.runtime)
        return StandardsName()


def _devices(ctx: SessionContext) -> list[str]:
    return sorted({f"od{angle}" for angle in channels_of(ctx.runtime, ctx.device).values()})


class StandardsName(NameInput):
    def taken(self, ctx: SessionContext) -> list[str]:
        return [name for device in _devices(ctx) for name in store.names(ctx.runtime, device)]

    def advance(self, ctx: SessionContext) -> SessionStep:
        following = super().advance(ctx)
        return _after_name(ctx) if isinstance(following, RpmInput) else following

    def following(self) -> SessionStep:
        return RpmInput()


class StandardsNameOverwrite(NameOverwriteConfirm):
    asking = StandardsName

    def advance(self, ctx: SessionContext) -> SessionStep:
        following = super().advance(ctx)
        return _after_name(ctx) if isinstance(following, RpmInput) else following


StandardsName.overwrite = StandardsNameOverwrite


def _after_name(ctx: SessionContext) -> SessionStep:
    return ChannelConfirm() if len(channels_of(ctx.runtime, ctx.device)) > 1 else RpmInput()


class ChannelConfirm(SessionStep):
    step_id = "channel_confirm"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        rows = [[channel, f"{angle}°"] for channel, angle in channels_of(ctx.runtime, ctx.device).items()]
        table = {"title": "Photodiodes", "columns": ["Channel", "Angle"], "rows": rows}
        body = "One calibration is made for each of these photodiodes."
        return steps.confirm("Photodiodes", body, {"table": table})

    def advance(self, ctx: SessionContext) -> SessionStep:  # noqa: ARG002  nothing is entered
        return RpmInput()


class RpmInput(SessionStep):
    step_id = "rpm_input"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        default = ctx.runtime.settings.stirring.initial_target_rpm
        field = fields.float("rpm", "Speed (RPM)", default=default, minimum=0, maximum=5000)
        return steps.form("Stirring", "Use the speed that your cultures will have.", [field])

    def advance(self, ctx: SessionContext) -> SessionStep:
        ctx.data["rpm"] = ctx.inputs.float("rpm")
        ctx.data["od600"], ctx.data["readings"] = [], []
        return PlaceStandard()


class PlaceStandard(SessionStep):
    step_id = "place_standard"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        body = "Put a standard with a stir bar into the reactor, wipe the vial dry, and close the cap."
        metadata = {**_so_far(ctx), **steps.vial_offer(_next_od600(ctx))}
        return steps.confirm(f"Standard {len(ctx.data['od600']) + 1}", body, metadata)

    def advance(self, ctx: SessionContext) -> SessionStep:  # noqa: ARG002  nothing is entered
        return MeasureStandard()


class MeasureStandard(SessionStep):
    step_id = "measure_standard"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        field = fields.float("od600", "OD600 of this standard", minimum=0, maximum=200)
        metadata = {**_so_far(ctx), **steps.vial_offer(_next_od600(ctx), "od600")}
        return steps.form("Measure the standard", "Stirs, and reads for about 15 s.", [field], metadata)

    def advance(self, ctx: SessionContext) -> SessionStep:
        _measure(ctx, ctx.inputs.float("od600"))
        return AnotherStandard()


class AnotherStandard(SessionStep):
    step_id = "another_standard"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        metadata = {**_so_far(ctx), "actions": [steps.redo_last("Measure the last standard again")]}
        field = fields.choice("next", ["record another", "continue to blank"], "What next?", default="record another")
        return steps.form("Another standard?", f"{len(ctx.data['od600'])} measured.", [field], metadata)

    def advance(self, ctx: SessionContext) -> SessionStep:
        if ctx.wants_redo:
            ctx.ensure(ctx.data["od600"], "nothing was measured yet")
            ctx.data["od600"].pop()
            ctx.data["readings"].pop()
            return PlaceStandard()
        if ctx.inputs.str("next") == "record another":
            return PlaceStandard()
        different = len(set(ctx.data["od600"]))
        ctx.ensure(different >= FEWEST_STANDARDS, f"{FEWEST_STANDARDS} different standards are needed, not {different}")
        return PlaceBlank()


class PlaceBlank(SessionStep):
    step_id = "place_blank"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        metadata = {**_so_far(ctx), **steps.vial_offer(0.0)}
        return steps.confirm("Blank", "Put a vial with medium and no cells into the reactor.", metadata)

    def advance(self, ctx: SessionContext) -> SessionStep:  # noqa: ARG002  nothing is entered
        return MeasureBlank()


class MeasureBlank(SessionStep):
    step_id = "measure_blank"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        field = fields.float("od600", "OD600 of the blank", default=0.0, minimum=0, maximum=200)
        metadata = {**_so_far(ctx), **steps.vial_offer(0.0, "od600")}
        return steps.form("Measure the blank", "Stirs, and reads for about 15 s.", [field], metadata)

    def advance(self, ctx: SessionContext) -> SessionStep:
        _measure(ctx, ctx.inputs.float("od600"))
        return _finish(ctx)


def _measure(ctx: SessionContext, od600: float) -> None:
    answer = ctx.perform("od_standards_measure", rpm=ctx.data["rpm"])
    ctx.data["od600"].append(od600)
    ctx.data["readings"].append(answer["readings"])


def _next_od600(ctx: SessionContext) -> float:
    return USUAL_OD600[min(len(ctx.data["od600"]), len(USUAL_OD600) - 1)]


def _so_far(ctx: SessionContext) -> dict[str, Any]:
    return {"chart": _chart(ctx, {})} if ctx.data["od600"] else {}


def _chart(ctx: SessionContext, curves: Mapping[PdChannel, Mapping[str, Any]]) -> dict[str, Any]:
    lines = []
    for channel, angle in channels_of(ctx.runtime, ctx.device).items():
        volts = [readings[channel] for readings in ctx.data["readings"]]
        label = _label(channel, angle)
        lines.append(series(f"channel-{channel}", label, ctx.data["od600"], volts, curves.get(channel)))
    return chart("Standards", "OD600", "Reading (V)", *lines)


def _label(channel: PdChannel, angle: PdAngle) -> str:
    return f"{angle}° (channel {channel})"


def _is_monotone(ctx: SessionContext, channel: PdChannel) -> bool:
    """Return whether denser standards always gave more (or always less); neighbors within 2 % count as equal."""
    volts = [
        readings[channel] for _, readings in sorted(zip(ctx.data["od600"], ctx.data["readings"], strict=True), key=_od)
    ]
    steps_up = [after - before for before, after in pairwise(volts)]
    slack = 0.02 * (max(volts) - min(volts))
    return all(step >= -slack for step in steps_up) or all(step <= slack for step in steps_up)


def _od(measured: tuple[float, Any]) -> float:
    return measured[0]


def _finish(ctx: SessionContext) -> SessionStep:
    channels = channels_of(ctx.runtime, ctx.device)
    curves: dict[PdChannel, Mapping[str, Any]] = {}
    made: list[tuple[CalibrationBase, str]] = []
    for channel, angle in channels.items():
        volts = [readings[channel] for readings in ctx.data["readings"]]
        fit = fit_standards(ctx.data["od600"], volts)
        is_alone = list(channels.values()).count(angle) == 1
        calibration = OD600Calibration(
            calibration_name=ctx.data["name"] if is_alone else f"{ctx.data['name']}-{channel}",
            calibrated_on_pioreactor_unit=ctx.unit,
            created_at=ctx.runtime.clock.now(),
            curve_data_=fit,
            recorded_data={"x": list(ctx.data["od600"]), "y": volts},
            ir_led_intensity=od_standard.numeric_intensity(ctx.runtime),
            angle=angle,
            pd_channel=channel,
            rpm=ctx.data["rpm"],
        )
        made.append((calibration, f"od{angle}"))
        curves[channel] = msgspec.to_builtins(fit)
    refused = ctx.save_usable(made)
    standards = len(ctx.data["od600"]) - 1
    message = f"{standards} standards and a blank, {len(curves)} photodiode{'s' if len(curves) > 1 else ''}."
    bent = [_label(channel, angle) for channel, angle in channels.items() if not _is_monotone(ctx, channel)]
    if bent:
        message += (
            f" Readings of {', '.join(bent)} both rise and fall with OD600: one reading can mean two densities. "
            "Use standards of a smaller range."
        )
    if refused:
        message += f" Not saved: {'; '.join(refused)}."
    return ctx.complete({"calibration_name": ctx.data["name"], "message": message, "chart": _chart(ctx, curves)})


class Standards(CalibrationProtocol):
    protocol_name = "standards"
    target_device = [*(f"od{angle}" for angle in ANGLES), ALL_ANGLES]  # noqa: RUF012  a constant of the class
    title = "OD600 with standards"
    description = "Relates readings of {device} to OD600, with standards that you measured in a spectrophotometer."
    requirements = (
        "Standards of known OD600 and a blank, in vials as you will use them, with stir bars.",
        "A reference photodiode and a fixed intensity of the IR LED are configured.",
        "Stirring and OD reading are off.",
    )
    step_registry = registry_of(
        *(Intro, StandardsName, StandardsNameOverwrite, ChannelConfirm, RpmInput, PlaceStandard, MeasureStandard),
        *(AnotherStandard, PlaceBlank, MeasureBlank),
    )

    @classmethod
    def is_offered(cls, device: str) -> bool:
        angles = set(channels_of(context.current(), device).values())
        return len(angles) >= (2 if device == ALL_ANGLES else 1)

    @classmethod
    def start_session(cls, target_device: str) -> CalibrationSession:
        runtime = context.current()
        od_standard.refuse_unless_free(runtime)
        od_standard.numeric_intensity(runtime)
        if not channels_of(runtime, target_device):
            raise ConfigurationError(
                f"no photodiode is configured for {target_device}",
                remedy="Give a channel this angle in [od_config.photodiode_channel].",
            )
        if "REF" not in runtime.settings.photodiodes.values():
            raise ConfigurationError(
                "a calibration needs a reference photodiode",
                remedy="Set one channel to REF in [od_config.photodiode_channel].",
            )
        return super().start_session(target_device)

    @classmethod
    def on_session_abort(cls, session: CalibrationSession) -> None:  # noqa: ARG003  the signature of the hook
        ask_to_stop(context.current(), [od_standard.JOB_NAME, OD_READING, STIRRING])
