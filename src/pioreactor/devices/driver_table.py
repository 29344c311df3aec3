"""The table of chip drivers by the name used in hardware descriptions."""

from typing import Final

from pioreactor.devices.driver import Driver
from pioreactor.devices.drivers import ads111x, dac43608, pico, tmp1075

DRIVERS: Final[dict[str, Driver]] = {
    "ads1114": ads111x.ADS1114,
    "ads1115": ads111x.ADS1115,
    "pico": pico.PICO,
    "dac43608": dac43608.DAC43608,
    "tmp1075": tmp1075.TMP1075,
}
