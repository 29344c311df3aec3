"""Routes of a unit about its jobs, automations and settings, and the volumes in its vial."""

import msgspec
from litestar import Router, get, patch
from litestar.params import FromPath, JSONBody

from pioreactor.actions import bioreactor
from pioreactor.web.descriptors import (
    Capability,
    DescribedAutomation,
    DescribedJob,
    DescribedSettings,
    describe_automation,
    describe_capabilities,
    describe_job,
)
from pioreactor.web.request_bodies import UpdateBioreactor, automation_kind, experiment_name
from pioreactor.web.route_declarations import UNITS, WORKERS, relayed
from pioreactor.web.setting_groups import SETTINGS_GROUPS
from pioreactor.web.unit.services import UnitPorts


class VialAnswer(msgspec.Struct):
    """Tracked variables of the vial."""

    values: dict[str, float]


@relayed(waits=True, timeout_s=10.0)
@get("/jobs/descriptors", sync_to_thread=True)
def jobs_descriptors(unit: UnitPorts) -> list[DescribedJob]:
    return [describe_job(job) for job in unit.catalog.jobs()]


@relayed(waits=True, timeout_s=10.0)
@get("/automations/descriptors/{kind:str}", sync_to_thread=True)
def automations_descriptors(unit: UnitPorts, kind: FromPath[str]) -> list[DescribedAutomation]:
    return [describe_automation(automation) for automation in unit.catalog.automations(automation_kind(kind))]


@relayed(waits=True, timeout_s=10.0)
@get("/settings/descriptors")
async def settings_descriptors() -> list[DescribedSettings]:
    return SETTINGS_GROUPS


@relayed(WORKERS, UNITS, target="units", timeout_s=15.0)
@get("/capabilities", sync_to_thread=True)
def capabilities(unit: UnitPorts) -> list[Capability]:
    return describe_capabilities(unit.catalog)


@get("/bioreactor/experiments/{experiment:str}", sync_to_thread=True)
def vial(unit: UnitPorts, experiment: FromPath[str]) -> VialAnswer:
    return VialAnswer(bioreactor.vial_state(unit.runtime, experiment_name(experiment)).as_dict())


@relayed(path=f"{WORKERS}/bioreactor/update/experiments/{{experiment:str}}", target="experiment")
@patch("/bioreactor/experiments/{experiment:str}", sync_to_thread=True)
def correct_vial(unit: UnitPorts, experiment: FromPath[str], data: JSONBody[UpdateBioreactor]) -> VialAnswer:
    """Correct the tracked variables of the vial; none is changed when one of the values is invalid."""
    name = experiment_name(experiment)
    before = bioreactor.vial_state(unit.runtime, name)
    state = bioreactor.set_variables(unit.runtime, name, data.values)
    bioreactor.publish_changes(unit.publish, unit.name, name, state, before)
    return VialAnswer(state.as_dict())


ROUTES = Router(
    "/",
    route_handlers=[
        *(jobs_descriptors, automations_descriptors, settings_descriptors, capabilities),
        *(vial, correct_vial),
    ],
    tags=["unit"],
)
