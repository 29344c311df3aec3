"""Routes that take over data of a leader of the existing software, and experiments; for people who are signed in."""

import secrets
from contextlib import suppress
from pathlib import Path

import msgspec
from litestar import Request, Router, delete, get, post, put
from litestar.datastructures import State
from litestar.params import FromQuery

from pioreactor.data_import.experiment_import import (
    ExperimentPlan,
    ImportedExperiment,
    import_experiment,
    plan_experiment,
)
from pioreactor.data_import.importer import Importer, ImportPlan, ImportReport
from pioreactor.data_import.source import folders_in, opened
from pioreactor.exc import NotFoundError, PioreactorError
from pioreactor.identity.usb_drives import UsbDrives
from pioreactor.web.leader.import_progress import ImportProgress
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.plugins import installer_of
from pioreactor.web.uploads import MAX_ARCHIVE_BYTES, receive_file

LOCK = "import-reference"
_ARCHIVE, _EXPERIMENT = "existing-software.zip", "experiment.zip"


class ImportState(msgspec.Struct):
    """`size_bytes`, `experiment_bytes`: of archives that were sent, None without one; `last`: what can be undone.

    `folders`: on USB drives and beside the data of this leader, which can be imported in place of an archive.
    """

    size_bytes: int | None
    experiment_bytes: int | None
    folders: list[str]
    is_running: bool
    progress: ImportProgress | None
    last: ImportReport | None


@get("/import", guards=[only_signed_in], sync_to_thread=True)
def import_state(leader: LeaderPorts) -> ImportState:
    """Return whether an archive was sent, the progress of its import, and the last import."""
    return ImportState(
        _size(received_archive(leader)),
        _size(_received_experiment(leader)),
        [str(path) for path in _folders(leader)],
        leader.imports.is_running,
        leader.imports.progress,
        _importer(leader).last(),
    )


@put("/import/archive", guards=[only_signed_in], status_code=200, request_max_body_size=MAX_ARCHIVE_BYTES)
async def send_archive(leader: LeaderPorts, request: Request[object, object, State]) -> Status:
    """Send an archive of the folder `.pioreactor` of a leader: the body, or the field `archive` of a form."""
    archive = received_archive(leader)
    unfinished = archive.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    await receive_file(request, unfinished)
    unfinished.replace(archive)
    return Status()


@delete("/import/archive", guards=[only_signed_in], status_code=200, sync_to_thread=True)
def drop_archive(leader: LeaderPorts) -> Status:
    """Delete the archive that was sent; what was imported of it stays."""
    received_archive(leader).unlink(missing_ok=True)
    return Status()


@post("/import/plan", guards=[only_signed_in], status_code=202, sync_to_thread=True)
def plan_import(leader: LeaderPorts, folder: FromQuery[str] = "") -> Accepted:
    """Find out what would come over of the archive that was sent, and what not, and why; nothing is changed.

    `folder`: one of `GET /import`, in place of the archive.
    """
    source = _chosen(leader, folder)

    def work() -> ImportPlan:
        with opened(source, received_archive(leader).parent) as root:
            return _importer(leader).plan(root)

    return leader.unit.tasks.start("the dry run of an import", work, lock=LOCK)


@post("/import", guards=[only_signed_in], status_code=202, sync_to_thread=True)
def run_import(leader: LeaderPorts, folder: FromQuery[str] = "") -> Accepted:
    """Import the archive that was sent, or a folder of `GET /import`, after a verified copy of what is here."""
    source = _chosen(leader, folder)

    def work() -> ImportReport:
        with leader.imports.running(), opened(source, received_archive(leader).parent) as root:
            importer = _importer(leader)
            report = importer.run(root, importer.plan(root), leader.imports.report)
        if not folder:
            with suppress(OSError):
                source.unlink()
        return report

    return leader.unit.tasks.start("the import", work, lock=LOCK)


@delete("/import", guards=[only_signed_in], status_code=202, sync_to_thread=True)
def undo_import(leader: LeaderPorts) -> Accepted:
    """Put back what was here before the last import. What was recorded since is lost from the database."""
    return leader.unit.tasks.start("going back", _importer(leader).undo, lock=LOCK)


@put("/import/experiment", guards=[only_signed_in], status_code=200, request_max_body_size=MAX_ARCHIVE_BYTES)
async def send_experiment(leader: LeaderPorts, request: Request[object, object, State]) -> Status:
    """Send the archive of an experiment of another cluster: the body, or the field `archive` of a form."""
    archive = _received_experiment(leader)
    unfinished = archive.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    await receive_file(request, unfinished)
    unfinished.replace(archive)
    return Status()


@delete("/import/experiment", guards=[only_signed_in], status_code=200, sync_to_thread=True)
def drop_experiment(leader: LeaderPorts) -> Status:
    """Delete the archive of an experiment that was sent and not imported."""
    _received_experiment(leader).unlink(missing_ok=True)
    return Status()


@post("/import/experiment/plan", guards=[only_signed_in], status_code=202, sync_to_thread=True)
def plan_one_experiment(leader: LeaderPorts) -> Accepted:
    """Find out what comes over of the archive that was sent, and what not, and why; nothing is changed."""
    archive = _sent(_received_experiment(leader), "/api/import/experiment")

    def work() -> ExperimentPlan:
        return plan_experiment(leader.unit.runtime, archive)

    return leader.unit.tasks.start("the dry run of an import", work, lock=LOCK)


@post("/import/experiment", guards=[only_signed_in], status_code=202, request_max_body_size=MAX_ARCHIVE_BYTES)
async def import_one_experiment(leader: LeaderPorts, request: Request[object, object, State]) -> Accepted:
    """Take an experiment over from another cluster, of the archive that was sent.

    Without `PUT` before, the archive is the body, or the field `archive` of a form. Refused where an experiment of its
    name is; to go back, delete the experiment.
    """
    archive = _received_experiment(leader)
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        archive = archive.with_name(f"experiment-{secrets.token_hex(8)}.zip")
        await receive_file(request, archive)
    else:
        _sent(archive, "/api/import/experiment")

    def work() -> ImportedExperiment:
        try:
            with leader.imports.running():
                return import_experiment(leader.unit.runtime, archive, leader.imports.report)
        finally:
            archive.unlink(missing_ok=True)

    try:
        return leader.unit.tasks.start("the import of an experiment", work, lock=LOCK)
    except PioreactorError:
        if archive != _received_experiment(leader):
            archive.unlink(missing_ok=True)
        raise


def _folders(leader: LeaderServices) -> list[Path]:
    paths = leader.unit.paths
    drives = UsbDrives(paths.usb).mounted()
    own = paths.dot_pioreactor.resolve()
    return [path for path in folders_in([*drives, own.parent]) if path.resolve() != own]


def _chosen(leader: LeaderServices, folder: str) -> Path:
    """Return what is imported: one of the folders that were found, or the archive that was sent."""
    if not folder:
        return _sent(received_archive(leader), "/api/import/archive")
    for path in _folders(leader):
        if str(path) == folder:
            return path
    raise NotFoundError(f"there is no data of a leader in {folder[:200]!r}", remedy="Choose one of GET /api/import.")


def _importer(leader: LeaderServices) -> Importer:
    return Importer(leader.unit.runtime, installer_of(leader.unit))


def received_archive(leader: LeaderServices) -> Path:
    return leader.unit.paths.storage / "imports" / "received" / _ARCHIVE


def _received_experiment(leader: LeaderServices) -> Path:
    return received_archive(leader).with_name(_EXPERIMENT)


def _size(archive: Path) -> int | None:
    return archive.stat().st_size if archive.is_file() else None


def _sent(archive: Path, route: str) -> Path:
    if not archive.is_file():
        raise NotFoundError("no archive was sent", remedy=f"Send it first: PUT {route}.")
    return archive


ROUTES = Router(
    "/",
    route_handlers=[
        *(import_state, send_archive, drop_archive, plan_import, run_import, undo_import),
        *(send_experiment, drop_experiment, plan_one_experiment, import_one_experiment),
    ],
    tags=["import"],
    opt=needs("cluster", change="manage", read="manage"),
)
