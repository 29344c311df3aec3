"""Route of the leader that collects the calibrations of its workers."""

import io
import zipfile

from litestar import Response, Router, get
from litestar.params import FromPath

from pioreactor.http.fanout import Answered, ask_each
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.request_bodies import unit_name

_ARCHIVE_TIMEOUT_S = 60.0


@get("/workers/{unit:str}/zipped_calibrations", sync_to_thread=True)
def zipped_calibrations(leader: LeaderPorts, unit: FromPath[str]) -> Response[bytes]:
    """Return one ZIP archive with a folder per worker; `missing.txt` lists workers that did not answer, and why."""

    def fetch(name: str) -> bytes:
        path = "/unit_api/zipped_calibrations"
        return leader.units.fetch(name, "GET", path, timeout_s=_ARCHIVE_TIMEOUT_S).body

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


ROUTES = Router("/", route_handlers=[zipped_calibrations], tags=["calibrations"])
