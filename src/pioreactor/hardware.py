"""Pins and addresses of the hardware of this unit, under the names that plugins import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pioreactor.devices.board import Board, layered_mod_config
from pioreactor.exc import HardwareNotFoundError
from pioreactor.runtime.context import current

GPIOCHIP: Final = 0


def _board() -> Board:
    board: Board = current().open_rig().board  # type: ignore[attr-defined]  # every rig with a board has it
    return board


def get_pwm_to_pin_map() -> dict[str, int]:
    return dict(_board().pwm_pins)


def get_heater_pwm_channel() -> str:
    return _board().heater_channel


def get_scl_pin() -> int:
    return _board().pins.scl


def get_sda_pin() -> int:
    return _board().pins.sda


def get_temp_address() -> int:
    return _board().thermometer_address


def get_layered_mod_config(mod: str) -> dict[str, Any]:
    """Return a part of the hardware description: pwm, gpio, temp, adc, dac, or a plugin's own."""
    return layered_mod_config(_board(), mod)


def is_HAT_present() -> bool:  # noqa: N802  the name plugins import
    return current().open_rig().is_hat_present()


def is_heating_pcb_present() -> bool:
    return current().open_rig().is_heating_pcb_present()


def is_DAC_present() -> bool:  # noqa: N802  the name plugins import
    return is_i2c_device_present(_board().leds.address)


def is_i2c_device_present(channel: int) -> bool:
    """Return whether a chip answers at an I²C address."""
    try:
        current().open_rig().i2c.transfer(channel, b"", 1)  # type: ignore[attr-defined]
    except HardwareNotFoundError:
        return False
    return True


def _adc_channels() -> dict[str, Any]:
    return dict(_board().adc)


_DERIVED: Final[dict[str, Callable[[], Any]]] = {
    "PWM_TO_PIN": get_pwm_to_pin_map, "HEATER_PWM_TO_PIN": get_heater_pwm_channel, "SCL": get_scl_pin,
    "SDA": get_sda_pin, "TEMP": get_temp_address, "ADC_CHANNEL_FUNCS": _adc_channels,
    "DAC": lambda: _board().leds.address, "PCB_BUTTON_PIN": lambda: _board().pins.button,
    "PCB_LED_PIN": lambda: _board().pins.indicator, "HALL_SENSOR_PIN": lambda: _board().pins.hall_sensor,
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _DERIVED:
        return _DERIVED[name]()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
