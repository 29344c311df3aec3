"""The stills of a unit as a film, which ffmpeg makes where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pioreactor.exc import ConflictError, NotFoundError, StorageError
from pioreactor.private_files import complete_file
from pioreactor.processes.system_command import SystemCommandError, run_system_command

_TIMEOUT_S: Final = 3600.0
_EVEN: Final = "scale=trunc(iw/2)*2:trunc(ih/2)*2"
"""H.264 needs even numbers of pixels."""
MAX_STILLS_PER_S: Final = 60.0


def _run(command: Sequence[str]) -> str:
    return run_system_command(command, timeout_s=_TIMEOUT_S)


def make_film(
    target: Path,
    stills: Iterable[bytes],
    *,
    stills_per_s: float = 10.0,
    run: Callable[[Sequence[str]], str] = _run,
) -> int:
    """Write stills (JPEG, oldest first) to an MP4 file, which appears when it is complete; return how many.

    Raise `NotFoundError` without stills, `ConflictError` without ffmpeg, `StorageError` when it fails.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".film-", dir=target.parent) as folder, complete_file(target) as unfinished:
        count = 0
        for count, still in enumerate(stills, start=1):
            (Path(folder) / f"{count:06}.jpg").write_bytes(still)
        if count == 0:
            raise NotFoundError("there are no stills", remedy="Start the job `camera`, or take one.")
        frames = ("-framerate", f"{stills_per_s:g}", "-i", f"{folder}/%06d.jpg")
        video = ("-vf", _EVEN, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
        try:
            run(("ffmpeg", "-y", "-loglevel", "error", *frames, *video, "-f", "mp4", str(unfinished)))
        except SystemCommandError as error:
            if error.is_missing:
                raise ConflictError(
                    "ffmpeg, which makes films, is not installed", remedy="On the leader: sudo apt install ffmpeg."
                ) from error
            raise StorageError(f"the film was not made: {error}") from error
    return count
