"""A process that must run as long as its supervisor: restarted when it ends, killed when its watchdog times out."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pioreactor.processes.launch import launch
from pioreactor.processes.watchdog import WatchdogListener

STABLE_AFTER_S = 10.0
"""A service that ends sooner has failed to start; the delay before the next start then grows."""
RESTART_DELAY_S = 1.0
LOG_TAIL_BYTES = 600


@dataclass
class Service:
    """One supervised process. Its output is in `log_path`."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    ended_at: float | None = None
    failed_starts: int = 0
    """Starts in a row after which it ended within `STABLE_AFTER_S`."""
    max_restart_delay_s: float = 30.0
    watchdog: WatchdogListener | None = None
    """Where the process reports that it is alive, if it does."""

    def start(self) -> None:
        """Start the process. Its log begins anew unless it failed to start before."""
        self.started_at = time.monotonic()
        environment = dict(self.environment)
        if self.watchdog is not None:
            self.watchdog.reset()
            environment["NOTIFY_SOCKET"] = str(self.watchdog.path)
        with self._open_log() as log:
            self.process = launch(self.argv, environment, stdout=log, stderr=subprocess.STDOUT)

    def _open_log(self) -> IO[bytes]:
        """Return the log; the null device where it cannot be opened, as on a full disk: the process matters more."""
        try:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            return self.log_path.open("ab" if self.failed_starts else "wb")
        except OSError:
            return Path(os.devnull).open("wb")

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def restart_if_ended(self) -> bool:
        """Restart the process after its delay if it has ended or hangs; return True the first time its end is seen."""
        if self.is_running and not self._kill_if_overdue():
            return False
        now = time.monotonic()
        is_new = self.ended_at is None
        if self.ended_at is None:
            self.ended_at = now
            self.failed_starts = self.failed_starts + 1 if now - self.started_at < STABLE_AFTER_S else 0
        # Without delay after a stable run: outputs may be waiting for their guard.
        delay_s = min(self.max_restart_delay_s, RESTART_DELAY_S * (2**self.failed_starts - 1))
        if now - self.ended_at >= delay_s:
            self.ended_at = None
            self.start()
        return is_new

    def log_tail(self) -> str:
        """Return the end of the process's output."""
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL_BYTES:].strip()
        except OSError:
            return ""

    def _kill_if_overdue(self) -> bool:
        if self.process is None or self.watchdog is None or not self.watchdog.is_overdue():
            return False
        self.process.kill()
        self.process.wait()
        return True
