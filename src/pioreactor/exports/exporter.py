"""An export from beginning to end: open the leader's database, find the datasets, write the archive."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from pioreactor.exc import ConflictError
from pioreactor.exports.archive import ArchiveWriter, Progress, Watch
from pioreactor.exports.dataset import Dataset
from pioreactor.exports.known_datasets import all_datasets, select_datasets
from pioreactor.exports.request import ExportRequest, archive_name, source_of
from pioreactor.exports.rows import RowFormat
from pioreactor.exports.table_files import csv_text
from pioreactor.measurements.spec import ColumnValue
from pioreactor.private_files import free_path
from pioreactor.runtime.context import Runtime
from pioreactor.storage.leader.dataset_rows import DatasetRows, RowFilter, open_dataset_rows
from pioreactor.storage.leader.location import DatabaseLocation
from pioreactor.storage.paths import Paths
from pioreactor.structs.encoding import from_timestamp
from pioreactor.types import UNIVERSAL_EXPERIMENT

KEPT_DAYS = 30
"""After which archives in the folder of exports are deleted, when the next is made."""


class ExportedArchive(msgspec.Struct, frozen=True):
    """A finished export."""

    path: str
    rows: int
    size_bytes: int
    problems: list[str] = []
    """What is not in it, and why."""


def datasets_of(paths: Paths) -> dict[str, Dataset]:
    """Return the datasets that can be exported, by name."""
    return all_datasets(paths.exportable_datasets, paths.plugins)


def export(
    runtime: Runtime,
    request: ExportRequest,
    *,
    output: Path | None = None,
    report: Callable[[Progress], None] = lambda _progress: None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> ExportedArchive:
    """Write an archive to `output`, or to the folder of exports under a name made of the experiment and the time.

    Raise `InvalidRequestError` or `NotFoundError` for a request that cannot be met, `ConflictError` while another
    export runs, `StorageError` when there is no room, `StoppedError` when it was stopped.
    """
    from pioreactor.actions.backup import location_of_database

    request.check()
    datasets = select_datasets(datasets_of(runtime.paths), request.datasets)
    now = runtime.clock.now()
    target = output if output is not None else free_path(runtime.paths.exports / archive_name(request.experiment, now))
    with (
        exclusive(runtime.paths.exports),
        open_dataset_rows(location_of_database(runtime), is_stopping=is_stopping) as stored,
    ):
        _delete_old(runtime.paths.exports, now)
        created_at = created_at_of(stored, request.experiment)
        watch = Watch(target.parent, report, is_stopping)
        rows = ArchiveWriter(stored, request, datasets, created_at, now, watch).write(target)
    return ExportedArchive(str(target), rows, target.stat().st_size)


def _delete_old(folder: Path, now: datetime) -> None:
    for archive in folder.glob("export_*.zip"):
        if archive.stat().st_mtime < now.timestamp() - KEPT_DAYS * 86400:
            archive.unlink()


def created_at_of(stored: DatasetRows, experiment: str) -> datetime | None:
    """Return when an experiment was created, None for `$experiment`; raise `NotFoundError` for an unknown one."""
    return None if experiment == UNIVERSAL_EXPERIMENT else from_timestamp(stored.created_at(experiment))


def preview(location: DatabaseLocation, dataset: Dataset, *, rows: int) -> list[dict[str, ColumnValue]]:
    """Return the first rows of a dataset, of any experiment, as stored."""
    source = source_of(dataset)
    with open_dataset_rows(location) as stored:
        row_format = RowFormat(dataset, stored.columns(source), None)
        found = row_format.rows(stored.rows(source, RowFilter(), limit=rows))
        return [dict(zip(row_format.names, row, strict=True)) for row in found]


def csv_lines(location: DatabaseLocation, dataset: Dataset, request: ExportRequest) -> Iterator[str]:
    """Yield one dataset as CSV, many lines at a time; the database is opened when the first is taken."""
    source = source_of(dataset)
    with open_dataset_rows(location) as stored:
        row_format = RowFormat(dataset, stored.columns(source), created_at_of(stored, request.experiment))
        rows = row_format.rows(stored.rows(source, request.filter_for(dataset)))
        yield from csv_text(row_format.columns, rows)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the lock of exports: two at once would take the disk and the database from the jobs.

    What an export left that was killed is deleted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o660)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                "another export is in progress", remedy="Wait until it has finished, or stop it."
            ) from error
        for left in [*folder.glob(".experiment-*"), *folder.glob(".*.zip.tmp")]:
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)
