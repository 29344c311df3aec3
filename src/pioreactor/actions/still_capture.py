"""Takes a still of the vial, lit between OD readings, and stores it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, Literal

import msgspec

from pioreactor.actions.led_intensity import led_state
from pioreactor.devices.ports import Lease
from pioreactor.exc import ActuatorInUseError, ConflictError, InvalidRequestError
from pioreactor.jobs.dodging import OD_READING_DURATION_S, SCHEDULE_CACHE, ODSchedule
from pioreactor.runtime.context import Runtime
from pioreactor.settings.sections import CameraSettings
from pioreactor.storage.still_retention import Retention
from pioreactor.storage.stills import AUTO_CAPTURE, CACHE, LENS_POSITION, SETTINGS_CACHE, StillStore
from pioreactor.structs.camera_still import CameraStill, CaptureReason, microsecond_timestamp, new_image_id
from pioreactor.types import LedChannel

OD_READING: Final = "od_reading"
AFTER_READING_S: Final = OD_READING_DURATION_S + 0.5
"""Time after the start of an OD reading at which it is certainly over."""
BEFORE_READING_S: Final = 1.0
"""The IR LED is left to OD reading from this time before a reading: a busy computer may switch it that much later."""
LEASE_TRIES: Final = 20
LEASE_RETRY_S: Final = 0.5
WANTED_S: Final = 2.5
"""Time that a picture usually takes; with less than that before the next reading, the one after it is waited for."""
LED_SETTLES_S: Final = 0.2
CAPTURE_LEASE: Final = "camera"
CAPTURE_ACTION: Final = "camera_snapshot"
"""Name under which a web server has a still taken, in a process of its own."""

Sleep = Callable[[float], None]


def stills_of(runtime: Runtime) -> StillStore:
    """Return the stored stills of this unit."""
    return StillStore(runtime.paths.camera_stills, runtime.stores.persistent(CACHE))


def is_auto_capture_enabled(runtime: Runtime) -> bool:
    """Return whether stills are taken by schedule; True until a person has switched it off."""
    return bool(runtime.stores.persistent(SETTINGS_CACHE).get(AUTO_CAPTURE, 1))


def lens_position_of(runtime: Runtime) -> float | None:
    """Return where a person has moved the camera's lens to, in units of its range; None leaves that to the camera."""
    stored = runtime.stores.persistent(SETTINGS_CACHE).get(LENS_POSITION)
    return float(stored) if isinstance(stored, int | float) else None


def move_lens(runtime: Runtime, position: float | None) -> None:
    """Take all pictures from now on with the lens at a position; None leaves that to the camera again.

    Raise `InvalidRequestError` for a position out of range, or a lens that no motor moves.
    """
    settings = runtime.stores.persistent(SETTINGS_CACHE)
    if position is None:
        settings.pop(LENS_POSITION)
        return
    lens = runtime.open_camera().lens()
    if lens is None:
        raise InvalidRequestError(
            "no motor moves the lens of this camera, or it does not answer",
            remedy="Turn the lens by hand: pio calibrations run --device camera shows how sharp the picture is.",
        )
    lens.check(position)
    settings.set(LENS_POSITION, position)


def retention_of(settings: CameraSettings) -> Retention:
    return Retention(
        max_per_experiment=settings.max_stills_per_experiment,
        max_age=timedelta(days=settings.max_days) if settings.max_days > 0 else None,
        max_bytes=round(settings.max_mb * 1e6),
        min_free_bytes=round(settings.keep_free_mb * 1e6),
    )


def take_still(
    runtime: Runtime,
    *,
    owner: str,
    experiment: str,
    reason: CaptureReason,
    sleep: Sleep,
    image_id: str | None = None,
) -> CameraStill:
    """Take a still, store it, and delete what retention leaves no room for.

    `sleep` waits and raises `StoppedError` when the caller must stop. Raise `ConflictError` while another still is
    being taken, `StorageError` when the disk is almost full, `HardwareError` or `HardwareNotFoundError` when there is
    no picture.
    """
    store, retention = stills_of(runtime), retention_of(runtime.settings.camera)
    with capture_lease(runtime, owner, sleep):
        if image_id is not None and store.has(image_id):
            raise ConflictError(f"there is a still {image_id} already", remedy="Choose another name.")
        store.check_space(retention, reason)
        picture = capture_lit(runtime, owner=owner, sleep=sleep)
        now = runtime.clock.now()
        suffix = f"{hash_of(picture):08x}"
        still = CameraStill(
            experiment=experiment,
            captured_at=microsecond_timestamp(now),
            image_id=image_id if image_id is not None else new_image_id(now, suffix),
            capture_reason=reason,
        )
        store.add(still, picture)
        store.enforce(retention, now)
    return still


def hash_of(picture: bytes) -> int:
    """Return 32 bits that differ between pictures."""
    from zlib import crc32

    return crc32(picture)


@contextmanager
def capture_lease(runtime: Runtime, owner: str, sleep: Sleep) -> Iterator[None]:
    """Own the camera for a block, and wait while another process takes a picture.

    Raise `ConflictError` when that takes longer than 10 s.
    """
    lease = _wait_for_camera(runtime, owner, sleep)
    try:
        yield
    finally:
        lease.release()


def _wait_for_camera(runtime: Runtime, owner: str, sleep: Sleep) -> Lease:
    for _ in range(LEASE_TRIES):
        try:
            return runtime.ownership.acquire(CAPTURE_LEASE, owner)
        except ActuatorInUseError:
            sleep(LEASE_RETRY_S)
    holder = runtime.ownership.holder(CAPTURE_LEASE)
    raise ConflictError(f"the camera is in use by {holder}", remedy="Try again in a moment.")


def capture_lit(runtime: Runtime, *, owner: str, sleep: Sleep) -> bytes:
    """Take a picture between two OD readings, with the IR LED on if it is configured and free. Return the JPEG."""
    camera, settings, position = runtime.open_camera(), runtime.settings.camera, lens_position_of(runtime)
    if position is not None:
        camera = camera.with_lens(position)
    channel = runtime.settings.led_channel_of.get("IR") if settings.use_ir_led else None
    wait_for_gap(runtime, sleep)
    if channel is None or settings.ir_led_intensity <= 0:
        return camera.capture()
    with ir_light(runtime, channel, settings.ir_led_intensity, owner=owner) as is_lit:
        if is_lit:
            sleep(LED_SETTLES_S)
        return camera.capture()


def wait_for_gap(runtime: Runtime, sleep: Sleep) -> None:
    """Wait until an OD reading is over and the next is not due; return at once while OD is not read."""
    schedule = _schedule(runtime)
    if schedule is None:
        return
    to_next_s = schedule.seconds_to_next(runtime.clock.monotonic())
    since_s = schedule.interval_s - to_next_s
    gap_s = schedule.interval_s - AFTER_READING_S
    if since_s < AFTER_READING_S:
        sleep(AFTER_READING_S - since_s)
    elif to_next_s < min(WANTED_S, gap_s - 0.1):
        sleep(to_next_s + AFTER_READING_S)


@contextmanager
def ir_light(runtime: Runtime, channel: LedChannel, percent: float, *, owner: str) -> Iterator[bool]:
    """Light the IR LED for a block; gives whether it is lit.

    While OD is read, the LED belongs to OD reading: it is borrowed between two readings and given back before the
    next. A reading that begins all the same switches the LED as it needs it, and off at its end. What is on record
    stays: should this process be killed, the output guard or the next reading puts the LED back to it.
    """
    lease = _free_led(runtime, channel, owner)
    if lease is None and _time_around(runtime) != "between":
        yield False
        return
    leds = runtime.open_rig().leds()
    try:
        leds.set_intensity(channel, percent)
        yield True
    finally:
        if lease is None:
            lease = _free_led(runtime, channel, owner)  # OD reading may have ended meanwhile
        try:
            if lease is not None or _time_around(runtime) == "between":
                leds.set_intensity(channel, led_state(runtime)[channel])
        finally:
            if lease is not None:
                lease.release()


def _free_led(runtime: Runtime, channel: LedChannel, owner: str) -> Lease | None:
    try:
        return runtime.ownership.acquire(f"led-{channel}", owner)
    except ActuatorInUseError:
        return None


def _time_around(runtime: Runtime) -> Literal["between", "reading"]:
    """Return whether an OD reading is due or under way. Without a schedule the owner of the LED may use it anytime."""
    schedule = _schedule(runtime)
    if schedule is None:
        return "reading"
    to_next_s = schedule.seconds_to_next(runtime.clock.monotonic())
    is_over = schedule.interval_s - to_next_s >= AFTER_READING_S - 0.01
    return "between" if is_over and to_next_s > BEFORE_READING_S else "reading"


def _schedule(runtime: Runtime) -> ODSchedule | None:
    """Return the schedule of OD readings; None while no OD is read."""
    stored = runtime.stores.volatile(SCHEDULE_CACHE).get("schedule")
    if not isinstance(stored, str | bytes) or not runtime.stores.jobs().running(job_name=OD_READING):
        return None
    return msgspec.json.decode(stored, type=ODSchedule)
