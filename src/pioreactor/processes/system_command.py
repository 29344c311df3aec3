"""Commands of the operating system that answer and end: systemctl, timedatectl, mount, openssl."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

_MAX_MESSAGE = 300


class SystemCommandError(Exception):
    """A command that could not be started, did not end in time, or refused. The message says which, or why."""

    def __init__(self, message: str, *, stderr: str | None = None, is_missing: bool = False) -> None:
        super().__init__(message)
        self.stderr = stderr
        """What the command wrote when it refused; None if it did not run to its end."""
        self.is_missing = is_missing


def run_system_command(command: Sequence[str], *, timeout_s: float) -> str:
    """Run a command to its end and return its output; raise `SystemCommandError` unless it succeeds."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError as error:
        raise SystemCommandError(f"{command[0]} is not installed", is_missing=True) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemCommandError(str(error)) from error
    if done.returncode != 0:
        text = done.stderr.strip()
        # The beginning says what was refused.
        shown = text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]} …"
        raise SystemCommandError(shown if shown else f"exit code {done.returncode}", stderr=text)
    return done.stdout
