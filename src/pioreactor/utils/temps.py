"""The heater board's thermometer under the name plugins import."""

from __future__ import annotations

from typing import Any

from pioreactor.devices.drivers.tmp1075 import Tmp1075
from pioreactor.devices.ports import Thermometer
from pioreactor.devices.rig import BoardRig
from pioreactor.runtime.context import current


def _at(rig: Any, address: Any) -> Thermometer:
    return Tmp1075(rig.i2c, address)


class TMP1075:
    """A TMP1075; without an address the one on the heater board."""

    def __init__(self, address: int | None = None) -> None:
        rig = current().open_rig()
        elsewhere = address is not None and isinstance(rig, BoardRig) and address != rig.board.thermometer_address
        self._thermometer: Thermometer = _at(rig, address) if elsewhere else rig.thermometer()

    def get_temperature(self) -> float:
        """Return the temperature [°C]."""
        return self._thermometer.read_celsius()
