"""Route of the leader about the clocks of the cluster."""

from litestar import Router, post
from litestar.params import JSONBody

from pioreactor.http.fanout import UnitReport
from pioreactor.identity.system_clock import parse_moment
from pioreactor.web.leader.services import LeaderPorts, LeaderServices, reported
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.clock import SetClock, change_clock

_WORKER_TIMEOUT_S = 30.0


@post("/system/utc_clock", status_code=202, sync_to_thread=True)
def set_clocks(leader: LeaderPorts, data: JSONBody[SetClock]) -> Accepted:
    """Set the leader's clock, then have every worker follow it at once; the result holds the answer of each worker.

    Without `utc_clock_time` the leader's clock stays as it is.
    """
    if data.utc_clock_time is not None:
        parse_moment(data.utc_clock_time)
    return leader.unit.tasks.start("setting the clocks", lambda: _set(leader, data), pool="requests", lock="clocks")


def _set(leader: LeaderServices, wanted: SetClock) -> dict[str, UnitReport]:
    if wanted.utc_clock_time is not None:
        change_clock(leader.unit, wanted)
    workers = [unit for unit in leader.workers_of("$broadcast") if unit != leader.unit.name]
    return reported(leader.ask_all(workers, "POST", "/unit_api/system/utc_clock", json={}, timeout_s=_WORKER_TIMEOUT_S))


ROUTES = Router("/", route_handlers=[set_clocks], tags=["inventory"])
