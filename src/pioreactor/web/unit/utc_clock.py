"""Routes of a unit about its clock."""

import msgspec
from litestar import Router, get, route
from litestar.params import JSONBody

from pioreactor.exc import ConflictError, InvalidRequestError
from pioreactor.identity.system_clock import parse_moment
from pioreactor.structs.encoding import to_timestamp
from pioreactor.web.request_bodies import Body
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts, UnitServices


class UtcClock(msgspec.Struct):
    status: str
    clock_time: str
    synchronized: bool | None
    """Whether the computer's clock follows a time server; null when the operating system does not tell."""


class SetClock(Body):
    """An ISO time. A worker needs none: it follows its leader."""

    utc_clock_time: str | None = None


def read_clock(unit: UnitServices) -> UtcClock:
    return UtcClock("success", to_timestamp(unit.clock.now()), unit.runtime.computer.is_clock_synchronized())


@relayed(UNITS, target="units")
@get("/system/utc_clock", sync_to_thread=True)
def get_utc_clock(unit: UnitPorts) -> UtcClock:
    return read_clock(unit)


@route("/system/utc_clock", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def set_utc_clock(unit: UnitPorts, data: JSONBody[SetClock | None] = None) -> Accepted:
    """Set the clock: on the leader to the given time, on a worker by its time server, the leader."""
    return unit.tasks.start("setting the clock", lambda: change_clock(unit, data), lock="clock")


def change_clock(unit: UnitServices, wanted: SetClock | None) -> UtcClock:
    """Set the clock of this computer and return what it shows then."""
    refuse_simulated(unit, "its clock")
    if not unit.runtime.identity.is_leader:
        unit.synchronize_clock()
        return read_clock(unit)
    if wanted is None or wanted.utc_clock_time is None:
        raise InvalidRequestError("utc_clock_time is missing", remedy="Give the time as 2026-11-29T10:00:00Z.")
    unit.set_clock(parse_moment(wanted.utc_clock_time))
    return read_clock(unit)


def refuse_simulated(unit: UnitServices, what: str) -> None:
    """Raise `ConflictError` where the reactor is simulated: the computer belongs to something else."""
    if not unit.runtime.computer.belongs_to_reactor:
        raise ConflictError(
            f"{unit.name} is simulated, and this computer is not its own: {what} is left alone",
            remedy="Do this on the computer itself.",
        )


ROUTES = Router(
    "/", route_handlers=[get_utc_clock, set_utc_clock], tags=["unit"], opt=needs("cluster", change="manage")
)
