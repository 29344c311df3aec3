"""What every camera promises, whatever takes the picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pioreactor.devices.cameras.ports import Camera, LensRange
from pioreactor.devices.cameras.programs import RPICAM_LENS, RpicamCamera, V4l2Camera
from pioreactor.exc import HardwareError, HardwareNotFoundError, InvalidRequestError
from pioreactor.procedures.camera_focus import sharpness_of
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import find_scenario
from pioreactor.twin.vial_camera import SimulatedCamera, VialView, draw
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World

JPEG = b"\\377\\330\\377\\340picture\\377\\331"
GOOD = f"printf '{JPEG.decode()}'"
LISTING = 'if [ "$1" = --list-cameras ]; then echo "Available cameras"; echo "0 : imx219 [3280x2464 10-bit]"; exit; fi'
PROGRAMS = ("rpicam-still", "libcamera-still", "fswebcam", "ffmpeg", "v4l2-ctl")

Make = Callable[..., Camera]


def install(folder: Path, program: str, script: str) -> Callable[[str], str | None]:
    """Install a program that behaves like the real one; return how it is found."""
    file = folder / program
    file.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/argv\n{LISTING}\n{script}\n')
    file.chmod(0o755)
    found: Mapping[str, str] = {program: str(file)}
    return found.get


@pytest.fixture
def make(tmp_path: Path) -> Make:
    (tmp_path / "video0").touch()

    def build(program: str, script: str = GOOD, *, timeout_s: float = 10.0) -> Camera:
        find = install(tmp_path, program, script)
        if "cam" in program and not program.startswith("fs"):
            return RpicamCamera(0, find=find, timeout_s=timeout_s)
        return V4l2Camera(tmp_path / "video0", find=find, timeout_s=timeout_s)

    return build


def a_world(scenario: str = "standard") -> World:
    return World(find_scenario(scenario), wiring("1.2", "pioreactor_20ml", "1.5"), seed=1, now_s=lambda: 0.0)


def promises(camera: Camera) -> bytes:
    assert camera.program
    assert camera.is_detected() is True
    lens = camera.lens()
    moved = camera if lens is None else camera.with_lens((lens.min + lens.max) / 2.0)
    picture = moved.capture()
    assert picture.startswith(b"\xff\xd8\xff")
    assert picture.endswith(b"\xff\xd9")
    return picture


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_camera_behind_a_program_keeps_the_contract(make: Make, program: str) -> None:
    promises(make(program))


def test_a_simulated_camera_keeps_the_contract(tmp_path: Path) -> None:
    camera = SimulatedCamera(a_world())
    assert len(promises(camera)) < 60_000
    with pytest.raises(InvalidRequestError, match="no options"):
        camera.with_options(tmp_path / "some.conf")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'ERROR: no cameras available' >&2; exit 255", "failed with status 255: ERROR: no cameras available"),
        ("exit 0", "no picture"),
        ("printf 'not a picture'", "no JPEG"),
        ("printf '\\377\\330\\377half'", "cut short"),
    ],
)
@pytest.mark.parametrize("program", ["rpicam-still", "ffmpeg"])
def test_a_failure_is_an_error_with_its_reason(make: Make, program: str, script: str, reason: str) -> None:
    with pytest.raises(HardwareError, match=reason):
        make(program, script).capture()


def test_a_program_that_hangs_is_killed_with_its_children(make: Make, tmp_path: Path) -> None:
    camera = make("rpicam-still", f"(sleep 2; touch {tmp_path}/survived) & sleep 60", timeout_s=0.2)
    with pytest.raises(HardwareError, match=r"did not finish within 0\.2 s"):
        camera.capture()
    from subprocess import run

    assert b"survived" not in run(["ps", "-eo", "args"], capture_output=True, check=True).stdout


def test_without_a_program_or_a_camera_there_is_a_remedy(make: Make, tmp_path: Path) -> None:
    nothing = RpicamCamera(0, find=lambda _: None)
    assert nothing.program is None
    assert nothing.is_detected() is None
    with pytest.raises(HardwareNotFoundError) as missing:
        nothing.capture()
    assert missing.value.remedy == "sudo apt install rpicam-apps"
    assert RpicamCamera(3, find=install(tmp_path, "rpicam-still", GOOD)).is_detected() is False
    unplugged = V4l2Camera(tmp_path / "video9", find=install(tmp_path, "fswebcam", GOOD))
    assert unplugged.is_detected() is False
    with pytest.raises(HardwareNotFoundError, match="video9"):
        unplugged.capture()


def test_options_reach_rpicam_and_only_rpicam(make: Make, tmp_path: Path) -> None:
    options = tmp_path / "viewing.conf"
    options.write_text("width=640\n")
    make("rpicam-still").with_options(options).capture()
    argv = (tmp_path / "argv").read_text().splitlines()
    assert argv[argv.index("--config") + 1] == str(options)
    with pytest.raises(InvalidRequestError, match="only rpicam"):
        make("fswebcam").with_options(options)


def test_the_lens_is_moved_where_a_motor_moves_it(make: Make, tmp_path: Path) -> None:
    assert make("rpicam-still").lens() is None  # an imx219 is focused by hand
    focusing = install(tmp_path, "rpicam-still", GOOD)
    script = tmp_path / "rpicam-still"
    script.write_text(script.read_text().replace("imx219", "imx708_wide"))
    camera = RpicamCamera(0, options_file=tmp_path / "none.conf", find=focusing)
    lens = camera.lens()
    assert (lens, RpicamCamera(1, find=focusing).lens()) == (RPICAM_LENS, None)
    camera.with_lens(8.5).capture()
    argv = (tmp_path / "argv").read_text().splitlines()
    assert argv[argv.index("--lens-position") + 1] == "8.5"
    with pytest.raises(InvalidRequestError, match="from 0 to 32 dpt, not to 40"):
        RPICAM_LENS.check(40.0)


def test_a_usb_camera_is_focused_by_its_control(make: Make, tmp_path: Path) -> None:
    controls = (
        "focus_absolute 0x009a090a (int) : min=0 max=250 step=5 default=0 value=30\n"
        "focus_automatic_continuous 0x009a090c (bool) : default=1 value=1\n"
    )
    listed = (
        f"case $* in *--list-ctrls*) printf '{controls}'; exit;; *--set-ctrl*) echo $* > {tmp_path}/set; exit;; esac"
    )
    camera = make("v4l2-ctl", f"{listed}\n{GOOD}")
    assert camera.lens() == LensRange(0.0, 250.0, 5.0, "steps")
    promises(camera)
    moved = (tmp_path / "set").read_text()
    assert "--set-ctrl=focus_automatic_continuous=0 --set-ctrl=focus_absolute=125" in moved
    fixed = make("fswebcam")
    assert fixed.lens() is None
    with pytest.raises(HardwareNotFoundError, match="v4l2-ctl"):
        fixed.with_lens(1.0).capture()


# ---- what the simulated camera shows -----------------------------------------------------------------------


def brightness(view: VialView, box: tuple[int, int, int, int]) -> float:
    from PIL import Image, ImageStat

    with Image.open(io.BytesIO(draw(view))) as picture:
        return float(ImageStat.Stat(picture.convert("L").crop(box)).mean[0])


CLEAR = VialView(
    turbidity=0.0, volume_ml=14.0, efflux_ml=14.0, rpm=500.0, foam_mm=0.0, bubbles=0.0, leds={"IR": 0.25}, tick=1
)
IN_LIQUID, ABOVE = (170, 440, 310, 500), (170, 290, 310, 350)
EMPTY = (170, 170, 230, 210)


def test_turbidity_level_foam_and_light_show_in_the_picture() -> None:
    from dataclasses import replace

    dense, dark = replace(CLEAR, turbidity=3.0), replace(CLEAR, leds={})
    assert brightness(dense, IN_LIQUID) > brightness(CLEAR, IN_LIQUID) + 15
    assert brightness(dark, IN_LIQUID) < 0.7 * brightness(CLEAR, IN_LIQUID)
    assert abs(brightness(replace(dense, volume_ml=20.0), ABOVE) - brightness(dense, ABOVE)) > 10
    assert abs(brightness(replace(dense, foam_mm=12.0), ABOVE) - brightness(dense, ABOVE)) > 10
    assert abs(brightness(dense, EMPTY) - brightness(CLEAR, EMPTY)) < 5


def test_the_picture_of_a_simulated_camera_blurs_as_its_lens_leaves_the_focus() -> None:
    world = a_world()
    camera, found = SimulatedCamera(world), []
    for turns in (0.0, 0.2, 0.5, -0.5):
        world.lens_turns = turns
        found.append(sharpness_of(camera.capture()))
    sharp, slight, blurred, other_side = (score for score in found if score is not None)
    assert sharp > 1.5 * slight > 2.0 * blurred
    assert other_side == pytest.approx(blurred, rel=0.2)
    assert sharpness_of(b"no picture") is None


def test_foam_is_a_fault_that_a_scenario_can_have() -> None:
    world = a_world()
    before = world.foam_mm()
    world.inject(Fault(kind="foam", value=9.0))
    assert world.foam_mm() == pytest.approx(before + 9.0)
