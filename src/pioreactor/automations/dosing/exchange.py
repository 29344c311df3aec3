"""Volumes of an exchange of liquids: what may be requested, in how many portions, and what moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pioreactor.exc import InvalidRequestError

TOLERANCE_ML = 1e-9


class Volumes(dict[str, float]):
    """Volumes moved by name [mL]. Missing names are 0, and two volumes can be added."""

    def __missing__(self, name: str) -> float:
        return 0.0

    def __add__(self, other: Mapping[str, float]) -> Volumes:
        return Volumes({name: self[name] + other.get(name, 0.0) for name in {**self, **other}})


def method_name(volume_name: str) -> str:
    """Return the method that adds a liquid: `media_ml` is added by `add_media_to_bioreactor`."""
    return f"add_{liquid_name(volume_name)}_to_bioreactor"


def liquid_name(volume_name: str) -> str:
    """Return `media` for `media_ml`."""
    return volume_name.removesuffix("_ml")


def check_volumes(waste_ml: float, inputs_ml: Mapping[str, float], *, has_method: Callable[[str], bool]) -> None:
    """Raise `InvalidRequestError` for an unknown liquid, a negative volume, or less waste than liquid added."""
    for name, volume_ml in inputs_ml.items():
        if not name.endswith("_ml"):
            raise InvalidRequestError(f"{name} is not a volume: its name must end in _ml")
        if not has_method(method_name(name)):
            raise InvalidRequestError(f"{name} cannot be added: {method_name(name)} is not defined")
        if not volume_ml >= 0:
            raise InvalidRequestError(f"{name} must be at least 0, not {volume_ml}")
    total_ml = sum(inputs_ml.values())
    if not waste_ml >= total_ml - TOLERANCE_ML:
        raise InvalidRequestError(f"removing {waste_ml:g} mL while adding {total_ml:g} mL would fill the vial")


def count_portions(total_ml: float, max_portion_ml: float) -> int:
    """Return the power of two into which a volume [mL] is split so that no portion exceeds `max_portion_ml`."""
    portions = 1
    while total_ml / portions > max_portion_ml + TOLERANCE_ML:
        portions *= 2
    return portions
