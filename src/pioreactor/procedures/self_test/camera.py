"""Self-tests of the camera: a picture arrives, is exposed, is sharp, and is of now."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pioreactor.actions.still_capture import capture_lease, capture_lit, stills_of
from pioreactor.procedures.camera_focus import gray_of, sharpness
from pioreactor.procedures.self_test.failure import check
from pioreactor.procedures.self_test.fixture import SelfTestFixture
from pioreactor.procedures.self_test.registry import SelfTest

MIN_PICTURE_BYTES: Final = 1000
"""A JPEG below this has nothing in it."""
LEVELS: Final = (12.0, 243.0)
"""Mean gray level, of 255, beyond which a picture is black or white."""
SATURATED_LEVEL: Final = 250
SATURATED_SHARE: Final = 0.5
MIN_SHARPNESS: Final = 250
"""The simulated vial has 18,000 in focus, 1,800 half a turn of the lens away from it, and 175 a whole turn away."""
CLOCK_ERROR: Final = timedelta(seconds=5)
"""How far a still may be dated after now: clocks are corrected by less than that while they run."""


def test_camera_capture(fixture: SelfTestFixture) -> None:
    """The camera takes a picture."""
    picture = _picture(fixture)
    check(
        len(picture) >= MIN_PICTURE_BYTES,
        f"the picture has {len(picture)} bytes only",
        remedy="Check the cable of the camera, and that its lens is not covered.",
    )


def test_camera_exposure(fixture: SelfTestFixture) -> None:
    """The picture is neither black nor saturated."""
    pixels, _, _ = _gray(fixture)
    mean = sum(pixels) / len(pixels)
    saturated = sum(level >= SATURATED_LEVEL for level in pixels) / len(pixels)
    check(
        mean >= LEVELS[0],
        f"the picture is black (mean level {mean:.0f} of 255)",
        remedy="Take the cap off the lens, check the IR LED, and raise [camera] ir_led_intensity.",
    )
    check(
        mean <= LEVELS[1] and saturated <= SATURATED_SHARE,
        f"the picture is saturated (mean level {mean:.0f} of 255, {100 * saturated:.0f} % white)",
        remedy="Keep lamps and the sun away from the vial, or lower [camera] ir_led_intensity.",
    )


def test_camera_sharpness(fixture: SelfTestFixture) -> None:
    """The vial is in focus."""
    found = sharpness(*_gray(fixture))
    check(
        found >= MIN_SHARPNESS,
        f"the picture is blurred (sharpness {found}, at least {MIN_SHARPNESS} is expected)",
        remedy="Focus the camera: move its lens on the page Cameras, or pio calibrations run --device camera.",
    )


def test_camera_timestamp(fixture: SelfTestFixture) -> None:
    """The picture is a new one, and no still is dated after now."""
    check(
        _picture(fixture) != _picture(fixture),
        "two pictures are the same to the last bit: the camera repeats an old one",
        remedy="Unplug the camera and plug it in again, or restart the unit.",
    )
    now = fixture.runtime.clock.now()
    ahead = [still for still in stills_of(fixture.runtime).all() if still.time > now + CLOCK_ERROR]
    check(
        not ahead,
        f"{len(ahead)} stills are dated after now, {now:%Y-%m-%d %H:%M} UTC",
        remedy="Set the clock of the unit, on the page System or with pio clock set.",
    )


def _picture(fixture: SelfTestFixture) -> bytes:
    with capture_lease(fixture.runtime, fixture.action.owner, fixture.wait):
        return capture_lit(fixture.runtime, owner=fixture.action.owner, sleep=fixture.wait)


def _gray(fixture: SelfTestFixture) -> tuple[bytes, int, int]:
    """Return the levels of the pixels of a picture, its width and its height."""
    gray = gray_of(_picture(fixture))
    check(
        gray is not None,
        "the picture cannot be judged: Pillow is not installed, or cannot read it",
        remedy="pip install 'pioreactor[camera]'",
    )
    assert gray is not None
    return gray


TESTS: list[SelfTest] = [test_camera_capture, test_camera_exposure, test_camera_sharpness, test_camera_timestamp]
