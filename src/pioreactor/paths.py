"""Where a unit keeps its files, under the names plugins import."""

from __future__ import annotations

import os
from pathlib import Path

from pioreactor.runtime.context import current

_VENV = "/opt/pioreactor/venv"


def get_dot_pioreactor_path() -> Path:
    """Return the folder of what survives a reboot: `DOT_PIOREACTOR`."""
    return current().paths.dot_pioreactor


def get_run_pioreactor_path() -> Path:
    """Return the folder of what does not survive a reboot: `RUN_PIOREACTOR`."""
    return current().paths.run_pioreactor


def get_pio_venv_path() -> Path:
    """Return the folder of the Python environment: `PIO_VENV`, `/opt/pioreactor/venv` unless set."""
    return Path(os.environ.get("PIO_VENV", "") or _VENV)
