"""Whom commands refuse."""

from __future__ import annotations

import os
from pathlib import Path

from pioreactor.exc import PioreactorError


def refuse_wrong_user(data: Path) -> None:
    """Refuse root where somebody else owns the data: files it makes would be closed to the unit's own jobs."""
    if os.geteuid() == 0 and data.exists() and (owner := data.stat().st_uid) != 0:
        raise PioreactorError(
            "pio does not run as root here: the data belong to another user",
            remedy=f"Run it as their owner: sudo -u '#{owner}' pio …",
        )
