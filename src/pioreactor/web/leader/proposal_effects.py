"""What a proposed act uses up and leads to, by its values."""

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Final

import msgspec

from pioreactor.exc import InvalidRequestError
from pioreactor.storage.leader.repositories.proposals import Effects

if TYPE_CHECKING:
    from pioreactor.web.leader.agent_tools import Tool

AMBIENT_CELSIUS: Final = 22.0
HEATED_HOURS: Final = 24.0
"""For how long heating without an end is charged [h]."""
NOTHING: Final = Effects()
_UNBOUNDED: Final = Effects(media_ml=None, waste_ml=None, celsius_hours=None)
_BY_AREA: Final[Mapping[str | None, Effects]] = {
    area: NOTHING for area in (None, "experiments", "cameras", "alarms", "cluster")
}
"""Areas whose routes move no liquid and heat nothing."""


def effects_of(tool: "Tool", arguments: Mapping[str, object], volume_ml: float | None, max_ml: float | None) -> Effects:
    """Return what an act uses up; raise `InvalidRequestError` for amounts that no vial takes."""
    found = _charged(tool, arguments)
    if volume_ml is None or found.media_ml is None or found.waste_ml is None:
        return msgspec.structs.replace(found, max_volume_ml=max_ml)
    after_ml = max(volume_ml + found.media_ml - found.waste_ml, 0.0)
    if max_ml is not None and found.media_ml > 0.0 and after_ml > max_ml:
        raise InvalidRequestError(
            f"the vial would hold {after_ml:g} mL of at most {max_ml:g} mL",
            remedy=f"Add at most {max(max_ml - volume_ml, 0.0):.2f} mL, or propose remove_waste first.",
        )
    return msgspec.structs.replace(found, volume_ml=round(after_ml, 2), max_volume_ml=max_ml)


def _charged(tool: "Tool", arguments: Mapping[str, object]) -> Effects:
    if tool.job in ("add_media", "add_alt_media"):
        return Effects(media_ml=_amount(arguments, "ml", most=100.0), hazards=("Dilutes the culture.",))
    if tool.job == "remove_waste":
        return Effects(waste_ml=_amount(arguments, "ml", most=100.0), hazards=("Removes culture.",))
    if tool.job in ("circulate_media", "circulate_alt_media"):
        _amount(arguments, "duration", most=3600.0)
        return Effects(media_ml=None, waste_ml=None, hazards=("Exchanges liquid while it runs.",))
    if tool.job in ("led_intensity", "led_automation"):
        return Effects(hazards=("Light can harm a culture.",))
    if tool.job == "temperature_automation":
        return _heating(arguments)
    hazards = (
        (f"{tool.description} It continues until it is stopped.",) if tool.job is not None else (tool.description,)
    )
    known = _UNBOUNDED if tool.job is not None else _BY_AREA.get(tool.need.area, _UNBOUNDED)
    return msgspec.structs.replace(known, hazards=hazards)


def _heating(arguments: Mapping[str, object]) -> Effects:
    if "target_temperature" not in arguments:
        return Effects(celsius_hours=None, hazards=("Heats until it is stopped.",))
    target = _amount(arguments, "target_temperature", most=100.0)
    heat = max(target - AMBIENT_CELSIUS, 0.0) * HEATED_HOURS
    return Effects(celsius_hours=heat, hazards=(f"Heats to {target:g} °C until it is stopped.",))


def _amount(arguments: Mapping[str, object], name: str, *, most: float) -> float:
    value = arguments.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 0 < value <= most:
        raise InvalidRequestError(f"{name} must be a number above 0 and at most {most:g}, not {str(value)[:40]}")
    return float(value)
