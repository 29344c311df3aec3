"""Route of the leader that takes over an experiment of another cluster; for people who are signed in."""

import secrets

from litestar import Request, Router, post
from litestar.datastructures import State

from pioreactor.data_import.importer import ImportedExperiment, import_experiment
from pioreactor.exc import PioreactorError
from pioreactor.web.leader.data_imports import LOCK, received_archive
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.uploads import MAX_ARCHIVE_BYTES, receive_file


@post("/import/experiment", guards=[only_signed_in], status_code=202, request_max_body_size=MAX_ARCHIVE_BYTES)
async def import_one_experiment(leader: LeaderPorts, request: Request[object, object, State]) -> Accepted:
    """Take an experiment over from another cluster: the archive is the body, or the field `archive` of a form.

    Refused where an experiment of its name is; to go back, delete the experiment.
    """
    archive = received_archive(leader).with_name(f"experiment-{secrets.token_hex(8)}.zip")
    await receive_file(request, archive)

    def work() -> ImportedExperiment:
        try:
            with leader.imports.running():
                return import_experiment(leader.unit.runtime, archive, leader.imports.report)
        finally:
            archive.unlink(missing_ok=True)

    try:
        return leader.unit.tasks.start("the import of an experiment", work, lock=LOCK)
    except PioreactorError:
        archive.unlink(missing_ok=True)
        raise


ROUTES = Router(
    "/",
    route_handlers=[import_one_experiment],
    tags=["import"],
    opt=needs("cluster", change="manage", read="manage"),
)
