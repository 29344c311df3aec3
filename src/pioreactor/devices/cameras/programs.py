"""Cameras behind a program that writes one JPEG to its standard output."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from pioreactor.devices.cameras.ports import LensRange
from pioreactor.exc import HardwareError, HardwareNotFoundError, InvalidRequestError

if TYPE_CHECKING:
    import subprocess

    from pioreactor.devices.cameras.ports import Camera

CAPTURE_TIMEOUT_S: Final = 20.0
LISTING_TIMEOUT_S: Final = 10.0
MAX_STILL_BYTES: Final = 32 * 1024 * 1024
MAX_MESSAGE_BYTES: Final = 64 * 1024
_FIRST: Final = b"\xff\xd8\xff"
_LAST: Final = b"\xff\xd9"
EXPOSURE_MS: Final = 1000
SKIPPED_FRAMES: Final = 10
"""Frames of a V4L2 camera that are dropped while it adjusts its exposure."""

FOCUSING_SENSORS: Final = ("imx708", "imx519", "ov64a40", "arducam_64mp")
"""Sensors of cameras for the Raspberry Pi's connector whose lens is moved by a motor."""
RPICAM_LENS: Final = LensRange(0.0, 32.0, 0.1, "dpt")
"""0 is infinity; the Camera Module 3 is sharp at 10 cm at 10."""
_FOCUS_CONTROL: Final = re.compile(r"^\s*focus_absolute\b.*?min=(-?\d+) max=(-?\d+) step=(\d+)", re.MULTILINE)
_AUTOFOCUS_CONTROL: Final = re.compile(r"^\s*(focus_automatic_continuous|focus_auto)\b", re.MULTILINE)

Find = Callable[[str], str | None]


class RpicamCamera:
    """A camera on the Raspberry Pi's camera connector, by `rpicam-still` or its former name `libcamera-still`."""

    PROGRAMS: Final = ("rpicam-still", "rpicam-jpeg", "libcamera-still", "libcamera-jpeg")

    def __init__(
        self,
        index: int,
        *,
        options_file: Path | None = None,
        lens_position: float | None = None,
        find: Find = shutil.which,
        timeout_s: float = CAPTURE_TIMEOUT_S,
    ) -> None:
        """`options_file` has options of the program, one `name=value` per line; it may be absent.

        `lens_position` [dpt] wins over that file; None leaves the lens to it.
        """
        self._index = index
        self._options_file = options_file
        self._lens_position = lens_position
        self._listing: list[str] | None = None
        self._find = find
        self._timeout_s = timeout_s

    @property
    def program(self) -> str | None:
        return next((name for name in self.PROGRAMS if self._find(name) is not None), None)

    def is_detected(self) -> bool | None:
        """Return whether the program lists the configured camera; None without the program or its answer."""
        lines = self._listed()
        return None if lines is None else any(line.startswith(f"{self._index} :") for line in lines)

    def lens(self) -> LensRange | None:
        lines = self._listed()
        named = [line for line in lines if line.startswith(f"{self._index} :")] if lines is not None else []
        return RPICAM_LENS if any(sensor in line for line in named for sensor in FOCUSING_SENSORS) else None

    def _listed(self) -> list[str] | None:
        """Return the lines of the list of cameras, asked for once; None without the program or its answer."""
        name = self.program
        if self._listing is None and name is not None:
            listed = _answer_of([str(self._find(name)), "--list-cameras"])
            self._listing = None if listed is None else [line.strip() for line in listed.splitlines()]
        return self._listing

    def capture(self) -> bytes:
        name = _required(self.program, "rpicam-still", package="rpicam-apps")
        argv = [str(self._find(name)), "--camera", str(self._index), "--nopreview"]
        if self._options_file is not None and self._options_file.is_file():
            argv += ["--config", str(self._options_file)]
        if self._lens_position is not None:
            argv += ["--autofocus-mode", "manual", "--lens-position", f"{self._lens_position:g}"]
        return checked_jpeg(
            run_program([*argv, "--timeout", str(EXPOSURE_MS), "--output", "-"], timeout_s=self._timeout_s), name
        )

    def with_options(self, file: Path) -> RpicamCamera:
        return self._copy(file, self._lens_position)

    def with_lens(self, position: float) -> RpicamCamera:
        return self._copy(self._options_file, position)

    def _copy(self, options_file: Path | None, lens_position: float | None) -> RpicamCamera:
        return RpicamCamera(
            self._index,
            options_file=options_file,
            lens_position=lens_position,
            find=self._find,
            timeout_s=self._timeout_s,
        )


class V4l2Camera:
    """A USB camera, by whichever of `fswebcam`, `ffmpeg` and `v4l2-ctl` is installed."""

    PROGRAMS: Final = ("fswebcam", "ffmpeg", "v4l2-ctl")

    def __init__(
        self,
        device: Path,
        *,
        lens_position: float | None = None,
        find: Find = shutil.which,
        timeout_s: float = CAPTURE_TIMEOUT_S,
    ) -> None:
        """`lens_position` is in steps of the camera's control `focus_absolute`; None leaves the lens alone."""
        self._device = device
        self._lens_position = lens_position
        self._find = find
        self._timeout_s = timeout_s

    @property
    def program(self) -> str | None:
        return next((name for name in self.PROGRAMS if self._find(name) is not None), None)

    def is_detected(self) -> bool | None:
        return self._device.exists()

    def capture(self) -> bytes:
        name = _required(self.program, "fswebcam", package="fswebcam")
        if not self._device.exists():
            raise HardwareNotFoundError(
                f"there is no camera at {self._device}",
                remedy="Plug the camera in, or set [camera] device_path; v4l2-ctl --list-devices shows the devices.",
            )
        if self._lens_position is not None:
            self._move_lens(self._lens_position)
        argv = [str(self._find(name)), *_v4l2_options(name, str(self._device))]
        return checked_jpeg(run_program(argv, timeout_s=self._timeout_s), name)

    def lens(self) -> LensRange | None:
        found = _FOCUS_CONTROL.search(self._controls())
        if found is None:
            return None
        least, most, step = (float(number) for number in found.groups())
        return LensRange(least, most, step, "steps")

    def with_lens(self, position: float) -> V4l2Camera:
        return V4l2Camera(self._device, lens_position=position, find=self._find, timeout_s=self._timeout_s)

    def with_options(self, file: Path) -> Camera:
        raise no_options(file)

    def _controls(self) -> str:
        """Return the list of the camera's controls, empty where it cannot be read."""
        program = self._find("v4l2-ctl")
        listed = None if program is None else _answer_of([program, f"--device={self._device}", "--list-ctrls"])
        return "" if listed is None else listed

    def _move_lens(self, position: float) -> None:
        program = self._find("v4l2-ctl")
        if program is None:
            raise HardwareNotFoundError(
                "the lens of a USB camera is moved by v4l2-ctl, which is not installed",
                remedy="sudo apt install v4l-utils",
            )
        autofocus = _AUTOFOCUS_CONTROL.search(self._controls())
        off = [] if autofocus is None else [f"--set-ctrl={autofocus[1]}=0"]
        moved = [f"--set-ctrl=focus_absolute={round(position)}"]
        run_program([program, f"--device={self._device}", *off, *moved], timeout_s=LISTING_TIMEOUT_S)


def no_options(file: Path) -> InvalidRequestError:
    """Return the refusal of a file of options by a camera that reads none."""
    return InvalidRequestError(f"{file.name} cannot be used: only rpicam cameras read a file of options")


def _v4l2_options(program: str, device: str) -> list[str]:
    skipped = str(SKIPPED_FRAMES)
    match program:
        case "fswebcam":
            return ["--quiet", "--device", device, "--no-banner", "--skip", skipped, "--jpeg", "90", "-"]
        case "ffmpeg":
            frame = f"select=gte(n\\,{skipped})"
            quiet = ["-hide_banner", "-loglevel", "error", "-nostdin"]
            return [*quiet, "-f", "v4l2", "-i", device, "-vf", frame, "-frames:v", "1", "-q:v", "3", "-f", "mjpeg", "-"]
        case _:
            stream = ["--stream-mmap", f"--stream-skip={skipped}", "--stream-count=1", "--stream-to=-"]
            return [f"--device={device}", "--set-fmt-video=pixelformat=MJPG", *stream]


def _required(program: str | None, example: str, *, package: str) -> str:
    if program is None:
        raise HardwareNotFoundError(
            f"no program for the camera is installed, such as {example}", remedy=f"sudo apt install {package}"
        )
    return program


def checked_jpeg(picture: bytes, source: str) -> bytes:
    """Return a JPEG; raise `HardwareError` when it is none, or is cut short."""
    body = picture.rstrip(b"\0")
    if not body.startswith(_FIRST) or not body.endswith(_LAST):
        what = "no picture" if not body else "a picture that is cut short" if body.startswith(_FIRST) else "no JPEG"
        raise HardwareError(f"{source} gave {what} ({len(picture)} bytes)", remedy="Check the cable of the camera.")
    return body


def _answer_of(argv: Sequence[str]) -> str | None:
    """Return what a program that lists something prints; None when it fails."""
    try:
        return run_program(argv, timeout_s=LISTING_TIMEOUT_S).decode("utf-8", "replace")
    except HardwareError:
        return None


def run_program(argv: Sequence[str], *, timeout_s: float) -> bytes:
    """Return what a program writes to its standard output.

    Raise `HardwareError` when it fails, takes too long (it and its children are killed) or writes too much.
    """
    import subprocess  # only a process that takes pictures pays for it
    import tempfile

    name = Path(argv[0]).name
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                list(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
            )
        except OSError as error:
            raise HardwareError(f"{name} could not be started: {error.strerror}") from error
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise HardwareError(
                f"{name} did not finish within {timeout_s:g} s",
                remedy="Check the camera's cable, then restart the unit.",
            ) from None
        finally:
            _end(process)
        if code != 0:
            raise HardwareError(f"{name} failed with status {code}: {_last_line(errors)}")
        if output.seek(0, 2) > MAX_STILL_BYTES:
            raise HardwareError(f"{name} wrote more than {MAX_STILL_BYTES // 1024**2} MiB")
        output.seek(0)
        return output.read()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that still runs, with its children, and collect it."""
    import os
    import signal
    from contextlib import suppress

    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read(MAX_MESSAGE_BYTES).decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else "no message"
