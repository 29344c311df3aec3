"""Routes of a unit about its copies of the leader's database; only units of the cluster may read or write them."""

from litestar import MediaType, Request, Response, Router, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.cluster.backup_replication import BackupCopies, BackupDigest, Copy, VerifiedCopy
from pioreactor.web.request_bodies import Whole
from pioreactor.web.security.guards import only_units
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts


@get("/backups", sync_to_thread=True)
def copies(unit: UnitPorts) -> list[Copy]:
    """Return the copies of the leader's database on this unit, newest first."""
    return BackupCopies(unit.runtime).copies()


@get("/backups/{name:str}", guards=[only_units], sync_to_thread=True)
def one_copy(unit: UnitPorts, name: FromPath[str]) -> BackupDigest:
    return BackupCopies(unit.runtime).digest_of(name)


@get("/backups/{name:str}/parts/{offset:str}", guards=[only_units], sync_to_thread=True)
def part_of_copy(unit: UnitPorts, name: FromPath[str], offset: FromPath[Whole]) -> Response[bytes]:
    return Response(BackupCopies(unit.runtime).read(name, offset), media_type="application/octet-stream")


@put("/backups/{name:str}", guards=[only_units], sync_to_thread=True)
def begin_copy(unit: UnitPorts, name: FromPath[str], data: JSONBody[BackupDigest]) -> BackupDigest:
    """Begin the transfer of a copy; refused when there is not enough disk space."""
    BackupCopies(unit.runtime).begin(name, data)
    return data


@put("/backups/{name:str}/parts/{offset:str}", media_type=MediaType.TEXT, status_code=204, guards=[only_units])
async def add_part(
    unit: UnitPorts, request: Request[object, object, State], name: FromPath[str], offset: FromPath[Whole]
) -> None:
    """Write one part; the body is its bytes."""
    BackupCopies(unit.runtime).add(name, offset, await request.body())


@post("/backups/{name:str}/finish", status_code=200, guards=[only_units], sync_to_thread=True)
def finish_copy(unit: UnitPorts, name: FromPath[str], data: JSONBody[BackupDigest]) -> VerifiedCopy:
    """Finish the transfer; the unit verifies the copy."""
    return VerifiedCopy(name, BackupCopies(unit.runtime).finish(name, data).rows)


@post("/backups/{name:str}/verify", status_code=202, sync_to_thread=True)
def verify_copy(unit: UnitPorts, name: FromPath[str]) -> Accepted:
    """Read all of a copy that is kept here and count its rows; 500 in the task if it is damaged."""

    def work() -> VerifiedCopy:
        return VerifiedCopy(name, BackupCopies(unit.runtime).verify(name).rows)

    return unit.tasks.start("the check of a backup", work, pool="requests")


ROUTES = Router(
    "/",
    route_handlers=[copies, one_copy, part_of_copy, begin_copy, add_part, finish_copy, verify_copy],
    tags=["backups on a unit"],
    opt=needs("cluster", change="manage", read="manage"),
)
