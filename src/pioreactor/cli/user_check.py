"""Checks on the calling user."""

from __future__ import annotations

import os
from pathlib import Path

from pioreactor.exc import PioreactorError


def refuse_wrong_user(data: Path) -> None:
    """Raise `PioreactorError` for root where another user owns the data: its files would be unreadable for jobs."""
    if os.geteuid() == 0 and data.exists() and (owner := data.stat().st_uid) != 0:
        raise PioreactorError(
            "pio must not run as root here: the data belongs to another user",
            remedy=f"Run it as their owner: sudo -u '#{owner}' pio …",
        )
