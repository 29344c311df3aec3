"""Routes of a unit about its jobs, automations and settings, and the volumes in its vial."""

import msgspec
from litestar import Router, get, patch
from litestar.params import FromPath, JSONBody

from pioreactor.actions import bioreactor
from pioreactor.web.descriptors import (
    Capability,
    DescribedAutomation,
    DescribedJob,
    DescribedSetting,
    DescribedSettings,
    describe_automation,
    describe_capabilities,
    describe_job,
)
from pioreactor.web.request_bodies import UpdateBioreactor, automation_kind, experiment_name
from pioreactor.web.route_declarations import UNITS, WORKERS, relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.unit.services import UnitPorts


def _vial(
    key: str, label: str, unit: str, maximum: float, description: str, *, editable: bool = True
) -> DescribedSetting:
    return DescribedSetting(
        key=key,
        type="numeric",
        display=True,
        label=label,
        unit=unit,
        description=description,
        editable=editable,
        min=0.0,
        max=maximum,
    )


def described_settings(capacity_ml: float) -> list[DescribedSettings]:
    """Return the groups of values that belong to no single job, for a vial of this capacity [mL]."""
    return [
        DescribedSettings(
            key="bioreactor",
            display_name="Vial",
            display=True,
            description="Content of the vial, calculated from the volumes that pumps moved.",
            published_settings=[
                _vial("current_volume_ml", "Volume", "mL", capacity_ml, "Liquid in the vial."),
                _vial(
                    "efflux_tube_volume_ml",
                    "Efflux tube at",
                    "mL",
                    capacity_ml,
                    "The level above which waste is drawn off.",
                ),
                _vial("alt_media_fraction", "Alternative media", "fraction", 1.0, "Share of the liquid."),
                _vial("cumulative_media_added_ml", "Media added", "mL", 1e6, "Since the experiment began."),
                _vial(
                    "cumulative_alt_media_added_ml", "Alternative media added", "mL", 1e6, "Since the experiment began."
                ),
                _vial("cumulative_waste_removed_ml", "Waste removed", "mL", 1e6, "Since the experiment began."),
            ],
        ),
        DescribedSettings(
            key="leds",
            display_name="LEDs",
            display=True,
            published_settings=[
                DescribedSetting(
                    key="intensity",
                    type="json",
                    display=True,
                    label="LED intensity",
                    unit="%",
                    description="Intensity per channel, percent of full.",
                    editable=False,
                )
            ],
        ),
        DescribedSettings(
            key="pwms",
            display_name="PWM outputs",
            display=True,
            published_settings=[
                DescribedSetting(
                    key="channel_dc",
                    type="json",
                    display=True,
                    label="PWM duty cycle",
                    unit="%",
                    description="Duty cycle per channel, percent; only channels that are on.",
                    editable=False,
                )
            ],
        ),
    ]


class VialAnswer(msgspec.Struct):
    """Tracked variables of the vial."""

    values: dict[str, float]


class CorrectedVial(VialAnswer):
    """Tracked variables of the vial, with those before a correction and after it."""

    before: dict[str, float]
    after: dict[str, float]


@relayed(waits=True, timeout_s=10.0)
@get("/jobs/descriptors", sync_to_thread=True)
def jobs_descriptors(unit: UnitPorts) -> list[DescribedJob]:
    """Return jobs with what they publish, within the bounds of the unit's own model."""
    model = unit.runtime.model()
    return [describe_job(job, model) for job in unit.catalog.jobs()]


@relayed(waits=True, timeout_s=10.0)
@get("/automations/descriptors/{kind:str}", sync_to_thread=True)
def automations_descriptors(unit: UnitPorts, kind: FromPath[str]) -> list[DescribedAutomation]:
    """Return automations with the settings to start them, within the bounds of the unit's own model."""
    model = unit.runtime.model()
    return [describe_automation(automation, model) for automation in unit.catalog.automations(automation_kind(kind))]


@relayed(waits=True, timeout_s=10.0)
@get("/settings/descriptors", sync_to_thread=True)
def settings_descriptors(unit: UnitPorts) -> list[DescribedSettings]:
    """Return the values that belong to no single job; volumes are bounded by the capacity of the unit's model."""
    return described_settings(unit.runtime.model().reactor_capacity_ml)


@relayed(WORKERS, UNITS, target="units", timeout_s=15.0)
@get("/capabilities", sync_to_thread=True)
def capabilities(unit: UnitPorts) -> list[Capability]:
    return describe_capabilities(unit.catalog)


@get("/bioreactor/experiments/{experiment:str}", sync_to_thread=True)
def vial(unit: UnitPorts, experiment: FromPath[str]) -> VialAnswer:
    return VialAnswer(bioreactor.vial_state(unit.runtime, experiment_name(experiment)).as_dict())


@relayed(path=f"{WORKERS}/bioreactor/update/experiments/{{experiment:str}}", target="experiment")
@patch("/bioreactor/experiments/{experiment:str}", sync_to_thread=True)
def correct_vial(unit: UnitPorts, experiment: FromPath[str], data: JSONBody[UpdateBioreactor]) -> CorrectedVial:
    """Correct the tracked variables of the vial; none is changed when one of the values is invalid."""
    name = experiment_name(experiment)
    before = bioreactor.vial_state(unit.runtime, name)
    state = bioreactor.set_variables(unit.runtime, name, data.values)
    bioreactor.publish_changes(unit.publish, unit.name, name, state, before, at=unit.runtime.clock.now())
    return CorrectedVial(state.as_dict(), before.as_dict(), state.as_dict())


ROUTES = Router(
    "/",
    route_handlers=[
        *(jobs_descriptors, automations_descriptors, settings_descriptors, capabilities),
        *(vial, correct_vial),
    ],
    tags=["unit"],
    opt=needs("units"),
)
