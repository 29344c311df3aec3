"""What came over with an experiment besides its rows: read, shown, and deleted with the experiment."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from pioreactor.calibrations import store as calibrations
from pioreactor.estimators import store as estimators
from pioreactor.exc import NotFoundError, PioreactorError
from pioreactor.private_files import write_atomically
from pioreactor.runtime.context import Runtime
from pioreactor.structs.archived_unit import ArchivedUnit

DESCRIPTION, FILES = "record.json", "files"


class TakenArtifact(msgspec.Struct, frozen=True):
    """A calibration or estimator that is kept beside those of the leader."""

    kind: Literal["calibration", "estimator"]
    device: str
    name: str


class LeftOut(msgspec.Struct, frozen=True):
    """What did not come over, and why."""

    name: str
    reason: str


class ExperimentRecord(msgspec.Struct):
    """`imported_at` is empty for an experiment of this cluster."""

    imported_at: str = ""
    experiment: str = ""
    """Its name in the archive."""
    software_version: str = ""
    """Of the leader that made the archive."""
    units: list[ArchivedUnit] = []
    artifacts: list[TakenArtifact] = []
    left_out: list[LeftOut] = []
    files: list[str] = []
    """Configuration, calibrations and descriptions, by their names in the archive."""
    origin: str = ""
    """Who signed the archive."""


def read_record(folder: Path) -> ExperimentRecord:
    try:
        return msgspec.json.decode((folder / DESCRIPTION).read_bytes(), type=ExperimentRecord)
    except (OSError, msgspec.MsgspecError):
        return ExperimentRecord()


def write_record(folder: Path, record: ExperimentRecord) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / DESCRIPTION, msgspec.json.format(msgspec.json.encode(record)))


def file_of_record(folder: Path, name: str) -> str:
    """Return the text of a file of a record; raise `NotFoundError` for another."""
    if name not in read_record(folder).files:
        raise NotFoundError(f"the record of the experiment has no file {name[:200]!r}")
    return (folder / FILES / name).read_text(encoding="utf-8", errors="replace")


def delete_record(runtime: Runtime, folder: Path) -> None:
    """Delete what came over with an experiment; a calibration or an estimator that is in use stays."""
    for taken in read_record(folder).artifacts:
        store = calibrations if taken.kind == "calibration" else estimators
        with suppress(PioreactorError):
            if store.active_name(runtime, taken.device) != taken.name:
                store.delete(runtime, taken.device, taken.name)
    shutil.rmtree(folder, ignore_errors=True)
