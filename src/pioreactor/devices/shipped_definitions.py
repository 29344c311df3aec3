"""The shipped descriptions of HATs and models: what is connected where, as a table in Python.

A laboratory describes its own hardware in YAML files of the same layout. The shipped ones are not YAML, because every
job reads them, and importing a YAML parser costs each process 0.7 MB.
"""

from collections.abc import Mapping
from typing import Final

Values = Mapping[str, object]
Parts = Mapping[str, Values]
"""Part ("pwm", "adc", …) → its keys and values."""

_RP2040: Final = {"driver": "pico", "address": 0x2C}
"""The microcontroller on HATs since 1.1."""

_PINS: Final = {"pcb_led_pin": 23, "sda_pin": 2, "scl_pin": 3, "i2c_bus": 1}
"""BCM pins of every HAT."""

_PWM: Final = {
    # Terminal on the HAT → BCM pin. Pins 12 and 13 have a hardware timer, the others are timed by software.
    "pwm_to_pin": {"1": 17, "2": 13, "3": 16, "4": 12, "5": 18},
    "heater_pwm_channel": "5",
}

# The temperature sensor sits on the heating board.
_TEMPERATURE: Final = {"driver": "tmp1075", "address": 0x4F}

_HAT_1_0: Final[Parts] = {
    # One ADS1115, four inputs. The rail reaches "aux" through a divider (volts at the input per volt of the rail).
    "adc": {
        "pd1": {"driver": "ads1115", "address": 0x48, "channel": 1},
        "pd2": {"driver": "ads1115", "address": 0x48, "channel": 0},
        "version": {"driver": "ads1115", "address": 0x48, "channel": 2},
        "aux": {"driver": "ads1115", "address": 0x48, "channel": 3, "divider": 0.134},
    },
    # LED channel → data register of the DAC.
    "dac": {"driver": "dac43608", "address": 0x49, "channels": {"A": 8, "B": 9, "C": 10, "D": 11}},
    "gpio": {**_PINS, "pcb_button_pin": 24, "hall_sensor_pin": 25},
    "pwm": _PWM,
    "temp": _TEMPERATURE,
}

_HAT_1_1: Final[Parts] = {
    # The RP2040 serves four inputs.
    "adc": {
        "pd1": {**_RP2040, "channel": 2},
        "pd2": {**_RP2040, "channel": 3},
        "version": {**_RP2040, "channel": 0},
        "aux": {**_RP2040, "channel": 1, "divider": 0.134},
    },
    # LED channel → register of the RP2040's firmware.
    "dac": {**_RP2040, "channels": {"A": 0, "B": 1, "C": 2, "D": 3}},
    "gpio": {**_PINS, "pcb_button_pin": 4, "hall_sensor_pin": 21},
    "pwm": _PWM,
    "temp": _TEMPERATURE,
}

HATS: Final[Mapping[str, Parts]] = {"1.0": _HAT_1_0, "1.1": _HAT_1_1, "1.2": _HAT_1_1}
"""Version of the HAT → its parts."""


def _photodiodes(*addresses: int) -> Parts:
    """Return an amplifier board with an ADS1114 of its own for each photodiode, from the first on."""
    return {"adc": {f"pd{n}": {"driver": "ads1114", "address": address} for n, address in enumerate(addresses, 1)}}


MODELS: Final[Mapping[tuple[str, str], Parts]] = {
    ("pioreactor_20ml", "1.5"): _photodiodes(0x49, 0x4A),
    ("pioreactor_20ml_XR", "1.5"): _photodiodes(0x49, 0x4A, 0x4B, 0x48),
    ("pioreactor_40ml", "1.5"): _photodiodes(0x48, 0x49),
    ("pioreactor_40ml_XR", "1.5"): _photodiodes(0x49, 0x4A, 0x4B, 0x48),
}
"""Name and version of the model → what it adds to the HAT's description, or replaces."""
