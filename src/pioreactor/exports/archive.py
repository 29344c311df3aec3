"""An archive of datasets: written beside its place and moved there when it is complete, or not at all."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

import msgspec

from pioreactor.audit.verification import KEY, MANIFEST
from pioreactor.exc import StoppedError, StorageError
from pioreactor.exports.dataset import Dataset
from pioreactor.exports.request import ExportRequest, source_of
from pioreactor.exports.rows import ExportedColumn, RowFormat
from pioreactor.exports.table_files import write_table
from pioreactor.private_files import complete_file
from pioreactor.storage.leader.dataset_rows import DatasetRows
from pioreactor.version import __version__

R = TypeVar("R")

SCHEMA_VERSION: Final = 1
FREE_BYTES: Final = 64 * 1024 * 1024
"""Space that an export leaves on the disk: the database and the journals need it."""
_BYTES_PER_ROW: Final = 40
"""Of a compressed row, at the most that was seen; checked before the first is written."""
_CHECK_INTERVAL_S: Final = 1.0
_ROWS_BETWEEN_CHECKS: Final = 1000
_COMPRESSION_LEVEL: Final = 3


@dataclass(frozen=True)
class Progress:
    """`dataset`: the one being written."""

    dataset: str
    rows: int
    total_rows: int


@dataclass
class Watch:
    """Counts rows while they are written below a folder, and looks after the disk.

    `report` is called about once a second. `is_stopping` ends the export: nothing is left of it then.
    """

    folder: Path
    report: Callable[[Progress], None] = lambda _progress: None
    is_stopping: Callable[[], bool] = lambda: False
    rows: int = field(default=0, init=False)
    total: int = field(default=0, init=False)
    _checked_s: float = field(default=0.0, init=False)

    def begin(self, total: int, bytes_per_row: int) -> None:
        """Expect so many rows; raise `StorageError` when the disk has no room for them."""
        self.total = total
        self.folder.mkdir(parents=True, exist_ok=True)
        _check_disk_space(self.folder, total * bytes_per_row)

    def counted(self, name: str, rows: Iterable[R]) -> Iterator[R]:
        """Yield rows of `name`; raise `StoppedError` or `StorageError` between them."""
        for row in rows:
            if self.rows % _ROWS_BETWEEN_CHECKS == 0:
                self.check(name)
            self.rows += 1
            yield row

    def check(self, name: str) -> None:
        """Raise `StoppedError` when the export is to end, and `StorageError` when the disk is full."""
        if self.is_stopping():
            raise StoppedError("the export was stopped", remedy="Nothing of it is left.")
        now_s = monotonic()
        if now_s >= self._checked_s + _CHECK_INTERVAL_S:
            self._checked_s = now_s
            _check_disk_space(self.folder, 0)
            self.report(Progress(name, self.rows, self.total))


@dataclass
class ArchiveWriter:
    """Writes one archive of datasets, all from one moment of the database."""

    stored: DatasetRows
    request: ExportRequest
    datasets: Sequence[Dataset]
    created_at: datetime | None
    """When the experiment was created; None for the cluster's own data."""
    now: datetime
    watch: Watch

    def write(self, target: Path) -> int:
        """Write the archive and return how many rows it has.

        Raise `StorageError` when the disk is too small, and `StoppedError` when the export was stopped.
        """
        self.watch.begin(sum(self._count(dataset) for dataset in self.datasets), _BYTES_PER_ROW)
        with (
            complete_file(target) as unfinished,
            zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL) as archive,
        ):
            entries = [self._add(archive, dataset) for dataset in self.datasets]
            archive.writestr(MANIFEST, _json(self._manifest(entries)))
        return self.watch.rows

    def _count(self, dataset: Dataset) -> int:
        return self.stored.count(source_of(dataset), self.request.filter_for(dataset))

    def _add(self, archive: zipfile.ZipFile, dataset: Dataset) -> dict[str, object]:
        source = source_of(dataset)
        columns = self.stored.columns(source)
        units: list[str | None] = [None]
        if self.request.is_split_by_unit(dataset):
            units = [*self.stored.units(source, self.request.filter_for(dataset))]
        files: list[dict[str, object]] = []
        for unit in units:
            row_format = RowFormat(dataset, columns, self.created_at)
            name = self.request.name_of_file(dataset, unit, self.now)
            before = self.watch.rows
            stored = self.stored.rows(source, self.request.filter_for(dataset, unit=unit))
            rows = self.watch.counted(dataset.dataset_name, row_format.rows(stored))
            with archive.open(self._member(name), "w", force_zip64=True) as file:
                write_table(file, row_format.columns, rows, self.request.format, metadata=self._metadata())
            files.append({"path": name, "row_count": self.watch.rows - before, "pioreactor_unit": unit})
        exported = RowFormat(dataset, columns, self.created_at).columns
        archive.writestr(f"{dataset.dataset_name}/schema.json", _json(_schema(dataset, exported)))
        return {
            "dataset_name": dataset.dataset_name,
            "row_count": sum(int(str(file["row_count"])) for file in files),
            "files": files,
        }

    def _member(self, name: str) -> zipfile.ZipInfo:
        member = zipfile.ZipInfo(name, self.now.timetuple()[:6])
        # Parquet is compressed already.
        member.compress_type = zipfile.ZIP_STORED if self.request.format == "parquet" else zipfile.ZIP_DEFLATED
        return member

    def _metadata(self) -> dict[str, str]:
        return {KEY: msgspec.json.encode(self.stored.audit_head()).decode()}

    def _manifest(self, entries: Sequence[dict[str, object]]) -> dict[str, object]:
        return {
            "schema_version": SCHEMA_VERSION,
            "pioreactor_version": __version__,
            "export_created_at": self.now,
            "filters": {
                "experiment": self.request.experiment,
                "start_time": self.request.start_time,
                "end_time": self.request.end_time,
                "units": self.request.units,
            },
            "selected_datasets": [dataset.dataset_name for dataset in self.datasets],
            "datasets": entries,
            KEY: self.stored.audit_head(),
        }


def _schema(dataset: Dataset, columns: Sequence[ExportedColumn]) -> dict[str, object]:
    return {
        "dataset_name": dataset.dataset_name,
        "display_name": dataset.display_name,
        "description": dataset.description,
        "columns": columns,
    }


def _json(content: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2)


def _check_disk_space(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + FREE_BYTES:
        raise StorageError(
            f"the export needs {(needed_bytes + FREE_BYTES) / 1e6:.0f} MB in {folder}, {free / 1e6:.0f} MB are free",
            remedy="Delete old exports, choose fewer datasets or a shorter time, or write it to another disk.",
        )
