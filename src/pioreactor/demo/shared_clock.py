"""The clock that all processes of a demo cluster share."""

from __future__ import annotations

import time
from pathlib import Path


class SharedClock:
    """Time that may run faster than real time, and does not run backwards from one start of a cluster to the next."""

    def __init__(self, file: Path, *, speed: float) -> None:
        """`file` keeps the Unix time [s] that was reached."""
        self._file = file
        self._speed = speed
        now, reached = time.time(), self._read()
        self._origin = (max(now, reached), time.monotonic())
        self._is_ahead = speed != 1.0 or reached > now

    @property
    def origin_monotonic_s(self) -> float:
        return self._origin[1]

    @property
    def is_system_clock(self) -> bool:
        """Whether processes can use the computer's own clock."""
        return not self._is_ahead

    def variables(self) -> dict[str, str]:
        """Return the environment variables that set this clock in a process."""
        if self.is_system_clock:
            return {}
        return {
            "PIOREACTOR_CLOCK_SPEED": repr(self._speed),
            "PIOREACTOR_CLOCK_ORIGIN": f"{self._origin[0]!r},{self._origin[1]!r}",
        }

    def save(self) -> None:
        """Write down the time reached by now."""
        reached = self._origin[0] + (time.monotonic() - self._origin[1]) * self._speed
        self._file.write_text(f"{reached:.3f}\n")

    def _read(self) -> float:
        try:
            return float(self._file.read_text())
        except (OSError, ValueError):
            return 0.0
