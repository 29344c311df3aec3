"""Routes of the leader about itself, and about what the UI draws."""

from typing import Any

from litestar import Router, get, post
from litestar.params import FromPath
from msgspec import convert

from pioreactor.structs.encoding import to_timestamp
from pioreactor.web.descriptors import (
    DescribedAutomation,
    DescribedJob,
    DescribedSettings,
    describe_automation,
    describe_job,
)
from pioreactor.web.leader.charts import Chart, charts
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import unit_name
from pioreactor.web.setting_groups import SETTINGS_GROUPS
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.capabilities import automation_kind
from pioreactor.web.unit.system import Health


@get("/jobs/descriptors", sync_to_thread=True)
def jobs_descriptors(leader: LeaderPorts) -> list[DescribedJob]:
    return [describe_job(job) for job in leader.unit.catalogue.jobs()]


@get("/automations/descriptors/{kind:str}", sync_to_thread=True)
def automations_descriptors(leader: LeaderPorts, kind: FromPath[str]) -> list[DescribedAutomation]:
    found = leader.unit.catalogue.automations(automation_kind(kind))
    return [describe_automation(automation) for automation in found]


@get("/settings/descriptors")
async def settings_descriptors() -> list[DescribedSettings]:
    return SETTINGS_GROUPS


@get("/charts/descriptors")
async def charts_descriptors() -> list[Chart]:
    return charts()


@get("/units/{unit:str}/versions/app", status_code=202, sync_to_thread=True)
def versions(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    units = leader.units_of(unit_name(unit))
    return leader.start_asking("versions", units, "GET", "/unit_api/versions/app")


@get("/units/{unit:str}/system/utc_clock", status_code=202, sync_to_thread=True)
def clocks(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    units = leader.units_of(unit_name(unit))
    return leader.start_asking("clocks", units, "GET", "/unit_api/system/utc_clock")


@post("/units/{unit:str}/system/reboot", status_code=202, sync_to_thread=True)
def reboot_units(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    """Restart machines, the leader included when it is named or `$broadcast` is."""
    units = leader.units_of(unit_name(unit))
    return leader.start_asking("reboot", units, "POST", "/unit_api/system/reboot")


@post("/units/{unit:str}/system/shutdown", status_code=202, sync_to_thread=True)
def shut_units_down(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    units = leader.units_of(unit_name(unit))
    return leader.start_asking("shutdown", units, "POST", "/unit_api/system/shutdown")


@get("/units/{unit:str}/plugins/installed", status_code=202, sync_to_thread=True)
def installed_plugins(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    units = leader.units_of(unit_name(unit))
    return leader.start_asking("plugins", units, "GET", "/unit_api/plugins/installed", timeout_s=15.0)


@get("/workers/{unit:str}/jobs/descriptors", sync_to_thread=True)
def jobs_descriptors_of(leader: LeaderPorts, unit: FromPath[str]) -> list[DescribedJob]:
    """What that worker can run, plugins of its own included."""
    return convert(_asked(leader, unit, "/unit_api/jobs/descriptors"), list[DescribedJob])


@get("/workers/{unit:str}/settings/descriptors", sync_to_thread=True)
def settings_descriptors_of(leader: LeaderPorts, unit: FromPath[str]) -> list[DescribedSettings]:
    return convert(_asked(leader, unit, "/unit_api/settings/descriptors"), list[DescribedSettings])


@get("/workers/{unit:str}/automations/descriptors/{kind:str}", sync_to_thread=True)
def automations_descriptors_of(
    leader: LeaderPorts, unit: FromPath[str], kind: FromPath[str]
) -> list[DescribedAutomation]:
    path = f"/unit_api/automations/descriptors/{automation_kind(kind)}"
    return convert(_asked(leader, unit, path), list[DescribedAutomation])


def _asked(leader: LeaderServices, unit: str, path: str) -> Any:
    [name] = leader.workers_of(unit_name(unit, broadcast=False))
    return leader.units.ask(name, "GET", path, timeout_s=10.0)


@get("/health")
async def health(leader: LeaderPorts) -> Health:
    return Health("ok", leader.unit.name, to_timestamp(leader.unit.clock.now()))


ROUTES = Router(
    "/",
    route_handlers=[
        *(jobs_descriptors, automations_descriptors, settings_descriptors, charts_descriptors, versions, clocks),
        *(jobs_descriptors_of, settings_descriptors_of, automations_descriptors_of, health),
        *(reboot_units, shut_units_down, installed_plugins),
    ],
    tags=["overview"],
)
