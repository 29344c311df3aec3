"""A picture by which a person focuses a camera: taken as a still is, shown while the session lasts, never kept."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from pioreactor.actions.still_capture import capture_lease, capture_lit
from pioreactor.calibrations.sessions.actions import Answer, Payload, register_calibration_action
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.private_files import write_atomically
from pioreactor.procedures.exclusive_run import trial_experiment
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.storage.paths import Paths

CAPTURE: Final = "camera_focus_capture"
CLEANUP: Final = "camera_focus_cleanup"
JOB_NAME: Final = "camera_focus"
PREVIEW_MODE: Final = 0o640
DECODED_PIXELS: Final = (800, 800)
"""A JPEG is decoded at the smallest of its own fractions that is at least this large: a Zero has 512 MB."""

SAME_SHARE: Final = 0.05
"""Change of the sharpness below which two pictures are equally sharp."""
_MEAN_LEVEL: Final = 128.0
_SCALE: Final = 10.0

Guidance = Literal["initial", "sharper", "blurrier", "same", "sharpest", "unavailable"]


def preview_file(paths: Paths, session_id: str) -> Path:
    """Return where the newest picture of a session is; raise `ValueError` for what is no id of a session."""
    return paths.camera_focus_previews / f"{UUID(session_id)}.jpg"


def sharpness(pixels: bytes, width: int, height: int) -> int:
    """Return the variance of the Laplacian of a gray picture, of one byte a pixel, row by row; larger is sharper.

    Blocks of two by two pixels are averaged first, which takes out noise of the sensor, and the result refers to a mean
    level of 128, so that a darker picture is not a less sharp one. Raise `ValueError` for a picture below 6 x 6 pixels.
    """
    import numpy as np

    if width < 6 or height < 6:
        raise ValueError(f"a picture of {width} x {height} pixels is too small")
    gray = np.frombuffer(pixels, dtype=np.uint8).reshape(height, width).astype(np.float32)
    even = gray[: height // 2 * 2, : width // 2 * 2]
    pooled = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4.0
    inner = pooled[1:-1, 1:-1]
    laplacian = pooled[:-2, 1:-1] + pooled[2:, 1:-1] + pooled[1:-1, :-2] + pooled[1:-1, 2:] - 4.0 * inner
    level = max(float(pooled.mean()), 1.0)
    return round(_SCALE * float(laplacian.var()) * (_MEAN_LEVEL / level) ** 2)


def sharpness_of(picture: bytes) -> int | None:
    """Return the sharpness of a JPEG; None where Pillow is not installed or cannot read it."""
    gray = gray_of(picture)
    return None if gray is None or min(gray[1:]) < 6 else sharpness(*gray)


def gray_of(picture: bytes) -> tuple[bytes, int, int] | None:
    """Return the gray levels of a JPEG's pixels row by row, its width and its height; None as of `sharpness_of`."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return None
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            opened.draft("L", DECODED_PIXELS)
            gray = opened.convert("L")
        return gray.tobytes(), gray.width, gray.height
    except (UnidentifiedImageError, OSError):
        return None


def guidance(scores: list[int | None]) -> Guidance:
    """Say what the newest sharpness means beside those before it."""
    newest, earlier = scores[-1], [score for score in scores[:-1] if score is not None]
    if newest is None:
        return "unavailable"
    if not earlier:
        return "initial"
    if newest > max(earlier) * (1.0 + SAME_SHARE):
        return "sharper"
    if newest >= max(earlier) * (1.0 - SAME_SHARE) and len(earlier) > 1 and min(earlier) < newest * (1.0 - SAME_SHARE):
        return "sharpest"
    if abs(newest - earlier[-1]) <= SAME_SHARE * earlier[-1]:
        return "same"
    return "sharper" if newest > earlier[-1] else "blurrier"


def take_preview(runtime: Runtime, session_id: str) -> int | None:
    """Take a picture, put it where the session shows it, and return its sharpness.

    Raise `ConflictError` while another picture is taken, and what the camera raises.
    """
    target = preview_file(runtime.paths, session_id)
    with (
        managed_lifecycle(runtime.unit, trial_experiment(runtime), JOB_NAME) as action,
        capture_lease(runtime, action.owner, action.sleep),
    ):
        picture = capture_lit(runtime, owner=action.owner, sleep=action.sleep)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, picture, mode=PREVIEW_MODE)
    return sharpness_of(picture)


def delete_preview(runtime: Runtime, session_id: str) -> None:
    """Delete the picture of a session, if there is one."""
    preview_file(runtime.paths, session_id).unlink(missing_ok=True)


def delete_previews(runtime: Runtime) -> None:
    """Delete the pictures of all sessions: a capture may end after its session was canceled."""
    for file in runtime.paths.camera_focus_previews.glob("*.jpg"):
        file.unlink(missing_ok=True)


def _capture(payload: Payload) -> Answer:
    score = take_preview(context.current(), str(payload["session_id"]))
    return {"captured": True, "focus_score": score}


def _cleanup(payload: Payload) -> Answer:
    delete_preview(context.current(), str(payload["session_id"]))
    return {}


register_calibration_action(CAPTURE, _capture)
register_calibration_action(CLEANUP, _cleanup)
