"""Routes of a unit about what hands do at its simulated reactor: vials, a cup on a scale, the lens."""

from typing import Annotated, Literal, assert_never

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody

from pioreactor.devices.lab_bench import LabBench, LabBenchState
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.web.request_bodies import Body
from pioreactor.web.route_declarations import relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.unit.services import UnitPorts, UnitServices


class UseBench(Body):
    """A manual action. `place_standard` requires `od`; its `volume_ml` is the culture's by default.

    `tare` empties the cup and leads the tubes of all pumps into it. `turn_lens` requires `turns`, from
    the focus of the camera. Every action can be repeated.
    """

    act: Literal["place_standard", "put_culture_back", "tare", "lead_tubes_back", "turn_lens"]
    od: Annotated[float, msgspec.Meta(ge=0, le=200)] | None = None
    volume_ml: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None
    turns: Annotated[float, msgspec.Meta(ge=-3, le=3)] | None = None


@relayed(waits=True, timeout_s=15.0)
@get("/simulation/bench", sync_to_thread=True)
def bench(unit: UnitPorts) -> LabBenchState:
    """Return which vial is in the simulated reactor and the scale's reading; 404 on a real reactor."""
    return _bench_of(unit).state()


@relayed(waits=True, timeout_s=15.0)
@post("/simulation/bench", status_code=200, sync_to_thread=True)
def use_bench(unit: UnitPorts, data: JSONBody[UseBench]) -> LabBenchState:
    """Exchange the vial, empty the cup, move the tubes or turn the lens; return the state afterwards."""
    found = _bench_of(unit)
    match data.act:
        case "place_standard":
            if data.od is None:
                raise InvalidRequestError("`od` is required: the OD600 of the standard", remedy="0 is a blank.")
            return found.place_standard(data.od, data.volume_ml)
        case "put_culture_back":
            return found.return_culture()
        case "tare":
            return found.tare()
        case "lead_tubes_back":
            return found.return_tubes()
        case "turn_lens":
            if data.turns is None:
                raise InvalidRequestError("`turns` is required: where the lens is turned to", remedy="0 is its focus.")
            return found.turn_lens(data.turns)
        case _:
            assert_never(data.act)


def _bench_of(unit: UnitServices) -> LabBench:
    if unit.open_lab_bench is None:
        raise NotFoundError(f"the reactor of {unit.name} is not simulated")
    return unit.open_lab_bench()


ROUTES = Router("/", route_handlers=[bench, use_bench], tags=["simulation"], opt=needs("units"))
