"""Live view of a camera: a picture about every second while a person looks, each in place of the one before."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.actions.still_capture import capture_lease, capture_lit
from pioreactor.calibrations.sessions.actions import Answer, Payload, register_calibration_action
from pioreactor.exc import PioreactorError, StoppedError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.private_files import write_atomically
from pioreactor.procedures.camera_focus import PREVIEW_MODE, sharpness_of
from pioreactor.procedures.exclusive_run import is_running, trial_experiment
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.storage.paths import Paths
from pioreactor.structs.camera_still import microsecond_timestamp

LIVE_VIEW: Final = "camera_live_view"
CACHE: Final = "camera_live_view"
_UNTIL, _STATE = "until", "state"

INTERVAL_S: Final = 1.0
"""Pause after each picture, in which a still can be taken."""
STARTS_WITHIN_S: Final = 30.0
LEASE_S: Final = 15.0
"""The live view ends when no browser has asked for a picture for so long."""
LONGEST_S: Final = 240.0
"""It ends after so long in any case: a page that was left open must not light a culture for a night."""
LARGEST_PIXELS: Final = (960, 960)
"""A picture is reduced to this where Pillow is installed."""


class LiveViewState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest picture of the live view, or why there is none. `number` counts from 1 since it was switched on."""

    number: int = 0
    captured_at: str | None = None
    """RFC 3339, UTC."""
    sharpness: int | None = None
    """Variance of the Laplacian at a mean level of 128; null where Pillow is not installed on the unit."""
    problem: str | None = None
    remedy: str | None = None


def live_picture(paths: Paths) -> Path:
    """Return where the newest picture is: in memory, not on the disk."""
    return paths.run_pioreactor / "camera_live_view.jpg"


def switch_on(runtime: Runtime) -> None:
    """Want a live view, whose process the caller starts; what an earlier one left is forgotten."""
    cache = runtime.stores.volatile(CACHE)
    if not is_running(runtime, LIVE_VIEW):
        cache.set(_STATE, msgspec.json.encode(LiveViewState()).decode())
    cache.set(_UNTIL, runtime.clock.monotonic() + STARTS_WITHIN_S)


def switch_off(runtime: Runtime) -> None:
    """End the live view after the picture that is being taken."""
    runtime.stores.volatile(CACHE).set(_UNTIL, 0.0)


def look(runtime: Runtime) -> tuple[bool, LiveViewState]:
    """Return whether the live view is on, and its newest picture. One that runs continues for `LEASE_S`."""
    cache = runtime.stores.volatile(CACHE)
    is_on = _is_wanted(runtime)
    if is_on and is_running(runtime, LIVE_VIEW):
        cache.set(_UNTIL, max(_until(runtime), runtime.clock.monotonic() + LEASE_S))
    stored = cache.get(_STATE)
    state = msgspec.json.decode(stored, type=LiveViewState) if isinstance(stored, str | bytes) else LiveViewState()
    return is_on, state


def show(runtime: Runtime) -> int:
    """Take pictures while they are wanted, at most `LONGEST_S`, and return how many it were.

    The last of them is deleted at the end. Whatever the camera raises ends it and is told to those who look.
    """
    number, ends_at = 0, runtime.clock.monotonic() + LONGEST_S
    target, cache = live_picture(runtime.paths), runtime.stores.volatile(CACHE)
    with managed_lifecycle(runtime.unit, trial_experiment(runtime), LIVE_VIEW) as action:
        try:
            while _is_wanted(runtime) and runtime.clock.monotonic() < ends_at:
                with capture_lease(runtime, action.owner, action.sleep):
                    picture = capture_lit(runtime, owner=action.owner, sleep=action.sleep)
                number += 1
                taken = microsecond_timestamp(runtime.clock.now())
                target.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(target, reduced(picture), mode=PREVIEW_MODE)
                state = LiveViewState(number, taken, sharpness_of(picture))
                cache.set(_STATE, msgspec.json.encode(state).decode())
                action.sleep(INTERVAL_S)
        except StoppedError:
            pass  # a person has stopped it, which is how it usually ends
        except PioreactorError as error:
            failed = LiveViewState(number, problem=str(error), remedy=error.remedy)
            cache.set(_STATE, msgspec.json.encode(failed).decode())
            raise
        finally:
            switch_off(runtime)
            target.unlink(missing_ok=True)
    return number


def reduced(picture: bytes) -> bytes:
    """Return a JPEG of at most `LARGEST_PIXELS`; the same where it is small, or Pillow is absent or cannot read it."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return picture
    written = io.BytesIO()
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            if max(opened.size) <= max(LARGEST_PIXELS):
                return picture
            opened.draft("RGB", LARGEST_PIXELS)
            opened.thumbnail(LARGEST_PIXELS)
            opened.save(written, "JPEG", quality=80)
    except (UnidentifiedImageError, OSError):
        return picture
    return written.getvalue()


def _until(runtime: Runtime) -> float:
    stored = runtime.stores.volatile(CACHE).get(_UNTIL)
    return float(stored) if isinstance(stored, int | float) else 0.0


def _is_wanted(runtime: Runtime) -> bool:
    return runtime.clock.monotonic() < _until(runtime)


def _show_by_request(_: Payload) -> Answer:
    return {"pictures": show(context.current())}


register_calibration_action(LIVE_VIEW, _show_by_request)
