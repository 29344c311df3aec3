"""A still that a person asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from pioreactor.actions.still_capture import CAPTURE_ACTION, take_still
from pioreactor.calibrations.sessions.actions import Answer, Payload, register_calibration_action
from pioreactor.exc import InvalidRequestError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.storage.stills import NAMING, still_file
from pioreactor.structs.camera_still import CameraStill, is_image_id

JOB_NAME = "camera_snapshot"


def take_snapshot(
    runtime: Runtime, *, name: str | None = None, options_file: str | None = None
) -> tuple[CameraStill, Path]:
    """Take a still for the unit's experiment; return its record and where it is.

    `options_file` names a file in the folder `camera` of the unit's data, with options of the program that takes the
    picture.
    """
    if name is not None and not is_image_id(name):
        raise InvalidRequestError(f"{name[:150]!r} cannot be the name of a still", remedy=NAMING)
    used = runtime if options_file is None else _with_options(runtime, options_file)
    experiment = str(runtime.identity.experiment())
    with managed_lifecycle(runtime.unit, experiment, JOB_NAME) as action:
        still = take_still(
            used, owner=action.owner, experiment=experiment, reason="manual", sleep=action.sleep, image_id=name
        )
        action.logger.info("Took the still %s.", still.image_id)
    return still, still_file(runtime.paths.camera_stills, still.image_id)


def _with_options(runtime: Runtime, name: str) -> Runtime:
    """Return a runtime whose camera uses another file of options."""
    folder = runtime.paths.camera_options.parent.resolve()
    file = (folder / name).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise InvalidRequestError(f"there is no file {name[:200]!r} in {folder}", remedy="Put it there first.")
    camera = runtime.open_camera().with_options(file)
    return replace(runtime, open_camera=lambda: camera)


def _take_by_request(_: Payload) -> Answer:
    still, _path = take_snapshot(context.current())
    return {"still": msgspec.to_builtins(still)}


register_calibration_action(CAPTURE_ACTION, _take_by_request)
