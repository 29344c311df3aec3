"""Routes of the leader about recorded data as files: datasets, archives of them, and single ones as a stream."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import File, Stream

from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.exports.archive import Progress
from pioreactor.exports.dataset import Dataset
from pioreactor.exports.exporter import csv_lines, datasets_of, preview
from pioreactor.exports.known_datasets import select_datasets
from pioreactor.exports.request import ExportRequest
from pioreactor.identity.usb_drives import UsbDrives, copy_whole
from pioreactor.measurements.spec import ColumnValue
from pioreactor.structs.encoding import to_timestamp
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.web.leader.export_runner import ExportDone
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.request_bodies import experiment_name
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted

COMPRESSED = "is_compressed"
"""Option of a route whose answers are compressed."""
MAX_PREVIEW_ROWS = 100
_OF_READERS: Final = needs("experiments", change="read")
"""Data that people may see they may also take along."""
_ARCHIVE = re.compile(r"[\w+-][\w.+-]{0,250}\.(?:zip|mp4)")


class ArchiveFile(msgspec.Struct):
    """An archive that can be fetched from `/exports/<filename>`."""

    filename: str
    size_bytes: int
    created_at: str


class Exports(msgspec.Struct):
    """Archives, newest first, and whether an export runs; `progress` once it writes."""

    is_running: bool
    progress: Progress | None
    archives: list[ArchiveFile]


@get("/datasets/exportable", sync_to_thread=True)
def exportable_datasets(leader: LeaderPorts) -> list[Dataset]:
    """Datasets that can be exported, those of plugins too."""
    return list(datasets_of(leader.unit.paths).values())


@get("/datasets/exportable/{name:str}/preview", sync_to_thread=True)
def preview_dataset(
    leader: LeaderPorts, name: FromPath[str], n_rows: FromQuery[int] = 5
) -> list[dict[str, ColumnValue]]:
    """The first rows of a dataset, of any experiment; 1 to 100 of them."""
    if not 1 <= n_rows <= MAX_PREVIEW_ROWS:
        raise InvalidRequestError(f"n_rows must be between 1 and {MAX_PREVIEW_ROWS}")
    [dataset] = select_datasets(datasets_of(leader.unit.paths), [name])
    return preview(leader.database.location, dataset, rows=n_rows)


@post("/datasets/exportable/export", status_code=202, opt=_OF_READERS, sync_to_thread=True)
def export_datasets(leader: LeaderPorts, data: JSONBody[ExportRequest]) -> Accepted:
    """Write an archive of datasets. The result has its `filename`; 409 while another export is in progress."""
    _check(leader, data)
    return leader.unit.tasks.start("the export", lambda: leader.exports.run(data), pool="requests", lock="export-data")


@post("/datasets/exportable/export-to-usb", status_code=202, sync_to_thread=True)
def export_to_usb(leader: LeaderPorts, data: JSONBody[ExportRequest]) -> Accepted:
    """Write an archive of datasets to `pioreactor/exports` on the leader's USB drive; the drive can then be ejected."""
    _check(leader, data)
    drives = UsbDrives(leader.unit.paths.usb)

    def work() -> ExportDone:
        folder = Path(str(drives.mount().path)) / "pioreactor" / "exports"
        done = leader.exports.run(data)
        copy_whole(leader.unit.paths.exports / done.filename, folder / done.filename)
        return msgspec.structs.replace(done, msg=f"{done.msg} The archive is on the USB drive.")

    return leader.unit.tasks.start("the export to USB", work, pool="requests", lock="export-data")


@post("/experiments/{experiment:str}/archive", status_code=202, opt=_OF_READERS, sync_to_thread=True)
def archive_experiment(leader: LeaderPorts, experiment: FromPath[str]) -> Accepted:
    """Write a whole experiment to an archive that another cluster can import. The result has its `filename`.

    It has rows, tables as CSV, profiles, configuration without secrets, and the own configuration, calibrations and
    stills of units that answer; `msg` of the result names the others. Progress and stop are those of an export.
    """
    name = experiment_name(experiment)
    leader.database.experiments.get(name)
    return leader.unit.tasks.start(
        "the archive of an experiment", lambda: leader.exports.run_archive(name), pool="requests", lock="export-data"
    )


@delete("/datasets/exportable/export", status_code=202, opt=_OF_READERS, sync_to_thread=True)
def stop_export(leader: LeaderPorts) -> Status:
    """Stop the export in progress; nothing of it is left. 404 when there is none."""
    leader.exports.stop()
    return Status()


@get("/datasets/exportable/{name:str}/csv", sync_to_thread=True)
def stream_dataset(
    leader: LeaderPorts,
    name: FromPath[str],
    experiment: FromQuery[str],
    unit: FromQuery[list[str] | None] = None,
    start_time: FromQuery[datetime | None] = None,
    end_time: FromQuery[datetime | None] = None,
) -> Stream:
    """One dataset of an experiment as CSV, streamed: no file is made. A failed transfer is cut off, not completed."""
    request = ExportRequest(
        datasets=[name], experiment=experiment, units=unit, start_time=start_time, end_time=end_time
    )
    [dataset] = _check(leader, request)
    # A header is ASCII.
    path = request.name_of_file(dataset, None, leader.unit.clock.now())
    file = Path(path).name.encode("ascii", "replace").decode().replace("?", "_")
    return Stream(
        csv_lines(leader.database.location, dataset, request),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


@get("/datasets/exports", sync_to_thread=True)
def exports(leader: LeaderPorts) -> Exports:
    """Archives that can be fetched, and the export in progress."""
    found = [(path, path.stat()) for path in leader.unit.paths.exports.glob("*.*") if _ARCHIVE.fullmatch(path.name)]
    found.sort(key=lambda each: -each[1].st_mtime)
    archives = [
        ArchiveFile(path.name, stat.st_size, to_timestamp(datetime.fromtimestamp(stat.st_mtime, UTC)))
        for path, stat in found
    ]
    return Exports(leader.exports.is_running(), leader.exports.progress, archives)


@delete("/datasets/exports/{filename:str}", status_code=200, sync_to_thread=True)
def delete_archive(leader: LeaderPorts, filename: FromPath[str]) -> Status:
    """Delete an archive; the recorded data stay."""
    archive_path(leader, filename).unlink(missing_ok=True)
    return Status()


@get("/{filename:str}", sync_to_thread=True, opt={COMPRESSED: True})
def fetch_archive(leader: LeaderPorts, filename: FromPath[str]) -> File:
    """Return an archive of exported data."""
    return File(archive_path(leader, filename), filename=filename, media_type="application/zip")


def archive_path(leader: LeaderPorts, name: str) -> Path:
    """Return the path of an archive; raise `NotFoundError` if there is none of that name."""
    path = leader.unit.paths.exports / name
    if not _ARCHIVE.fullmatch(name) or not path.is_file() or path.is_symlink():
        raise NotFoundError("there is no such archive", remedy="Export again; archives are deleted after 30 days.")
    return path


def _check(leader: LeaderPorts, request: ExportRequest) -> list[Dataset]:
    """Return the datasets of a request; raise an error for one that cannot be met."""
    request.check()
    datasets = select_datasets(datasets_of(leader.unit.paths), request.datasets)
    if request.experiment != UNIVERSAL_EXPERIMENT:
        leader.database.experiments.get(request.experiment)
    return datasets


ROUTES = Router(
    "/",
    route_handlers=[
        archive_experiment,
        *(
            exportable_datasets,
            preview_dataset,
            export_datasets,
            export_to_usb,
            stop_export,
            stream_dataset,
            exports,
            delete_archive,
        ),
    ],
    tags=["exports"],
    opt=needs("experiments"),
)
FILES = Router("/exports", route_handlers=[fetch_archive], tags=["exports"], opt=needs("experiments"))
"""Outside of `/api`, where the reference has them."""
