"""Port of a camera."""

from pathlib import Path
from typing import Protocol

import msgspec

from pioreactor.exc import InvalidRequestError


class LensRange(msgspec.Struct, frozen=True):
    """Positions of a lens that a motor moves, in `unit`: dioptres (`dpt`), or steps of the camera's own."""

    min: float
    max: float
    step: float
    unit: str

    def check(self, position: float) -> None:
        """Raise `InvalidRequestError` for a position [`unit`] out of the range."""
        if not self.min <= position <= self.max:
            raise InvalidRequestError(
                f"the lens moves from {self.min:g} to {self.max:g} {self.unit}, not to {position:g}"
            )


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

    def lens(self) -> LensRange | None:
        """Return where the lens can be moved to; None where no motor moves it, or that cannot be found out."""
        ...

    def with_lens(self, position: float) -> "Camera":
        """Return the same camera, whose lens is moved to a position of its range before each picture."""
        ...

    def with_options(self, file: Path) -> "Camera":
        """Return the same camera with the options in a file.

        Raise `InvalidRequestError` where the program that takes the picture reads no such file.
        """
        ...
