"""Port of a camera."""

from pathlib import Path
from typing import Protocol


class Camera(Protocol):
    """A camera that takes one JPEG at a time. It has no light of its own."""

    @property
    def program(self) -> str | None:
        """Return what takes the picture; None when nothing that could is installed."""
        ...

    def is_detected(self) -> bool | None:
        """Return whether the configured camera answers; None when that cannot be found out."""
        ...

    def capture(self) -> bytes:
        """Take a picture and return a complete JPEG.

        Raise `HardwareNotFoundError` without a camera or a program for it, `HardwareError` for a failure or a picture
        that is cut short.
        """
        ...

    def with_options(self, file: Path) -> "Camera":
        """Return the same camera with the options in a file.

        Raise `InvalidRequestError` where the program that takes the picture reads no such file.
        """
        ...
