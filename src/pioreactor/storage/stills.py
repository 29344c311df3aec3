"""Stills of a unit's camera: JPEG files, and the record of each in a cache that survives reboots."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, StorageError
from pioreactor.private_files import write_atomically
from pioreactor.storage.ports import KeyValues
from pioreactor.storage.still_retention import Retention, superfluous
from pioreactor.structs.camera_still import CameraStill, CaptureReason, is_image_id

CACHE: Final = "camera_stills"
SETTINGS_CACHE: Final = "camera_settings"
AUTO_CAPTURE: Final = "auto_capture_enabled"
LENS_POSITION: Final = "lens_position"
_MB: Final = 1_000_000
_MODE: Final = 0o664


class StillStore:
    """Stills of one unit. Several processes may use it: a capture is exclusive by its lease, records are atomic."""

    def __init__(self, folder: Path, records: KeyValues, *, free_bytes: Callable[[Path], int] | None = None) -> None:
        self._folder = folder
        self._records = records
        self._free_bytes = _free_bytes if free_bytes is None else free_bytes

    def all(self) -> list[CameraStill]:
        """Return the records of all stills, oldest first."""
        found = [_decoded(value) for _, value in self._records.items()]
        return sorted((still for still in found if still is not None), key=lambda still: still.captured_at)

    def of_experiment(self, experiment: str) -> list[CameraStill]:
        """Return the records of an experiment, oldest first."""
        return [still for still in self.all() if still.experiment == experiment]

    def latest(self, experiment: str) -> CameraStill | None:
        stills = self.of_experiment(experiment)
        return stills[-1] if stills else None

    def has(self, image_id: str) -> bool:
        """Return whether the name is taken, in whichever experiment."""
        return self._records.get(image_id) is not None

    def find(self, experiment: str, image_id: str) -> CameraStill:
        """Return the record of a still; raise `NotFoundError` when the experiment has none of that name."""
        still = _decoded(self._records.get(image_id)) if is_image_id(image_id) else None
        if still is None or still.experiment != experiment:
            raise NotFoundError(f"{experiment} has no still {image_id[:150]!r}")
        return still

    def read(self, still: CameraStill) -> bytes:
        """Return the JPEG; raise `NotFoundError` when its file is gone, `StorageError` when it cannot be read."""
        try:
            return self._file(still.image_id).read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"the file of still {still.image_id} is gone") from None
        except OSError as error:
            raise StorageError(f"the still {still.image_id} cannot be read: {error.strerror}") from error

    def size(self, still: CameraStill) -> int:
        """Return the bytes of a still, 0 when its file is gone."""
        try:
            return self._file(still.image_id).stat().st_size
        except OSError:
            return 0

    def check_space(self, retention: Retention, reason: CaptureReason) -> None:
        """Raise `StorageError` when the disk is almost full, or what people keep leaves a schedule no room."""
        self._make_folder()
        kept = sum(self.size(still) for still in self.all() if still.is_kept)
        if reason == "scheduled" and kept >= retention.max_bytes:
            raise StorageError(
                f"the stills that were taken by hand or pinned occupy {kept // _MB} MB, all that stills may",
                remedy="Delete or unpin some, or raise [camera] max_mb.",
            )
        free = self._free_bytes(self._folder)
        if free < retention.min_free_bytes:
            raise StorageError(
                f"only {free // _MB} MB of disk space are free, and stills are taken above "
                f"{retention.min_free_bytes // _MB} MB",
                remedy="Delete what is not needed, or lower [camera] keep_free_mb.",
            )

    def add(self, still: CameraStill, picture: bytes) -> None:
        """Store a still, the file first. Raise `ConflictError` when the name is taken, `StorageError` without space."""
        if not is_image_id(still.image_id):
            raise InvalidRequestError(f"{still.image_id[:150]!r} cannot be the name of a still", remedy=NAMING)
        self._make_folder()
        if self.has(still.image_id):
            raise ConflictError(f"there is a still {still.image_id} already")
        try:
            write_atomically(self._file(still.image_id), picture, mode=_MODE)
        except OSError as error:
            raise StorageError(f"the still could not be stored: {error.strerror}") from error
        self._records.set(still.image_id, msgspec.json.encode(still).decode())

    def rename(self, experiment: str, image_id: str, new_id: str) -> CameraStill:
        """Rename a still and return its record."""
        still = self.find(experiment, image_id)
        if not is_image_id(new_id):
            raise InvalidRequestError(f"{new_id[:150]!r} cannot be the name of a still", remedy=NAMING)
        if new_id == image_id:
            return still
        renamed = msgspec.structs.replace(still, image_id=new_id)
        if not self._records.set_if_absent(new_id, msgspec.json.encode(renamed).decode()):
            raise ConflictError(f"there is a still {new_id} already")
        try:
            self._file(image_id).rename(self._file(new_id))
        except OSError as error:
            self._records.pop(new_id)
            raise StorageError(f"the still could not be renamed: {error.strerror}") from error
        self._records.pop(image_id)
        return renamed

    def pin(self, experiment: str, image_id: str, *, pinned: bool) -> CameraStill:
        """Keep a still from being deleted by retention, or no longer."""
        changed = msgspec.structs.replace(self.find(experiment, image_id), pinned=True if pinned else msgspec.UNSET)
        self._records.set(image_id, msgspec.json.encode(changed).decode())
        return changed

    def rename_experiment(self, old: str, new: str) -> int:
        """File the stills of an experiment under another name; return how many there are."""
        found = self.of_experiment(old)
        with self._records.transaction() as records:
            for still in found:
                moved = msgspec.structs.replace(still, experiment=new)
                records.set(still.image_id, msgspec.json.encode(moved).decode())
        return len(found)

    def delete(self, still: CameraStill) -> None:
        """Delete a still. A file that cannot be deleted keeps its record."""
        try:
            self._file(still.image_id).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"the still {still.image_id} cannot be deleted: {error.strerror}") from error
        self._records.pop(still.image_id)

    def enforce(self, retention: Retention, now: datetime) -> list[CameraStill]:
        """Delete what the limits leave no room for, and return it."""
        sized = [(still, self.size(still)) for still in self.all()]
        deleted = superfluous(sized, retention, now)
        for still in deleted:
            self.delete(still)
        return deleted

    def _file(self, image_id: str) -> Path:
        return still_file(self._folder, image_id)

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"the folder of stills cannot be made: {error.strerror}") from error


def still_file(folder: Path, image_id: str) -> Path:
    """Return the file of a still."""
    return folder / f"{image_id}.jpg"


NAMING: Final = "Use letters, digits and . _ -, without .jpg at the end."


def _decoded(value: object) -> CameraStill | None:
    """Return a stored record; None for one that cannot be read, which must not hide the others."""
    try:
        return msgspec.json.decode(value, type=CameraStill) if isinstance(value, str | bytes) else None
    except msgspec.MsgspecError:
        return None


def _free_bytes(folder: Path) -> int:
    try:
        status = os.statvfs(folder)
    except OSError as error:
        raise StorageError(f"the folder of stills cannot be read: {error.strerror}") from error
    return status.f_bavail * status.f_frsize
