"""Focus of a camera by hand: a picture and its sharpness after each turn of the lens. Nothing is saved."""

from __future__ import annotations

from typing import Final

from pioreactor.calibrations.registry import CalibrationProtocol
from pioreactor.calibrations.sessions import steps
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep
from pioreactor.calibrations.sessions.session_context import SessionContext, SessionStep, registry_of
from pioreactor.exc import InvalidRequestError
from pioreactor.procedures import camera_focus
from pioreactor.procedures.exclusive_run import OD_READING, STIRRING, refuse_while_running
from pioreactor.procedures.protocols.charts import chart, series
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime

DISTURBING: Final = (OD_READING, STIRRING, "dosing_automation", "led_automation")
"""Jobs that change the light or move the liquid, so that two pictures differ without a turn of the lens."""
MAX_SCORES: Final = 100
_TEXT: Final[dict[camera_focus.Guidance, tuple[str, str]]] = {
    "initial": ("First picture", "Turn the lens a little in one direction and take the next picture."),
    "sharper": ("Sharper", "Turn the lens on in the same direction."),
    "blurrier": ("Blurrier", "Turn the lens back, past where it was."),
    "same": ("About the same", "Turn the lens further than last time."),
    "sharpest": ("As sharp as the sharpest", "The picture gets blurrier on both sides: leave the lens here."),
    "unavailable": ("No figure", "Pictures are compared by eye: pip install 'pioreactor[camera]' gives the sharpness."),
}


class TakeSnapshot(SessionStep):
    step_id = "take_snapshot"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        return steps.action(
            "First picture",
            f"A picture of the vial is taken by the camera of {ctx.unit}. Put a vial in, as full as it will be.",
            steps.lens_offer(),
            button="Take picture",
        )

    def advance(self, ctx: SessionContext) -> SessionStep:
        _take(ctx)
        return FocusCamera()


class FocusCamera(SessionStep):
    step_id = "focus_camera"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        scores: list[int | None] = ctx.data["focus_scores"]
        title, advice = _TEXT[camera_focus.guidance(scores)]
        number = int(ctx.data["pictures"])
        metadata: dict[str, object] = {
            "image": {
                "src": f"/api/workers/{ctx.unit}/camera/focus_sessions/{ctx.session.session_id}/preview.jpg?{number}",
                "alt": f"Picture {number} of the camera of {ctx.unit}",
                "caption": f"Picture {number}",
            },
            "guidance": {"title": title, "status": camera_focus.guidance(scores), "message": advice},
            "actions": [{"label": "Take another picture", "inputs": {"action": "retake"}, "repeats": True}],
            **_figures(scores, number),
            **steps.lens_offer(),
        }
        body = f"{title}. {advice}"
        if scores[-1] is not None:
            best = max(score for score in scores if score is not None)
            body += f"\nSharpness {scores[-1]}, the best so far {best}."
        if ctx.mode == "cli":
            body += f"\nThe picture: {camera_focus.preview_file(ctx.runtime.paths, ctx.session.session_id)}"
        return steps.action("Turn the lens", body, metadata, button="Finish")

    def advance(self, ctx: SessionContext) -> SessionStep | None:
        action = ctx.inputs.get("action")
        if action == "retake":
            _take(ctx)
            return None
        if action is not None:
            raise InvalidRequestError("`action` is retake, or absent to finish")
        ctx.perform(camera_focus.CLEANUP)
        known = [score for score in ctx.data["focus_scores"] if score is not None]
        found = f" Sharpness {known[-1]}, the best was {max(known)}." if known else ""
        return ctx.complete({"message": f"The lens stays as it is.{found}", "focus_scores": known})


def _take(ctx: SessionContext) -> None:
    _refuse_disturbed(ctx.runtime)
    score = ctx.perform(camera_focus.CAPTURE)["focus_score"]
    ctx.data["unit"] = ctx.unit
    ctx.data["pictures"] = int(ctx.data.get("pictures", 0)) + 1
    ctx.data["focus_scores"] = [*ctx.data.get("focus_scores", []), score][-MAX_SCORES:]


def _figures(scores: list[int | None], newest: int) -> dict[str, object]:
    """Return the chart of the sharpness by the number of the picture; nothing while there is only one."""
    first = newest - len(scores) + 1
    known = [(first + i, score) for i, score in enumerate(scores) if score is not None]
    if len(known) < 2:
        return {}
    points = series("sharpness", "Sharpness", [number for number, _ in known], [score for _, score in known])
    return {"chart": chart("Sharpness", "Picture", "Sharpness", points)}


def _refuse_disturbed(runtime: Runtime) -> None:
    refuse_while_running(runtime, DISTURBING, what="the focus of the camera")


class ManualFocus(CalibrationProtocol):
    protocol_name = "manual_focus"
    target_device = "camera"
    title = "Focus by hand"
    description = "Shows a picture and how sharp it is after each turn of the lens. Nothing is saved."
    requirements = (
        "A vial is in the reactor, as full as it will be.",
        "OD reading, stirring, dosing and LED automations are off.",
    )
    step_registry = registry_of(TakeSnapshot, FocusCamera)

    @classmethod
    def is_offered(cls, device: str) -> bool:  # noqa: ARG003  the signature of the hook
        return context.current().settings.camera.enabled

    @classmethod
    def start_session(cls, target_device: str) -> CalibrationSession:
        _refuse_disturbed(context.current())
        camera_focus.delete_previews(context.current())
        return super().start_session(target_device)

    @classmethod
    def on_session_abort(cls, session: CalibrationSession) -> None:
        camera_focus.delete_preview(context.current(), session.session_id)
