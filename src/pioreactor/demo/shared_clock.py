"""The clock that all processes of a demo cluster share."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from pioreactor.private_files import write_atomically

RESERVE_S = 10.0
"""Real time by which the time kept while a cluster runs is ahead: after a power cut it continues later than any
record, although it is kept only now and then."""


class SharedClock:
    """Time that may run faster than real time, and does not run backwards from one start of a cluster to the next."""

    def __init__(self, file: Path, *, speed: float) -> None:
        """`file` keeps the Unix time [s] that was reached."""
        self._file = file
        self._speed = speed
        now, reached = time.time(), self._read()
        self._origin = (max(now, reached), time.monotonic())
        self._kept = 0.0
        """Unix time [s] that the file holds."""
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

    def save_ahead(self) -> None:
        """Keep a time that the running cluster reaches only after some seconds; call it twice a second.

        The file is written when less than half of the reserve is left.
        """
        reserve = RESERVE_S * self._speed
        ahead = 0.0 if self.is_system_clock else reserve
        if self._kept - self._reached() < ahead - reserve / 2:
            self._keep(ahead)

    def save(self) -> None:
        """Keep the time that the cluster has reached when it stops."""
        self._keep(0.0)

    def _keep(self, ahead_s: float) -> None:
        kept = self._reached() + ahead_s
        # A full disk must not end the cluster or keep it from stopping: the time kept last stands.
        with contextlib.suppress(OSError):
            write_atomically(self._file, f"{kept:.3f}\n")
            self._kept = kept

    def _reached(self) -> float:
        return self._origin[0] + (time.monotonic() - self._origin[1]) * self._speed

    def _read(self) -> float:
        try:
            return float(self._file.read_text())
        except (OSError, ValueError):
            return 0.0
