"""What an update has done so far, on disk: after a cut, the next start decides from it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from pioreactor.updates.durable_files import DurableFiles

T = TypeVar("T", bound=msgspec.Struct)


class UpdateStep(StrEnum):
    """Steps of an update in their order. Before `SWITCH` nothing that is used has changed."""

    UNPACK = "unpack"
    BUILD = "build"
    TRY = "try"
    STOP = "stop"
    SWITCH = "switch"
    START = "start"


class UpdateRecord(msgspec.Struct):
    """An update that is in progress."""

    step: UpdateStep
    from_version: str
    to_version: str
    started_at: str
    updated_at: str = ""
    has_new_schema: bool = False
    """Whether the database is replaced by a migrated copy."""


class UpdateResult(msgspec.Struct):
    """How the last update ended."""

    from_version: str
    to_version: str
    started_at: str
    ended_at: str
    is_installed: bool
    message: str
    remedy: str | None = None
    failed_step: str | None = None
    removed: list[str] = []


class UpdateJournal:
    """The files `update.json` (in progress), `last_update.json` and `update.log` of an installation."""

    def __init__(self, root: Path, files: DurableFiles) -> None:
        self.path = root / "update.json"
        self.log_path = root / "update.log"
        self._last = root / "last_update.json"
        self._files = files

    def read(self) -> UpdateRecord | None:
        """Return the update in progress or cut."""
        return _read(self.path, UpdateRecord)

    def write(self, record: UpdateRecord) -> None:
        self._files.write(self.path, msgspec.json.encode(record))

    def clear(self) -> None:
        self._files.remove(self.path)

    def last(self) -> UpdateResult | None:
        return _read(self._last, UpdateResult)

    def write_result(self, result: UpdateResult) -> None:
        self._files.write(self._last, msgspec.json.encode(result))


def _read(path: Path, type_: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
