"""Routes of a unit about what it can do and what is in its vial."""

import msgspec
from litestar import Router, get, patch
from litestar.params import FromPath, JSONBody

from pioreactor import topics
from pioreactor.exc import InvalidRequestError
from pioreactor.web.descriptors import (
    Capability,
    DescribedAutomation,
    DescribedJob,
    DescribedSettings,
    Kind,
    describe_automation,
    describe_capabilities,
    describe_job,
)
from pioreactor.web.groups import SETTINGS_GROUPS
from pioreactor.web.requests import UpdateBioreactor, experiment_name
from pioreactor.web.unit.services import UnitPorts, UnitServices

VIAL_VARIABLES = {
    "current_volume_ml": 1000.0,
    "efflux_tube_volume_ml": 1000.0,
    "alt_media_fraction": 1.0,
    "cumulative_media_added_ml": 1e6,
    "cumulative_alt_media_added_ml": 1e6,
    "cumulative_waste_removed_ml": 1e6,
}
"""What is known of a vial, and the largest value that can be meant; none is below 0."""


class VialState(msgspec.Struct):
    """What is in the vial, as the unit reckons."""

    values: dict[str, float]


@get("/jobs/descriptors", sync_to_thread=True)
def jobs_descriptors(here: UnitPorts) -> list[DescribedJob]:
    return [describe_job(job) for job in here.catalogue.jobs()]


@get("/automations/descriptors/{kind:str}", sync_to_thread=True)
def automations_descriptors(here: UnitPorts, kind: FromPath[str]) -> list[DescribedAutomation]:
    return [describe_automation(automation) for automation in here.catalogue.automations(automation_kind(kind))]


@get("/settings/descriptors")
async def settings_descriptors() -> list[DescribedSettings]:
    return SETTINGS_GROUPS


@get("/capabilities", sync_to_thread=True)
def capabilities(here: UnitPorts) -> list[Capability]:
    return describe_capabilities(here.catalogue)


def automation_kind(text: str) -> Kind:
    match text:
        case "dosing" | "led" | "temperature":
            return text
    raise InvalidRequestError(f"{text!r} is no kind of automation", remedy="One of dosing, led, temperature.")


def _vial(here: UnitServices, experiment: str) -> VialState:
    kept = here.stores.persistent("bioreactor")
    found = {}
    for name in VIAL_VARIABLES:
        value = kept.get((experiment, name))
        if isinstance(value, int | float | str):
            found[name] = float(value)
    return VialState(found)


@get("/bioreactor/experiments/{experiment:str}", sync_to_thread=True)
def vial(here: UnitPorts, experiment: FromPath[str]) -> VialState:
    return _vial(here, experiment_name(experiment))


@patch("/bioreactor/experiments/{experiment:str}", sync_to_thread=True)
def correct_vial(here: UnitPorts, experiment: FromPath[str], data: JSONBody[UpdateBioreactor]) -> VialState:
    """Say what really is in the vial: all of the values, or none when one of them cannot be."""
    name = experiment_name(experiment)
    for variable, value in data.values.items():
        largest = VIAL_VARIABLES.get(variable)
        if largest is None:
            raise InvalidRequestError(
                f"{variable!r} is not known of a vial", remedy=f"One of {', '.join(VIAL_VARIABLES)}."
            )
        if not 0.0 <= value <= largest:
            raise InvalidRequestError(f"{variable} must be between 0 and {largest:g}, not {value:g}")
    with here.stores.persistent("bioreactor").transaction() as kept:
        for variable, value in data.values.items():
            kept.set((name, variable), value)
    for variable, value in data.values.items():
        here.bus.publish(topics.bioreactor(here.unit, name, variable), str(value), retain=True)
    return _vial(here, name)


ROUTES = Router(
    "/",
    route_handlers=[
        *(jobs_descriptors, automations_descriptors, settings_descriptors, capabilities),
        *(vial, correct_vial),
    ],
    tags=["unit"],
)
