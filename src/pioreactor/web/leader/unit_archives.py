"""Routes of the leader for archives of units: of one as a whole, and of the calibrations of several."""

import io
import zipfile
from collections.abc import Iterator

from litestar import Request, Response, Router, get, post
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.params import FromPath
from litestar.response import Stream

from pioreactor.data_import.unit_archive import archive_file_name
from pioreactor.http.fanout import Answered, ask_each
from pioreactor.http.ports import OpenResponse
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.request_bodies import unit_name
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.whole_unit import IMPORT_TIMEOUT_S, received_file
from pioreactor.web.uploads import MAX_ARCHIVE_BYTES, receive_file

_PART_BYTES = 256 * 1024
_TRANSFER_TIMEOUT_S = 120.0
_CALIBRATIONS_TIMEOUT_S = 60.0


@get("/units/{unit:str}/zipped_dot_pioreactor", sync_to_thread=True)
def zipped_dot_pioreactor_of_unit(leader: LeaderPorts, unit: FromPath[str]) -> Stream:
    """Return the whole data folder of a unit as a ZIP archive, without secrets; streamed."""
    [name] = leader.units_of(unit_name(unit, broadcast=False))
    answer = leader.units.open(name, "GET", "/unit_api/zipped_dot_pioreactor", timeout_s=_TRANSFER_TIMEOUT_S)
    return Stream(
        _parts(answer),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{archive_file_name(name)}"'},
    )


@post("/units/{unit:str}/import_zipped_dot_pioreactor", status_code=202, request_max_body_size=MAX_ARCHIVE_BYTES)
async def import_zipped_dot_pioreactor_of_unit(
    leader: LeaderPorts, request: Request[object, object, State], unit: FromPath[str]
) -> Accepted:
    """Set a unit up from the archive of the one that it replaces: the body, or the field `archive` of a form."""
    [name] = leader.units_of(unit_name(unit, broadcast=False))
    target = received_file(leader.unit)
    await receive_file(request, target)

    def forward() -> object:
        try:
            with target.open("rb") as file:
                headers = {"Content-Type": "application/zip", "Content-Length": str(target.stat().st_size)}
                path = "/unit_api/import_zipped_dot_pioreactor"
                accepted = leader.units.open(
                    name, "POST", path, body=file, headers=headers, timeout_s=_TRANSFER_TIMEOUT_S
                )
            return leader.units.result_of(name, accepted, timeout_s=IMPORT_TIMEOUT_S)
        finally:
            target.unlink(missing_ok=True)

    return await sync_to_thread(leader.unit.tasks.start, f"the import on {name}", forward, pool="requests")


@get("/workers/{unit:str}/zipped_calibrations", tags=["calibrations"], opt=needs("calibrations"), sync_to_thread=True)
def zipped_calibrations(leader: LeaderPorts, unit: FromPath[str]) -> Response[bytes]:
    """Return one ZIP archive with a folder per worker; `missing.txt` lists workers that did not answer, and why."""

    def fetch(name: str) -> bytes:
        path = "/unit_api/zipped_calibrations"
        return leader.units.fetch(name, "GET", path, timeout_s=_CALIBRATIONS_TIMEOUT_S).body

    buffer = io.BytesIO()
    missing = []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for answer in ask_each(leader.workers_of(unit_name(unit)), fetch):
            if not isinstance(answer, Answered):
                missing.append(f"{answer.unit}: {answer.message}")
                continue
            with zipfile.ZipFile(io.BytesIO(answer.value)) as one:
                for entry in one.infolist():
                    archive.writestr(f"{answer.unit}/{entry.filename}", one.read(entry))
        if missing:
            archive.writestr("missing.txt", "\n".join(missing) + "\n")
    headers = {"Content-Disposition": 'attachment; filename="calibration_yamls.zip"'}
    return Response(buffer.getvalue(), media_type="application/zip", headers=headers)


def _parts(answer: OpenResponse) -> Iterator[bytes]:
    try:
        while part := answer.read(_PART_BYTES):
            yield part
    finally:
        answer.close()


_WHOLE_UNITS = Router(
    "/",
    route_handlers=[zipped_dot_pioreactor_of_unit, import_zipped_dot_pioreactor_of_unit],
    tags=["archive"],
    opt=needs("cluster", change="manage", read="manage"),
)
ROUTES = Router("/", route_handlers=[_WHOLE_UNITS, zipped_calibrations])
