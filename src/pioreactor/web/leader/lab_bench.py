"""Routes of the leader that pass on what is done at the bench of a worker's simulated reactor."""

from typing import Any

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from pioreactor.devices.lab_bench import LabBenchState
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import unit_name
from pioreactor.web.unit.lab_bench import UseBench

_TIMEOUT_S = 15.0


@get("/workers/{unit:str}/simulation/bench", sync_to_thread=True)
def bench(leader: LeaderPorts, unit: FromPath[str]) -> LabBenchState:
    """404 where the reactor is real."""
    return _pass_on(leader, unit, "GET")


@post("/workers/{unit:str}/simulation/bench", status_code=200, sync_to_thread=True)
def use_bench(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[UseBench]) -> LabBenchState:
    return _pass_on(leader, unit, "POST", data)


def _pass_on(leader: LeaderServices, unit: str, method: str, body: UseBench | None = None) -> LabBenchState:
    (worker,) = leader.workers_of(unit_name(unit, broadcast=False))
    answer: Any = leader.units.ask(worker, method, "/unit_api/simulation/bench", json=body, timeout_s=_TIMEOUT_S)
    return answer  # type: ignore[no-any-return]  # the unit's own words, not read again


ROUTES = Router("/", route_handlers=[bench, use_bench], tags=["simulation of a worker"])
