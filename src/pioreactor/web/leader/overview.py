"""Routes of the leader about itself and about what the UI draws; most are its unit's own."""

from litestar import Router, get
from litestar.di import Provide

from pioreactor.web.leader.charts import Chart, charts
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.unit.capabilities import automations_descriptors, jobs_descriptors, settings_descriptors
from pioreactor.web.unit.services import UnitServices
from pioreactor.web.unit.system import health


@get("/charts/descriptors")
async def charts_descriptors() -> list[Chart]:
    """Return the charts of the overview, in the order in which they are drawn."""
    return charts()


def _own_unit(leader: LeaderPorts) -> UnitServices:
    return leader.unit


ROUTES = Router(
    "/",
    route_handlers=[jobs_descriptors, automations_descriptors, settings_descriptors, health, charts_descriptors],
    dependencies={"unit": Provide(_own_unit, sync_to_thread=False)},
    tags=["overview"],
)
