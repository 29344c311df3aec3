"""Launching of processes that outlive or accompany the caller, with their environment and output."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

INHERITED: Final = (
    *("HOSTNAME", "HARDWARE", "FIRMWARE", "HAT_PRESENT", "ACTIVE", "TESTING", "DEBUG", "SKIP_PLUGINS"),
    *("DOT_PIOREACTOR", "RUN_PIOREACTOR", "GLOBAL_CONFIG", "LOCAL_CONFIG", "PLUGINS_DEV", "PIO_LOG_FILE"),
    *("MODEL_NAME", "MODEL_VERSION", "PIO_EXPORTS_DIR", "PIOREACTOR_USB_MOUNT_ROOT", "TMPDIR", "SQLITE_TMPDIR"),
    *("PIOREACTOR_CLOCK_SPEED", "PIOREACTOR_CLOCK_ORIGIN", "LG_WD", "PATH", "HOME", "LANG", "TZ", "PYTHONPATH"),
)
"""Variables of the web server's environment that its jobs inherit."""


def module_argv(module: str, *arguments: str) -> list[str]:
    """Return the argv that runs a module under this interpreter.

    `-P` keeps the working directory out of the module search path: a file `http.py` in it would replace the standard
    library's.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def pio_argv(*arguments: str) -> list[str]:
    """Return the argv of a `pio` command under this interpreter."""
    return module_argv("pioreactor.cli.main", *arguments)


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of an environment that jobs inherit (`INHERITED`)."""
    return {name: environment[name] for name in INHERITED if name in environment}


def launch(
    argv: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that Ctrl-C in the caller's terminal does not reach it.

    Without `environment` the caller's is inherited. Raise `OSError` or `ValueError` when it cannot be started.
    """
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=None if environment is None else dict(environment),
        start_new_session=True,
    )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a `pio` command failed, taken from its output."""

    message: str
    remedy: str | None = None


def failure_of(output: bytes, exit_code: int) -> Failure:
    """Return the last `Error:` line of a failed command, else its last line, else how it ended; and its `Try:` line."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    message, remedy = _last_after("Error: ", lines), _last_after("Try: ", lines)
    if message is None:
        other = [line for line in lines if line and not line.startswith("Try: ")]
        message = other[-1] if other else _how_it_ended(exit_code)
    return Failure(message, remedy)


def _last_after(prefix: str, lines: Sequence[str]) -> str | None:
    return next((line.removeprefix(prefix) for line in reversed(lines) if line.startswith(prefix)), None)


def _how_it_ended(exit_code: int) -> str:
    return f"killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
