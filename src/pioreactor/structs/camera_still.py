"""Stills of a unit's camera."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from pioreactor.structs.encoding import from_timestamp

CaptureReason = Literal["scheduled", "manual"]
IMAGE_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,150}")


class CameraStill(msgspec.Struct, frozen=True, kw_only=True):
    """Record of one JPEG; its file is `<image_id>.jpg`."""

    experiment: str | None
    captured_at: str
    """RFC 3339, UTC, with microseconds."""
    image_id: str
    capture_reason: CaptureReason = "scheduled"
    pinned: bool | msgspec.UnsetType = msgspec.UNSET
    """True once a person has decided to keep it; retention never deletes it then."""

    @property
    def is_kept(self) -> bool:
        """Whether only a person may delete it."""
        return self.capture_reason == "manual" or self.pinned is True

    @property
    def time(self) -> datetime:
        return from_timestamp(self.captured_at)


def is_image_id(text: str) -> bool:
    """Return whether a text can be the name of a still: no path, no hidden file, and no second `.jpg`."""
    return IMAGE_ID.fullmatch(text) is not None and not text.startswith(".") and not text.lower().endswith(".jpg")


def microsecond_timestamp(moment: datetime) -> str:
    """Return `2026-11-22T08:50:37.895000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_image_id(moment: datetime, suffix: str) -> str:
    """Return `20261122T085037.895000Z-<suffix>`."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{suffix}"
