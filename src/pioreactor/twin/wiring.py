"""Wiring of simulated parts: plain data, with presets for every hardware generation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pioreactor.exc import ConfigurationError

PWM_ROLES: Mapping[int, str] = {17: "stirring", 13: "media", 16: "alt_media", 12: "waste", 18: "heating"}
ONE_ANGLE: Mapping[str, str] = {"1": "REF", "2": "90"}
FOUR_ANGLES: Mapping[str, str] = {"1": "REF", "2": "90", "3": "135", "4": "45"}
KNOWN_ANGLES = ("45", "90", "135", "180", "REF")
LED_ROLES: Mapping[str, str] = {"A": "IR", "B": "white", "C": "white", "D": "white"}


@dataclass(frozen=True, slots=True)
class ChipAt:
    """A chip by the name of its driver; `inputs` maps an analog input to a photodiode channel ("1"–"4") or "aux"."""

    driver: str
    inputs: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TwinWiring:
    """Wiring of one reactor. Photodiode channels without an angle are dark; LED roles: "IR", "white", "UV", ""."""

    hat: str
    chips: Mapping[int, ChipAt]
    thermal: str
    capacity_ml: float
    hall_pin: int
    button_pin: int
    led_pin: int = 23
    pwm_roles: Mapping[int, str] = field(default_factory=lambda: PWM_ROLES)
    angles: Mapping[str, str] = field(default_factory=lambda: ONE_ANGLE)
    led_roles: Mapping[str, str] = field(default_factory=lambda: LED_ROLES)
    firmware: tuple[int, int] = (0, 4)


_EYE_SPIES: Mapping[str, Mapping[str, int]] = {
    "pioreactor_20ml": {"1": 0x49, "2": 0x4A},
    "pioreactor_40ml": {"1": 0x48, "2": 0x49},
    "pioreactor_20ml_XR": {"1": 0x49, "2": 0x4A, "3": 0x4B, "4": 0x48},
    "pioreactor_40ml_XR": {"1": 0x49, "2": 0x4A, "3": 0x4B, "4": 0x48},
}


def _hat_chips(hat: str) -> dict[int, ChipAt]:
    if hat == "1.0":
        return {
            0x48: ChipAt("ads1115", {1: "1", 0: "2", 3: "aux"}),
            0x49: ChipAt("dac43608"),
            0x4F: ChipAt("tmp1075"),
        }
    return {0x2C: ChipAt("pico", {2: "1", 3: "2", 1: "aux"}), 0x4F: ChipAt("tmp1075")}


def _reactor_chips(model: str, version: str) -> dict[int, ChipAt]:
    if version != "1.5":
        return {}
    return {address: ChipAt("ads1114", {0: channel}) for channel, address in _EYE_SPIES[model].items()}


def _check_angles(angles: Mapping[str, str]) -> None:
    for angle in angles.values():
        if angle not in KNOWN_ANGLES:
            raise ConfigurationError(f"no photodiode can sit at {angle!r}: known are {', '.join(KNOWN_ANGLES)}")


def _check_known(hat: str, model: str, version: str) -> None:
    """Raise `ConfigurationError` for a HAT and a reactor that do not exist, or do not fit together."""
    if hat not in ("1.0", "1.1", "1.2"):
        raise ConfigurationError(f"no HAT {hat!r}: known are 1.0, 1.1 and 1.2")
    if model not in _EYE_SPIES or version not in ("1.0", "1.1", "1.5"):
        raise ConfigurationError(f"no reactor {model!r} of version {version!r}")
    if version == "1.5" and hat == "1.0":
        raise ConfigurationError("reactors of version 1.5 need a HAT 1.1 or later: 0x49 is taken by the LED driver")


def wiring(
    hat: str = "1.2",
    model: str = "pioreactor_20ml",
    version: str = "1.5",
    *,
    angles: Mapping[str, str] | None = None,
    led_roles: Mapping[str, str] | None = None,
    pwm_roles: Mapping[int, str] | None = None,
    sensors: Mapping[int, str] = MappingProxyType({}),
) -> TwinWiring:
    """Return the wiring of a HAT and a reactor model; raise `ConfigurationError` for a pair that does not exist.

    `sensors` maps the addresses of additional sensors to their drivers.
    """
    _check_known(hat, model, version)
    chips = _hat_chips(hat) | _reactor_chips(model, version)
    for address, driver in sensors.items():
        chips[address] = ChipAt(driver)
    if angles is None:
        angles = FOUR_ANGLES if model.endswith("_XR") else ONE_ANGLE
    _check_angles(angles)
    return TwinWiring(
        hat=hat,
        chips=chips,
        thermal="1.0" if version == "1.0" else "1.1",
        capacity_ml=40.0 if "40ml" in model else 20.0,
        hall_pin=25 if hat == "1.0" else 21,
        button_pin=24 if hat == "1.0" else 4,
        pwm_roles=pwm_roles if pwm_roles is not None else PWM_ROLES,
        angles=angles,
        led_roles=led_roles if led_roles is not None else LED_ROLES,
    )
