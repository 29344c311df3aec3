"""Routes of a unit about its whole data folder as an archive: what replaces a broken machine is set up from it."""

import secrets
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.datastructures import State
from litestar.response import Stream

from pioreactor.data_import.unit_archive import archive_file_name, stream_archive
from pioreactor.data_import.unit_import import UnitImporter, UnitImportReport
from pioreactor.exc import NotPermittedError, PioreactorError
from pioreactor.web.route_declarations import UNITS, relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.machine import run_power
from pioreactor.web.unit.services import UnitPorts, UnitServices
from pioreactor.web.uploads import MAX_ARCHIVE_BYTES, receive_file

IMPORT_TIMEOUT_S = 1800.0
_DISALLOWED = "DISALLOW_UI_FILE_SYSTEM"
_LOCK = "import"
_STALE_S = 86_400.0


class UnitImported(msgspec.Struct):
    """What was imported, and whether the machine restarts now, by which its services take it over."""

    result: str
    report: UnitImportReport
    restarts: bool
    note: str


@get("/zipped_dot_pioreactor", sync_to_thread=True)
def zipped_dot_pioreactor(unit: UnitPorts) -> Stream:
    """Return the whole data folder of this unit as a ZIP archive, without secrets; streamed."""
    _refuse_where_disallowed(unit)
    return Stream(
        stream_archive(unit.runtime),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{archive_file_name(unit.name)}"'},
    )


@post("/import_zipped_dot_pioreactor", status_code=202, request_max_body_size=MAX_ARCHIVE_BYTES)
async def import_zipped_dot_pioreactor(unit: UnitPorts, request: Request[object, object, State]) -> Accepted:
    """Set this unit up from the archive of the one that it replaces: the body, or the field `archive` of a form.

    Refused while jobs run (409), and for an archive of another unit. Name, token, certificates and people stay. The
    machine restarts in the end.
    """
    _refuse_where_disallowed(unit)
    importer = UnitImporter(unit.runtime)
    importer.refuse_while_jobs_run()
    target = received_file(unit)
    await receive_file(request, target)

    def work() -> UnitImported:
        try:
            return _restarted(unit, importer.run(target), "imported")
        finally:
            target.unlink(missing_ok=True)

    return unit.tasks.start("the import of an archive", work, lock=_LOCK)


@relayed(UNITS, target="units", timeout_s=IMPORT_TIMEOUT_S)
@delete("/import_zipped_dot_pioreactor", status_code=202, sync_to_thread=True)
def undo_import_of_archive(unit: UnitPorts) -> Accepted:
    """Put back what was here before the last import of an archive; refused while jobs run."""
    _refuse_where_disallowed(unit)
    importer = UnitImporter(unit.runtime)
    importer.refuse_while_jobs_run()
    return unit.tasks.start("going back", lambda: _restarted(unit, importer.undo(), "undone"), lock=_LOCK)


def received_file(unit: UnitServices) -> Path:
    """Return the place of a new upload; those that were left over are deleted."""
    folder = unit.paths.storage / "imports" / "received"
    for old in folder.glob("*.zip"):
        with suppress(OSError):
            if old.stat().st_mtime < time.time() - _STALE_S:
                old.unlink()
    return folder / f"{secrets.token_hex(8)}.zip"


def _restarted(unit: UnitServices, report: UnitImportReport, result: str) -> UnitImported:
    if not unit.runtime.computer.belongs_to_reactor:
        return UnitImported(result, report, False, "Restart the jobs of this simulated unit.")
    try:
        run_power("reboot", unit.power["reboot"])
    except PioreactorError as error:
        return UnitImported(result, report, False, f"Reboot this machine by hand: {error}")
    return UnitImported(result, report, True, "The machine reboots now.")


def _refuse_where_disallowed(unit: UnitServices) -> None:
    if (unit.paths.dot_pioreactor / _DISALLOWED).is_file():
        raise NotPermittedError(f"access to files is disabled on {unit.name}", remedy=f"Remove {_DISALLOWED}.")


ROUTES = Router(
    "/",
    route_handlers=[zipped_dot_pioreactor, import_zipped_dot_pioreactor, undo_import_of_archive],
    tags=["archive of a unit"],
    opt=needs("cluster", change="manage", read="manage"),
)
