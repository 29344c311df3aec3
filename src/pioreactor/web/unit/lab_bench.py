"""Routes of a unit about the bench beside its simulated reactor: standards, and a cup on a scale."""

from typing import Annotated, Literal, assert_never

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody

from pioreactor.devices.lab_bench import LabBench, LabBenchState
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.web.request_bodies import Body
from pioreactor.web.route_declarations import relayed
from pioreactor.web.unit.services import UnitPorts, UnitServices


class UseBench(Body):
    """What hands do. `od` belongs to `place_standard`, and `volume_ml` may: left out it is the culture's.

    `tare` empties the cup and leads the tubes of all pumps into it. Anything may be said again.
    """

    act: Literal["place_standard", "put_culture_back", "tare", "lead_tubes_back"]
    od: Annotated[float, msgspec.Meta(ge=0, le=200)] | None = None
    volume_ml: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None


@relayed(waits=True, timeout_s=15.0)
@get("/simulation/bench", sync_to_thread=True)
def bench(unit: UnitPorts) -> LabBenchState:
    """Which vial is in the simulated reactor, and what the scale shows; 404 where the reactor is real."""
    return _bench_of(unit).state()


@relayed(waits=True, timeout_s=15.0)
@post("/simulation/bench", status_code=200, sync_to_thread=True)
def use_bench(unit: UnitPorts, data: JSONBody[UseBench]) -> LabBenchState:
    """Exchange the vial, empty the cup or lay the tubes; answers what there is then."""
    found = _bench_of(unit)
    match data.act:
        case "place_standard":
            if data.od is None:
                raise InvalidRequestError("a standard needs its OD600", remedy="Give `od`; 0 is a blank.")
            return found.place_standard(data.od, data.volume_ml)
        case "put_culture_back":
            return found.return_culture()
        case "tare":
            return found.tare()
        case "lead_tubes_back":
            return found.return_tubes()
        case _:
            assert_never(data.act)


def _bench_of(unit: UnitServices) -> LabBench:
    if unit.open_lab_bench is None:
        raise NotFoundError(
            f"the reactor of {unit.name} is a real one: its vial and its tubes are moved by hand, not over HTTP"
        )
    return unit.open_lab_bench()


ROUTES = Router("/", route_handlers=[bench, use_bench], tags=["simulation"])
