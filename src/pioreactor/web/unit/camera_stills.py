"""Routes of a unit about the stills of its camera."""

from contextlib import suppress
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.response import Stream
from msgspec import UNSET, UnsetType

from pioreactor import topics
from pioreactor.actions.still_capture import (
    CAPTURE_ACTION,
    is_auto_capture_enabled,
    lens_position_of,
    move_lens,
    stills_of,
)
from pioreactor.devices.cameras.ports import LensRange
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, PioreactorError
from pioreactor.procedures import live_view
from pioreactor.procedures.camera_focus import preview_file
from pioreactor.storage.stills import AUTO_CAPTURE, SETTINGS_CACHE
from pioreactor.structs.camera_still import CameraStill
from pioreactor.web.request_bodies import Body, experiment_name, still_name
from pioreactor.web.route_declarations import relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.still_archive import zip_stills
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts, UnitServices

_CAPTURE_TIMEOUT_S = 60.0
_IMMUTABLE = {"Cache-Control": "private, max-age=604800, immutable"}
"""A still never changes under its name, so a browser fetches it once."""


class CameraStatus(msgspec.Struct):
    """State of a unit's camera. `capture_command` is the program that takes the pictures."""

    unit: str
    enabled: bool
    detection_status: Literal["detected", "configured_camera_not_detected", "unknown"]
    runtime_available: bool
    capture_command: str | None
    mock: bool
    latest_still: CameraStill | None
    auto_capture_enabled: bool
    snapshot_interval_minutes: float
    lens: LensRange | None = None
    """Where the lens can be moved to; null where no motor moves it."""
    lens_position: float | None = None
    """Where a person has moved the lens to, in the unit of `lens`; null leaves that to the camera."""


class CameraSettingsAnswer(msgspec.Struct):
    unit: str
    auto_capture_enabled: bool
    lens_position: float | None


class ChangedCamera(CameraSettingsAnswer):
    """Settings of the camera, with those before a change and after it."""

    before: dict[str, object]
    after: dict[str, object]


class LiveView(msgspec.Struct):
    """The live view of a camera. `frame` counts its pictures; with 0 there is none yet."""

    unit: str
    is_on: bool
    frame: int
    captured_at: str | None
    sharpness: int | None
    problem: str | None
    remedy: str | None


class Stills(msgspec.Struct):
    """Stills of an experiment, oldest first."""

    unit: str
    experiment: str
    stills: list[CameraStill]


class DeletedStills(msgspec.Struct):
    unit: str
    experiment: str
    deleted_image_ids: list[str]


class ChangeCamera(Body):
    """`lens_position` moves the lens of a camera that has a motor for it; null leaves it to the camera again."""

    auto_capture_enabled: bool | UnsetType = UNSET
    lens_position: float | UnsetType | None = UNSET


class ChangeStill(Body):
    """`new_image_id` renames a still, `pinned` keeps it from being deleted by age, number and size."""

    new_image_id: str | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET


@relayed(target="ever", waits=True, timeout_s=10.0)
@get("/camera/experiments/{experiment:str}/status", sync_to_thread=True)
def camera_status(unit: UnitPorts, experiment: FromPath[str]) -> CameraStatus:
    """Return whether the camera is found, and its newest still of the experiment."""
    name = experiment_name(experiment)
    settings = unit.runtime.settings.camera
    program, is_detected, lens = _look_at_camera(unit)
    return CameraStatus(
        unit=unit.name,
        enabled=settings.enabled,
        detection_status="unknown"
        if is_detected is None
        else "detected"
        if is_detected
        else "configured_camera_not_detected",
        runtime_available=program is not None,
        capture_command=program,
        mock=unit.runtime.settings.hardware.rig == "sim",
        latest_still=stills_of(unit.runtime).latest(name),
        auto_capture_enabled=is_auto_capture_enabled(unit.runtime),
        snapshot_interval_minutes=settings.snapshot_interval_minutes,
        lens=lens,
        lens_position=lens_position_of(unit.runtime),
    )


def _look_at_camera(unit: UnitServices) -> tuple[str | None, bool | None, LensRange | None]:
    try:
        camera = unit.runtime.open_camera()
        return camera.program, camera.is_detected(), camera.lens()
    except PioreactorError:
        return None, None, None


@relayed(timeout_s=10.0)
@patch("/camera/settings", sync_to_thread=True)
def change_camera(unit: UnitPorts, data: JSONBody[ChangeCamera]) -> ChangedCamera:
    """Switch stills by schedule on or off (the job `camera` must run for them), or move the lens."""
    if data.auto_capture_enabled is UNSET and data.lens_position is UNSET:
        raise InvalidRequestError("one of `auto_capture_enabled` and `lens_position` is required")
    before = _settings_of(unit)
    if not isinstance(data.lens_position, UnsetType):
        move_lens(unit.runtime, data.lens_position)
    if not isinstance(data.auto_capture_enabled, UnsetType):
        unit.stores.persistent(SETTINGS_CACHE).set(AUTO_CAPTURE, int(data.auto_capture_enabled))
    after = _settings_of(unit)
    return ChangedCamera(unit.name, after.auto_capture_enabled, after.lens_position, _plain(before), _plain(after))


def _settings_of(unit: UnitServices) -> CameraSettingsAnswer:
    return CameraSettingsAnswer(unit.name, is_auto_capture_enabled(unit.runtime), lens_position_of(unit.runtime))


def _plain(settings: CameraSettingsAnswer) -> dict[str, object]:
    return {"auto_capture_enabled": settings.auto_capture_enabled, "lens_position": settings.lens_position}


@relayed(waits=True, timeout_s=10.0)
@post("/camera/live_view", status_code=200, opt=needs("cameras", tool="reversible"), sync_to_thread=True)
def start_live_view(unit: UnitPorts) -> LiveView:
    """Take a picture about every second while a person asks for them, for at most 4 min. Nothing is kept."""
    live_view.switch_on(unit.runtime)
    with suppress(ConflictError):  # it is on already: who looks second sees the same pictures
        unit.tasks.start("the live view", lambda: unit.perform(live_view.LIVE_VIEW, {}), lock="live view")
    return _live_view(unit)


@relayed(waits=True, timeout_s=10.0)
@get("/camera/live_view", sync_to_thread=True)
def newest_of_live_view(unit: UnitPorts) -> LiveView:
    """Return which picture of the live view is the newest. Unless a person asks within 15 s, the live view ends."""
    return _live_view(unit)


@relayed(waits=True, timeout_s=10.0)
@delete("/camera/live_view", status_code=200, opt=needs("cameras", tool="reversible"), sync_to_thread=True)
def stop_live_view(unit: UnitPorts) -> LiveView:
    """End the live view, of all who look."""
    live_view.switch_off(unit.runtime)
    return _live_view(unit)


def _live_view(unit: UnitServices) -> LiveView:
    is_on, newest = live_view.look(unit.runtime)
    return LiveView(
        unit.name, is_on, newest.number, newest.captured_at, newest.sharpness, newest.problem, newest.remedy
    )


@relayed(waits=True, timeout_s=20.0)
@get("/camera/live_view.jpg", sync_to_thread=True, media_type="image/jpeg")
def live_view_picture(unit: UnitPorts) -> Response[bytes]:
    """Return the newest picture of the live view; 404 while it is off."""
    return _passing_picture(live_view.live_picture(unit.paths), "the live view is off, or has no picture yet")


def _passing_picture(file: Path, missing: str) -> Response[bytes]:
    """Return a picture that is replaced by the next one, and is not to be remembered."""
    try:
        picture = file.read_bytes()
    except OSError:
        raise NotFoundError(missing) from None
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@relayed(target="ever", waits=True, timeout_s=10.0)
@get("/camera/experiments/{experiment:str}/stills", sync_to_thread=True)
def stills(unit: UnitPorts, experiment: FromPath[str]) -> Stills:
    """Return the stills of an experiment, oldest first."""
    name = experiment_name(experiment)
    return Stills(unit.name, name, stills_of(unit.runtime).of_experiment(name))


@relayed(target="experiment", timeout_s=_CAPTURE_TIMEOUT_S)
@post(
    "/camera/experiments/{experiment:str}/stills",
    status_code=202,
    opt=needs("cameras", tool="reversible"),
    sync_to_thread=True,
)
def take_still(unit: UnitPorts, experiment: FromPath[str]) -> Accepted:
    """Take a still between OD readings. The result is its record; 409 if the unit is not assigned to the experiment."""
    name = experiment_name(experiment)
    _check_assigned(unit, name)

    def work() -> object:
        answer = unit.perform(CAPTURE_ACTION, {})
        still = msgspec.convert(answer["still"], CameraStill)
        _publish_latest(unit, still.experiment if still.experiment is not None else name)
        return still

    return unit.tasks.start("taking a still", work, lock="camera")


def _check_assigned(unit: UnitServices, experiment: str) -> None:
    assigned = unit.runtime.identity.experiment()
    if assigned != experiment:
        raise ConflictError(
            f"{unit.name} is assigned to {assigned}, not to {experiment}", remedy="Assign it to the experiment first."
        )


@delete("/camera/experiments/{experiment:str}/stills", status_code=200, sync_to_thread=True)
def delete_stills(unit: UnitPorts, experiment: FromPath[str]) -> DeletedStills:
    """Delete all stills of an experiment, pinned ones too."""
    name = experiment_name(experiment)
    store = stills_of(unit.runtime)
    found = store.of_experiment(name)
    for still in found:
        store.delete(still)
    _publish_latest(unit, name)
    return DeletedStills(unit.name, name, [still.image_id for still in found])


@relayed(target="ever", waits=True, timeout_s=20.0)
@get("/camera/experiments/{experiment:str}/stills/{image:str}", sync_to_thread=True, media_type="image/jpeg")
def still_image(unit: UnitPorts, experiment: FromPath[str], image: FromPath[str]) -> Response[bytes]:
    """Return a still as JPEG."""
    store = stills_of(unit.runtime)
    still = store.find(experiment_name(experiment), _id_of(image))
    return Response(store.read(still), media_type="image/jpeg", headers=_IMMUTABLE)


@relayed(target="ever", waits=True, timeout_s=10.0)
@delete("/camera/experiments/{experiment:str}/stills/{image:str}", status_code=200, sync_to_thread=True)
def delete_still(unit: UnitPorts, experiment: FromPath[str], image: FromPath[str]) -> CameraStill:
    """Delete a still and return what its record was."""
    store, name = stills_of(unit.runtime), experiment_name(experiment)
    still = store.find(name, _id_of(image))
    store.delete(still)
    _publish_latest(unit, name)
    return still


@relayed(target="ever", waits=True, timeout_s=10.0)
@patch("/camera/experiments/{experiment:str}/stills/{image:str}", sync_to_thread=True)
def change_still(
    unit: UnitPorts, experiment: FromPath[str], image: FromPath[str], data: JSONBody[ChangeStill]
) -> CameraStill:
    """Rename a still, or keep it from being deleted by retention; 409 when the new name is taken."""
    store, name, image_id = stills_of(unit.runtime), experiment_name(experiment), _id_of(image)
    if data.new_image_id is UNSET and data.pinned is UNSET:
        raise InvalidRequestError("one of `new_image_id` and `pinned` is required")
    still = store.find(name, image_id)
    if isinstance(data.new_image_id, str):
        still = store.rename(name, image_id, data.new_image_id)
    if isinstance(data.pinned, bool):
        still = store.pin(name, still.image_id, pinned=data.pinned)
    _publish_latest(unit, name)
    return still


@get("/camera/experiments/{experiment:str}/stills.zip", sync_to_thread=True, media_type="application/zip")
def zipped_stills(unit: UnitPorts, experiment: FromPath[str]) -> Stream:
    """Return an archive of all stills of an experiment, with a manifest; it is streamed."""
    name = experiment_name(experiment)
    store = stills_of(unit.runtime)
    return zip_stills(unit.name, name, store.of_experiment(name), store.read)


@relayed(waits=True, timeout_s=20.0)
@get("/camera/focus_sessions/{session_id:uuid}/preview.jpg", sync_to_thread=True, media_type="image/jpeg")
def focus_preview(unit: UnitPorts, session_id: FromPath[UUID]) -> Response[bytes]:
    """Return the newest picture of a session in which the camera is focused; 404 when there is none."""
    file = preview_file(unit.runtime.paths, str(session_id))
    return _passing_picture(file, f"there is no picture of the session {session_id}")


def _id_of(image: str) -> str:
    return still_name(image).removesuffix(".jpg")


def _publish_latest(unit: UnitServices, experiment: str) -> None:
    topic = topics.setting(unit.name, experiment, "camera", "latest_still")
    unit.publish(topic, stills_of(unit.runtime).latest(experiment), retain=True)


ROUTES = Router(
    "/",
    route_handlers=[
        *(camera_status, change_camera, stills, take_still, delete_stills),
        *(start_live_view, newest_of_live_view, stop_live_view, live_view_picture),
        *(still_image, delete_still, change_still, zipped_stills, focus_preview),
    ],
    tags=["cameras"],
    opt=needs("cameras"),
)
